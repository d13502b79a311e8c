"""API keys, for scope `admin`, and who this client is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _models as m
from .. import _workspace_models as ws
from .._call import delete, get, given, patch, path, post, wrapped
from .transport import AsyncTransport

_KEYS = "/api/v1/auth/api-keys"


class AsyncKeys(AsyncTransport):
    """The calls on keys."""

    async def create_api_key(
        self,
        name: str,
        scopes: Optional[Sequence[str]] = None,
        *,
        role: Optional[str] = None,
        tier: Optional[str] = None,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None] = None,
        workspace_id: Optional[str] = None,
        expires_at: Optional[datetime] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.NewApiKey:
        """Makes a key for what `scopes`, a `role` (`admin`, `developer`, `analyst`, `user`) or both
        say, with the limits of a `tier` or of its own; its `secret` is in this answer only. Where
        the answer got lost, the repeat is a `ConflictError` rather than a second key."""
        body = given(
            name=name,
            scopes=None if scopes is None else list(scopes),
            role=role,
            tier=tier,
            rate_limits=rate_limits,
            workspace_id=workspace_id,
            expires_at=expires_at,
        )
        return await self._send(post(_KEYS, wrapped(m.NewApiKey), body, key=idempotency_key))

    async def list_api_keys(
        self,
        *,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[str] = None,
        workspace_id: Optional[str] = None,
    ) -> m.ApiKeyPage:
        """A page of keys, without their secrets. `sort_by` is `created_at`, `expires_at`,
        `last_used_at` or `name`; `sort_order` is `desc` or `asc`; `workspace_id` another workspace
        than the client's own, for whoever runs the installation."""
        query = given(
            page=page,
            page_size=page_size,
            sort_by=sort_by,
            sort_order=sort_order,
            workspace_id=workspace_id,
        )
        return await self._send(get(_KEYS, wrapped(m.ApiKeyPage), **query))

    async def get_api_key(self, key_id: str) -> m.ApiKey:
        """A key, without its secret."""
        return await self._send(get(path(_KEYS + "/{}", key_id), wrapped(m.ApiKey)))

    async def update_api_key(self, key_id: str, **changes: Unpack[m.ApiKeyChange]) -> m.ApiKey:
        """Changes a key's name or its limits, which hold at once; what it may do stays."""
        call = patch(path(_KEYS + "/{}", key_id), wrapped(m.ApiKey), changes)
        return await self._send(call)

    async def revoke_api_key(self, key_id: str) -> None:
        """Refuses a key from now on."""
        await self._send(delete(path(_KEYS + "/{}", key_id)))

    async def me(self) -> ws.Me:
        """Who this client's key is and what it may do."""
        return await self._send(get("/api/v1/auth/me", wrapped(ws.Me)))

    async def webhook_signing_secret(self) -> str:
        """The secret with which webhooks are signed."""
        where = "/api/v1/webhooks/signing-secret"
        return await self._send(get(where, lambda body: str(body["data"]["secret"])))
