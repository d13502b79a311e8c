"""The audit log: `/api/v1/audit_log`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Optional, Union

from .. import _audit_models as m
from .._base import DateOrTimestamp, SortOrder
from .._call import list_query
from .._paging import page_request
from .._paths import AUDIT_LOG
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncAuditLogWithRawResponse


class AsyncAuditLog(AsyncResource):
    """The audit log: `client.audit_log`. It requires scope `admin`."""

    @property
    def with_raw_response(self) -> AsyncAuditLogWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncAuditLogWithRawResponse

        return AsyncAuditLogWithRawResponse(self)

    def list(
        self,
        *,
        actor: Optional[str] = None,
        key_id: Optional[str] = None,
        action: Optional[Union[m.AuditAction, str]] = None,
        object_type: Optional[m.AuditObjectType] = None,
        object_id: Optional[str] = None,
        start_date: Optional[DateOrTimestamp] = None,
        end_date: Optional[DateOrTimestamp] = None,
        workspace_id: Optional[str] = None,
        sort_by: Optional[Literal["created_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.AuditEntry]:
        """Lists entries, newest first by default. `actor` is the name of a key, or `system`, `cli`
        or `anonymous`. Both dates are inclusive. `workspace_id` is for admins of the default
        workspace."""
        query = list_query(
            actor=actor,
            key_id=key_id,
            action=action,
            object_type=object_type,
            object_id=object_id,
            start_date=start_date,
            end_date=end_date,
            workspace_id=workspace_id,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(AUDIT_LOG, m.AuditEntry, query, timeout))
