"""Workflows of the management API: `/api/v1/workflows`."""

from __future__ import annotations

from typing import Any, AsyncGenerator, Mapping, Optional

from typing_extensions import Unpack

from .. import _management_models as mm
from .. import _step_type_models as st
from .._call import (
    build_path,
    decode_data,
    delete_with_result,
    get,
    if_match,
    list_page,
    post,
    put,
    query_params,
)
from .._management import STEP_TYPES, WORKFLOW, WORKFLOWS, execute_async_call, execute_call
from .managed_executions import wait_for_execution
from .resource import AsyncResource


class AsyncManagedWorkflows(AsyncResource):
    """Calls for workflows: `client.workflows`."""

    async def create(
        self,
        name: str,
        *,
        type: str = "custom",
        idempotency_key: Optional[str] = None,
        **fields: Unpack[mm.WorkflowFields],
    ) -> mm.Workflow:
        """Creates a workflow. It is inactive until you call `activate`."""
        body = {"name": name, "type": type, **fields}
        call = post(WORKFLOWS, decode_data(mm.Workflow), body, key=idempotency_key)
        return await self._client._send(call)

    async def get(self, workflow_id: str) -> mm.Workflow:
        """Returns a workflow with the counts of its executions."""
        return await self._client._send(
            get(build_path(WORKFLOW, workflow_id), decode_data(mm.Workflow))
        )

    async def list(self, **options: Unpack[mm.WorkflowListOptions]) -> mm.Page[mm.WorkflowRow]:
        """Returns a page of workflows."""
        return await self._client._send(list_page(WORKFLOWS, mm.Page[mm.WorkflowRow], options))

    def iter(
        self, **selection: Unpack[mm.WorkflowSelection]
    ) -> AsyncGenerator[mm.WorkflowRow, None]:
        """Iterates over all workflows, page by page."""
        return self._client._iter_pages(WORKFLOWS, mm.Page[mm.WorkflowRow], query_params(selection))

    async def update(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        **changes: Unpack[mm.WorkflowChange],
    ) -> mm.Workflow:
        """Updates the given fields. A change of the definition creates the next release. With
        `if_version`, raises `PreconditionFailedError` if the workflow has another `version`."""
        url_path = build_path(WORKFLOW, workflow_id)
        call = put(url_path, decode_data(mm.Workflow), changes, version=if_version)
        return await self._client._send(call)

    async def activate(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.WorkflowStatus:
        """Activates a workflow, so that it can be executed."""
        url_path = build_path(WORKFLOW + "/activate", workflow_id)
        headers = if_match(if_version)
        call = post(url_path, decode_data(mm.WorkflowStatus), key=idempotency_key, headers=headers)
        return await self._client._send(call)

    async def deactivate(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.WorkflowStatus:
        """Deactivates a workflow: no new executions start, running ones continue."""
        url_path = build_path(WORKFLOW + "/deactivate", workflow_id)
        headers = if_match(if_version)
        call = post(url_path, decode_data(mm.WorkflowStatus), key=idempotency_key, headers=headers)
        return await self._client._send(call)

    async def delete(
        self, workflow_id: str, *, cancel_running: bool = False, if_version: Optional[int] = None
    ) -> mm.Deleted:
        """Deletes a workflow; its history remains readable. Running executions continue, or are
        cancelled with `cancel_running`."""
        url_path, cancel = build_path(WORKFLOW, workflow_id), "true" if cancel_running else None
        decode = decode_data(mm.Deleted)
        call = delete_with_result(url_path, decode, version=if_version, cancel_running=cancel)
        return await self._client._send(call)

    async def definition(self, workflow_id: str) -> mm.WorkflowDefinition:
        """Returns the definition that the configuration was compiled to."""
        url_path = build_path(WORKFLOW + "/definition", workflow_id)
        return await self._client._send(get(url_path, decode_data(mm.WorkflowDefinition)))

    async def list_step_types(
        self, **options: Unpack[st.StepTypeListOptions]
    ) -> mm.Page[st.StepType]:
        """Returns a page of the available step types."""
        return await self._client._send(list_page(STEP_TYPES, mm.Page[st.StepType], options))

    def iter_step_types(
        self, **selection: Unpack[st.StepTypeSelection]
    ) -> AsyncGenerator[st.StepType, None]:
        """Iterates over all step types, page by page."""
        return self._client._iter_pages(STEP_TYPES, mm.Page[st.StepType], query_params(selection))

    async def get_step_type(self, name: str) -> st.StepType:
        """Returns a step type by name or alias."""
        call = get(build_path(STEP_TYPES + "/{}", name), decode_data(st.StepType))
        return await self._client._send(call)

    async def execute(
        self,
        workflow_id: str,
        parameters: Optional[Mapping[str, Any]] = None,
        **options: Unpack[mm.ExecutionOptions],
    ) -> mm.Execution:
        """Executes a workflow and returns the completed execution. Raises
        `ExecutionNotCompletedError` if it failed or took longer than `timeout_seconds`."""
        execution = await self._client._send(execute_call(workflow_id, parameters, options))
        if not execution.ended:  # Runs longer than the server delays a response.
            execution = await wait_for_execution(self._client, execution.execution_id, None)
        return execution.raise_for_status()

    async def execute_async(
        self,
        workflow_id: str,
        parameters: Optional[Mapping[str, Any]] = None,
        **options: Unpack[mm.ExecutionOptions],
    ) -> mm.Execution:
        """Starts an execution and returns without waiting. The execution is durable;
        `client.executions` returns its status."""
        return await self._client._send(execute_async_call(workflow_id, parameters, options))
