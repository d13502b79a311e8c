"""Every call of the server but the deployment endpoints, as data. No I/O."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping, Optional, Sequence, Union

from . import _models as m
from ._call import Call, encoded, given, model, nothing, path, post, wrapped

Definition = Union[Mapping[str, Any], str]

_EXECUTION = "/workflows/{}/executions/{}"
_KEYS = "/api/v1/auth/api-keys"

# The server holds an answer back no longer than this; the client goes on asking after it.
LONGEST_WAIT = 30.0


def create_workflow(definition: Definition, key: Optional[str]) -> Call[m.WorkflowCreated]:
    return post("/workflows", model(m.WorkflowCreated), definition, key=key)


def list_workflows(
    status: Optional[str], limit: Optional[int], cursor: Optional[str]
) -> Call[m.WorkflowPage]:
    query = given(status=status, limit=limit, cursor=cursor)
    return Call("GET", "/workflows", model(m.WorkflowPage), query)


def get_workflow(workflow_id: str) -> Call[m.Workflow]:
    return Call("GET", path("/workflows/{}", workflow_id), model(m.Workflow))


def update_workflow(workflow_id: str, definition: Definition) -> Call[m.Workflow]:
    content, headers = encoded(definition)
    where = path("/workflows/{}", workflow_id)
    return Call("PUT", where, model(m.Workflow), headers=headers, content=content)


def delete_workflow(workflow_id: str) -> Call[None]:
    return Call("DELETE", path("/workflows/{}", workflow_id), nothing)


def workflow_stats(workflow_id: str) -> Call[m.Stats]:
    return Call("GET", path("/workflows/{}/stats", workflow_id), model(m.Stats))


def _accepted_or_ended(body: Any) -> Union[m.ExecutionAccepted, m.Execution]:
    if "status" in body:
        return m.Execution.model_validate(body)
    return m.ExecutionAccepted.model_validate(body)


def execute(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
) -> Call[m.ExecutionAccepted]:
    return post(
        path("/workflows/{}/execute", workflow_id),
        model(m.ExecutionAccepted),
        given(input=input, webhook_url=webhook_url),
        key=key,
        headers=_secret_headers(secrets),
    )


def run(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
    patience: Optional[float],
) -> Call[Union[m.ExecutionAccepted, m.Execution]]:
    wait = LONGEST_WAIT if patience is None else max(0.0, min(patience, LONGEST_WAIT))
    return post(
        path("/workflows/{}/execute", workflow_id),
        _accepted_or_ended,
        given(input=input, webhook_url=webhook_url),
        key=key,
        query={"wait": "true", "timeout": f"{max(1, int(wait * 1000))}ms"},
        headers=_secret_headers(secrets),
        timeout=wait + 30.0,
    )


def _secret_headers(secrets: Optional[Mapping[str, str]]) -> Mapping[str, str]:
    return {f"X-Secret-{name.replace('_', '-')}": value for name, value in (secrets or {}).items()}


def list_executions(
    workflow_id: str,
    status: Union[str, Sequence[str], None],
    limit: Optional[int],
    cursor: Optional[str],
) -> Call[m.ExecutionPage]:
    statuses = status if status is None or isinstance(status, str) else ",".join(status)
    query = given(status=statuses, limit=limit, cursor=cursor)
    where = path("/workflows/{}/executions", workflow_id)
    return Call("GET", where, model(m.ExecutionPage), query)


def get_execution(workflow_id: str, execution_id: str) -> Call[m.Execution]:
    return Call("GET", path(_EXECUTION, workflow_id, execution_id), model(m.Execution))


def change(
    verb: str, workflow_id: str, execution_id: str, key: Optional[str], reason: Optional[str] = None
) -> Call[m.ExecutionChanged]:
    where = path(_EXECUTION, workflow_id, execution_id) + "/" + verb
    body = {"reason": reason} if reason is not None else None
    return post(where, model(m.ExecutionChanged), body, key=key)


def events_path(workflow_id: str, execution_id: str) -> str:
    return path(_EXECUTION, workflow_id, execution_id) + "/events"


def logs(workflow_id: str, execution_id: str) -> Call[m.Logs]:
    return Call("GET", path(_EXECUTION, workflow_id, execution_id) + "/logs", model(m.Logs))


def step_types() -> Call[m.StepTypes]:
    return Call("GET", "/step-types", model(m.StepTypes))


def create_api_key(
    name: str, scopes: Sequence[str], expires_at: Optional[datetime], key: Optional[str]
) -> Call[m.NewApiKey]:
    body = given(
        name=name,
        scopes=list(scopes),
        expires_at=expires_at.astimezone().isoformat() if expires_at else None,
    )
    return post(_KEYS, wrapped(m.NewApiKey), body, key=key)


def list_api_keys(
    page: Optional[int],
    page_size: Optional[int],
    sort_by: Optional[str],
    sort_order: Optional[str],
) -> Call[m.ApiKeyPage]:
    query = given(page=page, page_size=page_size, sort_by=sort_by, sort_order=sort_order)
    return Call("GET", _KEYS, wrapped(m.ApiKeyPage), query)


def revoke_api_key(key_id: str) -> Call[None]:
    return Call("DELETE", path(_KEYS + "/{}", key_id), nothing)


def me() -> Call[m.Me]:
    return Call("GET", "/api/v1/auth/me", wrapped(m.Me))


def webhook_signing_secret() -> Call[str]:
    return Call("GET", "/api/v1/webhooks/signing-secret", lambda body: str(body["data"]["secret"]))
