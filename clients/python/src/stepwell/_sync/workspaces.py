# Generated from `_async/workspaces.py` by `scripts/generate_clients.py`. Do not edit.
"""Workspaces (tenants): `/api/v1/workspaces`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _workspace_models as m
from .._base import SortOrder
from .._call import build_path, change, decode_data, get, list_query, post
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import WORKSPACE, WORKSPACES
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import WorkspacesWithRawResponse


class Workspaces(Resource):
    """Workspaces (tenants): `client.workspaces`. They require scope `admin`; creating one and
    changing its limits require a key of the default workspace."""

    @property
    def with_raw_response(self) -> WorkspacesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import WorkspacesWithRawResponse

        return WorkspacesWithRawResponse(self)

    def create(
        self,
        name: str,
        *,
        tier: Optional[m.Tier] = None,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Workspace:
        """Creates a workspace with the limits of a `tier`, or its own `rate_limits`. Create its
        first key with `keys.create(workspace_id=…)`."""
        body = without_none(name=name, tier=tier, rate_limits=rate_limits)
        decode = decode_data(m.Workspace)
        call = post(WORKSPACES, decode, body, key=idempotency_key, timeout=timeout)
        return self._send(call)

    def get(self, workspace_id: str, *, timeout: Optional[float] = None) -> m.Workspace:
        """Returns a workspace."""
        url_path = build_path(WORKSPACE, workspace_id)
        return self._send(get(url_path, decode_data(m.Workspace), timeout=timeout))

    def list(
        self,
        *,
        sort_by: Optional[Literal["created_at", "updated_at", "name"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.Workspace]:
        """Lists workspaces, newest first by default."""
        query = list_query(sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size)
        return self._list(page_request(WORKSPACES, m.Workspace, query, timeout))

    def update(
        self,
        workspace_id: str,
        *,
        name: Union[str, Omit] = OMIT,
        tier: Union[m.Tier, None, Omit] = OMIT,
        rate_limits: Union[m.RateLimits, Mapping[str, Any], None, Omit] = OMIT,
        timeout: Optional[float] = None,
    ) -> m.Workspace:
        """Updates the given fields."""
        body = given(name=name, tier=tier, rate_limits=rate_limits)
        url_path = build_path(WORKSPACE, workspace_id)
        call = change("PATCH", url_path, decode_data(m.Workspace), body, timeout=timeout)
        return self._send(call)
