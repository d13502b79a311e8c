# Made of `_async/client.py` by `scripts/make_sync.py`: change that one.
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
from .webhooks import Webhooks
from .workflows import Workflows
from .workspaces import Workspaces


class Client(Workflows, Executions, Deployments, Releases, Keys):
    """A connection to a Stepwell server. Safe to share between threads; close it, or use `with`.

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
    def workflows(self) -> ManagedWorkflows:
        """Workflows that are administered: created, changed, activated, executed."""
        return ManagedWorkflows(self)

    @property
    def executions(self) -> ManagedExecutions:
        """Executions of all workflows: looked at, followed, controlled, run again."""
        return ManagedExecutions(self)

    @property
    def schedules(self) -> Schedules:
        """Executions that start by themselves."""
        return Schedules(self)

    @property
    def webhooks(self) -> Webhooks:
        """Being told of events."""
        return Webhooks(self)

    @property
    def workspaces(self) -> Workspaces:
        """Tenants."""
        return Workspaces(self)

    @property
    def audit_log(self) -> AuditLog:
        """Who did what."""
        return AuditLog(self)
