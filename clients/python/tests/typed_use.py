"""The types in a user's program. Checked by mypy, never run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from typing_extensions import assert_type

import stepwell
from stepwell import AsyncClient, Client, Execution, Page, RawResponse, Secret, dataflow, vellum
from stepwell.definitions import Configuration, Definition


@dataclass
class Greeting:
    text: str


GREET: Definition = {
    "name": "greet",
    "inputs": {"text": "string"},
    "steps": [
        {"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
        {"id": "wait", "type": "Delay", "config": {"for": "1s"}, "retry": {"max_attempts": 2}},
        "TextOperation.Reverse",
    ],
    "outputs": {"text": "{{ steps.reverse.output.text }}"},
}
MISSPELT: Definition = {"name": "n", "stpes": []}  # type: ignore[typeddict-unknown-key,typeddict-item]
WRONG_STEP: Configuration = {
    "steps": [{"type": "Delay", "config": {"fr": "1s"}}]  # type: ignore[list-item]
}


def use(client: Client) -> None:
    with client as same:
        assert_type(same, Client)
    assert_type(client.with_options(timeout=5, max_retries=0, headers={"a": "b"}), Client)
    workflow = client.workflows.create("n", configuration={"steps": []}, metadata={"a": 1})
    assert_type(workflow, stepwell.Workflow)
    client.workflows.create("n", configuration={"definition": GREET})
    page = client.workflows.list(status="active", page=2)
    assert_type(page, Page[stepwell.Workflow])
    assert_type(page.next_page(), Page[stepwell.Workflow])
    for row in page:
        assert_type(row, stepwell.Workflow)
    for execution in client.executions.list(status=["failed"], start_date="2026-01-01"):
        assert_type(execution.id, str)
    assert_type(client.workflows.execute("greet", {"a": 1}).result, Any)
    typed = client.workflows.execute("greet", {"a": 1}, result_type=Greeting)
    assert_type(typed, Execution[Greeting])
    assert_type(typed.result.text, str)
    waited = client.executions.wait("e", result_type=Greeting, timeout=5)
    assert_type(waited.result, Optional[Greeting])
    for happened in client.executions.events("e"):
        if happened.event == "step" and isinstance(happened, stepwell.StepEvent):
            assert_type(happened.step.error, Optional[stepwell.Failure])
    raw = client.workflows.with_raw_response.get("w", timeout=5)
    assert_type(raw, RawResponse[stepwell.Workflow])
    assert_type(raw.rate_limit, Optional[stepwell.RateLimit])
    assert_type(client.releases.create("w", GREET, release_tags=["beta"]), stepwell.Release)
    assert_type(client.release_tags.set("w", "stable", {1: 90, 2: 10}), stepwell.ReleaseTag)
    assert_type(client.executions.list_actuals("e"), Page[stepwell.Actual])
    assert_type(client.workflows.quality("w").tags, list[stepwell.TagQuality])
    assert_type(client.step_types.definition_schema(), dict[str, Any])
    assert_type(client.keys.create("k", ["admin"]).secret, Secret)
    schedule = client.schedules.create("w", "n", "cron", cron_expression="@daily")
    assert_type(schedule.next_execution, Optional[datetime])
    secret = client.webhooks.create("u", ["*"]).secret
    assert_type(secret, Optional[Secret])
    assert_type(client.webhooks.verify(b"", {}, secret or ""), stepwell.WebhookEvent)
    for delivery in client.webhooks.list_deliveries("w", status="pending", sort_order="asc"):
        assert_type(delivery, stepwell.Delivery)
    client.workflows.update("w", description=None)
    client.workflows.update("w", nme="n")  # type: ignore[call-arg]
    client.workflows.update("w", name=None)  # type: ignore[arg-type]
    client.workflows.list(status="asleep")  # type: ignore[arg-type]
    client.executions.list(status="done")  # type: ignore[arg-type]
    client.schedules.create("w", "n", "weekly")  # type: ignore[arg-type]
    client.release_tags.set("w", "stable", "1")  # type: ignore[arg-type]
    client.keys.create("n", role="owner")  # type: ignore[arg-type]
    client.workflows.with_raw_response.get("w", timout=5)  # type: ignore[call-arg]


def use_other_apis(client: Client) -> None:
    assert_type(client.dataflow.create_workflow(GREET).workflow_id, str)
    assert_type(client.dataflow.run("w", {"a": 1}, timeout=1.5), dataflow.Execution)
    for row in client.dataflow.list_executions("w", status=["FAILED"]):
        assert_type(row.execution_id, str)
    for event in client.dataflow.events("w", "e"):
        if event.event == "task" and isinstance(event, dataflow.TaskEvent):
            assert_type(event.task, dataflow.Task)
    response = client.vellum.execute_workflow({"q": 1}, workflow_deployment_name="w")
    assert_type(response, vellum.ExecuteWorkflowResponse)
    stream = client.vellum.execute_workflow_stream(
        [], workflow_deployment_id="i", event_types=["NODE"]
    )
    for stream_event in stream:
        if stream_event.type == "WORKFLOW":
            assert_type(stream_event, vellum.WorkflowEvent)
        else:
            assert_type(stream_event.data.node_id, str)
    stream.close()
    client.vellum.submit_workflow_execution_actuals([{"output_name": "o", "quality": 1}])
    client.vellum.execute_workflow([], workflow_deploymnt_name="w")  # type: ignore[call-arg]
    client.vellum.execute_workflow([], event_types=["NODE"])  # type: ignore[call-arg]


async def use_async(client: AsyncClient) -> None:
    async with client as same:
        assert_type(same, AsyncClient)
    assert_type(await client.workflows.get("w"), stepwell.Workflow)
    page = await client.schedules.list(enabled=True)
    assert_type(page, stepwell.AsyncPage[stepwell.Schedule])
    assert_type(await page.next_page(), stepwell.AsyncPage[stepwell.Schedule])
    async for row in client.schedules.list(enabled=True):
        assert_type(row, stepwell.Schedule)
    async for release in await client.releases.list("w"):
        assert_type(release.number, int)
    typed = await client.workflows.execute("greet", result_type=Greeting)
    assert_type(typed.result, Greeting)
    raw = await client.workflows.with_raw_response.get("w")
    assert_type(raw, RawResponse[stepwell.Workflow])
    stream = client.vellum.execute_workflow_stream([], workflow_deployment_name="w")
    async for stream_event in stream:
        assert_type(stream_event, vellum.WorkflowStreamEvent)
    await stream.aclose()
    await client.release_tags.set("w", "stable", "1")  # type: ignore[arg-type]
