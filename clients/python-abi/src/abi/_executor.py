"""`WorkflowExecutor`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, wait
from datetime import datetime
from threading import Thread
from typing import Any, Mapping, Optional, Sequence, TypedDict, Union

from stepwell import management

from ._service import Service

Page = management.Page
Execution = management.Execution
Parameters = Optional[Mapping[str, Any]]


class ExecutionOptions(TypedDict, total=False):
    """Past `timeout_seconds` the execution is stopped. `wait_for_completion` (true unless given):
    whether to answer with the ended execution or at once."""

    timeout_seconds: Optional[float]
    wait_for_completion: Optional[bool]


class StartedExecution:
    """An execution that was started.

    Its fields say how it began. `await` it for the completed `Execution`, as `execute_workflow`
    gives it; that raises `WorkflowExecutionError` where it failed.
    """

    def __init__(
        self,
        answer: Future[Execution],
        finish: Callable[[str], Coroutine[Any, Any, Execution]],
    ) -> None:
        self._answer = answer
        self._finish = finish

    @property
    def execution_id(self) -> str:
        """Its id."""
        return self._begun.execution_id

    @property
    def workflow_id(self) -> str:
        """Its workflow."""
        return self._begun.workflow_id

    @property
    def status(self) -> str:
        """`running`, or `queued` where it waits for its turn."""
        return self._begun.status

    @property
    def started_at(self) -> Optional[datetime]:
        """When it began; None where it waits for its turn."""
        return self._begun.started_at

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was given."""
        return self._begun.parameters

    @property
    def callback_url(self) -> Optional[str]:
        """Where it is sent once it has ended."""
        return self._begun.callback_url

    @property
    def _begun(self) -> Execution:
        return self._answer.result()

    def __repr__(self) -> str:
        if not self._answer.done() or self._answer.exception() is not None:
            return "StartedExecution(…)"
        begun = self._begun
        return f"StartedExecution(execution_id={begun.execution_id!r}, status={begun.status!r})"

    def __await__(self) -> Generator[Any, None, Execution]:
        return self._ended().__await__()

    async def _ended(self) -> Execution:
        begun = await asyncio.wrap_future(self._answer)
        return await self._finish(begun.execution_id)


class WorkflowExecutor(Service):
    """Executes workflows and looks at executions."""

    def __init__(
        self,
        access_token: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
    ) -> None:
        super().__init__(access_token, base_url, timeout=timeout, max_retries=max_retries)
        # Requests of event loops that are under way in threads.
        self._starting: set[Future[Execution]] = set()

    def execute_workflow(
        self,
        workflow_id: str,
        parameters: Parameters = None,
        execution_options: Optional[ExecutionOptions] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> Execution:
        """Executes a workflow and waits for its end. Raises `WorkflowExecutionError` where it
        fails, `ExecutionTimeoutError` where it takes longer than it may. With an `idempotency_key`
        of your own, calling again starts no second one."""
        timeout, waits = _read(execution_options)
        with self._calling() as client:
            start = client.workflows.execute if waits else client.workflows.execute_async
            return start(
                workflow_id, parameters, timeout_seconds=timeout, idempotency_key=idempotency_key
            )

    def execute_workflow_async(
        self,
        workflow_id: str,
        parameters: Parameters = None,
        callback_url: Optional[str] = None,
        execution_options: Optional[ExecutionOptions] = None,
        *,
        idempotency_key: Optional[str] = None,
    ) -> StartedExecution:
        """Starts an execution and does not wait. `callback_url` is sent the ended execution, as a
        signed webhook. With an `idempotency_key` of your own, calling again starts no second one.

        In an asyncio program, `await` what it gives for the completed execution. There the request
        is sent from a thread, so that the event loop goes on, and a refusal is raised by the
        `await` (or by the first look at a field); elsewhere it is raised here.
        """
        timeout, _ = _read(execution_options)

        def start() -> Execution:
            with self._calling() as client:
                return client.workflows.execute_async(
                    workflow_id,
                    parameters,
                    callback_url=callback_url,
                    timeout_seconds=timeout,
                    idempotency_key=idempotency_key,
                )

        answer: Future[Execution] = Future()
        if _in_event_loop():
            self._starting.add(answer)
            answer.add_done_callback(self._starting.discard)
            # Not a daemon: what was started is sent, even if the program ends at once.
            Thread(target=_settle, args=(answer, start)).start()
        else:
            answer.set_result(start())
        return StartedExecution(answer, self._finish)

    def close(self) -> None:
        """Closes the connections, once what was started has been sent."""
        wait(list(self._starting))
        super().close()

    async def _finish(self, execution_id: str) -> Execution:
        async with self._calling_async() as client:
            return (await client.executions.wait(execution_id)).raise_for_status()

    def get_execution_status(self, execution_id: str) -> Execution:
        """An execution with its steps."""
        with self._calling() as client:
            return client.executions.get(execution_id)

    async def get_execution_status_async(self, execution_id: str) -> Execution:
        """As `get_execution_status`."""
        async with self._calling_async() as client:
            return await client.executions.get(execution_id)

    def list_executions(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[str, Sequence[str], None] = None,
        start_date: Optional[management.DateOrTimestamp] = None,
        end_date: Optional[management.DateOrTimestamp] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Page[management.ExecutionRow]:
        """A page of executions, newest first. The dates, which may be texts, mean when they were
        accepted."""
        with self._calling() as client:
            return client.executions.list(
                workflow_id=workflow_id,
                status=status,
                start_date=start_date,
                end_date=end_date,
                page=page,
                page_size=page_size,
                cursor=cursor,
            )

    async def list_executions_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[str, Sequence[str], None] = None,
        start_date: Optional[management.DateOrTimestamp] = None,
        end_date: Optional[management.DateOrTimestamp] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Page[management.ExecutionRow]:
        """As `list_executions`."""
        async with self._calling_async() as client:
            return await client.executions.list(
                workflow_id=workflow_id,
                status=status,
                start_date=start_date,
                end_date=end_date,
                page=page,
                page_size=page_size,
                cursor=cursor,
            )

    def iter_executions(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[str, Sequence[str], None] = None,
        start_date: Optional[management.DateOrTimestamp] = None,
        end_date: Optional[management.DateOrTimestamp] = None,
    ) -> Iterator[management.ExecutionRow]:
        """All executions, page by page; the arguments are those of `list_executions`."""
        with self._calling() as client:
            rows = client.executions.iter(
                workflow_id=workflow_id, status=status, start_date=start_date, end_date=end_date
            )
            for row in rows:
                yield row

    async def iter_executions_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        status: Union[str, Sequence[str], None] = None,
        start_date: Optional[management.DateOrTimestamp] = None,
        end_date: Optional[management.DateOrTimestamp] = None,
    ) -> AsyncIterator[management.ExecutionRow]:
        """As `iter_executions`."""
        async with self._calling_async() as client:
            rows = client.executions.iter(
                workflow_id=workflow_id, status=status, start_date=start_date, end_date=end_date
            )
            async for row in rows:
                yield row


def _read(options: Optional[ExecutionOptions]) -> tuple[Optional[float], bool]:
    """The time-out, and whether to wait. ValueError for an option that is not known."""
    given = options or {}
    unknown = sorted(set(given) - set(ExecutionOptions.__annotations__))
    if unknown:
        raise ValueError(f"there is no execution option `{unknown[0]}`")
    return given.get("timeout_seconds"), given.get("wait_for_completion") is not False


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _settle(answer: Future[Execution], start: Callable[[], Execution]) -> None:
    try:
        answer.set_result(start())
    except BaseException as error:
        answer.set_exception(error)
