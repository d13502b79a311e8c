"""Streams: all events of an execution, in order, as the client reads them."""

import threading
import uuid

import vellum.client.types as types

from common import http, name_of, plain, say

TEXT = "".join(f"w{n}✓ " for n in range(200))
BOTH = ["WORKFLOW", "NODE"]


def pieces_arrive_whole_and_in_order(user):
    external_id = str(uuid.uuid4())
    events = user().stream(**say(TEXT), event_types=BOTH, external_id=external_id)
    assert {(event.execution_id, event.external_id) for event in events} == {
        (events[0].execution_id, external_id)}, events[0]
    workflow = [event.data for event in events if event.type == "WORKFLOW"]
    first, last = workflow[0], workflow[-1]
    assert events[0].data is first and first.state == "INITIATED", events[0]
    assert [(value.name, value.type, value.value) for value in first.inputs] == [
        ("query", "STRING", TEXT)], first
    assert (events[-1].data is last) and last.state == "FULFILLED", events[-1]
    outputs = {output.name: output for output in last.outputs}
    assert (outputs["result"].value, outputs["size"].value) == (TEXT, len(TEXT)), last
    streamed = [data.output for data in workflow if data.state == "STREAMING"]
    deltas = [output for output in streamed if output.state == "STREAMING"]
    assert [output.delta for output in deltas] == [f"w{n}✓ " for n in range(200)], len(deltas)
    assert {(output.name, output.type, output.id) for output in deltas} == {
        ("result", "STRING", outputs["result"].id)}, deltas[0]
    whole = {output.name: output.value for output in streamed if output.state == "FULFILLED"}
    assert whole == {"result": TEXT, "size": len(TEXT)}, whole
    nodes = [event.data for event in events if event.type == "NODE"]
    assert [node.state for node in nodes] == ["INITIATED", *["STREAMING"] * 200, "FULFILLED"]
    assert len({(node.node_id, node.node_result_id) for node in nodes}) == 1, nodes[0]
    assert {output.node_id for output in deltas} == {nodes[0].node_id}, deltas[0]
    assert [(value.key, value.value) for value in nodes[0].input_values] == [("text", TEXT)]
    assert "".join(node.output.value for node in nodes[1:-1]) == TEXT
    assert [(value.type, value.value) for value in nodes[-1].output_values] == [("STRING", TEXT)]
    moments = [event.data.ts for event in events]
    assert moments == sorted(moments), "times go back"


def event_types_choose(user):
    for wanted, expect in ((None, {"WORKFLOW"}), (["WORKFLOW"], {"WORKFLOW"}), ([], {"WORKFLOW"}),
                           (["NODE"], {"NODE"}), (BOTH, set(BOTH))):
        events = user().stream(**say(), event_types=wanted)
        assert {event.type for event in events} == expect, (wanted, events)
    assert {event.type for event in user().stream(**say())} == {"WORKFLOW"}


def expanded_meta_is_returned_on_request(user):
    for options, expect in (
        (None, None), ({}, None), ({"usage": False, "cost": None}, None),
        ({"usage": True}, {"usage"}), ({"usage": True, "cost": True, "model_name": True},
                                       {"usage", "cost", "model_name"}),
    ):
        meta = None if options is None else types.WorkflowExpandMetaRequest(**options)
        events = user().stream(**say("hi"), event_types=BOTH, expand_meta=meta)
        node = next(event.data for event in events
                    if event.type == "NODE" and event.data.state == "FULFILLED")
        if expect is None:
            assert node.data is None, (options, node)
            continue
        assert (node.data.type, node.data.data.text) == ("PROMPT", "hi"), node
        assert node.data.data.output_id == node.output_values[0].node_output_id, node
        found = node.data.data.execution_meta
        assert isinstance(found, types.PromptNodeExecutionMeta), node
        assert found.dict().keys() == expect and not plain(found), (options, found)
    events = user().stream(inputs=[], workflow_deployment_name=name_of("counts"), event_types=BOTH,
                           expand_meta=types.WorkflowExpandMetaRequest(usage=True))
    assert all(event.data.data is None for event in events if event.type == "NODE"), events


def cancelled_executions_are_rejected(user):
    external_id = str(uuid.uuid4())
    request = {"inputs": [], "workflow_deployment_name": name_of("waits"), "external_id": external_id}
    found = next(w for w in http("GET", "/workflows?limit=100")["workflows"] if w["name"] == name_of("waits"))
    canceller = threading.Thread(target=cancel, args=(found["workflow_id"],))
    canceller.start()
    events = user().stream(**request, event_types=BOTH)
    canceller.join()
    assert [(event.type, event.data.state) for event in events] == [
        ("WORKFLOW", "INITIATED"), ("NODE", "INITIATED"), ("NODE", "REJECTED"), ("WORKFLOW", "REJECTED"),
    ], events
    assert [event.data.error.code for event in events[2:]] == ["NODE_CANCELLED", "WORKFLOW_CANCELLED"]
    canceller = threading.Thread(target=cancel, args=(found["workflow_id"],))
    canceller.start()
    response = user().call("execute_workflow", **{**request, "external_id": None})
    canceller.join()
    assert (response.data.state, response.data.error.code) == ("REJECTED", "WORKFLOW_CANCELLED"), response


def cancel(workflow):
    """Waits for an execution of the workflow that waits, and cancels it."""
    path = f"/workflows/{workflow}/executions"
    for _ in range(3000):
        for execution in http("GET", path)["executions"]:
            if execution["status"] not in ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"):
                http("POST", f"{path}/{execution['execution_id']}/cancel")
                return
    raise AssertionError("there was nothing to cancel")


CHECKS = [
    pieces_arrive_whole_and_in_order, event_types_choose, expanded_meta_is_returned_on_request,
    cancelled_executions_are_rejected,
]
