"""The client for programs without asyncio."""

from __future__ import annotations

import time
from datetime import datetime
from types import TracebackType
from typing import Any, Iterator, Mapping, Optional, Sequence, TypeVar, Union

import httpx
from typing_extensions import Unpack

from . import _calls as calls
from . import _deployment_models as d
from . import _deployments as deployments
from . import _models as m
from ._call import Call, broken
from ._errors import WaitTimeoutError
from ._follow import Follower
from ._retry import RetryPolicy
from ._settings import FIRST_LOOK, SLOWEST_LOOK, settings

T = TypeVar("T")


class Client:
    """A connection to a Stepwell server. Safe to share between threads; close it, or use `with`.

    `base_url` and `api_key` come from `STEPWELL_URL` and `STEPWELL_API_KEY` where they are not
    given. `timeout` is in seconds, for each request. After 429, 503 and broken connections a
    request is sent again up to `max_retries` times, where that is harmless: GETs, and POSTs, each
    of which carries an `Idempotency-Key` (made here unless given). `http_client` replaces the
    client's own, for example to set a proxy; it is not closed with this one.

    Every failure is a `StepwellError`.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
        retries: Optional[RetryPolicy] = None,
        http_client: Optional[httpx.Client] = None,
    ) -> None:
        self._settings = settings(base_url, api_key, timeout, max_retries, retries)
        self._own = http_client is None
        self._http = http_client or httpx.Client()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._settings.base_url

    def close(self) -> None:
        """Closes the connections."""
        if self._own:
            self._http.close()

    # Workflows

    def create_workflow(
        self, definition: calls.Definition, *, idempotency_key: Optional[str] = None
    ) -> m.WorkflowCreated:
        """Creates a workflow from a definition: a mapping, or a text in YAML (or JSON)."""
        return self._send(calls.create_workflow(definition, idempotency_key))

    def list_workflows(
        self,
        *,
        status: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.WorkflowPage:
        """A page of workflows, newest first; `status` is `active` or `inactive`."""
        return self._send(calls.list_workflows(status, limit, cursor))

    def iter_workflows(self, *, status: Optional[str] = None) -> Iterator[m.WorkflowRow]:
        """All workflows, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = self.list_workflows(status=status, limit=100, cursor=cursor)
            yield from page.workflows
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_workflow(self, workflow_id: str) -> m.Workflow:
        """A workflow with its definition and resolved steps."""
        return self._send(calls.get_workflow(workflow_id))

    def update_workflow(self, workflow_id: str, definition: calls.Definition) -> m.Workflow:
        """Makes a new release. Never repeated by itself, since each time would make one."""
        return self._send(calls.update_workflow(workflow_id, definition))

    def delete_workflow(self, workflow_id: str) -> None:
        """Deletes a workflow; running executions finish and history stays readable."""
        self._send(calls.delete_workflow(workflow_id))

    def workflow_stats(self, workflow_id: str) -> m.Stats:
        """Counts of a workflow's executions."""
        return self._send(calls.workflow_stats(workflow_id))

    # Executions

    def execute(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionAccepted:
        """Queues an execution. `secrets` (name to value) are for this execution only."""
        call = calls.execute(workflow_id, input, webhook_url, secrets, idempotency_key)
        return self._send(call)

    def run(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Execution:
        """Executes a workflow and waits until it ended, up to `timeout` seconds (None: for ever).

        A failed execution is returned, not raised: see `Execution.raise_for_status`. Raises
        `WaitTimeoutError` when the time is over.
        """
        begun = time.monotonic()
        outcome = self._send(
            calls.run(workflow_id, input, webhook_url, secrets, idempotency_key, timeout)
        )
        if isinstance(outcome, m.Execution):
            return outcome
        return self._wait(workflow_id, outcome.execution_id, timeout, begun)

    def wait(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """The execution once it ended; `WaitTimeoutError` after `timeout` seconds."""
        return self._wait(workflow_id, execution_id, timeout, time.monotonic())

    def _wait(
        self, workflow_id: str, execution_id: str, timeout: Optional[float], begun: float
    ) -> m.Execution:
        look = FIRST_LOOK
        while True:
            execution = self.get_execution(workflow_id, execution_id)
            if execution.ended:
                return execution
            pause = look
            if timeout is not None:
                left = begun + timeout - time.monotonic()
                if left <= 0:
                    raise WaitTimeoutError(execution_id, timeout)
                pause = min(look, left)
            time.sleep(pause)
            look = min(look * 1.5, SLOWEST_LOOK)

    def get_execution(self, workflow_id: str, execution_id: str) -> m.Execution:
        """An execution with its tasks."""
        return self._send(calls.get_execution(workflow_id, execution_id))

    def list_executions(
        self,
        workflow_id: str,
        *,
        status: Union[str, Sequence[str], None] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.ExecutionPage:
        """A page of a workflow's executions, newest first; `status` is one or several."""
        return self._send(calls.list_executions(workflow_id, status, limit, cursor))

    def iter_executions(
        self, workflow_id: str, *, status: Union[str, Sequence[str], None] = None
    ) -> Iterator[m.ExecutionRow]:
        """All executions of a workflow, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = self.list_executions(workflow_id, status=status, limit=100, cursor=cursor)
            yield from page.executions
            cursor = page.next_cursor
            if cursor is None:
                return

    def cancel(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionChanged:
        """Ends an execution as CANCELLED."""
        call = calls.change("cancel", workflow_id, execution_id, idempotency_key, reason)
        return self._send(call)

    def pause(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Holds an execution: what is under way finishes, nothing further starts."""
        return self._send(calls.change("pause", workflow_id, execution_id, idempotency_key))

    def resume(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Lets a paused execution go on."""
        return self._send(calls.change("resume", workflow_id, execution_id, idempotency_key))

    def events(self, workflow_id: str, execution_id: str, *, after: int = 0) -> Iterator[m.Event]:
        """What happens to an execution, from its beginning (or after the event `after`) until it
        ended. A connection that breaks is replaced; no event is lost or comes twice."""
        follower = Follower(after, execution_id, self.base_url, self._settings.retries)
        where = self.base_url + calls.events_path(workflow_id, execution_id)
        while not follower.ended:
            headers = {**self._settings.headers(), **follower.connect()}
            timeout = self._settings.stream_timeout
            try:
                with self._http.stream("GET", where, headers=headers, timeout=timeout) as answer:
                    if answer.is_success:
                        for chunk in answer.iter_bytes():
                            yield from follower.feed(chunk)
                    else:
                        answer.read()
                        follower.refused(answer)
            except httpx.TransportError as error:
                follower.lost(error)
            if follower.ended:
                return
            if follower.silent and self.get_execution(workflow_id, execution_id).ended:
                return
            time.sleep(follower.pause())

    def logs(self, workflow_id: str, execution_id: str) -> list[m.LogLine]:
        """The log of an execution, in order."""
        return self._send(calls.logs(workflow_id, execution_id)).logs

    def step_types(self) -> list[m.StepType]:
        """All step types, sorted by name."""
        return self._send(calls.step_types()).step_types

    # Keys (scope `admin`)

    def create_api_key(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: Optional[datetime] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.NewApiKey:
        """Makes a key; its `secret` is in this answer only."""
        return self._send(calls.create_api_key(name, scopes, expires_at, idempotency_key))

    def list_api_keys(
        self,
        *,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[str] = None,
    ) -> m.ApiKeyPage:
        """A page of keys, without their secrets."""
        return self._send(calls.list_api_keys(page, page_size, sort_by, sort_order))

    def revoke_api_key(self, key_id: str) -> None:
        """Refuses a key from now on."""
        self._send(calls.revoke_api_key(key_id))

    def me(self) -> m.Me:
        """Who this client's key is and what it may do."""
        return self._send(calls.me())

    def webhook_signing_secret(self) -> str:
        """The secret with which webhooks are signed."""
        return self._send(calls.webhook_signing_secret())

    # Deployments

    def execute_workflow(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.SyncOptions]
    ) -> d.ExecuteWorkflowResponse:
        """Executes a deployment and answers with its outputs, or with its error as `data.error`.

        `inputs` maps names to values, or is a list of `{"name", "type", "value"}`, where `type`
        may be left out.
        """
        return self._send(deployments.execute_workflow(inputs, options))

    def execute_workflow_async(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.DeploymentOptions]
    ) -> d.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment; look with `workflow_execution_status`."""
        return self._send(deployments.execute_workflow_async(inputs, options))

    def execute_workflow_stream(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.StreamOptions]
    ) -> Iterator[d.WorkflowStreamEvent]:
        """Executes a deployment and yields its events as they happen.

        Raises `ConnectionFailedError`, with the execution's id, where the stream breaks off.
        Leaving the loop early does not stop the execution.
        """
        call = deployments.execute_workflow_stream(inputs, options)
        return self._stream(call)

    def _stream(self, call: Call[None]) -> Iterator[d.WorkflowStreamEvent]:
        reader = deployments.StreamReader()
        answer = self._answer(call, stream=True)
        try:
            if not answer.is_success:
                answer.read()
                call.result(answer)
            for chunk in answer.iter_bytes():
                yield from reader.feed(chunk)
            yield from reader.close()
        except httpx.RequestError as error:
            raise broken(error, self.base_url, reader.execution_id) from error
        finally:
            answer.close()

    def workflow_execution_status(self, execution_id: str) -> d.WorkflowExecutionStatus:
        """Where an execution of a deployment stands."""
        return self._send(deployments.workflow_execution_status(execution_id))

    def submit_workflow_execution_actuals(
        self,
        actuals: Sequence[Mapping[str, Any]],
        *,
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> None:
        """Tells how good the outputs of an execution were, and what they should have been."""
        self._send(
            deployments.submit_workflow_execution_actuals(
                actuals, execution_id, external_id, idempotency_key
            )
        )

    # Sending

    def _send(self, call: Call[T]) -> T:
        return call.result(self._answer(call))

    def _answer(self, call: Call[Any], stream: bool = False) -> httpx.Response:
        """The answer to a call, after its retries. A streamed one has to be closed."""
        arguments = call.arguments(self._settings)
        tried = 0
        while True:
            tried += 1
            outcome: Union[httpx.Response, httpx.RequestError]
            try:
                outcome = self._http.send(self._http.build_request(**arguments), stream=stream)
            except httpx.RequestError as error:
                outcome = error
            delay = call.delay(self._settings.retries, tried, outcome)
            if delay is None:
                break
            if isinstance(outcome, httpx.Response):
                outcome.close()
            time.sleep(delay)
        if isinstance(outcome, httpx.RequestError):
            raise broken(outcome, self.base_url) from outcome
        return outcome
