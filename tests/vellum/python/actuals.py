"""Feedback on outputs, in the format of the clients and in that of the reference."""

import uuid

import vellum.client.types as types
from vellum.client.core.api_error import ApiError

from common import http, name_of, refused, say

METHOD = "submit_workflow_execution_actuals"


def stored(execution_id):
    return http("GET", f"/api/v1/workflow_executions/{execution_id}/actuals?page_size=100")["data"]["items"]


def every_form_is_stored(user):
    external_id = str(uuid.uuid4())
    response = user().call("execute_workflow", **say(), external_id=external_id)
    execution_id = response.execution_id
    output_id = response.data.outputs[0].id
    user().call(METHOD, execution_id=execution_id, actuals=[
        types.WorkflowExecutionActualStringRequest(
            output_key="result", quality=1.0, desired_output_value="x", metadata={"by": "me"},
            timestamp=1795271900.5),
        types.WorkflowExecutionActualJsonRequest(
            output_id=output_id, quality=0.0, desired_output_value={"a": None}),
    ])
    chat = [types.ChatMessageRequest(role="USER", text="hi")]
    user().call(METHOD, external_id=external_id, actuals=[
        types.WorkflowExecutionActualChatHistoryRequest(output_key="size", desired_output_value=chat),
        types.WorkflowExecutionActualStringRequest(output_key="result", quality=None, timestamp=None),
    ])
    user().call(METHOD, actuals=[
        {"execution_id": execution_id, "output_name": "result", "value": "y", "metadata": {}},
        {"external_id": external_id, "output_key": "size", "output_type": "json", "value": 1},
    ])
    found = stored(execution_id)
    assert [(one["output_name"], one["quality"], one["desired_output_value"]) for one in found] == [
        ("result", 1.0, "x"), ("result", 0.0, {"a": None}), ("size", None, [{"role": "USER", "text": "hi"}]),
        ("result", None, None), ("result", None, "y"), ("size", None, 1),
    ], found
    assert found[0]["metadata"] == {"by": "me"}, found


def what_is_wrong_stores_nothing(user):
    execution_id = user().call("execute_workflow", **say()).execution_id
    good = {"output_type": "STRING", "output_key": "result", "quality": 1}
    for bad, status, word in (
        ({"output_key": "nope"}, 400, "actuals[1].output_key"),
        ({"output_key": None}, 400, "actuals[1].output_key"),
        ({"output_key": None, "output_id": str(uuid.uuid4())}, 400, "actuals[1].output_id"),
        ({"quality": 1.1}, 400, "actuals[1].quality"),
        ({"quality": -0.1}, 400, "actuals[1].quality"),
        ({"quality": "good"}, 400, "actuals[1].quality"),
        ({"timestamp": "yesterday"}, 400, "actuals[1].timestamp"),
        ({"timestamp": 1e15}, 400, "actuals[1].timestamp"),
        ({"desired_output_value": 5}, 400, "actuals[1].desired_output_value"),
        ({"value": 5}, 400, "actuals[1].value"),
        ({"output_type": "CHAT_HISTORY", "desired_output_value": ["hi"]}, 400, "actuals[1].desired_output_value"),
        ({"output_type": "SOUND"}, 400, "actuals[1].output_type"),
        ({"metadata": ["x"]}, 400, "actuals[1].metadata"),
        ({"execution_id": "x"}, 400, "actuals[1].execution_id"),
        ({"execution_id": str(uuid.uuid4())}, 404, "actuals[1].execution_id"),
        ({"external_id": "unknown"}, 404, "actuals[1].external_id"),
    ):
        batch = [good, {**good, **bad}, good]
        refused(ApiError, status, word, lambda: user().call(METHOD, execution_id=execution_id, actuals=batch))
    unknown = str(uuid.uuid4())
    for named, status, word in (({"execution_id": unknown}, 404, "execution_id"), ({"execution_id": "x"}, 400, "execution_id"),
                                ({"external_id": unknown}, 404, "external_id"), ({}, 400, "execution_id")):
        for actuals in ([good], []):
            refused(ApiError, status, word, lambda: user().call(METHOD, **named, actuals=actuals))
    assert stored(execution_id) == []


CHECKS = [every_form_is_stored, what_is_wrong_stores_nothing]
