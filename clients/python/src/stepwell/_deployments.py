"""What the deployment endpoints (`/v1/execute-workflow` and its neighbours) take, and the reader
of their stream. No I/O."""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping, Optional, Sequence, TypedDict, Union

from . import _deployment_models as d
from ._call import given, plain
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


class Actual(TypedDict, total=False):
    """How good an output was (`quality`, 0 to 1), or what it should have been
    (`desired_output_value`, or `value`). The output is named by `output_name` (or `output_key`)
    or by `output_id`; the execution here or for all of them. `timestamp` is in seconds."""

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


def _inputs(inputs: Inputs) -> list[Any]:
    if isinstance(inputs, Mapping):
        return [{"name": name, "value": plain(value)} for name, value in inputs.items()]
    return [plain(item) for item in inputs]


def body_of(inputs: Inputs, options: Mapping[str, Any], known: Any) -> dict[str, Any]:
    """The body of an execution. `known` are the options that it takes."""
    unknown = sorted(set(options) - set(known.__annotations__))
    if unknown:
        raise TypeError(f"there is no argument `{unknown[0]}`")
    fields = {k: v for k, v in options.items() if k not in ("idempotency_key", "timeout")}
    return {"inputs": _inputs(inputs), **given(**fields)}


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
