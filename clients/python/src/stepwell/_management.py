"""Paths of the management API, and the two requests that execute a workflow, as data. No I/O."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from . import _management_models as mm
from ._call import EXECUTE_TIMEOUT, Call, given, path, post, wrapped
from ._run import secret_headers

WORKFLOWS = "/api/v1/workflows"
WORKFLOW = WORKFLOWS + "/{}"
EXECUTIONS = "/api/v1/workflow_executions"
EXECUTION = EXECUTIONS + "/{}"
SCHEDULES = "/api/v1/workflow_schedules"
SCHEDULE = SCHEDULES + "/{}"
WEBHOOKS = "/api/v1/webhooks"
WEBHOOK = WEBHOOKS + "/{}"
WORKSPACES = "/api/v1/workspaces"
WORKSPACE = WORKSPACES + "/{}"
STEP_TYPES = "/api/v1/step_types"
AUDIT_LOG = "/api/v1/audit_log"

# How much later than an execution its answer may come.
_SLACK = 30.0


def executed(
    workflow_id: str, parameters: Optional[Mapping[str, Any]], options: mm.ExecutionOptions
) -> Call[mm.Execution]:
    """To execute and wait."""
    timeout = options.get("timeout_seconds")
    patience = EXECUTE_TIMEOUT if timeout is None else timeout + _SLACK
    return _execution(path(WORKFLOW + "/execute", workflow_id), parameters, options, patience)


def started(
    workflow_id: str, parameters: Optional[Mapping[str, Any]], options: mm.ExecutionOptions
) -> Call[mm.Execution]:
    """To execute and not to wait."""
    return _execution(path(WORKFLOW + "/execute_async", workflow_id), parameters, options, None)


def _execution(
    where: str,
    parameters: Optional[Mapping[str, Any]],
    options: mm.ExecutionOptions,
    patience: Optional[float],
) -> Call[mm.Execution]:
    limits = given(timeout_seconds=options.get("timeout_seconds"))
    body = given(
        parameters=parameters,
        execution_options=limits or None,
        callback_url=options.get("callback_url"),
        metadata=options.get("metadata"),
    )
    return post(
        where,
        wrapped(mm.Execution),
        body,
        key=options.get("idempotency_key"),
        headers=secret_headers(options.get("secrets")),
        timeout=patience,
    )
