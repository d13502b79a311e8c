"""The types of the Vellum-compatible API: `client.vellum`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Mapping, Optional, Sequence, TypedDict, Union

from ._base import Model

# Either `{"query": "hi"}` or `[{"name": "query", "type": "STRING", "value": "hi"}]`.
Inputs = Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]

EventType = Literal["WORKFLOW", "NODE"]


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


class WorkflowOutput(Model):
    """An output of a workflow. `type` is the type of `value`: STRING, NUMBER, JSON, …"""

    id: Optional[str] = None
    name: str
    type: str
    value: Any = None


class WorkflowError(Model):
    """The cause of a rejected execution or node; `error_code` is the older form of `code`."""

    code: str
    error_code: Optional[str] = None
    message: str
    raw_data: Any = None
    stacktrace: Optional[str] = None


class WorkflowResult(Model):
    """The result of an execution: FULFILLED with `outputs`, or REJECTED with `error`."""

    id: str
    state: Union[Literal["FULFILLED", "REJECTED"], str]
    ts: datetime
    outputs: Optional[list[WorkflowOutput]] = None
    error: Optional[WorkflowError] = None


class ExecuteWorkflowResponse(Model):
    """Response of `execute_workflow`. A failed execution is a response, not an exception."""

    execution_id: str
    run_id: Optional[str] = None
    external_id: Optional[str] = None
    data: WorkflowResult

    def output(self, name: str) -> Any:
        """The value of the output `name`; raises KeyError if there is none."""
        for output in self.data.outputs or ():
            if output.name == name:
                return output.value
        raise KeyError(name)


class ExecuteWorkflowAsyncResponse(Model):
    """Response of `execute_workflow_async`: the execution is durable."""

    execution_id: str


class StatusError(Model):
    """The cause of a rejected execution, in its status."""

    message: Optional[str] = None
    code: Optional[str] = None
    error_code: Optional[str] = None
    raw_data: Any = None
    stacktrace: Optional[str] = None


class WorkflowExecutionStatus(Model):
    """The status of an execution; `outputs` maps names to values if it is FULFILLED."""

    status: Union[Literal["PENDING", "INITIATED", "STREAMING", "FULFILLED", "REJECTED"], str]
    execution_id: str
    outputs: Optional[dict[str, Any]] = None
    error: Optional[StatusError] = None
    execution_detail_url: Optional[str] = None


class StreamedOutput(Model):
    """A part of an output: `delta` while `state` is STREAMING, then the complete `value`."""

    id: Optional[str] = None
    name: str
    type: str
    state: str
    node_id: Optional[str] = None
    delta: Optional[str] = None
    value: Any = None


class WorkflowInput(Model):
    """An input of an execution."""

    id: Optional[str] = None
    name: str
    type: str
    value: Any = None


class WorkflowEventData(Model):
    """INITIATED with `inputs`, STREAMING with `output`, FULFILLED with `outputs`, or REJECTED
    with `error`."""

    id: Optional[str] = None
    state: str
    ts: datetime
    inputs: Optional[list[WorkflowInput]] = None
    output: Optional[StreamedOutput] = None
    outputs: Optional[list[WorkflowOutput]] = None
    error: Optional[WorkflowError] = None


class NodeInput(Model):
    """An input of a node."""

    node_input_id: Optional[str] = None
    key: str
    type: str
    value: Any = None


class NodeOutput(Model):
    """An output of a node, complete or a part of it. `key` is its name, if it is complete."""

    node_output_id: Optional[str] = None
    key: Optional[str] = None
    type: str
    state: Optional[str] = None
    value: Any = None


class NodeEventData(Model):
    """INITIATED with `input_values`, STREAMING with `output`, FULFILLED with `output_values`, or
    REJECTED with `error`."""

    id: Optional[str] = None
    node_id: str
    node_result_id: Optional[str] = None
    state: str
    ts: Optional[datetime] = None
    data: Any = None
    input_values: Optional[list[NodeInput]] = None
    output: Optional[NodeOutput] = None
    output_index: Optional[int] = None
    output_values: Optional[list[NodeOutput]] = None
    error: Optional[WorkflowError] = None


class _StreamEvent(Model):
    execution_id: str
    run_id: Optional[str] = None
    external_id: Optional[str] = None


class WorkflowEvent(_StreamEvent):
    """An event of the execution."""

    type: Literal["WORKFLOW"]
    data: WorkflowEventData

    @property
    def is_final(self) -> bool:
        """Whether it is the last event of the stream."""
        return self.data.state in ("FULFILLED", "REJECTED")


class NodeEvent(_StreamEvent):
    """An event of a node."""

    type: Literal["NODE"]
    data: NodeEventData


WorkflowStreamEvent = Union[WorkflowEvent, NodeEvent]
