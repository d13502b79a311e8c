"""`WorkflowExecutor`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from typing import Any, Literal, Mapping, Optional, Sequence, TypedDict, Union

import stepwell

from ._models import Execution, Page, convert, page_of
from ._service import ServiceClient

Status = Literal["queued", "running", "paused", "completed", "failed", "timed_out", "cancelled"]
Date = Union[datetime, date, str]
Parameters = Optional[Mapping[str, Any]]

# Requests that one executor sends at the same time for event loops.
MAX_THREADS = 16


class ExecutionOptions(TypedDict, total=False):
    """After `timeout_seconds` the execution ends as timed out. `wait_for_completion` (default
    true): whether to return the ended execution, or to return without waiting."""

    timeout_seconds: Optional[float]
    wait_for_completion: Optional[bool]


class StartedExecution:
    """A started execution; its fields have the state at the start.

    `await` it for the completed `Execution`, as `execute_workflow` returns it; that raises
    `WorkflowExecutionError` if it failed.
    """

    def __init__(
        self,
        response: Future[Execution],
        wait_for_end: Callable[[str], Coroutine[Any, Any, Execution]],
    ) -> None:
        self._response = response
        self._wait_for_end = wait_for_end

    @property
    def execution_id(self) -> str:
        """The id of the execution."""
        return self._initial.execution_id

    @property
    def workflow_id(self) -> str:
        """The id of the workflow."""
        return self._initial.workflow_id

    @property
    def status(self) -> str:
        """`running`, or `queued` if it waits for capacity."""
        return self._initial.status

    @property
    def started_at(self) -> Optional[datetime]:
        """The time of its start; None if it waits for capacity."""
        return self._initial.started_at

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the execution."""
        return self._initial.parameters

    @property
    def callback_url(self) -> Optional[str]:
        """The URL to which the ended execution is sent."""
        return self._initial.callback_url

    @property
    def _initial(self) -> Execution:
        return self._response.result()

    def __repr__(self) -> str:
        if not self._response.done() or self._response.exception() is not None:
            return "StartedExecution(…)"
        initial = self._initial
        shown = f"execution_id={initial.execution_id!r}, status={initial.status!r}"
        return f"StartedExecution({shown})"

    def __await__(self) -> Generator[Any, None, Execution]:
        return self._completed().__await__()

    async def _completed(self) -> Execution:
        # Cancelling the `await` does not cancel the request, so the id stays available.
        initial = await asyncio.shield(asyncio.wrap_future(self._response))
        return await self._wait_for_end(initial.execution_id)


class WorkflowExecutor(ServiceClient):
    """Executes workflows, and lists and returns executions."""

    def __init__(
        self,
        access_token: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
    ) -> None:
        super().__init__(access_token, base_url, timeout=timeout, max_retries=max_retries)
        # Sends the requests of `execute_workflow_async` for event loops. At its exit the
        # interpreter waits for these threads, so every request is sent.
        self._pool = ThreadPoolExecutor(MAX_THREADS, "abi-executor")

    def execute_workflow(
        self,
        workflow_id: str,
        parameters: Parameters = None,
        execution_options: Optional[ExecutionOptions] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> Execution:
        """Executes a workflow and waits for its end. Raises `WorkflowExecutionError` if it fails,
        `ExecutionTimeoutError` if it exceeds its timeout. Calling again with the same
        `idempotency_key` does not start a second execution."""
        timeout, waits = _read_options(execution_options)
        with self._sync_client() as client:
            start = client.workflows.execute if waits else client.workflows.start
            result = start(
                workflow_id, parameters, execution_timeout=timeout, idempotency_key=idempotency_key
            )
        return convert(Execution, result)

    def execute_workflow_async(
        self,
        workflow_id: str,
        parameters: Parameters = None,
        callback_url: Optional[str] = None,
        execution_options: Optional[ExecutionOptions] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> StartedExecution:
        """Starts an execution without waiting for its end. The ended execution is sent to
        `callback_url` as a signed webhook. Calling again with the same `idempotency_key` does not
        start a second execution.

        In an asyncio program, `await` the result for the completed execution. There a thread sends
        the request, so that the event loop is not blocked, and the `await` (or the first access to
        a field) raises its error; elsewhere this method raises it.
        """
        timeout, _ = _read_options(execution_options)

        def start() -> Execution:
            with self._sync_client() as client:
                result = client.workflows.start(
                    workflow_id,
                    parameters,
                    callback_url=callback_url,
                    execution_timeout=timeout,
                    idempotency_key=idempotency_key,
                )
            return convert(Execution, result)

        if _in_event_loop():
            return StartedExecution(self._pool.submit(start), self._wait_for_end)
        response: Future[Execution] = Future()
        response.set_result(start())
        return StartedExecution(response, self._wait_for_end)

    def close(self) -> None:
        """Closes the connections, after all started requests are sent."""
        self._pool.shutdown()
        super().close()

    async def _wait_for_end(self, execution_id: str) -> Execution:
        async with self._async_client() as client:
            result = await client.executions.wait(execution_id)
            return convert(Execution, result.raise_for_status())

    def get_execution_status(self, execution_id: str) -> Execution:
        """Returns an execution with its steps."""
        with self._sync_client() as client:
            return convert(Execution, client.executions.get(execution_id))

    async def get_execution_status_async(self, execution_id: str) -> Execution:
        """Async variant of `get_execution_status`."""
        async with self._async_client() as client:
            return convert(Execution, await client.executions.get(execution_id))

    def list_executions(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[Status, Sequence[Status], None] = None,
        start_date: Optional[Date] = None,
        end_date: Optional[Date] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Page[Execution]:
        """Returns a page of executions, newest first. The dates are those of the creation and can
        be strings."""
        with self._sync_client() as client:
            result = client.executions.list(
                workflow=workflow_id,
                status=status,
                start_date=start_date,
                end_date=end_date,
                page=page,
                page_size=page_size,
                cursor=cursor,
            )
            return page_of(Execution, result)

    async def list_executions_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[Status, Sequence[Status], None] = None,
        start_date: Optional[Date] = None,
        end_date: Optional[Date] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Page[Execution]:
        """Async variant of `list_executions`."""
        async with self._async_client() as client:
            result = await client.executions.list(
                workflow=workflow_id,
                status=status,
                start_date=start_date,
                end_date=end_date,
                page=page,
                page_size=page_size,
                cursor=cursor,
            )
            return page_of(Execution, result)

    def iter_executions(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[Status, Sequence[Status], None] = None,
        start_date: Optional[Date] = None,
        end_date: Optional[Date] = None,
    ) -> Iterator[Execution]:
        """Iterates over all executions; the arguments are those of `list_executions`."""
        with self._sync_client() as client:
            rows = client.executions.list(
                workflow=workflow_id, status=status, start_date=start_date, end_date=end_date
            )
            for row in rows:
                yield convert(Execution, row)

    async def iter_executions_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[Status, Sequence[Status], None] = None,
        start_date: Optional[Date] = None,
        end_date: Optional[Date] = None,
    ) -> AsyncIterator[Execution]:
        """Async variant of `iter_executions`."""
        async with self._async_client() as client:
            rows = client.executions.list(
                workflow=workflow_id, status=status, start_date=start_date, end_date=end_date
            )
            async for row in rows:
                yield convert(Execution, row)


def _read_options(options: Optional[ExecutionOptions]) -> tuple[Optional[float], bool]:
    """The timeout, and whether to wait. Raises ValueError for an unknown option."""
    passed = options or {}
    unknown = sorted(set(passed) - set(ExecutionOptions.__annotations__))
    if unknown:
        raise ValueError(f"unknown execution option `{unknown[0]}`")
    return passed.get("timeout_seconds"), passed.get("wait_for_completion") is not False


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
