"""Workspaces (tenants): `/api/v1/workspaces`."""

from __future__ import annotations

from typing import AsyncGenerator, Optional

from typing_extensions import Unpack

from .. import _workspace_models as ws
from .._call import build_path, decode_data, get, list_page, patch, post, query_params, without_none
from .._management import WORKSPACE, WORKSPACES
from .._management_models import ListOptions, Page, Sorting
from .resource import AsyncResource


class AsyncWorkspaces(AsyncResource):
    """Calls for workspaces: `client.workspaces`. They require scope `admin`; creating one and
    changing its limits require a key of the default workspace."""

    async def create(
        self,
        name: str,
        *,
        idempotency_key: Optional[str] = None,
        **fields: Unpack[ws.WorkspaceFields],
    ) -> ws.Workspace:
        """Creates a workspace. Create its first key with `create_api_key(workspace_id=…)`."""
        call = post(
            WORKSPACES,
            decode_data(ws.Workspace),
            without_none(name=name, **fields),
            key=idempotency_key,
        )
        return await self._client._send(call)

    async def get(self, workspace_id: str) -> ws.Workspace:
        """Returns a workspace."""
        return await self._client._send(
            get(build_path(WORKSPACE, workspace_id), decode_data(ws.Workspace))
        )

    async def list(self, **options: Unpack[ListOptions]) -> Page[ws.Workspace]:
        """Returns a page of workspaces, sorted by `created_at`, `updated_at` or `name`."""
        return await self._client._send(list_page(WORKSPACES, Page[ws.Workspace], options))

    def iter(self, **sorting: Unpack[Sorting]) -> AsyncGenerator[ws.Workspace, None]:
        """Iterates over all workspaces, page by page."""
        return self._client._iter_pages(WORKSPACES, Page[ws.Workspace], query_params(sorting))

    async def update(
        self, workspace_id: str, **changes: Unpack[ws.WorkspaceChange]
    ) -> ws.Workspace:
        """Updates the given fields."""
        call = patch(build_path(WORKSPACE, workspace_id), decode_data(ws.Workspace), changes)
        return await self._client._send(call)
