"""The two requests that execute a workflow, as data. No I/O."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Union

from . import _models as m
from ._call import Call, given, model, path, post

EXECUTION = "/workflows/{}/executions/{}"

# The server holds an answer back no longer than this; the client goes on asking after it.
LONGEST_WAIT = 30.0


def execute(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
) -> Call[m.ExecutionAccepted]:
    """To queue an execution."""
    return post(
        path("/workflows/{}/execute", workflow_id),
        model(m.ExecutionAccepted),
        given(input=input, webhook_url=webhook_url),
        key=key,
        headers=secret_headers(secrets),
    )


def run(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
    patience: Optional[float],
) -> Call[Union[m.ExecutionAccepted, m.Execution]]:
    """To execute and wait: the execution if it ended in time, else that it was accepted."""
    wait = LONGEST_WAIT if patience is None else max(0.0, min(patience, LONGEST_WAIT))
    return post(
        path("/workflows/{}/execute", workflow_id),
        _accepted_or_ended,
        given(input=input, webhook_url=webhook_url),
        key=key,
        query={"wait": "true", "timeout": f"{max(1, int(wait * 1000))}ms"},
        headers=secret_headers(secrets),
        timeout=wait + 30.0,
    )


def _accepted_or_ended(body: Any) -> Union[m.ExecutionAccepted, m.Execution]:
    if "status" in body:
        return m.Execution.model_validate(body)
    return m.ExecutionAccepted.model_validate(body)


def secret_headers(secrets: Optional[Mapping[str, str]]) -> Mapping[str, str]:
    """The headers that carry secrets."""
    return {f"X-Secret-{name.replace('_', '-')}": value for name, value in (secrets or {}).items()}
