"""The dataflow API and the API keys, sync and async, against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client, dataflow

GREET = {
    "name": "greet",
    "inputs": {"text": "string"},
    "steps": [
        {"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
        {"type": "TextOperation.Reverse"},
    ],
}
SLOW = {"name": "slow", "steps": [{"type": "Delay", "config": {"for": "1h"}}]}
FAILING = {"name": "failing", "steps": [{"type": "Fail", "config": {"message": "boom"}}]}


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.key, server.url) as client:
        yield client


def test_workflows(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(GREET).workflow_id
    workflow = client.dataflow.get_workflow(workflow_id)
    assert (workflow.name, workflow.release, workflow.status) == ("greet", 1, "active")
    assert [step.type for step in workflow.steps] == [
        "TextOperation.Uppercase",
        "TextOperation.Reverse",
    ]
    assert workflow.definition == GREET

    changed = client.dataflow.update_workflow(
        workflow_id, "name: greet\nsteps: [{type: Echo, input: hi}]"
    )
    assert (changed.release, changed.steps[0].type) == (2, "Echo")

    others = [client.dataflow.create_workflow(GREET).workflow_id for _ in range(3)]
    page = client.dataflow.list_workflows(limit=2)
    assert [row.workflow_id for row in page.items] == others[:0:-1]
    assert page.next_cursor is not None
    following = client.dataflow.list_workflows(limit=2, cursor=page.next_cursor)
    assert following.items[0].workflow_id == others[0]
    assert {workflow_id, *others} <= {row.workflow_id for row in client.dataflow.list_workflows()}

    assert client.dataflow.delete_workflow(workflow_id) is None
    with pytest.raises(stepwell.NotFoundError) as caught:
        client.dataflow.get_workflow(workflow_id)
    assert (caught.value.code, caught.value.status) == ("WORKFLOW_NOT_FOUND", 404)
    assert caught.value.request_id


def test_executions(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(GREET).workflow_id
    done = client.dataflow.run(workflow_id, {"text": "abc"}, timeout=20)
    assert done.ended and done.raise_for_status() is done
    assert (done.status, done.output, done.input) == ("COMPLETED", {"text": "CBA"}, {"text": "abc"})
    assert [(task.step_id, task.output) for task in done.tasks] == [
        ("uppercase", {"text": "ABC"}),
        ("reverse", {"text": "CBA"}),
    ]
    assert done.completed_at and done.completed_at >= done.created_at

    accepted = client.dataflow.execute(workflow_id, {"text": "x"})
    assert client.dataflow.wait(workflow_id, accepted.execution_id, timeout=20).output == {
        "text": "X"
    }
    lines = client.dataflow.logs(workflow_id, accepted.execution_id)
    starts = [line for line in lines if line.message == "attempt 1 started"]
    assert len(starts) == 2 and lines[-1].message.startswith("completed after ")
    for task in client.dataflow.get_execution(workflow_id, accepted.execution_id).tasks:
        assert [(one.attempt, one.status) for one in task.attempts] == [(1, "COMPLETED")]
        assert task.config == {}

    listed = [
        row.execution_id for row in client.dataflow.list_executions(workflow_id, status="COMPLETED")
    ]
    assert listed == [accepted.execution_id, done.execution_id]
    assert client.dataflow.list_executions(workflow_id, status=["FAILED", "CANCELLED"]).items == []
    stats = client.dataflow.workflow_stats(workflow_id)
    assert (stats.total, stats.completed, stats.failed) == (2, 2, 0)


def test_failures_are_data_until_raise_for_status(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(FAILING).workflow_id
    execution = client.dataflow.run(workflow_id, timeout=20)
    assert execution.status == "FAILED"
    with pytest.raises(stepwell.ExecutionFailedError, match="boom") as caught:
        execution.raise_for_status()
    assert execution.error and caught.value.code == execution.error.code


def test_control(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(SLOW).workflow_id
    execution_id = client.dataflow.execute(workflow_id).execution_id
    assert client.dataflow.pause(workflow_id, execution_id).status == "PAUSED"
    assert client.dataflow.resume(workflow_id, execution_id).status == "RUNNING"
    with pytest.raises(stepwell.WaitTimeoutError) as late:
        client.dataflow.wait(workflow_id, execution_id, timeout=0.1)
    assert late.value.execution_id == execution_id
    assert client.dataflow.cancel(workflow_id, execution_id, reason="enough").status == "CANCELLED"
    with pytest.raises(stepwell.ConflictError) as ended:
        client.dataflow.cancel(workflow_id, execution_id)
    assert ended.value.code == "EXECUTION_ENDED"
    with pytest.raises(stepwell.WaitTimeoutError):
        client.dataflow.run(workflow_id, timeout=0.2)


def test_events(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(GREET).workflow_id
    execution_id = client.dataflow.execute(workflow_id, {"text": "abc"}).execution_id
    events = list(client.dataflow.events(workflow_id, execution_id))
    assert isinstance(events[-1], dataflow.StatusEvent)
    assert (events[-1].status, events[-1].output) == ("COMPLETED", {"text": "CBA"})
    settled = [e.completed for e in events if isinstance(e, dataflow.ProgressEvent)]
    assert settled == [1, 2]
    tasks = [e.task for e in events if isinstance(e, dataflow.TaskEvent)]
    assert {task.step_id for task in tasks} == {"uppercase", "reverse"}

    middle = events[len(events) // 2].sequence
    later = list(client.dataflow.events(workflow_id, execution_id, after=middle))
    assert later == [event for event in events if event.sequence > middle]
    assert list(client.dataflow.events(workflow_id, execution_id, after=events[-1].sequence)) == []
    with pytest.raises(stepwell.NotFoundError):
        next(client.dataflow.events(workflow_id, "ex-" + "0" * 26))


def test_idempotency(client: Client) -> None:
    workflow_id = client.dataflow.create_workflow(GREET).workflow_id
    ids = {
        client.dataflow.execute(workflow_id, {"text": "x"}, idempotency_key="once").execution_id
        for _ in range(3)
    }
    assert len(ids) == 1
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.dataflow.execute(workflow_id, {"text": "y"}, idempotency_key="once")
    assert (caught.value.status, caught.value.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_secrets(client: Client) -> None:
    # The secret reaches the server: the step that uses it gets as far as connecting.
    definition = {
        "name": "secret",
        "steps": [
            {
                "type": "HttpRequest",
                "config": {
                    "url": "http://127.0.0.1:9/",
                    "headers": {"X-Token": "{{ secrets.STRIPE_KEY }}"},
                },
            }
        ],
    }
    workflow_id = client.dataflow.create_workflow(definition).workflow_id
    without = client.dataflow.run(workflow_id, timeout=30)
    passed = client.dataflow.run(workflow_id, secrets={"STRIPE_KEY": "sk_test_1"}, timeout=30)
    assert without.error and without.error.code == "SECRET_UNAVAILABLE"
    assert passed.error and passed.error.code != "SECRET_UNAVAILABLE"


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ({"name": "x", "steps": [{"type": "NoSuchStep"}]}, "steps[0].type"),
        ({"name": "x", "steps": []}, "steps"),
    ],
)
def test_problems_have_their_path(client: Client, definition: dict, path: str) -> None:
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.dataflow.create_workflow(definition)
    assert caught.value.code == "INVALID_WORKFLOW"
    assert path in [detail.path for detail in caught.value.details]


def test_keys(client: Client, server: Server) -> None:
    soon = datetime.now(timezone.utc) + timedelta(days=1)
    created = client.keys.create("reader", ["read:workflows"], expires_at=soon)
    assert created.secret.reveal() not in repr(created)
    assert abs((created.expires_at or soon) - soon) < timedelta(seconds=1)
    with Client(created.secret, server.url) as reader:
        assert reader.me().scopes == ["read:workflows"]
        assert reader.dataflow.list_workflows(limit=1)
        with pytest.raises(stepwell.PermissionDeniedError) as caught:
            reader.dataflow.create_workflow(GREET)
        assert "write:workflows" in caught.value.message
        with pytest.raises(stepwell.PermissionDeniedError):  # in the other form of errors
            reader.keys.list()
        page = client.keys.list(sort_by="name", sort_order="asc", page_size=100)
        ids = [key.id for key in client.keys.list(sort_by="name", sort_order="asc")]
        assert ids == [key.id for key in page.items]
        assert created.id in [key.id for key in page.items]
        assert page.total_items == len(page.items)
        client.keys.revoke(created.id)
        with pytest.raises(stepwell.AuthenticationError) as refused:
            reader.dataflow.list_workflows()
        assert refused.value.code == "REVOKED_TOKEN"
    assert client.webhooks.signing_secret().reveal().startswith("whsec_")


def test_step_types(client: Client) -> None:
    types = {step.type: step for step in client.dataflow.step_types()}
    assert types["TextOperation.Reverse"].effect == "pure"
    assert client.step_types.definition_schema()["type"] == "object"


def test_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_URL", server.url + "/")
    monkeypatch.setenv("STEPWELL_API_KEY", server.key)
    with Client() as client:
        assert client.base_url == server.url
        assert client.me().scopes == ["admin"]
    with Client("wrong") as client, pytest.raises(stepwell.AuthenticationError):
        client.me()


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            workflow_id = (await client.dataflow.create_workflow(GREET)).workflow_id
            runs = [
                client.dataflow.run(workflow_id, {"text": f"a{n}"}, timeout=20) for n in range(8)
            ]
            outputs = [run.output["text"] for run in await asyncio.gather(*runs)]
            assert outputs == [f"{n}A" for n in range(8)]
            accepted = await client.dataflow.execute(workflow_id, {"text": "z"})
            events = [e async for e in client.dataflow.events(workflow_id, accepted.execution_id)]
            assert events[-1].event == "status"
            execution = await client.dataflow.wait(workflow_id, accepted.execution_id, timeout=20)
            assert execution.output == {"text": "Z"}
            ids = [row.execution_id async for row in client.dataflow.list_executions(workflow_id)]
            assert len(ids) == 9 and accepted.execution_id in ids
            assert (await client.dataflow.list_executions(workflow_id, limit=3)).next_cursor
            assert workflow_id in [
                row.workflow_id async for row in client.dataflow.list_workflows()
            ]
            assert (await client.dataflow.get_workflow(workflow_id)).name == "greet"
            assert (await client.dataflow.update_workflow(workflow_id, SLOW)).release == 2
            slow = (await client.dataflow.execute(workflow_id)).execution_id
            assert (await client.dataflow.pause(workflow_id, slow)).status == "PAUSED"
            assert (await client.dataflow.resume(workflow_id, slow)).status == "RUNNING"
            with pytest.raises(stepwell.WaitTimeoutError):
                await client.dataflow.wait(workflow_id, slow, timeout=0.1)
            assert (await client.dataflow.cancel(workflow_id, slow)).status == "CANCELLED"
            assert (await client.dataflow.logs(workflow_id, slow)) is not None
            assert (await client.dataflow.workflow_stats(workflow_id)).cancelled == 1
            key = await client.keys.create("k", ["read:workflows"])
            assert key.id in [k.id for k in (await client.keys.list(page_size=100)).items]
            assert key.id in [k.id async for k in client.keys.list()]
            await client.keys.revoke(key.id)
            assert (await client.me()).scopes == ["admin"]
            assert await client.dataflow.step_types() and await client.webhooks.signing_secret()
            await client.dataflow.delete_workflow(workflow_id)
            with pytest.raises(stepwell.NotFoundError):
                await client.dataflow.get_workflow(workflow_id)

    asyncio.run(main())
