"""Approvals: `/api/v1/approvals`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Optional

from .. import _approval_models as m
from .._base import SortOrder
from .._call import build_path, decode_data, get, list_query, post
from .._omit import without_none
from .._paging import page_request
from .._paths import APPROVAL, APPROVAL_LINK, APPROVALS
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncApprovalsWithRawResponse


class AsyncApprovals(AsyncResource):
    """Approvals, decisions of people that steps wait for: `client.approvals`."""

    @property
    def with_raw_response(self) -> AsyncApprovalsWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncApprovalsWithRawResponse

        return AsyncApprovalsWithRawResponse(self)

    async def get(self, approval_id: str, *, timeout: Optional[float] = None) -> m.Approval:
        """Returns an approval with its votes."""
        url_path = build_path(APPROVAL, approval_id)
        return await self._send(get(url_path, decode_data(m.Approval), timeout=timeout))

    def list(
        self,
        *,
        status: Optional[m.ApprovalStatus] = None,
        execution_id: Optional[str] = None,
        approver: Optional[str] = None,
        sort_by: Optional[Literal["created_at", "updated_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.Approval]:
        """Lists approvals. They are kept for 90 days after their end."""
        query = list_query(
            status=status,
            execution_id=execution_id,
            approver=approver,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        return self._list(page_request(APPROVALS, m.Approval, query, timeout))

    async def approve(
        self,
        approval_id: str,
        *,
        approver: Optional[str] = None,
        comment: Optional[str] = None,
        data: Any = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Approval:
        """Records the vote of an approver for the approval; `data` must fit its form."""
        body = {"data": data, **without_none(approver=approver, comment=comment)}
        return await self._decide(approval_id, "/approve", body, idempotency_key, timeout)

    async def reject(
        self,
        approval_id: str,
        *,
        approver: Optional[str] = None,
        comment: Optional[str] = None,
        data: Any = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Approval:
        """Records the vote of an approver against the approval, which is rejected then."""
        body = {"data": data, **without_none(approver=approver, comment=comment)}
        return await self._decide(approval_id, "/reject", body, idempotency_key, timeout)

    async def delegate(
        self,
        approval_id: str,
        to: str,
        *,
        approver: Optional[str] = None,
        comment: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Approval:
        """Lets another approver decide instead of `approver`."""
        body = {"to": to, **without_none(approver=approver, comment=comment)}
        return await self._decide(approval_id, "/delegate", body, idempotency_key, timeout)

    async def _decide(
        self,
        approval_id: str,
        verb: str,
        body: Any,
        key: Optional[str],
        timeout: Optional[float],
    ) -> m.Approval:
        url_path = build_path(APPROVAL + verb, approval_id)
        return await self._send(
            post(url_path, decode_data(m.Approval), body, key=key, timeout=timeout)
        )

    async def create_link(
        self,
        approval_id: str,
        *,
        approver: Optional[str] = None,
        expires_in_seconds: Optional[float] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.ApprovalLink:
        """Creates a link with which an approver can decide once, without a key."""
        url_path = build_path(APPROVAL + "/links", approval_id)
        body = without_none(approver=approver, expires_in_seconds=expires_in_seconds)
        decode = decode_data(m.ApprovalLink)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    async def get_linked(self, token: str, *, timeout: Optional[float] = None) -> m.LinkedApproval:
        """Returns the approval of a link."""
        url_path = build_path(APPROVAL_LINK, token)
        return await self._send(get(url_path, decode_data(m.LinkedApproval), timeout=timeout))

    async def decide_linked(
        self,
        token: str,
        verdict: Literal["approve", "reject"],
        *,
        comment: Optional[str] = None,
        data: Any = None,
        timeout: Optional[float] = None,
    ) -> m.Approval:
        """Records the vote of the approver that a link is for."""
        url_path = build_path(APPROVAL_LINK, token)
        body = {"verdict": verdict, "data": data, **without_none(comment=comment)}
        return await self._send(post(url_path, decode_data(m.Approval), body, timeout=timeout))
