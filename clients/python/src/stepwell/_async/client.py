"""The client for asyncio programs."""

from __future__ import annotations

from .audit_log import AsyncAuditLog
from .deployments import AsyncDeployments
from .executions import AsyncExecutions
from .keys import AsyncKeys
from .managed_executions import AsyncManagedExecutions
from .managed_workflows import AsyncManagedWorkflows
from .releases import AsyncReleases
from .schedules import AsyncSchedules
from .webhooks import AsyncWebhooks
from .workflows import AsyncWorkflows
from .workspaces import AsyncWorkspaces


class AsyncClient(AsyncWorkflows, AsyncExecutions, AsyncDeployments, AsyncReleases, AsyncKeys):
    """A connection to a Stepwell server. Belongs to one event loop; close it, or use `async with`.

    `base_url` and `api_key` come from `STEPWELL_URL` and `STEPWELL_API_KEY` where they are not
    given. `timeout` is in seconds, for each request. After 429, 503 and broken connections a
    request is sent again up to `max_retries` times, where that is harmless: GETs, POSTs, each of
    which carries an `Idempotency-Key` (made here unless given), and moving a release tag.
    `http_client` replaces the client's own, for example to set a proxy; it is not closed with
    this one. Without it, the proxy of the environment is used (`HTTPS_PROXY`, `NO_PROXY`, …), but
    never for a server on this machine.

    The management API is in `workflows`, `executions`, `schedules`, `webhooks`, `workspaces` and
    `audit_log`.

    Every failure is a `StepwellError`.
    """

    @property
    def workflows(self) -> AsyncManagedWorkflows:
        """Workflows that are administered: created, changed, activated, executed."""
        return AsyncManagedWorkflows(self)

    @property
    def executions(self) -> AsyncManagedExecutions:
        """Executions of all workflows: looked at, followed, controlled, run again."""
        return AsyncManagedExecutions(self)

    @property
    def schedules(self) -> AsyncSchedules:
        """Executions that start by themselves."""
        return AsyncSchedules(self)

    @property
    def webhooks(self) -> AsyncWebhooks:
        """Being told of events."""
        return AsyncWebhooks(self)

    @property
    def workspaces(self) -> AsyncWorkspaces:
        """Tenants."""
        return AsyncWorkspaces(self)

    @property
    def audit_log(self) -> AsyncAuditLog:
        """Who did what."""
        return AsyncAuditLog(self)
