# Made of `_async/workspaces.py` by `scripts/make_sync.py`: change that one.
"""Tenants: `/api/v1/workspaces`."""

from __future__ import annotations

from typing import Generator, Optional

from typing_extensions import Unpack

from .. import _workspace_models as ws
from .._call import get, given, listed, patch, path, post, query_of, wrapped
from .._management import WORKSPACE, WORKSPACES
from .._management_models import ListOptions, Page, Sorting
from .resource import Resource


class Workspaces(Resource):
    """The calls on workspaces: `client.workspaces`. Scope `admin`; to make one and to change its
    limits, of the default workspace."""

    def create(
        self,
        name: str,
        *,
        idempotency_key: Optional[str] = None,
        **parts: Unpack[ws.WorkspaceParts],
    ) -> ws.Workspace:
        """Makes a workspace; its first key is made with `create_api_key(workspace_id=…)`."""
        call = post(
            WORKSPACES, wrapped(ws.Workspace), given(name=name, **parts), key=idempotency_key
        )
        return self._client._send(call)

    def get(self, workspace_id: str) -> ws.Workspace:
        """A workspace."""
        return self._client._send(get(path(WORKSPACE, workspace_id), wrapped(ws.Workspace)))

    def list(self, **options: Unpack[ListOptions]) -> Page[ws.Workspace]:
        """A page of workspaces, sorted by `created_at`, `updated_at` or `name`."""
        return self._client._send(listed(WORKSPACES, Page[ws.Workspace], options))

    def iter(self, **sorting: Unpack[Sorting]) -> Generator[ws.Workspace, None, None]:
        """All workspaces, page by page."""
        return self._client._each(WORKSPACES, Page[ws.Workspace], query_of(sorting))

    def update(
        self, workspace_id: str, **changes: Unpack[ws.WorkspaceChange]
    ) -> ws.Workspace:
        """Changes what is given."""
        call = patch(path(WORKSPACE, workspace_id), wrapped(ws.Workspace), changes)
        return self._client._send(call)
