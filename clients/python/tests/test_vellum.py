"""The deployment endpoints, sync and async."""

from __future__ import annotations

import asyncio
import time

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client, vellum


def test_sync(deployments: Server) -> None:
    with Client(deployments.key, deployments.url) as client:
        typed = [{"name": "query", "type": "STRING", "value": "hi"}]
        for inputs in (typed, [{"name": "query", "value": "hi"}], {"query": "hi"}):
            response = client.vellum.execute_workflow(
                inputs, workflow_deployment_name="my-workflow"
            )
            assert response.data.state == "FULFILLED"
            assert response.output("result") == "HI"
            assert response.data.outputs and response.data.outputs[0].type == "STRING"
        with pytest.raises(KeyError):
            response.output("other")

        failed = client.vellum.execute_workflow([], workflow_deployment_name="my-failing-workflow")
        assert failed.data.state == "REJECTED"
        assert failed.data.error and failed.data.error.code == "USER_DEFINED_ERROR"

        queued = client.vellum.execute_workflow_async(typed, workflow_deployment_name="my-workflow")
        status = client.vellum.workflow_execution_status(queued.execution_id)
        for _ in range(200):
            if status.status in ("FULFILLED", "REJECTED"):
                break
            status = client.vellum.workflow_execution_status(queued.execution_id)
        assert (status.status, status.outputs) == ("FULFILLED", {"result": "HI"})

        events = list(
            client.vellum.execute_workflow_stream(
                typed, workflow_deployment_name="my-workflow", event_types=["WORKFLOW", "NODE"]
            )
        )
        assert (events[0].type, events[0].data.state) == ("WORKFLOW", "INITIATED")
        assert (events[-1].type, events[-1].data.state) == ("WORKFLOW", "FULFILLED")
        nodes = [event.data for event in events if isinstance(event, vellum.NodeEvent)]
        assert [node.state for node in nodes] == ["INITIATED", "FULFILLED"]
        assert len({node.node_id for node in nodes}) == 1

        with pytest.raises(stepwell.APIError) as unknown:
            client.vellum.execute_workflow([], workflow_deployment_name="no-such-workflow")
        assert "no-such-workflow" in unknown.value.message
        with pytest.raises(stepwell.APIError):
            next(
                client.vellum.execute_workflow_stream(
                    [], workflow_deployment_name="no-such-workflow"
                )
            )


def test_async(deployments: Server) -> None:
    async def main() -> None:
        name = "my-workflow"
        async with AsyncClient(deployments.key, deployments.url) as client:
            response = await client.vellum.execute_workflow(
                {"query": "a"}, workflow_deployment_name=name
            )
            assert response.output("result") == "A"
            stream = client.vellum.execute_workflow_stream(
                {"query": "b"}, workflow_deployment_name=name
            )
            states = [event.data.state async for event in stream]
            assert states[0] == "INITIATED" and states[-1] == "FULFILLED"
            queued = await client.vellum.execute_workflow_async(
                {"query": "c"}, workflow_deployment_name=name
            )
            status = await client.vellum.workflow_execution_status(queued.execution_id)
            assert status.execution_id == queued.execution_id

    asyncio.run(main())


TEXT = "one two three \u2713 \U0001f389"
PIECES = {
    "name": "my-pieces",
    "inputs": {"text": "string"},
    "steps": [
        {
            "type": "StreamText",
            "input": "{{ inputs.text }}",
            "config": {"chunk": "graphemes", "pause": "20ms"},
        }
    ],
    "outputs": {"result": "{{ steps.stream_text.output.text }}"},
}


def test_parts_are_streamed(server: Server) -> None:
    with Client(server.key, server.url) as client:
        client.dataflow.create_workflow(PIECES)
        pieces: list[str] = []
        arrived: list[float] = []
        for event in client.vellum.execute_workflow_stream(
            {"text": TEXT}, workflow_deployment_name="my-pieces", external_id="pieces-1"
        ):
            assert event.external_id == "pieces-1"
            if isinstance(event, vellum.WorkflowEvent) and event.data.output:
                arrived.append(time.monotonic())
                if event.data.output.state == "STREAMING":
                    pieces.append(event.data.output.delta or "")
                else:
                    assert event.data.output.value == TEXT
        assert pieces == list(TEXT)
        assert arrived[-1] - arrived[0] >= 0.02 * (len(pieces) - 1) * 0.9

        with pytest.raises(stepwell.BadRequestError, match="external_id") as taken:
            client.vellum.execute_workflow(
                {"text": TEXT}, workflow_deployment_name="my-pieces", external_id="pieces-1"
            )
        assert taken.value.code == "EXTERNAL_ID_TAKEN"

        # Leaving early does not stop the execution.
        stream = client.vellum.execute_workflow_stream(
            {"text": TEXT}, workflow_deployment_name="my-pieces"
        )
        execution_id = next(stream).execution_id
        stream.close()
        status = client.vellum.workflow_execution_status(execution_id)
        deadline = time.monotonic() + 20
        while status.status != "FULFILLED" and time.monotonic() < deadline:
            time.sleep(0.02)
            status = client.vellum.workflow_execution_status(execution_id)
        assert status.outputs == {"result": TEXT}


def test_an_idempotency_key_executes_once(deployments: Server) -> None:
    with Client(deployments.key, deployments.url) as client:
        ids = {
            client.vellum.execute_workflow(
                {"query": "x"},
                workflow_deployment_name="my-workflow",
                idempotency_key="deployment-once",
            ).execution_id
            for _ in range(2)
        }
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("inputs", "named"),
    [({}, "query"), ({"query": 1, "other": 2}, "other"), ({"query": {"a": 1}}, "query")],
)
def test_invalid_inputs_are_reported(deployments: Server, inputs: dict, named: str) -> None:
    with Client(deployments.key, deployments.url) as client:
        with pytest.raises(stepwell.BadRequestError) as caught:
            client.vellum.execute_workflow(inputs, workflow_deployment_name="my-workflow")
    assert named in caught.value.message
    assert any(named in f"{d.path} {d.message}" for d in caught.value.details)


def test_actuals(deployments: Server) -> None:
    actual = {"output_type": "STRING", "output_key": "result", "quality": 1.0}
    with Client(deployments.key, deployments.url) as client:
        done = client.vellum.execute_workflow(
            {"query": "a"}, workflow_deployment_name="my-workflow"
        )
        client.vellum.submit_workflow_execution_actuals([actual], execution_id=done.execution_id)
        with pytest.raises(stepwell.APIError) as caught:
            client.vellum.submit_workflow_execution_actuals(
                [actual], execution_id="00000000-0000-7000-8000-000000000000"
            )
        assert caught.value.status in (400, 404)

    async def main() -> None:
        async with AsyncClient(deployments.key, deployments.url) as client:
            await client.vellum.submit_workflow_execution_actuals(
                [actual], execution_id=done.execution_id
            )

    asyncio.run(main())
