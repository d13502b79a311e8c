"""Runs the published Python client against a running Stepwell, method by method.

Usage: conformance.py BASE_URL API_KEY. The client is used as its users use it: nothing is patched.
"""

import asyncio
import json
import sys
import urllib.request
import uuid

from vellum import AsyncVellum, Vellum, VellumEnvironment
import vellum.types as types
from vellum.client.errors import BadRequestError, NotFoundError

BASE, KEY = sys.argv[1], sys.argv[2]
ENVIRONMENT = VellumEnvironment(default=BASE, predict=BASE, documents=BASE)
TEXT = "".join(f"w{n}✓ " for n in range(200))


def create(definition):
    request = urllib.request.Request(
        f"{BASE}/workflows",
        data=json.dumps(definition).encode(),
        headers={"X-API-KEY": KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["workflow_id"]


def definitions(name):
    create({
        "name": name,
        "inputs": {
            "query": "string",
            "n": "number?",
            "data": "any?",
            "chat": {"type": "array", "x-vellum-type": "CHAT_HISTORY", "required": False},
            "image": {"type": "object", "x-vellum-type": "IMAGE", "required": False},
        },
        "steps": [{"id": "say", "type": "StreamText", "input": "{{ inputs.query }}"}],
        "outputs": {
            "result": "{{ steps.say.output.text }}",
            "n": {"value": "{{ inputs.n }}", "schema": {"type": "number"}},
            "data": "{{ inputs.data }}",
            "chat": "{{ inputs.chat }}",
            "image": "{{ inputs.image }}",
        },
    })
    create({
        "name": f"{name}-fails",
        "steps": [{"type": "Fail", "config": {"message": "no luck"}}],
    })


def inputs():
    return [
        types.WorkflowRequestStringInputRequest(name="query", value=TEXT),
        types.WorkflowRequestNumberInputRequest(name="n", value=2.5),
        types.WorkflowRequestJsonInputRequest(name="data", value={"a": [1, None]}),
        types.WorkflowRequestChatHistoryInputRequest(
            name="chat", value=[types.ChatMessageRequest(role="USER", text="hi")]
        ),
        types.WorkflowRequestImageInputRequest(
            name="image", value=types.VellumImageRequest(src="https://example.com/x.png")
        ),
    ]


def check_outputs(outputs):
    found = {output.name: output for output in outputs}
    assert [found[name].type for name in ("result", "n", "data", "chat", "image")] == [
        "STRING", "NUMBER", "JSON", "CHAT_HISTORY", "IMAGE",
    ], found
    assert found["result"].value == TEXT
    assert found["n"].value == 2.5
    assert found["data"].value == {"a": [1, None]}
    assert found["chat"].value[0].text == "hi"
    assert found["image"].value.src == "https://example.com/x.png"


def check_stream(events):
    first, last = events[0], events[-1]
    assert first.type == "WORKFLOW" and first.data.state == "INITIATED", first
    assert {value.name for value in first.data.inputs} >= {"query", "n"}, first
    assert last.type == "WORKFLOW" and last.data.state == "FULFILLED", last
    check_outputs(last.data.outputs)
    workflow = [event.data for event in events if event.type == "WORKFLOW"]
    deltas = [data.output.delta for data in workflow
              if data.state == "STREAMING" and data.output.state == "STREAMING"]
    assert len(deltas) == 200 and "".join(deltas) == TEXT, len(deltas)
    states = [event.data.state for event in events if event.type == "NODE"]
    assert states == ["INITIATED", *["STREAMING"] * 200, "FULFILLED"], states


def refused(kind, call, word):
    try:
        result = call()
        list(result) if hasattr(result, "__next__") else None
    except kind as error:
        assert word in error.body["detail"], error.body
    else:
        raise AssertionError(f"{word}: was not refused")


def sync(name):
    client = Vellum(api_key=KEY, environment=ENVIRONMENT)
    external_id = str(uuid.uuid4())
    answer = client.execute_workflow(
        workflow_deployment_name=name, inputs=inputs(), external_id=external_id,
        metadata={"user": "u1"}, release_tag="LATEST",
        expand_meta=types.WorkflowExpandMetaRequest(usage=True),
    )
    assert answer.data.state == "FULFILLED", answer
    assert answer.external_id == external_id
    check_outputs(answer.data.outputs)
    failed = client.execute_workflow(workflow_deployment_name=f"{name}-fails", inputs=[])
    assert failed.data.state == "REJECTED" and failed.data.error.code == "USER_DEFINED_ERROR"
    events = list(client.execute_workflow_stream(
        workflow_deployment_name=name, inputs=inputs(), event_types=["WORKFLOW", "NODE"],
    ))
    check_stream(events)
    events = list(client.execute_workflow_stream(
        workflow_deployment_name=f"{name}-fails", inputs=[], event_types=["WORKFLOW", "NODE"],
    ))
    assert [event.data.state for event in events] == ["INITIATED", "INITIATED", "REJECTED", "REJECTED"]
    if hasattr(client, "execute_workflow_async"):
        accepted = client.execute_workflow_async(workflow_deployment_name=name, inputs=inputs())
        status = client.workflows.workflow_execution_status(accepted.execution_id)
        assert status.execution_id == accepted.execution_id
        refused(NotFoundError,
                lambda: client.workflows.workflow_execution_status(str(uuid.uuid4())), "execution")
    client.submit_workflow_execution_actuals(
        execution_id=answer.execution_id,
        actuals=[types.WorkflowExecutionActualStringRequest(
            output_key="result", quality=1.0, desired_output_value=TEXT, metadata={"by": "me"},
        )],
    )
    client.submit_workflow_execution_actuals(
        external_id=external_id,
        actuals=[types.WorkflowExecutionActualJsonRequest(
            output_id=answer.data.outputs[2].id, desired_output_value={"a": 1}, timestamp=1795271900.5,
        )],
    )
    for call in (client.execute_workflow, client.execute_workflow_stream):
        refused(BadRequestError, lambda: call(inputs=[]), "workflow_deployment")
        refused(NotFoundError, lambda: call(inputs=[], workflow_deployment_name="nope"),
                "workflow_deployment_name")
        refused(BadRequestError, lambda: call(inputs=[], workflow_deployment_name=name), "query")
        refused(NotFoundError, lambda: call(
            inputs=inputs(), workflow_deployment_name=name, release_tag="nope"), "release_tag")
        refused(BadRequestError, lambda: call(
            inputs=inputs(), workflow_deployment_name=name, external_id=external_id),
            answer.execution_id)


async def asynchronous(name):
    client = AsyncVellum(api_key=KEY, environment=ENVIRONMENT)
    answer = await client.execute_workflow(workflow_deployment_name=name, inputs=inputs())
    check_outputs(answer.data.outputs)
    events = [event async for event in client.execute_workflow_stream(
        workflow_deployment_name=name, inputs=inputs(), event_types=["WORKFLOW", "NODE"],
    )]
    check_stream(events)
    await client.submit_workflow_execution_actuals(
        execution_id=answer.execution_id,
        actuals=[types.WorkflowExecutionActualStringRequest(output_key="result", quality=0.5)],
    )
    # The seed's form: no types, and actuals of their own kind.
    answer = await client.execute_workflow(
        workflow_deployment_name=name, inputs=[{"name": "query", "value": TEXT}])
    await client.submit_workflow_execution_actuals(actuals=[
        {"execution_id": answer.execution_id, "output_name": "result", "value": TEXT}])


def main():
    name = f"conformance-{uuid.uuid4()}"
    definitions(name)
    sync(name)
    asyncio.run(asynchronous(name))
    print(f"python client: ok ({__import__('importlib.metadata').metadata.version('vellum-ai')})")


main()
