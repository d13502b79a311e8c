"""What the management API answers about workspaces, as types, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Mapping, Optional, TypedDict, Union

from ._models import Model, RateLimits

Tier = Literal["standard", "enterprise"]


class Workspace(Model):
    """A tenant that objects and keys belong to; its limits hold for all of its keys together."""

    id: str
    name: str
    tier: Optional[Union[Tier, str]] = None
    rate_limits: RateLimits
    created_at: datetime
    updated_at: datetime


class WorkspaceParts(TypedDict, total=False):
    """What a workspace has besides its name: either a `tier`, or `rate_limits` of its own."""

    tier: Optional[Tier]
    rate_limits: Optional[Union[RateLimits, Mapping[str, Any]]]


class WorkspaceChange(WorkspaceParts, total=False):
    """What can be changed of a workspace; what is left out stays as it is."""

    name: str
