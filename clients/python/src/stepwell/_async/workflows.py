"""Workflows and what they are made of."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Optional

from .. import _models as m
from .._call import Definition, delete, get, model, path, post, put
from .transport import AsyncTransport


class AsyncWorkflows(AsyncTransport):
    """The calls on workflows."""

    async def create_workflow(
        self, definition: Definition, *, idempotency_key: Optional[str] = None
    ) -> m.WorkflowCreated:
        """Creates a workflow from a definition: a mapping, or a text in YAML (or JSON)."""
        call = post("/workflows", model(m.WorkflowCreated), definition, key=idempotency_key)
        return await self._send(call)

    async def list_workflows(
        self,
        *,
        status: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.WorkflowPage:
        """A page of workflows, newest first; `status` is `active` or `inactive`."""
        read = model(m.WorkflowPage)
        return await self._send(get("/workflows", read, status=status, limit=limit, cursor=cursor))

    async def iter_workflows(
        self, *, status: Optional[str] = None
    ) -> AsyncGenerator[m.WorkflowRow, None]:
        """All workflows, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = await self.list_workflows(status=status, limit=100, cursor=cursor)
            for row in page.workflows:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_workflow(self, workflow_id: str) -> m.Workflow:
        """A workflow with its definition and resolved steps."""
        return await self._send(get(path("/workflows/{}", workflow_id), model(m.Workflow)))

    async def update_workflow(self, workflow_id: str, definition: Definition) -> m.Workflow:
        """Makes a new release. Never repeated by itself, since each time would make one; see
        `create_release`."""
        where = path("/workflows/{}", workflow_id)
        return await self._send(put(where, model(m.Workflow), definition))

    async def delete_workflow(self, workflow_id: str) -> None:
        """Deletes a workflow; running executions finish and history stays readable."""
        await self._send(delete(path("/workflows/{}", workflow_id)))

    async def workflow_stats(self, workflow_id: str) -> m.Stats:
        """Counts of a workflow's executions."""
        return await self._send(get(path("/workflows/{}/stats", workflow_id), model(m.Stats)))

    async def step_types(self) -> list[m.StepType]:
        """All step types, sorted by name."""
        return (await self._send(get("/step-types", model(m.StepTypes)))).step_types

    async def definition_schema(self) -> dict[str, Any]:
        """The JSON Schema of definitions, for editors and validators."""
        return await self._send(get("/api/v1/schema/definition", dict))
