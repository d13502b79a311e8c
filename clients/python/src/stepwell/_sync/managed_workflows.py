# Made of `_async/managed_workflows.py` by `scripts/make_sync.py`: change that one.
"""Workflows as objects that are administered: `/api/v1/workflows`."""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional

from typing_extensions import Unpack

from .. import _management_models as mm
from .. import _step_type_models as st
from .._call import get, if_match, listed, path, post, put, query_of, removal, wrapped
from .._management import STEP_TYPES, WORKFLOW, WORKFLOWS, executed, started
from .managed_executions import waited
from .resource import Resource


class ManagedWorkflows(Resource):
    """The calls on workflows: `client.workflows`."""

    def create(
        self,
        name: str,
        *,
        type: str = "custom",
        idempotency_key: Optional[str] = None,
        **parts: Unpack[mm.WorkflowParts],
    ) -> mm.Workflow:
        """Creates a workflow. It is inactive until `activate`."""
        body = {"name": name, "type": type, **parts}
        call = post(WORKFLOWS, wrapped(mm.Workflow), body, key=idempotency_key)
        return self._client._send(call)

    def get(self, workflow_id: str) -> mm.Workflow:
        """A workflow with the counts of its executions."""
        return self._client._send(get(path(WORKFLOW, workflow_id), wrapped(mm.Workflow)))

    def list(self, **options: Unpack[mm.WorkflowListOptions]) -> mm.Page[mm.WorkflowRow]:
        """A page of workflows."""
        return self._client._send(listed(WORKFLOWS, mm.Page[mm.WorkflowRow], options))

    def iter(
        self, **selection: Unpack[mm.WorkflowSelection]
    ) -> Generator[mm.WorkflowRow, None, None]:
        """All workflows, page by page."""
        return self._client._each(WORKFLOWS, mm.Page[mm.WorkflowRow], query_of(selection))

    def update(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        **changes: Unpack[mm.WorkflowChange],
    ) -> mm.Workflow:
        """Changes what is given. With `if_version`, the `version` of a workflow that was looked
        at, `PreconditionFailedError` where it was changed since. A change of the definition is the
        next release."""
        where = path(WORKFLOW, workflow_id)
        call = put(where, wrapped(mm.Workflow), changes, version=if_version)
        return self._client._send(call)

    def activate(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.WorkflowStatus:
        """Lets a workflow be executed."""
        where = path(WORKFLOW + "/activate", workflow_id)
        headers = if_match(if_version)
        call = post(where, wrapped(mm.WorkflowStatus), key=idempotency_key, headers=headers)
        return self._client._send(call)

    def deactivate(
        self,
        workflow_id: str,
        *,
        if_version: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.WorkflowStatus:
        """Takes no further executions; those under way go on."""
        where = path(WORKFLOW + "/deactivate", workflow_id)
        headers = if_match(if_version)
        call = post(where, wrapped(mm.WorkflowStatus), key=idempotency_key, headers=headers)
        return self._client._send(call)

    def delete(
        self, workflow_id: str, *, cancel_running: bool = False, if_version: Optional[int] = None
    ) -> mm.Deleted:
        """Deletes a workflow; its history stays readable. Executions under way go on, or are
        cancelled with `cancel_running`."""
        where, cancel = path(WORKFLOW, workflow_id), "true" if cancel_running else None
        read = wrapped(mm.Deleted)
        call = removal(where, read, version=if_version, cancel_running=cancel)
        return self._client._send(call)

    def definition(self, workflow_id: str) -> mm.WorkflowDefinition:
        """The definition that the configuration was made into."""
        where = path(WORKFLOW + "/definition", workflow_id)
        return self._client._send(get(where, wrapped(mm.WorkflowDefinition)))

    def list_step_types(
        self, **options: Unpack[st.StepTypeListOptions]
    ) -> mm.Page[st.StepType]:
        """A page of the step types that definitions can use."""
        return self._client._send(listed(STEP_TYPES, mm.Page[st.StepType], options))

    def iter_step_types(
        self, **selection: Unpack[st.StepTypeSelection]
    ) -> Generator[st.StepType, None, None]:
        """All step types, page by page."""
        return self._client._each(STEP_TYPES, mm.Page[st.StepType], query_of(selection))

    def get_step_type(self, name: str) -> st.StepType:
        """A step type by its name or an alias."""
        call = get(path(STEP_TYPES + "/{}", name), wrapped(st.StepType))
        return self._client._send(call)

    def execute(
        self,
        workflow_id: str,
        parameters: Optional[Mapping[str, Any]] = None,
        **options: Unpack[mm.ExecutionOptions],
    ) -> mm.Execution:
        """Executes a workflow and answers with the completed execution. Raises
        `ExecutionNotCompletedError` where it failed or took longer than `timeout_seconds`."""
        execution = self._client._send(executed(workflow_id, parameters, options))
        if not execution.ended:  # It takes longer than the server holds its answers back.
            execution = waited(self._client, execution.execution_id, None)
        return execution.raise_for_status()

    def execute_async(
        self,
        workflow_id: str,
        parameters: Optional[Mapping[str, Any]] = None,
        **options: Unpack[mm.ExecutionOptions],
    ) -> mm.Execution:
        """Starts an execution and answers at once; it is durable. Look with
        `client.executions`."""
        return self._client._send(started(workflow_id, parameters, options))
