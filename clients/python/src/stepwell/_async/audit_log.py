"""Who did what: `/api/v1/audit_log`."""

from __future__ import annotations

from typing import AsyncGenerator

from typing_extensions import Unpack

from .. import _audit_models as a
from .._call import listed, query_of
from .._management import AUDIT_LOG
from .._management_models import Page
from .resource import AsyncResource


class AsyncAuditLog(AsyncResource):
    """The calls on the audit log: `client.audit_log`. Scope `admin`."""

    async def list(self, **options: Unpack[a.AuditListOptions]) -> Page[a.AuditEntry]:
        """A page of entries."""
        return await self._client._send(listed(AUDIT_LOG, Page[a.AuditEntry], options))

    def iter(self, **selection: Unpack[a.AuditSelection]) -> AsyncGenerator[a.AuditEntry, None]:
        """All entries, page by page."""
        return self._client._each(AUDIT_LOG, Page[a.AuditEntry], query_of(selection))
