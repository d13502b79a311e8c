"""Programs written as in early examples run, the README's snippets as printed."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stepwell
from stepwell_testing import Answer, Server, Stub, snippets

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
    space: dict = {}

    async def main() -> None:
        for text in snippets(Path(__file__).parents[1] / "README.md"):
            text = text.replace("your-api-key", deployments.key)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            result = eval(compile(text, "README.md", "exec", flags=flags), space)
            if inspect.isawaitable(result):
                await result

    asyncio.run(main())
    space["client"].close()
    said = capsys.readouterr().out
    for part in ("PROCESS THIS", "Workflow state: FULFILLED", "Node ", "it could not start:"):
        assert part in said, said


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


def test_what_cannot_start_is_raised(client: Client) -> None:
    def nothing() -> object:
        return client.execute_workflow_stream(workflow_deployment_name="nope", inputs=[])

    async def collect() -> None:
        async for _ in nothing():  # type: ignore
            pass

    for call in (lambda: list(nothing()), lambda: asyncio.run(collect())):  # type: ignore
        with pytest.raises(VellumError) as caught:
            call()
        assert caught.value.code == "WORKFLOW_INITIALIZATION_ERROR"
    with pytest.raises(VellumError) as unknown:
        client.submit_workflow_execution_actuals(
            actuals=[{"execution_id": "nope", "output_name": "result", "value": "x"}]
        )
    assert unknown.value.code != "WORKFLOW_INITIALIZATION_ERROR"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"code": "NODE_TIMEOUT", "error_code": "NODE_EXECUTION_ERROR"}, "NODE_EXECUTION_ERROR"),
        ({"code": "SOMETHING", "error_code": None}, "SOMETHING"),
        ({"code": "SOMETHING"}, "SOMETHING"),
    ],
)
def test_codes(scripted: Callable[..., Stub], given: dict[str, Any], code: str) -> None:
    data = {
        "id": "d",
        "ts": "2026-01-01T00:00:00Z",
        "state": "REJECTED",
        "error": {**given, "message": "m"},
    }
    stub = scripted(Answer(200, {"execution_id": "e-1", "data": data}))
    with Client("k", stub.url) as client, pytest.raises(VellumError) as caught:
        client.execute_workflow(workflow_deployment_name="w", inputs=[])
    assert (caught.value.code, caught.value.raw_code) == (code, given["code"])


def test_the_module_is_not_part_of_stepwell() -> None:
    import vellum

    stepwell_folder = Path(stepwell.__file__).parent
    assert stepwell_folder not in Path(vellum.__file__).parents
