# Generated from `_async/dataflow.py` by `scripts/generate_clients.py`. Do not edit.
"""The dataflow API: `client.dataflow`."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Optional, Union

from .. import dataflow as m
from .._call import (
    Call,
    build_path,
    change,
    decode_as,
    get,
    ignore_body,
    list_query,
    post,
    secret_headers,
)
from .._dataflow_calls import EXECUTION, Definition, get_dataflow_execution, run_call
from .._follow import DATAFLOW_EVENTS
from .._omit import without_none
from .._paging import dataflow_page_request
from .pages import Page
from .resource import Resource

if TYPE_CHECKING:
    from .raw import DataflowWithRawResponse


class Dataflow(Resource):
    """The dataflow API: `client.dataflow`, with the types in `stepwell.dataflow`. Workflows are
    active when they are created, and executions have tasks."""

    @property
    def with_raw_response(self) -> DataflowWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import DataflowWithRawResponse

        return DataflowWithRawResponse(self)

    def create_workflow(
        self,
        definition: Definition,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.WorkflowCreated:
        """Creates a workflow from a definition: a mapping, or text in YAML (or JSON)."""
        decode = decode_as(m.WorkflowCreated)
        call = post("/workflows", decode, definition, key=idempotency_key, timeout=timeout)
        return self._send(call)

    def list_workflows(
        self,
        *,
        status: Optional[m.WorkflowState] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.WorkflowRow]:
        """Lists workflows, newest first."""
        query = list_query(status=status, limit=limit, cursor=cursor)
        return self._list(
            dataflow_page_request("/workflows", "workflows", m.WorkflowRow, query, timeout)
        )

    def get_workflow(
        self, workflow_id: str, *, timeout: Optional[float] = None
    ) -> m.Workflow:
        """Returns a workflow with its definition and resolved steps."""
        url_path = build_path("/workflows/{}", workflow_id)
        return self._send(get(url_path, decode_as(m.Workflow), timeout=timeout))

    def update_workflow(
        self, workflow_id: str, definition: Definition, *, timeout: Optional[float] = None
    ) -> m.Workflow:
        """Replaces the definition, which creates a release."""
        url_path = build_path("/workflows/{}", workflow_id)
        call = change("PUT", url_path, decode_as(m.Workflow), definition, timeout=timeout)
        return self._send(call)

    def delete_workflow(self, workflow_id: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a workflow; running executions continue, and its history remains readable."""
        url_path = build_path("/workflows/{}", workflow_id)
        self._send(change("DELETE", url_path, ignore_body, timeout=timeout))

    def workflow_stats(self, workflow_id: str, *, timeout: Optional[float] = None) -> m.Stats:
        """Returns the counts of a workflow's executions."""
        url_path = build_path("/workflows/{}/stats", workflow_id)
        return self._send(get(url_path, decode_as(m.Stats), timeout=timeout))

    def step_types(self, *, timeout: Optional[float] = None) -> list[m.StepType]:
        """Returns all step types, sorted by name."""
        return self._send(get("/step-types", m.decode_step_types, timeout=timeout))

    def execute(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionAccepted:
        """Queues an execution. `secrets` (name to value) apply to this execution only."""
        call = post(
            build_path("/workflows/{}/execute", workflow_id),
            decode_as(m.ExecutionAccepted),
            without_none(
                input=input,
                webhook_url=webhook_url,
                release_tag=release_tag,
                traffic_key=traffic_key,
            ),
            key=idempotency_key,
            headers=secret_headers(secrets),
            timeout=timeout,
        )
        return self._send(call)

    def run(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Execution:
        """Executes a workflow and waits for its end, up to `timeout` seconds (None: no limit).

        A failed execution is returned, not raised: see `Execution.raise_for_status`. Raises
        `WaitTimeoutError` after `timeout`.
        """
        started = monotonic()
        body = without_none(
            input=input,
            webhook_url=webhook_url,
            release_tag=release_tag,
            traffic_key=traffic_key,
        )
        call = run_call(workflow_id, body, secrets, idempotency_key, timeout)
        outcome = self._send(call)
        if isinstance(outcome, m.Execution):
            return outcome
        left = None if timeout is None else max(0.0, started + timeout - monotonic())
        return self.wait(workflow_id, outcome.execution_id, timeout=left)

    def wait(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """Waits for the end of an execution; raises `WaitTimeoutError` after `timeout` seconds."""
        url_path = build_path(EXECUTION + "/events", workflow_id, execution_id)
        call = get_dataflow_execution(workflow_id, execution_id)
        return self._client._wait_for_end(url_path, call, execution_id, timeout)

    def get_execution(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """Returns an execution with its tasks."""
        return self._send(get_dataflow_execution(workflow_id, execution_id, timeout))

    def list_executions(
        self,
        workflow_id: str,
        *,
        status: Union[m.ExecutionFilter, Sequence[m.ExecutionFilter], None] = None,
        parent_execution_id: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Page[m.ExecutionRow]:
        """Lists a workflow's executions, newest first; `status` is one or several. With
        `parent_execution_id`, only sub-workflows of that execution."""
        url_path = build_path("/workflows/{}/executions", workflow_id)
        query = list_query(
            status=status, parent_execution_id=parent_execution_id, limit=limit, cursor=cursor
        )
        return self._list(
            dataflow_page_request(url_path, "executions", m.ExecutionRow, query, timeout)
        )

    def cancel(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChanged:
        """Cancels an execution."""
        url_path = build_path(EXECUTION + "/cancel", workflow_id, execution_id)
        body = without_none(reason=reason) or None
        return self._send(_control(url_path, body, idempotency_key, timeout))

    def pause(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChanged:
        """Pauses an execution: running steps finish, no further step starts."""
        url_path = build_path(EXECUTION + "/pause", workflow_id, execution_id)
        return self._send(_control(url_path, None, idempotency_key, timeout))

    def resume(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChanged:
        """Resumes a paused execution."""
        url_path = build_path(EXECUTION + "/resume", workflow_id, execution_id)
        return self._send(_control(url_path, None, idempotency_key, timeout))

    def events(
        self, workflow_id: str, execution_id: str, *, after: Union[int, str] = 0
    ) -> Generator[m.Event, None, None]:
        """Follows the events of an execution from its start (or after the event with the id
        `after`) to its end. Reconnects when a connection breaks, without losing or repeating an
        event."""
        url_path = build_path(EXECUTION + "/events", workflow_id, execution_id)
        call = get_dataflow_execution(workflow_id, execution_id)
        return self._client._follow_events(url_path, DATAFLOW_EVENTS, call, execution_id, after)

    def logs(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> list[m.LogLine]:
        """Returns the log of an execution, in order."""
        url_path = build_path(EXECUTION + "/logs", workflow_id, execution_id)
        return self._send(get(url_path, m.decode_logs, timeout=timeout))


def _control(
    url_path: str, body: Any, key: Optional[str], timeout: Optional[float]
) -> Call[m.ExecutionChanged]:
    return post(url_path, decode_as(m.ExecutionChanged), body, key=key, timeout=timeout)
