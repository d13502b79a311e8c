"""Arguments of the deployment endpoints (`/v1/execute-workflow…`), and the parser of their stream.
No I/O."""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping, Optional, Sequence, TypedDict, Union

from . import _deployment_models as d
from ._call import to_json, without_none
from ._errors import ConnectionFailedError, UnexpectedResponseError
from ._lines import LineSplitter

# Either `{"query": "hi"}` or `[{"name": "query", "type": "STRING", "value": "hi"}]`.
Inputs = Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]


class DeploymentOptions(TypedDict, total=False):
    """Options of the three calls that execute a deployment. Pass its id or its name, not both."""

    workflow_deployment_id: Optional[str]
    workflow_deployment_name: Optional[str]
    release_tag: Optional[str]
    external_id: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    previous_execution_id: Optional[str]
    idempotency_key: Optional[str]
    timeout: Optional[float]


class SyncOptions(DeploymentOptions, total=False):
    """Options of `execute_workflow`."""

    expand_meta: Optional[Mapping[str, bool]]


class StreamOptions(SyncOptions, total=False):
    """Options of `execute_workflow_stream`; `event_types` are WORKFLOW (the default) and NODE."""

    event_types: Optional[Sequence[str]]


class Actual(TypedDict, total=False):
    """Feedback on an output: its `quality` (0 to 1) or the expected value (`desired_output_value`,
    or `value`). The output is identified by `output_name` (or `output_key`) or by `output_id`,
    the execution here or in the call for all actuals. `timestamp` is in seconds since 1970."""

    execution_id: str
    external_id: str
    output_id: str
    output_key: str
    output_name: str
    output_type: str
    quality: float
    desired_output_value: Any
    value: Any
    timestamp: float
    metadata: Mapping[str, Any]


def _input_list(inputs: Inputs) -> list[Any]:
    if isinstance(inputs, Mapping):
        return [{"name": name, "value": to_json(value)} for name, value in inputs.items()]
    return [to_json(item) for item in inputs]


def execute_body(inputs: Inputs, options: Mapping[str, Any], allowed: Any) -> dict[str, Any]:
    """The request body. Raises TypeError for an option that `allowed`, a TypedDict, lacks."""
    unknown = sorted(set(options) - set(allowed.__annotations__))
    if unknown:
        raise TypeError(f"unexpected keyword argument `{unknown[0]}`")
    fields = {k: v for k, v in options.items() if k not in ("idempotency_key", "timeout")}
    return {"inputs": _input_list(inputs), **without_none(**fields)}


class DeploymentStreamParser:
    """Parses the lines of a stream into events. Blank lines are keep-alives."""

    def __init__(self) -> None:
        self.execution_id: Optional[str] = None
        self._lines = LineSplitter()
        self._ended = False

    def feed(self, chunk: bytes) -> Iterator[d.WorkflowStreamEvent]:
        """The events that this chunk completes."""
        for line in self._lines.feed(chunk):
            yield from self._parse(line)

    def close(self) -> Iterator[d.WorkflowStreamEvent]:
        """Handles the end of the stream: yields an event without a line end, and raises if the
        stream did not contain the end of the execution."""
        yield from self._parse(self._lines.flush())
        if not self._ended:
            raise ConnectionFailedError(
                "the stream ended before the execution did; get the status of the execution",
                execution_id=self.execution_id,
            )

    def _parse(self, line: str) -> Iterator[d.WorkflowStreamEvent]:
        if not line.strip():
            return
        event: d.WorkflowStreamEvent
        try:
            data = json.loads(line)
            kind = data.get("type")
            if kind == "WORKFLOW":
                event = d.WorkflowEvent.model_validate(data)
                self._ended = self._ended or event.is_final
            elif kind == "NODE":
                event = d.NodeEvent.model_validate(data)
            else:
                return  # An event type of a newer server is ignored.
        except (ValueError, AttributeError) as error:
            raise UnexpectedResponseError(
                f"a line of the stream cannot be decoded: {error}"
            ) from error
        self.execution_id = event.execution_id
        yield event
