# Generated from `_async/keys.py` by `scripts/generate_clients.py`. Do not edit.
"""API keys: `/api/v1/auth/api-keys`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _workspace_models as m
from .._base import SortOrder
from .._call import (
    build_path,
    change,
    decode_data,
    get,
    ignore_body,
    list_query,
    post,
    string_list,
)
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import KEY, KEYS
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import KeysWithRawResponse

KeyOrder = Literal["created_at", "expires_at", "last_used_at", "name"]


class Keys(Resource):
    """API keys: `client.keys`. They require scope `admin`."""

    @property
    def with_raw_response(self) -> KeysWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import KeysWithRawResponse

        return KeysWithRawResponse(self)

    def create(
        self,
        name: str,
        scopes: Optional[Sequence[str]] = None,
        *,
        role: Optional[m.Role] = None,
        tier: Optional[m.Tier] = None,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None] = None,
        workspace_id: Optional[str] = None,
        expires_at: Union[datetime, str, None] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
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
        decode = decode_data(m.NewApiKey)
        return self._send(post(KEYS, decode, body, key=idempotency_key, timeout=timeout))

    def get(self, key_id: str, *, timeout: Optional[float] = None) -> m.ApiKey:
        """Returns a key, without its secret."""
        url_path = build_path(KEY, key_id)
        return self._send(get(url_path, decode_data(m.ApiKey), timeout=timeout))

    def list(
        self,
        *,
        workspace_id: Optional[str] = None,
        sort_by: Optional[KeyOrder] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.ApiKey]:
        """Lists keys, newest first by default, without their secrets. Admins of the default
        workspace can pass another workspace as `workspace_id`."""
        query = list_query(
            workspace_id=workspace_id,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
        )
        return self._list(page_request(KEYS, m.ApiKey, query, timeout))

    def update(
        self,
        key_id: str,
        *,
        name: Union[str, Omit] = OMIT,
        tier: Union[m.Tier, None, Omit] = OMIT,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None, Omit] = OMIT,
        timeout: Optional[float] = None,
    ) -> m.ApiKey:
        """Updates the name or the limits of a key, effective immediately; scopes are fixed."""
        body = given(name=name, tier=tier, rate_limits=rate_limits)
        url_path = build_path(KEY, key_id)
        call = change("PATCH", url_path, decode_data(m.ApiKey), body, timeout=timeout)
        return self._send(call)

    def revoke(self, key_id: str, *, timeout: Optional[float] = None) -> None:
        """Revokes a key, effective immediately."""
        url_path = build_path(KEY, key_id)
        self._send(change("DELETE", url_path, ignore_body, timeout=timeout))
