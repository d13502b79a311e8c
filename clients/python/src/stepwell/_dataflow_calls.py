"""Requests of the dataflow API, as data. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, Union

from . import dataflow as m
from . import definitions
from ._call import Call, build_path, decode_as, get, post, secret_headers

EXECUTION = "/workflows/{}/executions/{}"

# A workflow definition: a mapping, or text in YAML (or JSON).
Definition = Union[definitions.Definition, Mapping[str, Any], str]

# Seconds that the server delays the response of `run` at most.
MAX_SERVER_WAIT = 30.0


def get_dataflow_execution(
    workflow_id: str, execution_id: str, timeout: Optional[float] = None
) -> Call[m.Execution]:
    """Requests an execution."""
    url_path = build_path(EXECUTION, workflow_id, execution_id)
    return get(url_path, decode_as(m.Execution), timeout=timeout)


def run_call(
    workflow_id: str,
    body: Mapping[str, Any],
    secrets: Optional[Mapping[str, str]],
    key: Optional[str],
    timeout: Optional[float],
) -> Call[Union[m.ExecutionAccepted, m.Execution]]:
    """Executes and waits: the execution if it ended in time, else its id."""
    wait = MAX_SERVER_WAIT if timeout is None else max(0.0, min(timeout, MAX_SERVER_WAIT))
    return post(
        build_path("/workflows/{}/execute", workflow_id),
        _accepted_or_ended,
        body,
        key=key,
        query={"wait": "true", "timeout": f"{max(1, int(wait * 1000))}ms"},
        headers=secret_headers(secrets),
        timeout=wait + 30.0,
    )


def _accepted_or_ended(body: Any) -> Union[m.ExecutionAccepted, m.Execution]:
    if "status" in body:
        return m.Execution.model_validate(body)
    return m.ExecutionAccepted.model_validate(body)
