# Generated from `_async/client.py` by `scripts/generate_clients.py`. Do not edit.
"""The client for programs without asyncio."""

from __future__ import annotations

from typing import Optional

from .._call import decode_data, get
from .._workspace_models import Me
from .approvals import Approvals
from .audit_log import AuditLog
from .dataflow import Dataflow
from .executions import Executions
from .keys import Keys
from .operations import Operations
from .release_tags import ReleaseTags
from .releases import Releases
from .schedules import Schedules
from .step_types import StepTypes
from .templates import Templates
from .transport import Transport
from .variables import Variables
from .vellum import Vellum
from .webhooks import Webhooks
from .workflows import Workflows
from .workspaces import Workspaces


class Client(Transport):
    """A client for a Stepwell server. Safe to share between threads; close it, or use `with`.

    `base_url` and `api_key` default to `STEPWELL_URL` and `STEPWELL_API_KEY`. `timeout` is in
    seconds: for connecting, and for each time that the client waits for data; every method takes
    its own. Requests that can be repeated safely are retried up to `max_retries` times, after
    delays that `retry_policy` sets. `headers` are sent with every request. `on_request` and
    `on_response` are called for every attempt. The logger is `stepwell`.

    `http_client` replaces the HTTP client, for example to set a proxy or a certificate; it is not
    closed with this one. Without it, the proxy variables of the environment apply (`HTTPS_PROXY`,
    `NO_PROXY`, …), but never for a server on this machine.

    Every error is a `StepwellError`, except ValueError and TypeError for invalid arguments.
    """

    @property
    def workflows(self) -> Workflows:
        """Workflows: create, update, activate, execute."""
        return Workflows(self)

    @property
    def executions(self) -> Executions:
        """Executions: list, wait, follow, control, rerun."""
        return Executions(self)

    @property
    def approvals(self) -> Approvals:
        """Approvals: decisions of people that steps wait for."""
        return Approvals(self)

    @property
    def operations(self) -> Operations:
        """Bulk operations: one action on many executions."""
        return Operations(self)

    @property
    def releases(self) -> Releases:
        """The releases of workflows."""
        return Releases(self)

    @property
    def release_tags(self) -> ReleaseTags:
        """Names for releases."""
        return ReleaseTags(self)

    @property
    def schedules(self) -> Schedules:
        """Schedules, which start executions at given times."""
        return Schedules(self)

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks, which send events to your URLs."""
        return Webhooks(self)

    @property
    def keys(self) -> Keys:
        """API keys."""
        return Keys(self)

    @property
    def templates(self) -> Templates:
        """Texts and JSON values with expressions, under a name."""
        return Templates(self)

    @property
    def variables(self) -> Variables:
        """Settings of a workspace that expressions read."""
        return Variables(self)

    @property
    def workspaces(self) -> Workspaces:
        """Workspaces (tenants)."""
        return Workspaces(self)

    @property
    def audit_log(self) -> AuditLog:
        """The audit log."""
        return AuditLog(self)

    @property
    def step_types(self) -> StepTypes:
        """The available step types."""
        return StepTypes(self)

    @property
    def dataflow(self) -> Dataflow:
        """The dataflow API, for programs that need its formats."""
        return Dataflow(self)

    @property
    def vellum(self) -> Vellum:
        """The Vellum-compatible API: deployments, release tags, feedback on outputs."""
        return Vellum(self)

    def me(self, *, timeout: Optional[float] = None) -> Me:
        """Returns the key of this client with its scopes and limits."""
        return self._send(get("/api/v1/auth/me", decode_data(Me), timeout=timeout))
