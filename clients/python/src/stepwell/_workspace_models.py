"""Workspaces, API keys and the identity of the caller: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Optional, Union

from ._base import Model
from ._secret import Secret

ApiKeyStatus = Literal["active", "expired", "revoked"]
Role = Literal["admin", "developer", "analyst", "user"]
Tier = Literal["standard", "enterprise"]


class RateLimits(Model):
    """Limits; None: unlimited."""

    executions_per_second: Optional[int] = None
    requests_per_minute: Optional[int] = None
    concurrent_executions: Optional[int] = None


class ApiKey(Model):
    """An API key. `hint` is the start of its secret; `role` is the role with the same scopes."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    role: Optional[Union[Role, str]] = None
    workspace_id: Optional[str] = None
    tier: Optional[Union[Tier, str]] = None
    rate_limits: RateLimits = RateLimits()
    status: Union[ApiKeyStatus, str]
    created_at: datetime
    expires_at: Optional[datetime] = None
    last_used_at: Optional[datetime] = None
    revoked_at: Optional[datetime] = None


class NewApiKey(ApiKey):
    """A created key; `secret` is in this response only."""

    secret: Secret


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
