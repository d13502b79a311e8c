"""The two requests of the dataflow API that execute a workflow, as data. No I/O."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Union

from . import _models as m
from ._call import Call, build_path, decode_as, post, secret_headers, without_none

EXECUTION = "/workflows/{}/executions/{}"

# Seconds that the server delays a response at most; after that the client polls.
MAX_SERVER_WAIT = 30.0


def execute_call(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
) -> Call[m.ExecutionAccepted]:
    """Queues an execution."""
    return post(
        build_path("/workflows/{}/execute", workflow_id),
        decode_as(m.ExecutionAccepted),
        without_none(input=input, webhook_url=webhook_url),
        key=key,
        headers=secret_headers(secrets),
    )


def run_call(
    workflow_id: str,
    input: Any,
    webhook_url: Optional[str],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
    timeout: Optional[float],
) -> Call[Union[m.ExecutionAccepted, m.Execution]]:
    """Executes and waits: the execution if it ended in time, else its id."""
    wait = MAX_SERVER_WAIT if timeout is None else max(0.0, min(timeout, MAX_SERVER_WAIT))
    return post(
        build_path("/workflows/{}/execute", workflow_id),
        _accepted_or_ended,
        without_none(input=input, webhook_url=webhook_url),
        key=key,
        query={"wait": "true", "timeout": f"{max(1, int(wait * 1000))}ms"},
        headers=secret_headers(secrets),
        timeout=wait + 30.0,
    )


def _accepted_or_ended(body: Any) -> Union[m.ExecutionAccepted, m.Execution]:
    if "status" in body:
        return m.Execution.model_validate(body)
    return m.ExecutionAccepted.model_validate(body)
