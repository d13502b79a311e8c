"""Executions of all workflows: `/api/v1/workflow_executions`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, TypeVar, Union, overload

import httpx

from .. import _execution_models as m
from .._base import DateOrTimestamp, SortOrder
from .._call import (
    Call,
    build_path,
    decode_data,
    get,
    ignore_body,
    list_query,
    post,
    secret_headers,
    transport_error,
)
from .._execution_calls import decode_file_line
from .._execution_models import Execution
from .._follow import MANAGEMENT_EVENTS
from .._lines import LineSplitter
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import EXECUTION, EXECUTIONS, SIGNAL
from .._release_models import Actual
from .._result_type import with_result_type
from .pages import AsyncPaginator
from .resource import AsyncResource
from .transport import AsyncTransport

if TYPE_CHECKING:
    from .raw import AsyncExecutionsWithRawResponse

R = TypeVar("R")


class AsyncExecutions(AsyncResource):
    """Executions: `client.executions`. `client.workflows` starts them."""

    @property
    def with_raw_response(self) -> AsyncExecutionsWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncExecutionsWithRawResponse

        return AsyncExecutionsWithRawResponse(self)

    @overload
    async def get(
        self,
        execution_id: str,
        *,
        result_type: type[R],
        include_io: bool = False,
        timeout: Optional[float] = None,
    ) -> Execution[Optional[R]]: ...

    @overload
    async def get(
        self,
        execution_id: str,
        *,
        result_type: None = None,
        include_io: bool = False,
        timeout: Optional[float] = None,
    ) -> Execution: ...

    async def get(
        self,
        execution_id: str,
        *,
        result_type: Optional[type[Any]] = None,
        include_io: bool = False,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Returns an execution with its steps; `include_io` adds their inputs, outputs
        and resolved configurations.
        `result_type` is the type of the `result`, which is None until the execution has
        completed."""
        execution = await self._send(get_execution(execution_id, include_io, timeout))
        return with_result_type(execution, result_type)

    def list(
        self,
        *,
        workflow: Optional[str] = None,
        status: Union[m.ExecutionFilter, Sequence[m.ExecutionFilter], None] = None,
        start_date: Optional[DateOrTimestamp] = None,
        end_date: Optional[DateOrTimestamp] = None,
        external_id: Optional[str] = None,
        parent_execution_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        sort_by: Optional[Literal["created_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[Execution]:
        """Lists executions, newest first by default. `workflow` is an id or a name, `status` is one
        or several. The dates are those of the creation, both inclusive. `external_id` is the id
        that the caller of a deployment chose; with `parent_execution_id`, only sub-workflows of
        that execution; `metadata` are labels that the executions must have."""
        query = list_query(
            status=status,
            start_date=start_date,
            end_date=end_date,
            external_id=external_id,
            parent_execution_id=parent_execution_id,
            metadata=metadata,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(EXECUTIONS, Execution, query, timeout), workflow)

    @overload
    async def wait(
        self, execution_id: str, *, result_type: type[R], timeout: Optional[float] = None
    ) -> Execution[Optional[R]]: ...

    @overload
    async def wait(
        self, execution_id: str, *, result_type: None = None, timeout: Optional[float] = None
    ) -> Execution: ...

    async def wait(
        self,
        execution_id: str,
        *,
        result_type: Optional[type[Any]] = None,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Waits for the end of an execution and returns it, whatever its status: see
        `raise_for_status`. The server responds when the execution ends, so nothing is polled.

        `timeout`: seconds to wait (None: no limit); after that this raises `WaitTimeoutError`,
        and the execution continues. `result_type` is the type of the `result`.
        """
        execution = await wait_for_execution(self._client, execution_id, timeout)
        return with_result_type(execution, result_type)

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChange:
        """Cancels an execution; `reason` is shown in its log."""
        body = without_none(reason=reason)
        return await self._control(execution_id, "cancel", body, idempotency_key, timeout)

    async def pause(
        self,
        execution_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChange:
        """Pauses an execution: running steps finish, no further step starts."""
        return await self._control(execution_id, "pause", None, idempotency_key, timeout)

    async def resume(
        self,
        execution_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ExecutionChange:
        """Resumes a paused execution."""
        return await self._control(execution_id, "resume", None, idempotency_key, timeout)

    async def _control(
        self,
        execution_id: str,
        verb: str,
        body: Any,
        key: Optional[str],
        timeout: Optional[float],
    ) -> m.ExecutionChange:
        url_path = build_path(EXECUTION + "/" + verb, execution_id)
        decode = decode_data(m.ExecutionChange)
        return await self._send(post(url_path, decode, body or None, key=key, timeout=timeout))

    async def send_signal(
        self,
        execution_id: str,
        name: str,
        data: Any = None,
        *,
        key: Optional[str] = None,
        id: Optional[str] = None,
        keep: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.SentSignal:
        """Sends a signal to an execution. `data` is the output of the step that consumes it; with
        `key`, only a step that waits for this key may do so. Further signals with the same `id`
        are ignored. With `keep=False`, a signal that no step waits for is rejected."""
        call = post(
            build_path(EXECUTION + "/signals/{}", execution_id, name),
            decode_data(m.SentSignal),
            {"data": data, **without_none(key=key, id=id, keep=keep)},
            key=idempotency_key,
            timeout=timeout,
        )
        return await self._send(call)

    async def send_signal_by_key(
        self,
        name: str,
        key: str,
        data: Any = None,
        *,
        id: Optional[str] = None,
        keep: Optional[bool] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.SentSignal:
        """Sends a signal to the execution that has waited longest for its correlation `key`. If
        none waits, it is kept for the first one that does, or rejected with `keep=False`. Further
        signals with the same `id` are ignored."""
        call = post(
            build_path(SIGNAL, name),
            decode_data(m.SentSignal),
            {"key": key, "data": data, **without_none(id=id, keep=keep)},
            key=idempotency_key,
            timeout=timeout,
        )
        return await self._send(call)

    async def rerun(
        self,
        execution_id: str,
        *,
        parameters: Optional[Mapping[str, Any]] = None,
        from_failed: bool = False,
        from_step: Optional[str] = None,
        input: Union[Any, Omit] = OMIT,
        callback_url: Optional[str] = None,
        release_tag: Optional[str] = None,
        traffic_key: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Reruns an ended execution as a new execution of the same release: from its beginning,
        with optional new `parameters`, or with the release of a `release_tag`; from what failed
        (`from_failed`); or from a step (`from_step`), with an optional new `input`. The results of
        earlier steps are reused."""
        body = without_none(
            parameters=parameters,
            from_step=from_step,
            callback_url=callback_url,
            release_tag=release_tag,
            traffic_key=traffic_key,
            **{"from": "failed" if from_failed else None},
        )
        call = post(
            build_path(EXECUTION + "/rerun", execution_id),
            decode_data(Execution),
            {**body, **given(input=input)},
            key=idempotency_key,
            headers=secret_headers(secrets),
            timeout=timeout,
        )
        return await self._send(call)

    def events(
        self, execution_id: str, *, after: Union[int, str] = 0
    ) -> AsyncGenerator[m.Event, None]:
        """Follows the events of an execution from its start (or after the event with the id
        `after`) to its end. Reconnects when a connection breaks, without losing or repeating an
        event."""
        return self._client._follow_events(
            build_path(EXECUTION + "/events", execution_id),
            MANAGEMENT_EVENTS,
            get_execution(execution_id),
            execution_id,
            after,
        )

    def logs(
        self,
        execution_id: str,
        *,
        sort_by: Optional[Literal["sequence"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.LogLine]:
        """Lists the lines of an execution's log, in order."""
        url_path = build_path(EXECUTION + "/logs", execution_id)
        query = list_query(sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size)
        return self._list(page_request(url_path, m.LogLine, query, timeout))

    def list_files(
        self,
        execution_id: str,
        *,
        sort_by: Optional[Literal["name"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.ExecutionFile]:
        """Lists the files of an execution: the results of maps with `collect: file`."""
        url_path = build_path(EXECUTION + "/files", execution_id)
        query = list_query(sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size)
        return self._list(page_request(url_path, m.ExecutionFile, query, timeout))

    def read_file(
        self, execution_id: str, name: str, *, timeout: Optional[float] = None
    ) -> AsyncGenerator[m.FileLine, None]:
        """Yields the results in a file of an execution, in the order of the items, while they are
        received. The request is sent when the iteration starts. `timeout` is the longest time
        without data, in seconds.

        Raises `ConnectionFailedError` if the connection breaks before the end of the file."""
        url_path = build_path(EXECUTION + "/files/{}", execution_id, name)
        return self._read_lines(get(url_path, ignore_body, timeout=timeout), execution_id)

    async def _read_lines(
        self, call: Call[None], execution_id: str
    ) -> AsyncGenerator[m.FileLine, None]:
        lines = LineSplitter()
        response = await self._client._send_with_retries(call, stream=True)
        try:
            if not response.is_success:
                await response.aread()
                call.decode_response(response)
            async for chunk in response.aiter_bytes():
                for line in lines.feed(chunk):
                    yield decode_file_line(line)
        except httpx.RequestError as error:
            server = self._client._settings.server_label
            raise transport_error(error, server, execution_id) from error
        finally:
            await response.aclose()

    def list_actuals(
        self,
        execution_id: str,
        *,
        sort_by: Optional[Literal["created_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[Actual]:
        """Lists the feedback on the outputs of an execution, in the order of its submission.
        `vellum.submit_workflow_execution_actuals` submits it."""
        url_path = build_path(EXECUTION + "/actuals", execution_id)
        query = list_query(sort_by=sort_by, sort_order=sort_order, page=page, page_size=page_size)
        return self._list(page_request(url_path, Actual, query, timeout))


def get_execution(
    execution_id: str, include_io: bool = False, timeout: Optional[float] = None
) -> Call[Execution]:
    """Requests an execution."""
    return get(
        build_path(EXECUTION, execution_id),
        decode_data(Execution),
        timeout=timeout,
        include="io" if include_io else None,
    )


async def wait_for_execution(
    client: AsyncTransport, execution_id: str, timeout: Optional[float]
) -> Execution:
    """Waits for the end of an execution."""
    url_path = build_path(EXECUTION + "/events", execution_id)
    return await client._wait_for_end(url_path, get_execution(execution_id), execution_id, timeout)
