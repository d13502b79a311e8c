"""Schedules, sync and async, against the real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client

GREET = {
    "name": "scheduled",
    "inputs": {"text": "string"},
    "steps": [{"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}],
}
HELLO = {"text": "hello"}


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.key, server.url) as client:
        yield client


@pytest.fixture
def workflow_id(client: Client) -> str:
    return client.dataflow.create_workflow(GREET).workflow_id


def test_cron(client: Client, workflow_id: str) -> None:
    created = client.schedules.create(
        workflow_id,
        "Daily",
        "cron",
        cron_expression="30 2 * * *",
        timezone="Europe/Berlin",
        description="at night",
        parameters=HELLO,
        misfire_policy="skip",
        overlap_policy="queue",
    )
    assert created.id.startswith("sched_") and created.enabled and created.next_execution
    assert (created.cron_expression, created.timezone) == ("30 2 * * *", "Europe/Berlin")
    assert (created.misfire_policy, created.overlap_policy) == ("skip", "queue")
    assert (created.parameters, created.last_execution) == (HELLO, None)
    assert client.schedules.get(created.id) == created

    changed = client.schedules.update(
        created.id, cron_expression="0 4 * * *", parameters={"text": "x"}
    )
    assert (changed.cron_expression, changed.parameters) == ("0 4 * * *", {"text": "x"})
    assert changed.description == "at night"
    assert changed.next_execution != created.next_execution

    paused = client.schedules.pause(created.id)
    assert (paused.enabled, paused.next_execution) == (False, None)
    assert client.schedules.resume(created.id).next_execution == changed.next_execution

    deleted = client.schedules.delete(created.id)
    assert (deleted.id, deleted.deleted) == (created.id, True)
    with pytest.raises(stepwell.NotFoundError) as gone:
        client.schedules.get(created.id)
    assert gone.value.code == "SCHEDULE_NOT_FOUND"


def test_interval_and_fixed_time(client: Client, workflow_id: str) -> None:
    every = client.schedules.create(
        workflow_id,
        "often",
        "interval",
        interval_value=30,
        interval_unit="minutes",
        parameters=HELLO,
    )
    assert (every.interval_value, every.interval_unit, every.timezone) == (30, "minutes", "UTC")
    tomorrow = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)
    once = client.schedules.create(
        workflow_id, "once", "fixed_time", execution_time=tomorrow, parameters=HELLO
    )
    assert once.execution_time == once.next_execution == tomorrow


def test_lists(client: Client, workflow_id: str) -> None:
    for n in range(5):
        client.schedules.create(
            workflow_id,
            f"s-{n}",
            "cron",
            cron_expression=f"{n} 0 * * *",
            parameters=HELLO,
            enabled=n != 0,
        )
    page = client.schedules.list(
        workflow=workflow_id, page=2, page_size=2, sort_by="name", sort_order="asc"
    )
    assert [row.name for row in page.items] == ["s-2", "s-3"]
    assert (page.page, page.page_size, page.total_items, page.total_pages) == (2, 2, 5, 3)
    off = client.schedules.list(workflow=workflow_id, enabled=False)
    assert [row.name for row in off.items] == ["s-0"]
    assert {row.name for row in client.schedules.list(workflow=workflow_id)} == {
        f"s-{n}" for n in range(5)
    }
    paused = client.schedules.pause_many(workflow=workflow_id)
    assert (paused.matched, paused.changed) == (5, 4)
    ids = [row.id for row in page.items]
    resumed = client.schedules.resume_many(schedule_ids=ids)
    assert (resumed.matched, resumed.changed) == (2, 2)
    with pytest.raises(stepwell.BadRequestError, match="page_size"):
        client.schedules.list(page_size=101)


def test_preview(client: Client) -> None:
    preview = client.schedules.preview("30 2 * * *", timezone="Europe/Berlin", count=3)
    assert (preview.cron, preview.timezone, len(preview.next_executions)) == (
        "30 2 * * *",
        "Europe/Berlin",
        3,
    )
    assert all(firing.time == firing.local_time for firing in preview.next_executions)
    assert len(client.schedules.preview("@daily").next_executions) == 10


def test_firing_and_triggering(client: Client, workflow_id: str) -> None:
    created = client.schedules.create(
        workflow_id, "now", "interval", interval_value=1, interval_unit="seconds", parameters=HELLO
    )
    started = client.schedules.trigger(created.id)
    assert (started.schedule_id, started.workflow_id) == (created.id, created.workflow_id)
    deadline = time.monotonic() + 20
    while True:
        shown = client.schedules.get(created.id)
        last = shown.last_execution
        if last and last.id != started.id and last.completed_at:
            break
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    assert last.status == "completed"
    client.schedules.delete(created.id)


@pytest.mark.parametrize(
    ("kind", "parts", "field"),
    [
        ("cron", {"cron_expression": "61 * * * *"}, "cron_expression"),
        ("cron", {"cron_expression": "0 0 30 2 *"}, "cron_expression"),
        ("cron", {"cron_expression": "@daily", "timezone": "Mars/Base"}, "timezone"),
        ("interval", {"interval_value": 0, "interval_unit": "days"}, "interval_value"),
        ("interval", {"interval_value": 1, "interval_unit": "weeks"}, "interval_unit"),
        ("fixed_time", {"execution_time": "2023-06-01T12:00:00Z"}, "execution_time"),
    ],
)
def test_invalid_arguments_are_reported(
    client: Client, workflow_id: str, kind: str, parts: dict, field: str
) -> None:
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.schedules.create(workflow_id, "wrong", kind, parameters=HELLO, **parts)
    assert (caught.value.status, caught.value.code) == (400, "INVALID_SCHEDULE")
    assert [detail.path for detail in caught.value.details] == [field]


def test_async(server: Server, workflow_id: str) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            created = await client.schedules.create(
                workflow_id, "a", "cron", cron_expression="@hourly", parameters=HELLO
            )
            assert await client.schedules.get(created.id) == created
            assert (await client.schedules.list(workflow=workflow_id)).items[0].id == created.id
            found = [row.id async for row in client.schedules.list(workflow=workflow_id)]
            assert found == [created.id]
            assert (await client.schedules.update(created.id, name="b")).name == "b"
            assert not (await client.schedules.pause(created.id)).enabled
            assert (await client.schedules.resume(created.id)).enabled
            assert (await client.schedules.pause_many(schedule_ids=[created.id])).changed == 1
            # A schedule that was paused on its own must be resumed on its own.
            assert (await client.schedules.resume_many(workflow=workflow_id)).changed == 0
            assert (await client.schedules.resume_many(schedule_ids=[created.id])).changed == 1
            assert (await client.schedules.preview("@daily", count=1)).next_executions
            assert (await client.schedules.trigger(created.id)).schedule_id == created.id
            assert (await client.schedules.delete(created.id)).deleted

    asyncio.run(main())
