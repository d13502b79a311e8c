# Generated from `_async/resource.py` by `scripts/generate_clients.py`. Do not edit.
"""Base class of the calls on one kind of object."""

from __future__ import annotations

from typing import Optional, TypeVar

from .._call import Call, build_path
from .._names import DEPLOYMENT, id_in_body, is_id
from .._paging import PageRequest
from .pages import Page
from .transport import Transport

T = TypeVar("T")


class Resource:
    """A group of calls that a client sends."""

    def __init__(self, client: Transport) -> None:
        self._client = client

    def _send(self, call: Call[T]) -> T:
        return self._client._send(call)

    def _list(self, request: PageRequest[T], workflow: Optional[str] = None) -> Page[T]:
        """A list, of one workflow if there is one."""
        return self._first_page(request, workflow)

    def _first_page(self, request: PageRequest[T], workflow: Optional[str]) -> Page[T]:
        if workflow is not None:
            request = request.for_workflow(self._workflow_id(workflow))
        return self._client._get_page(request)

    def _workflow_id(self, workflow: str) -> str:
        """The id of a workflow that is given by its id or name."""
        if is_id(workflow, "wf") or not self._client._resolves_names:
            return workflow
        url_path = build_path(DEPLOYMENT, workflow)
        return self._send(Call("GET", url_path, id_in_body))

    def _workflow_path(self, template: str, workflow: str, *segments: str) -> str:
        """The path of a workflow that is given by its id or name."""
        return build_path(template, self._workflow_id(workflow), *segments)
