"""Executions in the dataflow API."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, AsyncGenerator, Mapping, Optional, Sequence, Union

from .. import _models as m
from .._call import build_path, decode_as, get, post
from .._errors import WaitTimeoutError
from .._execution_calls import EXECUTION, execute_call, run_call
from .._follow import DATAFLOW_EVENTS
from .._settings import FIRST_POLL_INTERVAL, MAX_POLL_INTERVAL
from .transport import AsyncTransport


class AsyncExecutions(AsyncTransport):
    """Calls for executions."""

    async def execute(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionAccepted:
        """Queues an execution. `secrets` (name to value) apply to this execution only."""
        call = execute_call(workflow_id, input, webhook_url, secrets, idempotency_key)
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
        """Executes a workflow and waits for its end, up to `timeout` seconds (None: no limit).

        A failed execution is returned, not raised: see `Execution.raise_for_status`. Raises
        `WaitTimeoutError` after `timeout`.
        """
        started = monotonic()
        call = run_call(workflow_id, input, webhook_url, secrets, idempotency_key, timeout)
        outcome = await self._send(call)
        if isinstance(outcome, m.Execution):
            return outcome
        return await self._wait(workflow_id, outcome.execution_id, timeout, started)

    async def wait(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """Waits for the end of an execution; raises `WaitTimeoutError` after `timeout` seconds."""
        return await self._wait(workflow_id, execution_id, timeout, monotonic())

    async def _wait(
        self, workflow_id: str, execution_id: str, timeout: Optional[float], started: float
    ) -> m.Execution:
        interval = FIRST_POLL_INTERVAL
        while True:
            execution = await self.get_execution(workflow_id, execution_id)
            if execution.ended:
                return execution
            pause = interval
            if timeout is not None:
                left = started + timeout - monotonic()
                if left <= 0:
                    raise WaitTimeoutError(execution_id, timeout)
                pause = min(interval, left)
            await asyncio.sleep(pause)
            interval = min(interval * 1.5, MAX_POLL_INTERVAL)

    async def get_execution(self, workflow_id: str, execution_id: str) -> m.Execution:
        """Returns an execution with its tasks."""
        return await self._send(
            get(build_path(EXECUTION, workflow_id, execution_id), decode_as(m.Execution))
        )

    async def list_executions(
        self,
        workflow_id: str,
        *,
        status: Union[str, Sequence[str], None] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.ExecutionPage:
        """Returns a page of a workflow's executions, newest first; `status` is one or several."""
        statuses = status if status is None or isinstance(status, str) else ",".join(status)
        url_path = build_path("/workflows/{}/executions", workflow_id)
        decode = decode_as(m.ExecutionPage)
        return await self._send(get(url_path, decode, status=statuses, limit=limit, cursor=cursor))

    async def iter_executions(
        self, workflow_id: str, *, status: Union[str, Sequence[str], None] = None
    ) -> AsyncGenerator[m.ExecutionRow, None]:
        """Iterates over the executions of a workflow, newest first, page by page."""
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
        """Cancels an execution."""
        body = {"reason": reason} if reason is not None else None
        url_path = build_path(EXECUTION + "/cancel", workflow_id, execution_id)
        return await self._send(
            post(url_path, decode_as(m.ExecutionChanged), body, key=idempotency_key)
        )

    async def pause(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Pauses an execution: running steps finish, no further step starts."""
        url_path = build_path(EXECUTION + "/pause", workflow_id, execution_id)
        return await self._send(post(url_path, decode_as(m.ExecutionChanged), key=idempotency_key))

    async def resume(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Resumes a paused execution."""
        url_path = build_path(EXECUTION + "/resume", workflow_id, execution_id)
        return await self._send(post(url_path, decode_as(m.ExecutionChanged), key=idempotency_key))

    def events(
        self, workflow_id: str, execution_id: str, *, after: Union[int, str] = 0
    ) -> AsyncGenerator[m.Event, None]:
        """Follows the events of an execution from its start (or after the event with the id
        `after`) to its end. Reconnects when a connection breaks, without losing or repeating an
        event."""
        get_execution = get(
            build_path(EXECUTION, workflow_id, execution_id), decode_as(m.Execution)
        )
        url_path = build_path(EXECUTION + "/events", workflow_id, execution_id)
        return self._follow_events(url_path, DATAFLOW_EVENTS, get_execution, execution_id, after)

    async def logs(self, workflow_id: str, execution_id: str) -> list[m.LogLine]:
        """Returns the log of an execution, in order."""
        url_path = build_path(EXECUTION + "/logs", workflow_id, execution_id)
        return (await self._send(get(url_path, decode_as(m.Logs)))).logs
