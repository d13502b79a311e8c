"""Programs like the early examples, and the snippets of the README, run unchanged."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
import stepwell
from stepwell_testing import EXAMPLES, Server, StubResponse, StubServer, run_snippet, snippets

from vellum import Client, VellumError

INPUTS = [{"name": "query", "value": "Process this"}]
BOTH = ["WORKFLOW", "NODE"]


@pytest.fixture
def client(deployments: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("STEPWELL_URL", deployments.url)
    with Client(api_key=deployments.key) as client:
        yield client


def test_snippets(
    deployments: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPWELL_URL", deployments.url)
    namespace: dict = {}

    async def main() -> None:
        for text in snippets(Path(__file__).parents[1] / "README.md"):
            await run_snippet(text.replace("your-api-key", deployments.key), namespace)

    asyncio.run(main())
    namespace["client"].close()
    output = capsys.readouterr().out
    parts = ("PROCESS THIS", "Workflow state: FULFILLED", "Node ", "not started:", "QUEUED")
    for part in parts:
        assert part in output, output


def insert(text: str, placeholder: str, value: str) -> str:
    """Replaces the only `placeholder` in `text`."""
    assert text.count(placeholder) == 1
    return text.replace(placeholder, value)


def test_the_example_runs_unchanged(
    deployments: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPWELL_URL", deployments.url)
    with stepwell.Client(deployments.key) as other:
        earlier = other.vellum.execute_workflow(
            {"query": "a"}, workflow_deployment_name="my-workflow"
        )
        example = insert(snippets(EXAMPLES)[0], "your-api-key", deployments.key)
        example = insert(example, "exec_id", earlier.execution_id)
        namespace: dict = {}
        asyncio.run(run_snippet(example, namespace))
        namespace["client"].close()

        response = namespace["response"]
        assert (response.data.state, response.output("result")) == ("FULFILLED", "PROCESS THIS")
        output = capsys.readouterr().out.splitlines()
        node_id = output[1].split()[1].rstrip(":")
        assert output == [
            "Workflow state: INITIATED",
            f"Node {node_id}: INITIATED",
            f"Node {node_id}: FULFILLED",
            "Workflow state: STREAMING",
            "Workflow state: FULFILLED",
        ]
        [actual] = other.executions.list_actuals(earlier.execution_id).items
        assert (actual.output_name, actual.desired_output_value, actual.matched) == (
            "result",
            "Expected output",
            False,
        )


@pytest.mark.parametrize(
    ("arguments", "key", "branch"),
    [
        ({"workflow_deployment_name": "no-such-workflow", "inputs": []}, None, "initialization"),
        ({"workflow_deployment_name": "my-workflow", "inputs": []}, None, "initialization"),
        ({"workflow_deployment_name": "my-failing-workflow", "inputs": []}, None, "node-specific"),
        ({"workflow_deployment_name": "my-workflow", "inputs": INPUTS}, "wrong", "other"),
        ({"workflow_deployment_name": "my-workflow", "inputs": INPUTS}, None, None),
    ],
)
def test_the_example_of_errors_takes_the_right_branch(
    deployments: Server, arguments: dict, key: Optional[str], branch: Optional[str]
) -> None:
    example = insert(snippets(EXAMPLES)[1], "(...)", "(**arguments)")
    example = re.sub(r"^( +)# Handle (\S+) errors$", r"\1branch = '\2'", example, flags=re.M)
    with Client(key or deployments.key, deployments.url) as client:
        namespace = {"client": client, "arguments": arguments, "VellumError": VellumError}
        exec(example, namespace)
    assert namespace.get("branch") == branch


def test_queued(client: Client) -> None:
    for name, inputs, ended in [
        ("my-workflow", INPUTS, ("FULFILLED", {"result": "PROCESS THIS"})),
        ("my-failing-workflow", [], ("REJECTED", None)),
    ]:
        queued = client.execute_workflow_async(workflow_deployment_name=name, inputs=inputs)
        status = client.workflow_execution_status(queued.execution_id)
        while status.status not in ("FULFILLED", "REJECTED"):
            status = client.workflow_execution_status(queued.execution_id)
        assert (status.status, status.outputs) == ended
    with pytest.raises(VellumError) as refused:
        client.execute_workflow_async(workflow_deployment_name="nope", inputs=[])
    assert refused.value.code == "WORKFLOW_INITIALIZATION_ERROR"
    with pytest.raises(VellumError) as unknown:
        client.workflow_execution_status("00000000-0000-7000-8000-000000000000")
    assert unknown.value.code != "WORKFLOW_INITIALIZATION_ERROR"
    other = pickle.loads(pickle.dumps(unknown.value))
    assert (str(other), other.__dict__) == (str(unknown.value), unknown.value.__dict__)


def test_a_stream_is_read_once(client: Client) -> None:
    stream = client.execute_workflow_stream(workflow_deployment_name="my-workflow", inputs=INPUTS)
    assert len(list(stream)) > 1
    with pytest.raises(RuntimeError, match="already read"):
        list(stream)


def test_streams_work_both_ways(client: Client) -> None:
    def stream() -> object:
        return client.execute_workflow_stream(
            workflow_deployment_name="my-workflow", inputs=INPUTS, event_types=BOTH
        )

    async def collect() -> list[tuple[str, str]]:
        return [(event.type, event.data.state) async for event in stream()]  # type: ignore

    plain = [(event.type, event.data.state) for event in stream()]  # type: ignore
    assert plain == asyncio.run(collect())
    assert plain[0] == ("WORKFLOW", "INITIATED")
    assert plain[-1] == ("WORKFLOW", "FULFILLED")
    assert ("NODE", "FULFILLED") in plain


def test_every_event_has_outputs(client: Client) -> None:
    """As in the examples: a list in events of the workflow, an object in those of nodes."""

    def stream() -> object:
        return client.execute_workflow_stream(
            workflow_deployment_name="my-workflow", inputs=INPUTS, event_types=BOTH
        )

    async def collect() -> list[Any]:
        return [event async for event in stream()]  # type: ignore

    for events in (list(stream()), asyncio.run(collect())):  # type: ignore
        outputs = [(event.type, event.data.state, event.data.outputs) for event in events]
        assert outputs[0] == ("WORKFLOW", "INITIATED", [])
        assert ("NODE", "INITIATED", {}) in outputs
        assert ("NODE", "FULFILLED", {"text": "PROCESS THIS"}) in outputs
        [output] = events[-1].data.outputs
        assert (output.name, output.type, output.value) == ("result", "STRING", "PROCESS THIS")
    failed = client.execute_workflow_stream(
        workflow_deployment_name="my-failing-workflow", inputs=[]
    )
    assert [event.data.outputs for event in failed] == [[]] * 2


def test_a_failed_execution_is_raised(client: Client) -> None:
    with pytest.raises(VellumError) as caught:
        client.execute_workflow(workflow_deployment_name="my-failing-workflow", inputs=[])
    assert (caught.value.code, caught.value.raw_code) == (
        "NODE_EXECUTION_ERROR",
        "USER_DEFINED_ERROR",
    )
    assert caught.value.execution_id
    events = list(
        client.execute_workflow_stream(workflow_deployment_name="my-failing-workflow", inputs=[])
    )
    assert events[-1].data.state == "REJECTED"


def test_a_rejected_request_is_raised(client: Client) -> None:
    def unknown_deployment() -> object:
        return client.execute_workflow_stream(workflow_deployment_name="nope", inputs=[])

    async def collect() -> None:
        async for _ in unknown_deployment():  # type: ignore
            pass

    for call in (lambda: list(unknown_deployment()), lambda: asyncio.run(collect())):  # type: ignore
        with pytest.raises(VellumError) as caught:
            call()
        assert caught.value.code == "WORKFLOW_INITIALIZATION_ERROR"
    with pytest.raises(VellumError) as unknown:
        client.submit_workflow_execution_actuals(
            actuals=[{"execution_id": "nope", "output_name": "result", "value": "x"}]
        )
    assert unknown.value.code != "WORKFLOW_INITIALIZATION_ERROR"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "NODE_TIMEOUT", "error_code": "NODE_EXECUTION_ERROR"}, "NODE_EXECUTION_ERROR"),
        ({"code": "SOMETHING", "error_code": None}, "SOMETHING"),
        ({"code": "SOMETHING"}, "SOMETHING"),
    ],
)
def test_codes(start_stub: Callable[..., StubServer], error: dict[str, Any], code: str) -> None:
    data = {
        "id": "d",
        "ts": "2026-01-01T00:00:00Z",
        "state": "REJECTED",
        "error": {**error, "message": "m"},
    }
    stub = start_stub(StubResponse(200, {"execution_id": "e-1", "data": data}))
    with Client("k", stub.url) as client, pytest.raises(VellumError) as caught:
        client.execute_workflow(workflow_deployment_name="w", inputs=[])
    assert (caught.value.code, caught.value.raw_code) == (code, error["code"])


def test_the_module_is_not_part_of_stepwell() -> None:
    import vellum

    stepwell_folder = Path(stepwell.__file__).parent
    assert stepwell_folder not in Path(vellum.__file__).parents
