"""Workflows of the dataflow API, step types, and the schema of definitions."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Optional

from .. import _models as m
from .._call import Definition, build_path, decode_as, delete, get, post, put
from .transport import AsyncTransport


class AsyncWorkflows(AsyncTransport):
    """Calls for workflows."""

    async def create_workflow(
        self, definition: Definition, *, idempotency_key: Optional[str] = None
    ) -> m.WorkflowCreated:
        """Creates a workflow from a definition: a mapping, or text in YAML (or JSON)."""
        call = post("/workflows", decode_as(m.WorkflowCreated), definition, key=idempotency_key)
        return await self._send(call)

    async def list_workflows(
        self,
        *,
        status: Optional[m.WorkflowState] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.WorkflowPage:
        """Returns a page of workflows, newest first; `status` is `active` or `inactive`."""
        decode = decode_as(m.WorkflowPage)
        return await self._send(
            get("/workflows", decode, status=status, limit=limit, cursor=cursor)
        )

    async def iter_workflows(
        self, *, status: Optional[m.WorkflowState] = None
    ) -> AsyncGenerator[m.WorkflowRow, None]:
        """Iterates over all workflows, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = await self.list_workflows(status=status, limit=100, cursor=cursor)
            for row in page.workflows:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_workflow(self, workflow_id: str) -> m.Workflow:
        """Returns a workflow with its definition and resolved steps."""
        return await self._send(
            get(build_path("/workflows/{}", workflow_id), decode_as(m.Workflow))
        )

    async def update_workflow(self, workflow_id: str, definition: Definition) -> m.Workflow:
        """Replaces the definition, which creates a release. Retried after 429 only, since each
        request creates a release; `create_release` has an idempotency key."""
        url_path = build_path("/workflows/{}", workflow_id)
        return await self._send(put(url_path, decode_as(m.Workflow), definition))

    async def delete_workflow(self, workflow_id: str) -> None:
        """Deletes a workflow; running executions continue, and its history remains readable."""
        await self._send(delete(build_path("/workflows/{}", workflow_id)))

    async def workflow_stats(self, workflow_id: str) -> m.Stats:
        """Returns the counts of a workflow's executions."""
        return await self._send(
            get(build_path("/workflows/{}/stats", workflow_id), decode_as(m.Stats))
        )

    async def step_types(self) -> list[m.StepType]:
        """Returns all step types, sorted by name."""
        return (await self._send(get("/step-types", decode_as(m.StepTypes)))).step_types

    async def definition_schema(self) -> dict[str, Any]:
        """Returns the JSON Schema of definitions, for editors and validators."""
        return await self._send(get("/api/v1/schema/definition", dict))
