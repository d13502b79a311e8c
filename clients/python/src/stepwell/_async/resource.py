"""Base class of the calls on one kind of object."""

from __future__ import annotations

from typing import Optional, TypeVar

from .._call import Call, build_path
from .._names import DEPLOYMENT, id_in_body, is_id
from .._paging import PageRequest
from .pages import AsyncPage, AsyncPaginator
from .transport import AsyncTransport

T = TypeVar("T")


class AsyncResource:
    """A group of calls that a client sends."""

    def __init__(self, client: AsyncTransport) -> None:
        self._client = client

    async def _send(self, call: Call[T]) -> T:
        return await self._client._send(call)

    def _list(self, request: PageRequest[T], workflow: Optional[str] = None) -> AsyncPaginator[T]:
        """A list, of one workflow if there is one."""
        return AsyncPaginator(lambda: self._first_page(request, workflow))

    async def _first_page(self, request: PageRequest[T], workflow: Optional[str]) -> AsyncPage[T]:
        if workflow is not None:
            request = request.for_workflow(await self._workflow_id(workflow))
        return await self._client._get_page(request)

    async def _workflow_id(self, workflow: str) -> str:
        """The id of a workflow that is given by its id or name."""
        if is_id(workflow, "wf") or not self._client._resolves_names:
            return workflow
        url_path = build_path(DEPLOYMENT, workflow)
        return await self._send(Call("GET", url_path, id_in_body))

    async def _workflow_path(self, template: str, workflow: str, *segments: str) -> str:
        """The path of a workflow that is given by its id or name."""
        return build_path(template, await self._workflow_id(workflow), *segments)
