"""Paths of the management API, and its two requests that execute a workflow, as data. No I/O."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from . import _management_models as mm
from ._call import (
    EXECUTE_TIMEOUT,
    Call,
    build_path,
    decode_data,
    post,
    secret_headers,
    without_none,
)

WORKFLOWS = "/api/v1/workflows"
WORKFLOW = WORKFLOWS + "/{}"
EXECUTIONS = "/api/v1/workflow_executions"
EXECUTION = EXECUTIONS + "/{}"
SCHEDULES = "/api/v1/workflow_schedules"
SCHEDULE = SCHEDULES + "/{}"
WEBHOOKS = "/api/v1/webhooks"
WEBHOOK = WEBHOOKS + "/{}"
TEMPLATES = "/api/v1/templates"
TEMPLATE = TEMPLATES + "/{}"
WORKSPACES = "/api/v1/workspaces"
WORKSPACE = WORKSPACES + "/{}"
STEP_TYPES = "/api/v1/step_types"
AUDIT_LOG = "/api/v1/audit_log"

# Seconds that the response may arrive after the end of the execution.
_RESPONSE_MARGIN = 30.0


def execute_call(
    workflow_id: str, parameters: Optional[Mapping[str, Any]], options: mm.ExecutionOptions
) -> Call[mm.Execution]:
    """Executes and waits for the end."""
    limit = options.get("timeout_seconds")
    timeout = EXECUTE_TIMEOUT if limit is None else limit + _RESPONSE_MARGIN
    return _call(build_path(WORKFLOW + "/execute", workflow_id), parameters, options, timeout)


def execute_async_call(
    workflow_id: str, parameters: Optional[Mapping[str, Any]], options: mm.ExecutionOptions
) -> Call[mm.Execution]:
    """Executes without waiting."""
    return _call(build_path(WORKFLOW + "/execute_async", workflow_id), parameters, options, None)


def _call(
    url_path: str,
    parameters: Optional[Mapping[str, Any]],
    options: mm.ExecutionOptions,
    timeout: Optional[float],
) -> Call[mm.Execution]:
    limits = without_none(timeout_seconds=options.get("timeout_seconds"))
    body = without_none(
        parameters=parameters,
        execution_options=limits or None,
        callback_url=options.get("callback_url"),
        metadata=options.get("metadata"),
    )
    return post(
        url_path,
        decode_data(mm.Execution),
        body,
        key=options.get("idempotency_key"),
        headers=secret_headers(options.get("secrets")),
        timeout=timeout,
    )
