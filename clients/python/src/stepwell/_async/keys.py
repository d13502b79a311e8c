"""API keys, which require scope `admin`, and the identity of this client."""

from __future__ import annotations

from datetime import datetime
from typing import Any, AsyncGenerator, Literal, Mapping, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _models as m
from .. import _workspace_models as ws
from .._call import build_path, decode_data, delete, get, patch, post, string_list, without_none
from .._management_models import Page
from .transport import AsyncTransport

_KEYS = "/api/v1/auth/api-keys"


class AsyncKeys(AsyncTransport):
    """Calls for API keys."""

    async def create_api_key(
        self,
        name: str,
        scopes: Optional[Sequence[str]] = None,
        *,
        role: Optional[m.Role] = None,
        tier: Optional[m.Tier] = None,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None] = None,
        workspace_id: Optional[str] = None,
        expires_at: Optional[datetime] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.NewApiKey:
        """Creates a key with the scopes of `scopes`, of a `role` (`admin`, `developer`, `analyst`,
        `user`) or of both, and with the limits of a `tier` or its own `rate_limits`. Its `secret`
        is in this response only: if the response is lost, the retry raises `ConflictError` instead
        of creating a second key."""
        body = without_none(
            name=name,
            scopes=None if scopes is None else string_list("scopes", scopes),
            role=role,
            tier=tier,
            rate_limits=rate_limits,
            workspace_id=workspace_id,
            expires_at=expires_at,
        )
        return await self._send(post(_KEYS, decode_data(m.NewApiKey), body, key=idempotency_key))

    async def list_api_keys(
        self,
        *,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[m.ApiKeyOrder] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        workspace_id: Optional[str] = None,
    ) -> m.ApiKeyPage:
        """Returns a page of keys, without their secrets. `sort_by` is `created_at`, `expires_at`,
        `last_used_at` or `name`, `sort_order` is `desc` or `asc`. Admins of the default workspace
        can pass another workspace as `workspace_id`."""
        query = without_none(
            page=page,
            page_size=page_size,
            sort_by=sort_by,
            sort_order=sort_order,
            workspace_id=workspace_id,
        )
        return await self._send(get(_KEYS, decode_data(m.ApiKeyPage), **query))

    def iter_api_keys(
        self,
        *,
        sort_by: Optional[m.ApiKeyOrder] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
        workspace_id: Optional[str] = None,
    ) -> AsyncGenerator[m.ApiKey, None]:
        """Iterates over all keys, page by page; the arguments are those of `list_api_keys`."""
        query = without_none(sort_by=sort_by, sort_order=sort_order, workspace_id=workspace_id)
        return self._iter_pages(_KEYS, Page[m.ApiKey], query)

    async def get_api_key(self, key_id: str) -> m.ApiKey:
        """Returns a key, without its secret."""
        return await self._send(get(build_path(_KEYS + "/{}", key_id), decode_data(m.ApiKey)))

    async def update_api_key(self, key_id: str, **changes: Unpack[m.ApiKeyChange]) -> m.ApiKey:
        """Updates the name or the limits of a key, effective immediately; scopes are fixed."""
        call = patch(build_path(_KEYS + "/{}", key_id), decode_data(m.ApiKey), changes)
        return await self._send(call)

    async def revoke_api_key(self, key_id: str) -> None:
        """Revokes a key."""
        await self._send(delete(build_path(_KEYS + "/{}", key_id)))

    async def me(self) -> ws.Me:
        """Returns the key of this client with its scopes and limits."""
        return await self._send(get("/api/v1/auth/me", decode_data(ws.Me)))

    async def webhook_signing_secret(self) -> str:
        """Returns the secret that signs callbacks (`webhook_url`, `callback_url`)."""
        url_path = "/api/v1/webhooks/signing-secret"
        return await self._send(get(url_path, lambda body: str(body["data"]["secret"])))
