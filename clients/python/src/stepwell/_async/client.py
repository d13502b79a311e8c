"""The client for asyncio programs."""

from __future__ import annotations

from typing import Optional

from .._call import decode_data, get
from .._workspace_models import Me
from .approvals import AsyncApprovals
from .audit_log import AsyncAuditLog
from .dataflow import AsyncDataflow
from .executions import AsyncExecutions
from .keys import AsyncKeys
from .operations import AsyncOperations
from .release_tags import AsyncReleaseTags
from .releases import AsyncReleases
from .schedules import AsyncSchedules
from .step_types import AsyncStepTypes
from .templates import AsyncTemplates
from .transport import AsyncTransport
from .variables import AsyncVariables
from .vellum import AsyncVellum
from .webhooks import AsyncWebhooks
from .workflows import AsyncWorkflows
from .workspaces import AsyncWorkspaces


class AsyncClient(AsyncTransport):
    """A client for a Stepwell server. Belongs to one event loop; close it, or use `async with`.

    `base_url` and `api_key` default to `STEPWELL_URL` and `STEPWELL_API_KEY`. `timeout` is in
    seconds: for connecting, and for each time that the client waits for data; every method takes
    its own. Requests that can be repeated safely are retried up to `max_retries` times, after
    delays that `retry_policy` sets. `headers` are sent with every request. `on_request` and
    `on_response` are called for every attempt; they must not block. The logger is `stepwell`.

    `http_client` replaces the HTTP client, for example to set a proxy or a certificate; it is not
    closed with this one. Without it, the proxy variables of the environment apply (`HTTPS_PROXY`,
    `NO_PROXY`, …), but never for a server on this machine.

    Every error is a `StepwellError`, except ValueError and TypeError for invalid arguments.
    """

    @property
    def workflows(self) -> AsyncWorkflows:
        """Workflows: create, update, activate, execute."""
        return AsyncWorkflows(self)

    @property
    def executions(self) -> AsyncExecutions:
        """Executions: list, wait, follow, control, rerun."""
        return AsyncExecutions(self)

    @property
    def approvals(self) -> AsyncApprovals:
        """Approvals: decisions of people that steps wait for."""
        return AsyncApprovals(self)

    @property
    def operations(self) -> AsyncOperations:
        """Bulk operations: one action on many executions."""
        return AsyncOperations(self)

    @property
    def releases(self) -> AsyncReleases:
        """The releases of workflows."""
        return AsyncReleases(self)

    @property
    def release_tags(self) -> AsyncReleaseTags:
        """Names for releases."""
        return AsyncReleaseTags(self)

    @property
    def schedules(self) -> AsyncSchedules:
        """Schedules, which start executions at given times."""
        return AsyncSchedules(self)

    @property
    def webhooks(self) -> AsyncWebhooks:
        """Webhooks, which send events to your URLs."""
        return AsyncWebhooks(self)

    @property
    def keys(self) -> AsyncKeys:
        """API keys."""
        return AsyncKeys(self)

    @property
    def templates(self) -> AsyncTemplates:
        """Texts and JSON values with expressions, under a name."""
        return AsyncTemplates(self)

    @property
    def variables(self) -> AsyncVariables:
        """Settings of a workspace that expressions read."""
        return AsyncVariables(self)

    @property
    def workspaces(self) -> AsyncWorkspaces:
        """Workspaces (tenants)."""
        return AsyncWorkspaces(self)

    @property
    def audit_log(self) -> AsyncAuditLog:
        """The audit log."""
        return AsyncAuditLog(self)

    @property
    def step_types(self) -> AsyncStepTypes:
        """The available step types."""
        return AsyncStepTypes(self)

    @property
    def dataflow(self) -> AsyncDataflow:
        """The dataflow API, for programs that need its formats."""
        return AsyncDataflow(self)

    @property
    def vellum(self) -> AsyncVellum:
        """The Vellum-compatible API: deployments, release tags, feedback on outputs."""
        return AsyncVellum(self)

    async def me(self, *, timeout: Optional[float] = None) -> Me:
        """Returns the key of this client with its scopes and limits."""
        return await self._send(get("/api/v1/auth/me", decode_data(Me), timeout=timeout))
