"""The events of a stream. Every event has `data.outputs`, as in early Vellum examples."""

from __future__ import annotations

from typing import Any, Union

from pydantic import Field
from stepwell import vellum as types


class WorkflowEventData(types.WorkflowEventData):
    """`outputs` is empty until the state is FULFILLED."""

    outputs: list[types.WorkflowOutput] = Field(default_factory=list)


class WorkflowEvent(types.WorkflowEvent):
    """An event of the execution."""

    data: WorkflowEventData


class NodeEventData(types.NodeEventData):
    """`outputs` maps names to values; it is empty until the state is FULFILLED."""

    outputs: dict[str, Any] = Field(default_factory=dict)


class NodeEvent(types.NodeEvent):
    """An event of a node."""

    data: NodeEventData


StreamEvent = Union[WorkflowEvent, NodeEvent]


def with_outputs(event: types.WorkflowStreamEvent) -> StreamEvent:
    """The same event with `data.outputs`: a list for the workflow, a dict for a node."""
    fields = event.model_dump(exclude_unset=True)
    if isinstance(event, types.NodeEvent):
        values = event.data.output_values or ()
        fields["data"]["outputs"] = {v.key: v.value for v in values if v.key is not None}
        return NodeEvent.model_validate(fields)
    fields["data"]["outputs"] = fields["data"].get("outputs") or []
    return WorkflowEvent.model_validate(fields)
