"""The client for asyncio programs: `Client` with `await`."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from types import TracebackType
from typing import Any, AsyncIterator, Mapping, Optional, Sequence, TypeVar, Union

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


class AsyncClient:
    """A connection to a Stepwell server. Belongs to one event loop; close it, or use `async with`.

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
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        self._settings = settings(base_url, api_key, timeout, max_retries, retries)
        self._own = http_client is None
        self._http = http_client or httpx.AsyncClient()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._settings.base_url

    async def close(self) -> None:
        """Closes the connections."""
        if self._own:
            await self._http.aclose()

    # Workflows

    async def create_workflow(
        self, definition: calls.Definition, *, idempotency_key: Optional[str] = None
    ) -> m.WorkflowCreated:
        """Creates a workflow from a definition: a mapping, or a text in YAML (or JSON)."""
        return await self._send(calls.create_workflow(definition, idempotency_key))

    async def list_workflows(
        self,
        *,
        status: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.WorkflowPage:
        """A page of workflows, newest first; `status` is `active` or `inactive`."""
        return await self._send(calls.list_workflows(status, limit, cursor))

    async def iter_workflows(self, *, status: Optional[str] = None) -> AsyncIterator[m.WorkflowRow]:
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
        return await self._send(calls.get_workflow(workflow_id))

    async def update_workflow(self, workflow_id: str, definition: calls.Definition) -> m.Workflow:
        """Makes a new release. Never repeated by itself, since each time would make one."""
        return await self._send(calls.update_workflow(workflow_id, definition))

    async def delete_workflow(self, workflow_id: str) -> None:
        """Deletes a workflow; running executions finish and history stays readable."""
        await self._send(calls.delete_workflow(workflow_id))

    async def workflow_stats(self, workflow_id: str) -> m.Stats:
        """Counts of a workflow's executions."""
        return await self._send(calls.workflow_stats(workflow_id))

    # Executions

    async def execute(
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
        return await self._send(call)

    async def run(
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
        outcome = await self._send(
            calls.run(workflow_id, input, webhook_url, secrets, idempotency_key, timeout)
        )
        if isinstance(outcome, m.Execution):
            return outcome
        return await self._wait(workflow_id, outcome.execution_id, timeout, begun)

    async def wait(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """The execution once it ended; `WaitTimeoutError` after `timeout` seconds."""
        return await self._wait(workflow_id, execution_id, timeout, time.monotonic())

    async def _wait(
        self, workflow_id: str, execution_id: str, timeout: Optional[float], begun: float
    ) -> m.Execution:
        look = FIRST_LOOK
        while True:
            execution = await self.get_execution(workflow_id, execution_id)
            if execution.ended:
                return execution
            pause = look
            if timeout is not None:
                left = begun + timeout - time.monotonic()
                if left <= 0:
                    raise WaitTimeoutError(execution_id, timeout)
                pause = min(look, left)
            await asyncio.sleep(pause)
            look = min(look * 1.5, SLOWEST_LOOK)

    async def get_execution(self, workflow_id: str, execution_id: str) -> m.Execution:
        """An execution with its tasks."""
        return await self._send(calls.get_execution(workflow_id, execution_id))

    async def list_executions(
        self,
        workflow_id: str,
        *,
        status: Union[str, Sequence[str], None] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.ExecutionPage:
        """A page of a workflow's executions, newest first; `status` is one or several."""
        return await self._send(calls.list_executions(workflow_id, status, limit, cursor))

    async def iter_executions(
        self, workflow_id: str, *, status: Union[str, Sequence[str], None] = None
    ) -> AsyncIterator[m.ExecutionRow]:
        """All executions of a workflow, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = await self.list_executions(workflow_id, status=status, limit=100, cursor=cursor)
            for row in page.executions:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return

    async def cancel(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionChanged:
        """Ends an execution as CANCELLED."""
        call = calls.change("cancel", workflow_id, execution_id, idempotency_key, reason)
        return await self._send(call)

    async def pause(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Holds an execution: what is under way finishes, nothing further starts."""
        return await self._send(calls.change("pause", workflow_id, execution_id, idempotency_key))

    async def resume(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Lets a paused execution go on."""
        return await self._send(calls.change("resume", workflow_id, execution_id, idempotency_key))

    async def events(
        self, workflow_id: str, execution_id: str, *, after: int = 0
    ) -> AsyncIterator[m.Event]:
        """What happens to an execution, from its beginning (or after the event `after`) until it
        ended. A connection that breaks is replaced; no event is lost or comes twice."""
        follower = Follower(after, execution_id, self.base_url, self._settings.retries)
        where = self.base_url + calls.events_path(workflow_id, execution_id)
        while not follower.ended:
            headers = {**self._settings.headers(), **follower.connect()}
            timeout = self._settings.stream_timeout
            try:
                async with self._http.stream(
                    "GET", where, headers=headers, timeout=timeout
                ) as answer:
                    if answer.is_success:
                        async for chunk in answer.aiter_bytes():
                            for event in follower.feed(chunk):
                                yield event
                    else:
                        await answer.aread()
                        follower.refused(answer)
            except httpx.TransportError as error:
                follower.lost(error)
            if follower.ended:
                return
            if follower.silent and (await self.get_execution(workflow_id, execution_id)).ended:
                return
            await asyncio.sleep(follower.pause())

    async def logs(self, workflow_id: str, execution_id: str) -> list[m.LogLine]:
        """The log of an execution, in order."""
        return (await self._send(calls.logs(workflow_id, execution_id))).logs

    async def step_types(self) -> list[m.StepType]:
        """All step types, sorted by name."""
        return (await self._send(calls.step_types())).step_types

    # Keys (scope `admin`)

    async def create_api_key(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: Optional[datetime] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.NewApiKey:
        """Makes a key; its `secret` is in this answer only."""
        return await self._send(calls.create_api_key(name, scopes, expires_at, idempotency_key))

    async def list_api_keys(
        self,
        *,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[str] = None,
    ) -> m.ApiKeyPage:
        """A page of keys, without their secrets."""
        return await self._send(calls.list_api_keys(page, page_size, sort_by, sort_order))

    async def revoke_api_key(self, key_id: str) -> None:
        """Refuses a key from now on."""
        await self._send(calls.revoke_api_key(key_id))

    async def me(self) -> m.Me:
        """Who this client's key is and what it may do."""
        return await self._send(calls.me())

    async def webhook_signing_secret(self) -> str:
        """The secret with which webhooks are signed."""
        return await self._send(calls.webhook_signing_secret())

    # Deployments

    async def execute_workflow(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.SyncOptions]
    ) -> d.ExecuteWorkflowResponse:
        """Executes a deployment and answers with its outputs, or with its error as `data.error`.

        `inputs` maps names to values, or is a list of `{"name", "type", "value"}`, where `type`
        may be left out.
        """
        return await self._send(deployments.execute_workflow(inputs, options))

    async def execute_workflow_async(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.DeploymentOptions]
    ) -> d.ExecuteWorkflowAsyncResponse:
        """Queues an execution of a deployment; look with `workflow_execution_status`."""
        return await self._send(deployments.execute_workflow_async(inputs, options))

    def execute_workflow_stream(
        self, inputs: deployments.Inputs, **options: Unpack[deployments.StreamOptions]
    ) -> AsyncIterator[d.WorkflowStreamEvent]:
        """Executes a deployment and yields its events as they happen.

        Raises `ConnectionFailedError`, with the execution's id, where the stream breaks off.
        Leaving the loop early does not stop the execution.
        """
        call = deployments.execute_workflow_stream(inputs, options)
        return self._stream(call)

    async def _stream(self, call: Call[None]) -> AsyncIterator[d.WorkflowStreamEvent]:
        reader = deployments.StreamReader()
        answer = await self._answer(call, stream=True)
        try:
            if not answer.is_success:
                await answer.aread()
                call.result(answer)
            async for chunk in answer.aiter_bytes():
                for event in reader.feed(chunk):
                    yield event
            for event in reader.close():
                yield event
        except httpx.RequestError as error:
            raise broken(error, self.base_url, reader.execution_id) from error
        finally:
            await answer.aclose()

    async def workflow_execution_status(self, execution_id: str) -> d.WorkflowExecutionStatus:
        """Where an execution of a deployment stands."""
        return await self._send(deployments.workflow_execution_status(execution_id))

    async def submit_workflow_execution_actuals(
        self,
        actuals: Sequence[Mapping[str, Any]],
        *,
        execution_id: Optional[str] = None,
        external_id: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> None:
        """Tells how good the outputs of an execution were, and what they should have been."""
        await self._send(
            deployments.submit_workflow_execution_actuals(
                actuals, execution_id, external_id, idempotency_key
            )
        )

    # Sending

    async def _send(self, call: Call[T]) -> T:
        return call.result(await self._answer(call))

    async def _answer(self, call: Call[Any], stream: bool = False) -> httpx.Response:
        """The answer to a call, after its retries. A streamed one has to be closed."""
        arguments = call.arguments(self._settings)
        tried = 0
        while True:
            tried += 1
            outcome: Union[httpx.Response, httpx.RequestError]
            try:
                outcome = await self._http.send(
                    self._http.build_request(**arguments), stream=stream
                )
            except httpx.RequestError as error:
                outcome = error
            delay = call.delay(self._settings.retries, tried, outcome)
            if delay is None:
                break
            if isinstance(outcome, httpx.Response):
                await outcome.aclose()
            await asyncio.sleep(delay)
        if isinstance(outcome, httpx.RequestError):
            raise broken(outcome, self.base_url) from outcome
        return outcome
