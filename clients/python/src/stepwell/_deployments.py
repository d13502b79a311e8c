"""The deployment endpoints (`/v1/execute-workflow` and its neighbours), as data. No I/O."""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping, Optional, Sequence, TypedDict, Union

from . import _deployment_models as d
from ._call import EXECUTE_TIMEOUT, Call, given, model, nothing, path, plain, post
from ._errors import ConnectionFailedError, UnexpectedAnswerError
from ._lines import Lines

# Either `{"query": "hi"}` or `[{"name": "query", "type": "STRING", "value": "hi"}]`.
Inputs = Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]


class DeploymentOptions(TypedDict, total=False):
    """What all three ways to execute a deployment take. Give its id or its name, not both."""

    workflow_deployment_id: Optional[str]
    workflow_deployment_name: Optional[str]
    release_tag: Optional[str]
    external_id: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    previous_execution_id: Optional[str]
    idempotency_key: Optional[str]
    timeout: Optional[float]


class SyncOptions(DeploymentOptions, total=False):
    """As `DeploymentOptions`."""

    expand_meta: Optional[Mapping[str, bool]]


class StreamOptions(SyncOptions, total=False):
    """As `SyncOptions`; `event_types` are WORKFLOW (the default) and NODE."""

    event_types: Optional[Sequence[str]]


def _inputs(inputs: Inputs) -> list[Any]:
    if isinstance(inputs, Mapping):
        return [{"name": name, "value": plain(value)} for name, value in inputs.items()]
    return [plain(item) for item in inputs]


def _body(inputs: Inputs, options: Mapping[str, Any], known: Any) -> dict[str, Any]:
    unknown = sorted(set(options) - set(known.__annotations__))
    if unknown:
        raise TypeError(f"there is no argument `{unknown[0]}`")
    fields = {k: v for k, v in options.items() if k not in ("idempotency_key", "timeout")}
    return {"inputs": _inputs(inputs), **given(**fields)}


def execute_workflow(inputs: Inputs, options: SyncOptions) -> Call[d.ExecuteWorkflowResponse]:
    return post(
        "/v1/execute-workflow",
        model(d.ExecuteWorkflowResponse),
        _body(inputs, options, SyncOptions),
        key=options.get("idempotency_key"),
        timeout=options.get("timeout") or EXECUTE_TIMEOUT,
    )


def execute_workflow_async(
    inputs: Inputs, options: DeploymentOptions
) -> Call[d.ExecuteWorkflowAsyncResponse]:
    return post(
        "/v1/execute-workflow-async",
        model(d.ExecuteWorkflowAsyncResponse),
        _body(inputs, options, DeploymentOptions),
        key=options.get("idempotency_key"),
        timeout=options.get("timeout"),
    )


def execute_workflow_stream(inputs: Inputs, options: StreamOptions) -> Call[None]:
    return post(
        "/v1/execute-workflow-stream",
        nothing,
        _body(inputs, options, StreamOptions),
        key=options.get("idempotency_key"),
        timeout=options.get("timeout") or EXECUTE_TIMEOUT,
    )


def workflow_execution_status(execution_id: str) -> Call[d.WorkflowExecutionStatus]:
    where = path("/v1/workflows/executions/{}/status", execution_id)
    return Call("GET", where, model(d.WorkflowExecutionStatus))


def submit_workflow_execution_actuals(
    actuals: Sequence[Mapping[str, Any]],
    execution_id: Optional[str],
    external_id: Optional[str],
    key: Optional[str],
) -> Call[None]:
    body = {
        "actuals": [plain(actual) for actual in actuals],
        **given(execution_id=execution_id, external_id=external_id),
    }
    return post("/v1/submit-workflow-execution-actuals", nothing, body, key=key)


class StreamReader:
    """Makes events of the lines of a stream. Blank lines keep it alive and mean nothing."""

    def __init__(self) -> None:
        self.execution_id: Optional[str] = None
        self._lines = Lines()
        self._ended = False

    def feed(self, chunk: bytes) -> Iterator[d.WorkflowStreamEvent]:
        """The events that this chunk completes."""
        for line in self._lines.feed(chunk):
            yield from self._read(line)

    def close(self) -> Iterator[d.WorkflowStreamEvent]:
        """The stream is over: an event in what is left of it, and an exception where the
        execution's end was not in it."""
        yield from self._read(self._lines.rest())
        if not self._ended:
            raise ConnectionFailedError(
                "the stream ended before the execution did; ask for its status",
                execution_id=self.execution_id,
            )

    def _read(self, line: str) -> Iterator[d.WorkflowStreamEvent]:
        if not line.strip():
            return
        event: d.WorkflowStreamEvent
        try:
            data = json.loads(line)
            kind = data.get("type")
            if kind == "WORKFLOW":
                event = d.WorkflowEvent.model_validate(data)
                self._ended = self._ended or event.ends
            elif kind == "NODE":
                event = d.NodeEvent.model_validate(data)
            else:
                return  # A newer server's; what this client knows goes on.
        except (ValueError, AttributeError) as error:
            raise UnexpectedAnswerError(f"a line of the stream is not readable: {error}") from error
        self.execution_id = event.execution_id
        yield event
