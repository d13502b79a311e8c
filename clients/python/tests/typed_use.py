"""The types in a user's program. Checked by mypy, never run."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

from typing_extensions import assert_type

import stepwell
from stepwell import AsyncClient, Client, management


def use(client: Client) -> None:
    with client as same:
        assert_type(same, Client)
    assert_type(client.with_options(timeout=5, max_retries=0), Client)
    for key in client.iter_api_keys(sort_by="name"):
        assert_type(key, stepwell.ApiKey)
    for delivery in client.webhooks.iter_deliveries("w", status="pending", sort_order="asc"):
        assert_type(delivery, management.Delivery)
    assert_type(client.create_workflow({"name": "x"}).workflow_id, str)
    assert_type(client.run("w", {"a": 1}, timeout=1.5), stepwell.Execution)
    for row in client.iter_executions("w", status=["FAILED"]):
        assert_type(row.execution_id, str)
    for event in client.events("w", "e"):
        if event.event == "task" and isinstance(event, stepwell.TaskEvent):
            assert_type(event.task, stepwell.Task)
    response = client.execute_workflow({"q": 1}, workflow_deployment_name="w", release_tag="v1")
    assert_type(response, stepwell.ExecuteWorkflowResponse)
    stream = client.execute_workflow_stream([], workflow_deployment_id="i", event_types=["NODE"])
    for stream_event in stream:
        if stream_event.type == "WORKFLOW":
            assert_type(stream_event, stepwell.WorkflowEvent)
        else:
            assert_type(stream_event.data.node_id, str)
    stream.close()
    client.submit_workflow_execution_actuals([{"output_name": "o", "quality": 1}])
    assert_type(client.create_release("w", {}, release_tags=["beta"]), stepwell.Release)
    assert_type(client.put_release_tag("w", "stable", {1: 90, 2: 10}), stepwell.ReleaseTag)
    assert_type(client.list_actuals("e"), management.Page[stepwell.StoredActual])
    assert_type(client.workflow_quality("w").tags, list[stepwell.TagQuality])
    assert_type(client.definition_schema(), dict[str, Any])
    assert_type(client.create_api_key("k", ["admin"]).secret, str)
    managed = client.workflows.create("n", configuration={"steps": []}, metadata={"a": 1})
    assert_type(managed, management.Workflow)
    assert_type(
        client.workflows.list(status="active", page=2), management.Page[management.WorkflowRow]
    )
    for listed in client.executions.iter(status=["failed"], start_date="2026-01-01"):
        assert_type(listed, management.ExecutionRow)
    for happened in client.executions.events("e"):
        if happened.event == "step" and isinstance(happened, management.StepEvent):
            assert_type(happened.step.error, Optional[management.Failure])
    schedule = client.schedules.create("w", "n", "cron", cron_expression="@daily")
    assert_type(schedule.next_execution, Optional[datetime])
    assert_type(client.webhooks.create("u", ["*"]).secret, Optional[str])
    assert_type(stepwell.verify_webhook(b"", {}, "whsec_"), management.WebhookEvent)
    client.workflows.update("w", nme="n")  # type: ignore[call-arg]
    client.workflows.list(status="asleep")  # type: ignore[arg-type]
    client.schedules.create("w", "n", "weekly")  # type: ignore[arg-type]
    client.execute_workflow([], workflow_deploymnt_name="w")  # type: ignore[call-arg]
    client.execute_workflow([], event_types=["NODE"])  # type: ignore[call-arg]
    client.put_release_tag("w", "stable", "1")  # type: ignore[arg-type]
    client.create_api_key("n", role="owner")  # type: ignore[arg-type]
    client.list_workflows(status="asleep")  # type: ignore[arg-type]


async def use_async(client: AsyncClient) -> None:
    async with client as same:
        assert_type(same, AsyncClient)
    assert_type(await client.run("w"), stepwell.Execution)
    assert_type(await client.workflows.get("w"), management.Workflow)
    async for row in client.schedules.iter(enabled=True):
        assert_type(row, management.ScheduleRow)
    async for release in client.iter_releases("w"):
        assert_type(release.number, int)
    stream = client.execute_workflow_stream([], workflow_deployment_name="w")
    async for stream_event in stream:
        assert_type(stream_event, stepwell.WorkflowStreamEvent)
    await stream.aclose()
    assert_type(await client.list_release_tags("w"), management.Page[stepwell.ReleaseTag])
    await client.put_release_tag("w", "stable", "1")  # type: ignore[arg-type]
