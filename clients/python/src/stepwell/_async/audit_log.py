"""The audit log: `/api/v1/audit_log`."""

from __future__ import annotations

from typing import AsyncGenerator

from typing_extensions import Unpack

from .. import _audit_models as a
from .._call import list_page, query_params
from .._management import AUDIT_LOG
from .._management_models import Page
from .resource import AsyncResource


class AsyncAuditLog(AsyncResource):
    """Calls for the audit log: `client.audit_log`. They require scope `admin`."""

    async def list(self, **options: Unpack[a.AuditListOptions]) -> Page[a.AuditEntry]:
        """Returns a page of entries."""
        return await self._client._send(list_page(AUDIT_LOG, Page[a.AuditEntry], options))

    def iter(self, **selection: Unpack[a.AuditSelection]) -> AsyncGenerator[a.AuditEntry, None]:
        """Iterates over all entries, page by page."""
        return self._client._iter_pages(AUDIT_LOG, Page[a.AuditEntry], query_params(selection))
