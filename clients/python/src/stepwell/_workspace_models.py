"""Workspaces and the identity of the caller: responses and options."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping, Optional, TypedDict, Union

from ._models import Model, RateLimits, Role, Tier


class Workspace(Model):
    """A tenant, which owns objects and keys. Its limits apply to all of its keys together."""

    id: str
    name: str
    tier: Optional[Union[Tier, str]] = None
    rate_limits: RateLimits
    created_at: datetime
    updated_at: datetime


class Me(Model):
    """The identity of the caller; `key_id` is None if the server requires no key. `user_id` is the
    `created_by` of objects that the key creates."""

    key_id: Optional[str] = None
    user_id: Optional[str] = None
    key_name: Optional[str] = None
    workspace_id: str
    workspace: Optional[Workspace] = None
    scopes: list[str]
    role: Optional[Union[Role, str]] = None
    tier: Optional[Union[Tier, str]] = None
    rate_limits: RateLimits = RateLimits()
    expires_at: Optional[datetime] = None


class WorkspaceFields(TypedDict, total=False):
    """The fields of a workspace except its name: a `tier`, or its own `rate_limits`."""

    tier: Optional[Tier]
    rate_limits: Optional[Union[RateLimits, Mapping[str, Any]]]


class WorkspaceChange(WorkspaceFields, total=False):
    """Changes of a workspace; omitted fields are unchanged."""

    name: str
