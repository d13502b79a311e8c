"""Execution: types of inputs and outputs, names and ids, versions."""

import time
import uuid

import httpx
import vellum.client.types as types
from vellum.client.core.api_error import ApiError
from vellum.client.errors import BadRequestError, NotFoundError

from common import (FIXTURES, KEY, KNOWN, http, name_of, plain, reader_key, refused, say)


def values_come_under_types_that_parse(user):
    """Each value under each declared type: unchanged if it has the shape of the type, else JSON."""
    for case in FIXTURES["values"]:
        response = user().call(
            "execute_workflow", workflow_deployment_name=name_of("values"),
            inputs=[{"type": "JSON", "name": "value", "value": case["value"]}])
        assert response.data.state == "FULFILLED", (case, response)
        assert {output.name for output in response.data.outputs} == KNOWN, response
        for output in response.data.outputs:
            expect = output.name if output.name in case["fits"] else "JSON"
            assert output.type == expect, (case, output)
            assert plain(output.value) == plain(case["value"]), (case, output)
            uuid.UUID(output.id)


def values_stream_under_types_that_parse(user):
    """The same in streams: they are complete, and media arrive only at the end."""
    for case in FIXTURES["values"]:
        events = user().stream(
            workflow_deployment_name=name_of("values"), event_types=["WORKFLOW", "NODE"],
            inputs=[{"type": "JSON", "name": "value", "value": case["value"]}])
        first, last = events[0].data, events[-1].data
        assert plain(first.inputs[0].value) == plain(case["value"]), (case, first)
        media = {"IMAGE", "AUDIO", "VIDEO", "DOCUMENT"}
        streamed = {event.data.output.name: event.data.output for event in events
                    if event.type == "WORKFLOW" and event.data.state == "STREAMING"}
        assert {output.name for output in last.outputs} == KNOWN, last
        for output in last.outputs:
            expect = output.name if output.name in case["fits"] else "JSON"
            assert output.type == expect and plain(output.value) == plain(case["value"]), output
            if expect in media:
                assert output.name not in streamed, streamed
            else:
                assert streamed[output.name].type == expect, streamed
                assert plain(streamed[output.name].value) == plain(case["value"]), streamed
        nodes = [event.data.state for event in events if event.type == "NODE"]
        assert nodes == ["INITIATED", "FULFILLED"], nodes


def every_input_type(user):
    media = {"src": "data:text/plain;base64,eA==", "metadata": {"detail": "low"}}
    chat = next(case["value"] for case in FIXTURES["values"] if case["fits"] == ["CHAT_HISTORY"])
    cases = [
        ("text", types.WorkflowRequestStringInputRequest(name="text", value="é✓"), "é✓"),
        ("number", types.WorkflowRequestNumberInputRequest(name="number", value=2.5), 2.5),
        ("count", types.WorkflowRequestNumberInputRequest(name="count", value=3), 3),
        ("json", types.WorkflowRequestJsonInputRequest(name="json", value={"a": [None]}), {"a": [None]}),
        ("json", types.WorkflowRequestJsonInputRequest(name="json", value=None), None),
        ("json", types.WorkflowRequestJsonInputRequest(name="json"), None),
        ("chat", types.WorkflowRequestChatHistoryInputRequest(
            name="chat", value=[types.ChatMessageRequest(**message) for message in chat]), chat),
        # As in the reference, and as raw dicts: without a type, or in lower case.
        ("text", {"name": "text", "value": "x"}, "x"),
        ("text", {"name": "text", "value": "x", "type": "string", "other": 1}, "x"),
        ("text", {"name": "text", "value": "x", "type": None}, "x"),
        ("number", {"name": "number", "value": "2.5"}, 2.5),
        ("count", {"name": "count", "value": 3.0}, 3),
        # Null means "omitted" for an input that does not accept null.
        ("text", {"name": "text", "value": None}, "-"),
        ("count", {"name": "count", "value": None, "type": "JSON"}, -1),
    ]
    for kind in ("Image", "Audio", "Video", "Document"):
        if kind.upper() in KNOWN:
            source = getattr(types, f"Vellum{kind}Request")(**media)
            request = getattr(types, f"WorkflowRequest{kind}InputRequest")
            cases.append((kind.lower(), request(name=kind.lower(), value=source), media))
    for name, given, expect in cases:
        response = user().call("execute_workflow", workflow_deployment_name=name_of("inputs"),
                             inputs=[given])
        assert response.data.state == "FULFILLED", (given, response)
        found = next(output for output in response.data.outputs if output.name == name)
        assert plain(found.value) == plain(expect), (given, found)
        if name == "count":
            assert "." not in str(http("GET", status_path(response))["outputs"]["count"]), response


def status_path(response):
    return f"/v1/workflows/executions/{response.execution_id}/status"


def every_request_field(user):
    external_id = str(uuid.uuid4())
    response = user().call(
        "execute_workflow", **say(), external_id=external_id, metadata={"user": {"id": None}},
        release_tag="LATEST", expand_meta=types.WorkflowExpandMetaRequest(usage=True, cost=None))
    assert (response.data.state, response.external_id, response.run_id) == ("FULFILLED", external_id, None)
    assert response.data.ts.tzinfo and uuid.UUID(response.data.id), response
    nulls = dict.fromkeys(
        ["workflow_deployment_id", "release_tag", "external_id", "expand_meta", "metadata",
         "previous_execution_id"])
    for method in ("execute_workflow", "execute_workflow_async"):
        if user().has(method):
            more = dict(nulls)
            if method == "execute_workflow_async":
                del more["expand_meta"]
            assert uuid.UUID(user().call(method, **say(), **more).execution_id)
    assert user().stream(**say(), **nulls, event_types=None)[-1].data.state == "FULFILLED"
    again = {**say(), "external_id": external_id}
    refused(BadRequestError, 400, response.execution_id, lambda: user().call("execute_workflow", **again))
    refused(BadRequestError, 400, response.execution_id, lambda: user().stream(**again))
    # Keys that are unknown to this version of the client.
    options = {"additional_body_parameters": {"execution_context": {"trace_id": "t", "parent_context": {}}}}
    response = user().call("execute_workflow", **say(), request_options=options)
    assert response.data.state == "FULFILLED"


def deployments_by_id_and_later_executions(user):
    deployment = http("GET", "/workflows?limit=100")
    found = next(w for w in deployment["workflows"] if w["name"] == name_of("counts"))
    started = {"inputs": [], "workflow_deployment_name": name_of("counts")}
    response = user().call("execute_workflow", **started)
    assert response.data.outputs[0].value == 1, response
    for expect in (2, 3):
        response = user().call("execute_workflow", **started, previous_execution_id=response.execution_id)
        assert response.data.outputs[0].value == expect, response
    by_id = {"inputs": [], "workflow_deployment_id": found["workflow_id"]}
    assert user().call("execute_workflow", **by_id).data.outputs[0].value == 1
    refused(BadRequestError, 400, "previous_execution_id", lambda: user().call(
        "execute_workflow", **say(), previous_execution_id=response.execution_id))


def versions_differ_in_thinking_only(user):
    thinking = [{"type": "THINKING", "value": {"type": "STRING", "value": "hm"}},
                {"type": "ARRAY", "value": [{"type": "THINKING", "value": None}]},
                {"type": "STRING", "value": "x"}]
    without = [{"type": "ARRAY", "value": []}, {"type": "STRING", "value": "x"}]
    request = {"workflow_deployment_name": name_of("values"),
               "inputs": [{"type": "JSON", "name": "value", "value": thinking}]}
    for version, expect in ((None, without), ("2024-10-25", without), ("2025-07-30", thinking)):
        client = user(api_version=version)
        outputs = client.call("execute_workflow", **request).data.outputs
        found = {output.name: output for output in outputs}["ARRAY"]
        assert (found.type, plain(found.value)) == ("ARRAY", plain(expect)), (version, found)
        events = client.stream(**request)
        streamed = [event.data.output for event in events if event.data.state == "STREAMING"]
        arrays = [output for output in streamed if output.name == "ARRAY"]
        arrays += [output for output in events[-1].data.outputs if output.name == "ARRAY"]
        assert [plain(array.value) for array in arrays] == [plain(expect)] * 2, (version, arrays)


def in_the_background(user):
    if not user().has("execute_workflow_async"):
        return
    external_id = str(uuid.uuid4())
    accepted = user().call("execute_workflow_async", inputs=[], external_id=external_id,
                           workflow_deployment_name=name_of("slow"))
    status = user().status(accepted.execution_id)
    assert status.status in ("PENDING", "INITIATED") and status.outputs is None, status
    status = ended(user, accepted.execution_id)
    assert (status.status, status.outputs, status.error) == ("FULFILLED", {"result": "done"}, None)
    for case in FIXTURES["failures"]:
        accepted = user().call("execute_workflow_async", inputs=case.get("inputs", []),
                               workflow_deployment_name=name_of(case["workflow"]))
        status = ended(user, accepted.execution_id)
        assert (status.status, status.outputs) == ("REJECTED", None), status
        assert status.error.code == case["code"] and status.error.message, (case, status)
    refused(NotFoundError, 404, "execution", lambda: user().status(str(uuid.uuid4())))
    refused(BadRequestError, 400, "execution_id", lambda: user().status("x"))


def ended(user, execution_id):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = user().status(execution_id)
        if status.status in ("FULFILLED", "REJECTED"):
            return status
        time.sleep(0.02)
    raise AssertionError(f"{execution_id} did not end: {status}")


def executions_outlive_their_clients(user):
    request = {"inputs": [], "workflow_deployment_name": name_of("slow"), "external_id": str(uuid.uuid4())}
    try:
        user().call("execute_workflow", **request, request_options={"timeout_in_seconds": 1})
    except httpx.ReadTimeout:
        pass
    else:
        raise AssertionError("an execution of more than a second took less")
    error = refused(BadRequestError, 400, "external_id", lambda: user().call("execute_workflow", **request))
    if user().has("execute_workflow_async"):
        execution_id = error.body["detail"].split("execution ")[1].split()[0]
        assert ended(user, execution_id).status == "FULFILLED"


def failures_are_answers(user):
    for case in FIXTURES["failures"]:
        request = {"inputs": case.get("inputs", []), "workflow_deployment_name": name_of(case["workflow"])}
        response = user().call("execute_workflow", **request)
        assert response.data.state == "REJECTED" and not hasattr(response.data, "outputs"), response
        error = response.data.error
        assert error.code == case["code"] and case.get("message", "") in error.message, (case, error)
        assert (error.raw_data["code"], error.error_code) == (case["own"], case["error_code"]), error
        events = user().stream(**request, event_types=["WORKFLOW", "NODE"])
        shapes = [(event.type, event.data.state) for event in events]
        assert shapes == [("WORKFLOW", "INITIATED"), *[shape for shape in shapes[1:-1]],
                          ("WORKFLOW", "REJECTED")], shapes
        assert events[-1].data.error.code == case["code"], (case, events[-1])
        nodes = [event.data for event in events if event.type == "NODE"]
        assert nodes[-1].state == "REJECTED" and nodes[-1].error.code == case["node"], (case, nodes)


def refusals_are_exceptions(user):
    kinds = {400: BadRequestError, 404: NotFoundError}
    for case in FIXTURES["refusals"]:
        if "python" not in case["clients"]:
            continue
        request = dict(case["request"])
        if case["workflow"]:
            request["workflow_deployment_name"] = name_of(case["workflow"])
        status, field = case["status"], case["field"]
        refused(kinds[status], status, field, lambda: user().call("execute_workflow", **request))
        refused(kinds[status], status, field, lambda: user().stream(**request))
        if user().has("execute_workflow_async") and "expand_meta" not in request:
            refused(kinds[status], status, field,
                    lambda: user().call("execute_workflow_async", **request))
    refused(BadRequestError, 400, "event_types[0]", lambda: user().stream(**say(), event_types=["STEP"]))


def keys_decide(user):
    execution_id = user().call("execute_workflow", **say()).execution_id
    for key, status, word in (("wrong", 401, "key"), ("", 401, "key"), (reader_key(), 403, "execute:workflows")):
        refused(ApiError, status, word, lambda: user(key=key).call("execute_workflow", **say()))
        refused(ApiError, status, word, lambda: user(key=key).stream(**say()))
        refused(ApiError, status, word, lambda: user(key=key).call(
            "submit_workflow_execution_actuals", execution_id=execution_id, actuals=[]))
    assert user(key=KEY).call("execute_workflow", **say()).data.state == "FULFILLED"


CHECKS = [
    values_come_under_types_that_parse, values_stream_under_types_that_parse, every_input_type,
    every_request_field, deployments_by_id_and_later_executions, versions_differ_in_thinking_only,
    in_the_background, executions_outlive_their_clients, failures_are_answers,
    refusals_are_exceptions, keys_decide,
]
