"""Bodies of the Vellum-compatible API (`/v1/execute-workflow…`), and the parser of its stream.
No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from . import vellum as d
from ._call import to_json
from ._errors import ConnectionFailedError, UnexpectedResponseError
from ._lines import LineSplitter
from ._omit import without_none


def execute_body(inputs: d.Inputs, **fields: Any) -> dict[str, Any]:
    """The body of a request to execute; fields that are None are omitted."""
    return {"inputs": _input_list(inputs), **without_none(**fields)}


def _input_list(inputs: d.Inputs) -> list[Any]:
    if isinstance(inputs, Mapping):
        return [{"name": name, "value": to_json(value)} for name, value in inputs.items()]
    return [to_json(item) for item in inputs]


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
