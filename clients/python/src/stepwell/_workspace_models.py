"""What the server answers about workspaces and who a client is, as types, and what it takes."""

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


class Me(Model):
    """Who the client's key is; `key_id` is None where the server asks for no key.

    `user_id` is the `created_by` of what the key makes."""

    key_id: Optional[str] = None
    user_id: Optional[str] = None
    key_name: Optional[str] = None
    workspace_id: str
    workspace: Optional[Workspace] = None
    scopes: list[str]
    role: Optional[str] = None
    tier: Optional[str] = None
    rate_limits: RateLimits = RateLimits()
    expires_at: Optional[datetime] = None


class WorkspaceParts(TypedDict, total=False):
    """What a workspace has besides its name: either a `tier`, or `rate_limits` of its own."""

    tier: Optional[Tier]
    rate_limits: Optional[Union[RateLimits, Mapping[str, Any]]]


class WorkspaceChange(WorkspaceParts, total=False):
    """What can be changed of a workspace; what is left out stays as it is."""

    name: str
