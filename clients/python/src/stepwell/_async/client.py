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
from .templates import AsyncTemplates
from .webhooks import AsyncWebhooks
from .workflows import AsyncWorkflows
from .workspaces import AsyncWorkspaces


class AsyncClient(AsyncWorkflows, AsyncExecutions, AsyncDeployments, AsyncReleases, AsyncKeys):
    """A client for a Stepwell server. Belongs to one event loop; close it, or use `async with`.

    `base_url` and `api_key` default to `STEPWELL_URL` and `STEPWELL_API_KEY`. `timeout` is in
    seconds: for connecting, and for each time that the client waits for data. After 429, 502, 503
    and connection errors a request is retried up to `max_retries` times if repeating it has no
    second effect: GETs, POSTs, which carry an `Idempotency-Key` (generated if you pass none), and
    moving a release tag. After 429 all requests are retried. `retries` sets the delays too.

    `http_client` replaces the HTTP client, for example to set a proxy or a certificate; it is not
    closed with this one. Without it, the proxy variables of the environment apply (`HTTPS_PROXY`,
    `NO_PROXY`, …), but never for a server on this machine.

    The management API is in `workflows`, `executions`, `schedules`, `webhooks`, `templates`,
    `workspaces` and `audit_log`.

    Every error is a `StepwellError`, except ValueError and TypeError for invalid arguments.
    """

    @property
    def workflows(self) -> AsyncManagedWorkflows:
        """Workflows of the management API: create, update, activate, execute."""
        return AsyncManagedWorkflows(self)

    @property
    def executions(self) -> AsyncManagedExecutions:
        """Executions of all workflows: get, follow, control, rerun."""
        return AsyncManagedExecutions(self)

    @property
    def schedules(self) -> AsyncSchedules:
        """Schedules, which start executions at given times."""
        return AsyncSchedules(self)

    @property
    def webhooks(self) -> AsyncWebhooks:
        """Webhooks, which send events to your URLs."""
        return AsyncWebhooks(self)

    @property
    def templates(self) -> AsyncTemplates:
        """Texts and JSON values with expressions, under a name."""
        return AsyncTemplates(self)

    @property
    def workspaces(self) -> AsyncWorkspaces:
        """Workspaces (tenants)."""
        return AsyncWorkspaces(self)

    @property
    def audit_log(self) -> AsyncAuditLog:
        """The audit log."""
        return AsyncAuditLog(self)
