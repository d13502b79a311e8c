# Generated from `_async/client.py` by `scripts/generate_sync.py`. Do not edit.
"""The client for programs without asyncio."""

from __future__ import annotations

from .audit_log import AuditLog
from .deployments import Deployments
from .executions import Executions
from .keys import Keys
from .managed_executions import ManagedExecutions
from .managed_workflows import ManagedWorkflows
from .releases import Releases
from .schedules import Schedules
from .templates import Templates
from .webhooks import Webhooks
from .workflows import Workflows
from .workspaces import Workspaces


class Client(Workflows, Executions, Deployments, Releases, Keys):
    """A client for a Stepwell server. Safe to share between threads; close it, or use `with`.

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
    def workflows(self) -> ManagedWorkflows:
        """Workflows of the management API: create, update, activate, execute."""
        return ManagedWorkflows(self)

    @property
    def executions(self) -> ManagedExecutions:
        """Executions of all workflows: get, follow, control, rerun."""
        return ManagedExecutions(self)

    @property
    def schedules(self) -> Schedules:
        """Schedules, which start executions at given times."""
        return Schedules(self)

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks, which send events to your URLs."""
        return Webhooks(self)

    @property
    def templates(self) -> Templates:
        """Texts and JSON values with expressions, under a name."""
        return Templates(self)

    @property
    def workspaces(self) -> Workspaces:
        """Workspaces (tenants)."""
        return Workspaces(self)

    @property
    def audit_log(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self)
