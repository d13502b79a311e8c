"""Workflows and executions of the management API, sync and async, against the server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from queue import Queue

import pytest
from pydantic import BaseModel
from stepwell_testing import Request, Server, StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client, verify_webhook

STEPS = [
    {"id": "shout", "type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
    {"id": "turn", "type": "TextOperation.Reverse"},
]
GREET = {"inputs": {"text": "string"}, "steps": STEPS}
SLOW = {"steps": [{"type": "Delay", "config": {"for": "1h"}}]}
FAILING = {"steps": [{"id": "stop", "type": "Fail", "config": {"message": "boom"}}]}
LABELS = {"department": "customer_success", "priority": "medium"}


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.key, server.url) as client:
        yield client


def active(client: Client, configuration: dict, name: str = "greet") -> str:
    """The id of a new workflow that can be executed."""
    created = client.workflows.create(name, configuration=configuration)
    client.workflows.activate(created.id)
    return created.id


def test_workflows(client: Client) -> None:
    created = client.workflows.create(
        "Greeting",
        type="onboarding",
        description="Upper case",
        configuration={"definition": GREET, "mine": {"a": 1}},
        integrations=[{"id": "int_zendesk", "required": False}],
        metadata=LABELS,
    )
    assert created.id.startswith("wf_") and created.status == "inactive"
    assert (created.name, created.type, created.description) == (
        "Greeting",
        "onboarding",
        "Upper case",
    )
    assert (created.configuration["mine"], created.metadata) == ({"a": 1}, LABELS)
    assert [(i.id, i.required, i.status) for i in created.integrations] == [
        ("int_zendesk", False, "pending")
    ]
    assert created.stats and created.stats.runs_total == 0 and created.activated_at is None
    assert client.workflows.get(created.id) == created

    definition = client.workflows.get_definition(created.id)
    assert definition.release == 1 and definition.definition["steps"] == STEPS

    with pytest.raises(stepwell.ConflictError) as asleep:
        client.workflows.execute(created.id, {"text": "a"})
    assert asleep.value.code == "WORKFLOW_INACTIVE"
    assert client.workflows.activate(created.id).status == "active"
    changed = client.workflows.update(
        created.id, name="Hello", metadata={**LABELS, "priority": "high"}
    )
    assert (changed.name, changed.status) == ("Hello", "active")
    assert changed.configuration == created.configuration
    assert created.version and changed.version and changed.version > created.version

    with pytest.raises(stepwell.PreconditionFailedError) as stale:
        client.workflows.update(created.id, name="Late", if_version=created.version)
    assert (stale.value.status, stale.value.code) == (412, "PRECONDITION_FAILED")
    assert client.workflows.update(created.id, name="Now", if_version=changed.version).name == "Now"
    assert client.workflows.deactivate(created.id).deactivated_at

    with pytest.raises(stepwell.PreconditionFailedError):
        client.workflows.delete(created.id, if_version=created.version)
    assert client.workflows.delete(created.id).deleted
    with pytest.raises(stepwell.NotFoundError) as gone:
        client.workflows.get(created.id)
    assert gone.value.code == "WORKFLOW_NOT_FOUND"


def test_lists(client: Client) -> None:
    label = {"batch": "lists"}
    ids = [
        client.workflows.create(
            f"l-{n}", configuration={"steps": STEPS[1:]}, metadata={**label, "n": str(n)}
        ).id
        for n in range(5)
    ]
    client.workflows.activate(ids[0])
    first = client.workflows.list(metadata=label, page_size=2, sort_by="name", sort_order="asc")
    assert [row.id for row in first.items] == ids[:2]
    assert (first.page, first.page_size, first.total_items, first.total_pages) == (1, 2, 5, 3)
    second = client.workflows.list(
        metadata=label, page=2, page_size=2, sort_by="name", sort_order="asc"
    )
    assert [row.id for row in second.items] == ids[2:4]
    assert first.next_cursor is not None
    same = client.workflows.list(
        metadata=label, cursor=first.next_cursor, page_size=2, sort_by="name", sort_order="asc"
    )
    assert same.items == second.items and same.page is None
    assert not same.has_previous_page()
    following = first.next_page()
    assert following.items == second.items and following.previous_page().items == first.items
    last = following.next_page()
    assert len(last.items) == 1 and not last.has_next_page()
    with pytest.raises(stepwell.NoSuchPageError) as beyond:
        last.next_page()
    assert beyond.value.code == "NO_SUCH_PAGE"
    assert second.previous_page().items == first.items and not first.has_previous_page()
    with pytest.raises(stepwell.NoSuchPageError):
        first.previous_page()
    assert [row.id for row in second] == ids[2:]
    assert [len(page.items) for page in first.iter_pages()] == [2, 2, 1]
    assert [row.id for row in client.workflows.list(metadata=label)] == ids[::-1]
    assert [r.id for r in client.workflows.list(metadata=label, status="active")] == ids[:1]
    assert [r.id for r in client.workflows.list(metadata={**label, "n": "3"})] == [ids[3]]
    assert list(client.workflows.list(metadata=label, type="onboarding")) == []
    with pytest.raises(stepwell.BadRequestError, match="sort_by"):
        client.workflows.list(sort_by="colour")  # type: ignore[arg-type]
    assert client.workflows.list(metadata={"status": "x"}).items == []
    labelled = client.workflows.create(
        "l-status", configuration={"steps": STEPS[1:]}, metadata={"status": "x"}
    )
    assert [r.id for r in client.workflows.list(metadata={"status": "x"})] == [labelled.id]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"type": "feedback_analysis", "configuration": {"language": "en"}}, "type"),
        ({"configuration": {}}, "configuration"),
        ({"configuration": {"steps": [{"type": "NoSuchStep"}]}}, "configuration.steps[0].type"),
        ({"configuration": {"definition": {"steps": []}}}, "configuration.definition.steps"),
    ],
)
def test_invalid_arguments_are_reported(client: Client, arguments: dict, path: str) -> None:
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.workflows.create("wrong", **arguments)
    assert caught.value.code == "INVALID_WORKFLOW_CONFIG"
    assert path in [detail.path for detail in caught.value.details]


def test_executing(client: Client) -> None:
    workflow_id = active(client, GREET)
    done = client.workflows.execute(workflow_id, {"text": "abc"}, execution_timeout=20)
    assert (done.status, done.result, done.parameters) == (
        "completed",
        {"text": "CBA"},
        {"text": "abc"},
    )
    assert done.ended and done.raise_for_status() is done and done.duration_ms is not None

    started = client.workflows.start(workflow_id, {"text": "x"}, metadata={"who": "u-1"})
    assert started.status in ("running", "queued") and started.workflow_id == workflow_id
    ended = client.executions.wait(started.id, timeout=20)
    assert (ended.result, ended.workflow_name) == ({"text": "X"}, "greet")
    assert [(step.name, step.status) for step in ended.steps] == [
        ("shout", "completed"),
        ("turn", "completed"),
    ]
    assert [step.output for step in ended.steps] == [None, None]
    shown = client.executions.get(started.id, include_io=True)
    assert [step.output for step in shown.steps] == [{"text": "X"}, {"text": "X"}]

    rows = list(client.executions.list(workflow=workflow_id))
    assert [row.id for row in rows] == [started.id, done.id]
    page = client.executions.list(
        workflow=workflow_id,
        status=["completed", "failed"],
        start_date=(done.started_at or ended.created_at) - timedelta(days=1),  # type: ignore[operator]
        end_date="2999-01-01",
        page_size=1,
    )
    assert page.total_items == 2 and page.items[0].id == started.id
    mine = client.executions.list(workflow=workflow_id, metadata={"who": "u-1"})
    assert [row.id for row in mine.items] == [started.id]
    stats = client.workflows.get(workflow_id).stats
    assert stats and (stats.runs_total, stats.runs_success, stats.runs_failed) == (2, 2, 0)
    ids = {
        client.workflows.start(workflow_id, {"text": "x"}, idempotency_key="managed-once").id
        for _ in range(2)
    }
    assert len(ids) == 1
    with pytest.raises(stepwell.BadRequestError) as unfit:
        client.workflows.execute(workflow_id, {"text": {}})
    assert (unfit.value.status, unfit.value.code) == (422, "PARAMETER_VALIDATION_ERROR")
    assert "parameters.text" in [detail.path for detail in unfit.value.details]


def test_a_callback_is_verified(client: Client) -> None:
    got: Queue[Request] = Queue()
    stub = StubServer(lambda request: (got.put(request), StubResponse(204))[1])
    started = client.workflows.start(active(client, GREET), {"text": "abc"}, callback_url=stub.url)
    assert started.callback_url == stub.url
    request = got.get(timeout=20)
    stub.close()
    event = verify_webhook(request.body, request.headers, client.webhooks.signing_secret())
    assert (event.type, event.data["execution_id"]) == ("execution.completed", started.id)
    assert event.data["result"] == {"text": "CBA"}
    delivered = stepwell.Execution.model_validate(event.data)
    assert delivered == client.executions.get(started.id)


def test_failures(client: Client) -> None:
    failing = active(client, FAILING)
    with pytest.raises(stepwell.ExecutionFailedError, match="boom") as failed:
        client.workflows.execute(failing)
    error = failed.value
    assert error.failure and (error.code, error.step) == (error.failure.code, "stop")
    execution = client.executions.get(error.execution_id)
    assert execution == error.execution
    assert execution.status == "failed" and execution.error == error.failure
    with pytest.raises(stepwell.ExecutionFailedError, match="boom"):
        execution.raise_for_status()

    slow = active(client, SLOW)
    with pytest.raises(stepwell.ExecutionFailedError) as late:
        client.workflows.execute(slow, execution_timeout=0.2)
    assert late.value.execution.status == "timed_out"
    with pytest.raises(stepwell.WaitTimeoutError) as waiting:
        client.workflows.execute(slow, timeout=0.2)
    assert client.executions.get(waiting.value.execution_id).status == "running"
    client.executions.cancel(waiting.value.execution_id)


def test_control(client: Client) -> None:
    slow = active(client, SLOW)
    execution_id = client.workflows.start(slow).id
    assert client.executions.pause(execution_id).status == "paused"
    assert client.executions.resume(execution_id).status == "running"
    with pytest.raises(stepwell.WaitTimeoutError):
        client.executions.wait(execution_id, timeout=0.1)
    with pytest.raises(stepwell.ConflictError) as early:
        client.executions.rerun(execution_id)
    assert early.value.code == "INVALID_STATE"
    assert client.executions.cancel(execution_id, reason="enough").status == "cancelled"
    with pytest.raises(stepwell.ConflictError) as ended:
        client.executions.cancel(execution_id)
    assert ended.value.code == "EXECUTION_ENDED"
    started = client.workflows.start(slow).id
    assert client.workflows.delete(slow, cancel_running=True).cancelled_executions == 1
    assert client.executions.get(started).status == "cancelled"
    with pytest.raises(stepwell.NotFoundError) as unknown:
        client.executions.get("exec_" + "0" * 26)
    assert unknown.value.code == "EXECUTION_NOT_FOUND"


def test_rerun(client: Client) -> None:
    workflow_id = active(client, GREET)
    first = client.workflows.execute(workflow_id, {"text": "abc"})
    whole = client.executions.rerun(first.id, parameters={"text": "xy"})
    assert whole.rerun_of == first.id
    assert client.executions.wait(whole.id, timeout=20).result == {"text": "YX"}
    part = client.executions.rerun(first.id, from_step="turn", input={"text": "12"})
    ended = client.executions.wait(part.id, timeout=20)
    assert ended.result == {"text": "21"}
    assert [step.reused for step in ended.steps] == [True, False]

    with pytest.raises(stepwell.ExecutionFailedError) as failed:
        client.workflows.execute(active(client, FAILING))
    again = client.executions.rerun(failed.value.execution_id, from_failed=True)
    assert client.executions.wait(again.id, timeout=20).status == "failed"


def test_events(client: Client) -> None:
    workflow_id = active(client, GREET)
    execution_id = client.workflows.start(workflow_id, {"text": "abc"}).id
    events = list(client.executions.events(execution_id))
    last = events[-1]
    assert isinstance(last, stepwell.StatusEvent)
    assert (last.status, last.result) == ("completed", {"text": "CBA"})
    steps = [event for event in events if isinstance(event, stepwell.StepEvent)]
    assert {event.step.name for event in steps} == {"shout", "turn"}
    assert (steps[-1].settled_steps, steps[-1].total_steps) == (2, 2)
    middle = events[len(events) // 2].sequence
    later = list(client.executions.events(execution_id, after=middle))
    assert later == [event for event in events if event.sequence > middle]
    assert list(client.executions.events(execution_id, after=last.sequence)) == []
    page = client.executions.logs(execution_id)
    assert [line.step for line in page.items] == ["shout", "shout", "turn", "turn"]
    assert page.items[0].message == "attempt 1 started"
    assert page.items[1].message.startswith("completed after ")
    assert page.total_items == 4
    assert list(client.executions.logs(execution_id)) == page.items
    with pytest.raises(stepwell.NotFoundError):
        next(client.executions.events("exec_" + "0" * 26))


class Greeting(BaseModel):
    text: str


@dataclass
class Numbers:
    text: int


def test_result_types(client: Client) -> None:
    workflow_id = active(client, GREET)
    done = client.workflows.execute(workflow_id, {"text": "12"}, result_type=Greeting)
    assert done.result == Greeting(text="21")
    assert client.executions.get(done.id, result_type=Numbers).result == Numbers(text=21)
    assert client.executions.wait(done.id, result_type=dict).result == {"text": "21"}
    assert client.executions.get(done.id).result == {"text": "21"}
    other = client.workflows.start(workflow_id, {"text": "secret words"}).id
    with pytest.raises(stepwell.UnexpectedResponseError, match="is not a Numbers: text") as caught:
        client.executions.wait(other, result_type=Numbers)
    assert "secret" not in str(caught.value) and "SDROW" not in str(caught.value)
    slow = client.workflows.start(active(client, SLOW)).id
    assert client.executions.get(slow, result_type=Greeting).result is None
    client.executions.cancel(slow)


def test_names_are_accepted(client: Client) -> None:
    name = "names/are accepted?"
    workflow_id = active(client, GREET, name)
    assert client.workflows.get(name).id == workflow_id
    assert client.workflows.execute(name, {"text": "a"}).result == {"text": "A"}
    assert [e.workflow_id for e in client.executions.list(workflow=name)] == [workflow_id]
    assert client.releases.list(name).total_items == 1
    assert client.release_tags.set(name, "stable", 1).name == "stable"
    schedule = client.schedules.create(
        name, "s", "cron", cron_expression="@daily", parameters={"text": "a"}
    )
    assert schedule.workflow_id == workflow_id
    assert [s.id for s in client.schedules.list(workflow=name)] == [schedule.id]
    assert client.schedules.pause_many(workflow=name).matched == 1
    with pytest.raises(stepwell.NotFoundError, match="no such name"):
        client.workflows.get("no such name")
    # The newest workflow of a name.
    newer = active(client, GREET, name)
    assert client.workflows.get(name).id == newer
    client.workflows.delete(newer)
    assert client.workflows.get(name).id == workflow_id


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            workflows, executions = client.workflows, client.executions
            created = await workflows.create("async", configuration=GREET)
            assert (await workflows.activate(created.id)).status == "active"
            assert (await workflows.get(created.id)).status == "active"
            assert created.id in [row.id for row in (await workflows.list()).items]
            assert created.id in [row.id async for row in workflows.list()]
            assert (await workflows.update(created.id, name="b")).name == "b"
            assert (await workflows.get_definition(created.id)).release >= 1
            calls = [workflows.execute(created.id, {"text": f"a{n}"}) for n in range(4)]
            results = [done.result["text"] for done in await asyncio.gather(*calls)]
            assert results == ["0A", "1A", "2A", "3A"]
            started = await workflows.start(created.id, {"text": "z"})
            events = [event async for event in executions.events(started.id)]
            assert events[-1].event == "status"
            ended = await executions.wait(started.id, timeout=20)
            assert ended == await executions.get(started.id)
            assert len([row async for row in executions.list(workflow=created.id)]) == 5
            assert (await executions.list(workflow=created.id)).total_items == 5
            pages = asyncio.gather(executions.list(page_size=2), workflows.list(page_size=1))
            first, other = await pages
            assert (len(first.items), len(other.items)) == (2, 1)
            assert [len(page.items) async for page in executions.list().iter_pages()][0] >= 5
            following = await first.next_page()
            assert (await following.previous_page()).items == first.items
            raw = await executions.with_raw_response.list(workflow=created.id, page_size=2)
            assert raw.status == 200 and raw.parse().total_items == 5
            assert (await workflows.with_raw_response.get(created.id)).parse().id == created.id
            again = await executions.rerun(started.id)
            assert again.rerun_of == started.id
            assert len((await executions.logs(started.id)).items) == 4
            slow = await workflows.create("slow", configuration=SLOW)
            await workflows.activate(slow.id)
            execution_id = (await workflows.start(slow.id)).id
            assert (await executions.pause(execution_id)).status == "paused"
            assert (await executions.resume(execution_id)).status == "running"
            assert (await executions.cancel(execution_id)).status == "cancelled"
            assert (await workflows.deactivate(slow.id)).status == "inactive"
            assert (await workflows.delete(slow.id)).deleted

    asyncio.run(main())
