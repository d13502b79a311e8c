"""Bulk operations: `/api/v1/operations`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _operation_models as m
from .._base import DateOrTimestamp, SortOrder
from .._call import build_path, decode_data, get, list_query, post
from .._errors import WaitTimeoutError
from .._execution_models import ExecutionFilter
from .._omit import without_none
from .._paging import page_request
from .._paths import OPERATION, OPERATIONS
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncOperationsWithRawResponse

# Seconds between requests of the progress.
POLL_INTERVAL = 1.0


class AsyncOperations(AsyncResource):
    """Bulk operations, one action on many executions in the background: `client.operations`."""

    @property
    def with_raw_response(self) -> AsyncOperationsWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncOperationsWithRawResponse

        return AsyncOperationsWithRawResponse(self)

    async def create(
        self,
        action: m.BulkAction,
        *,
        workflow: Optional[str] = None,
        status: Union[ExecutionFilter, Sequence[ExecutionFilter], None] = None,
        start_date: Optional[DateOrTimestamp] = None,
        end_date: Optional[DateOrTimestamp] = None,
        older_than: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.BulkOperation:
        """Starts an operation on all executions that fulfil all conditions, of which at least one
        is required: `workflow` (an id or a name), `status` (one or several), dates of their
        creation, `older_than` (such as `30d`) and labels (`metadata`). `purge` deletes ended
        executions. The server continues it in the background: see `wait`. `reason` is for
        `cancel`."""
        conditions = await self._conditions(
            workflow, status, start_date, end_date, older_than, metadata
        )
        body = without_none(action=action, filter=conditions, reason=reason)
        decode = decode_data(m.BulkOperation)
        return await self._send(post(OPERATIONS, decode, body, key=idempotency_key, timeout=timeout))

    async def preview(
        self,
        action: m.BulkAction,
        *,
        workflow: Optional[str] = None,
        status: Union[ExecutionFilter, Sequence[ExecutionFilter], None] = None,
        start_date: Optional[DateOrTimestamp] = None,
        end_date: Optional[DateOrTimestamp] = None,
        older_than: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        timeout: Optional[float] = None,
    ) -> m.BulkDryRun:
        """Returns the number of executions that `create` would be about. Nothing is changed."""
        conditions = await self._conditions(
            workflow, status, start_date, end_date, older_than, metadata
        )
        body = {"action": action, "filter": conditions}
        decode, query = decode_data(m.BulkDryRun), {"dry_run": "true"}
        return await self._send(post(OPERATIONS, decode, body, query=query, timeout=timeout))

    async def _conditions(
        self,
        workflow: Optional[str],
        status: Union[str, Sequence[str], None],
        start_date: Optional[DateOrTimestamp],
        end_date: Optional[DateOrTimestamp],
        older_than: Optional[str],
        metadata: Optional[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """The filter of a request."""
        workflow_id = None if workflow is None else await self._workflow_id(workflow)
        statuses = [status] if isinstance(status, str) else status
        return without_none(
            workflow_id=workflow_id,
            status=None if statuses is None else list(statuses),
            start_date=start_date,
            end_date=end_date,
            older_than=older_than,
            metadata=metadata,
        )

    async def get(self, operation_id: str, *, timeout: Optional[float] = None) -> m.BulkOperation:
        """Returns an operation with its progress."""
        url_path = build_path(OPERATION, operation_id)
        return await self._send(get(url_path, decode_data(m.BulkOperation), timeout=timeout))

    def list(
        self,
        *,
        workflow: Optional[str] = None,
        status: Optional[m.OperationStatus] = None,
        action: Optional[m.BulkAction] = None,
        sort_by: Optional[Literal["created_at", "updated_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.BulkOperation]:
        """Lists operations, newest first by default; `workflow` (an id or a name): those that are
        about its executions only. They are kept for 30 days after their end."""
        query = list_query(
            status=status,
            action=action,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(OPERATIONS, m.BulkOperation, query, timeout), workflow)

    async def cancel(
        self,
        operation_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.BulkOperation:
        """Cancels an operation; what was done remains."""
        url_path = build_path(OPERATION + "/cancel", operation_id)
        decode = decode_data(m.BulkOperation)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def wait(self, operation_id: str, *, timeout: Optional[float] = None) -> m.BulkOperation:
        """Waits for the end of an operation and returns it, whatever its status. Its progress is
        requested every second.

        `timeout`: seconds to wait (None: no limit); after that this raises `WaitTimeoutError`, and
        the operation continues.
        """
        start = monotonic()
        while True:
            operation = await self.get(operation_id)
            if operation.ended:
                return operation
            left = POLL_INTERVAL
            if timeout is not None:
                left = timeout - (monotonic() - start)
                if left <= 0:
                    raise WaitTimeoutError(operation_id, timeout)
            await asyncio.sleep(min(POLL_INTERVAL, left))
