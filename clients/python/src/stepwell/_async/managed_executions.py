"""Executions of all workflows: `/api/v1/workflow_executions`."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, AsyncGenerator, Mapping, Optional, Union

from typing_extensions import Unpack

from .. import _management_models as mm
from .._call import build_path, decode_data, get, list_page, post, query_params, without_none
from .._errors import WaitTimeoutError
from .._follow import MANAGEMENT_EVENTS
from .._management import EXECUTION, EXECUTIONS
from .._settings import FIRST_POLL_INTERVAL, MAX_POLL_INTERVAL
from .resource import AsyncResource
from .transport import AsyncTransport

_LOGS = EXECUTION + "/logs"


class AsyncManagedExecutions(AsyncResource):
    """Calls for executions: `client.executions`."""

    async def get(self, execution_id: str, *, include_io: bool = False) -> mm.Execution:
        """Returns an execution with its steps; `include_io` adds their inputs and outputs."""
        url_path = build_path(EXECUTION, execution_id)
        call = get(url_path, decode_data(mm.Execution), include="io" if include_io else None)
        return await self._client._send(call)

    async def list(self, **options: Unpack[mm.ExecutionListOptions]) -> mm.Page[mm.ExecutionRow]:
        """Returns a page of executions."""
        return await self._client._send(list_page(EXECUTIONS, mm.Page[mm.ExecutionRow], options))

    def iter(
        self, **selection: Unpack[mm.ExecutionSelection]
    ) -> AsyncGenerator[mm.ExecutionRow, None]:
        """Iterates over all executions, page by page."""
        return self._client._iter_pages(
            EXECUTIONS, mm.Page[mm.ExecutionRow], query_params(selection)
        )

    async def wait(self, execution_id: str, *, timeout: Optional[float] = None) -> mm.Execution:
        """Waits for the end of an execution; raises `WaitTimeoutError` after `timeout` seconds."""
        return await wait_for_execution(self._client, execution_id, timeout)

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.ExecutionChanged:
        """Cancels an execution."""
        return await self._change(
            execution_id, "cancel", without_none(reason=reason), idempotency_key
        )

    async def pause(
        self, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> mm.ExecutionChanged:
        """Pauses an execution: running steps finish, no further step starts."""
        return await self._change(execution_id, "pause", None, idempotency_key)

    async def resume(
        self, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> mm.ExecutionChanged:
        """Resumes a paused execution."""
        return await self._change(execution_id, "resume", None, idempotency_key)

    async def _change(
        self, execution_id: str, verb: str, body: Any, key: Optional[str]
    ) -> mm.ExecutionChanged:
        url_path = build_path(EXECUTION + "/" + verb, execution_id)
        call = post(url_path, decode_data(mm.ExecutionChanged), body or None, key=key)
        return await self._client._send(call)

    async def rerun(
        self,
        execution_id: str,
        *,
        parameters: Optional[Mapping[str, Any]] = None,
        from_failed: bool = False,
        from_step: Optional[str] = None,
        input: Any = None,
        callback_url: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.Execution:
        """Reruns an ended execution as a new execution of the same release: from its beginning,
        with optional new `parameters`; from what failed (`from_failed`); or from a step
        (`from_step`), with an optional new `input`. The results of earlier steps are reused."""
        body = without_none(
            parameters=parameters,
            from_step=from_step,
            input=input,
            callback_url=callback_url,
            **{"from": "failed" if from_failed else None},
        )
        url_path = build_path(EXECUTION + "/rerun", execution_id)
        call = post(url_path, decode_data(mm.Execution), body, key=idempotency_key)
        return await self._client._send(call)

    def events(
        self, execution_id: str, *, after: Union[int, str] = 0
    ) -> AsyncGenerator[mm.Event, None]:
        """Follows the events of an execution from its start (or after the event with the id
        `after`) to its end. Reconnects when a connection breaks, without losing or repeating an
        event."""
        get_execution = get(build_path(EXECUTION, execution_id), decode_data(mm.Execution))
        url_path = build_path(EXECUTION + "/events", execution_id)
        return self._client._follow_events(
            url_path, MANAGEMENT_EVENTS, get_execution, execution_id, after
        )

    async def logs(
        self, execution_id: str, **options: Unpack[mm.ListOptions]
    ) -> mm.Page[mm.LogLine]:
        """Returns a page of an execution's log, in order."""
        url_path = build_path(_LOGS, execution_id)
        return await self._client._send(list_page(url_path, mm.Page[mm.LogLine], options))

    def iter_logs(
        self, execution_id: str, **sorting: Unpack[mm.Sorting]
    ) -> AsyncGenerator[mm.LogLine, None]:
        """Iterates over the log of an execution, in order, page by page."""
        url_path = build_path(_LOGS, execution_id)
        return self._client._iter_pages(url_path, mm.Page[mm.LogLine], query_params(sorting))


async def wait_for_execution(
    client: AsyncTransport, execution_id: str, timeout: Optional[float]
) -> mm.Execution:
    """Polls until the execution has ended."""
    started, interval = monotonic(), FIRST_POLL_INTERVAL
    while True:
        call = get(build_path(EXECUTION, execution_id), decode_data(mm.Execution))
        execution = await client._send(call)
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
