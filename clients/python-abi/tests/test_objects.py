"""Objects are changed, saved, copied and pickled, against the real server."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from stepwell_testing import Server

from abi import exceptions
from abi.workflows import (
    Workflow,
    WorkflowConfig,
    WorkflowExecutor,
    WorkflowManager,
    WorkflowScheduler,
)

GREET = {
    "inputs": {"text": "string"},
    "steps": [{"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"}],
}


@pytest.fixture
def manager(server: Server) -> Iterator[WorkflowManager]:
    with WorkflowManager(server.key, server.url) as manager:
        yield manager


@pytest.fixture
def workflow(manager: WorkflowManager) -> Workflow:
    created = manager.create_workflow(
        WorkflowConfig(name="o", description="d", configuration=GREET)
    )
    manager.activate_workflow(created.id)
    return manager.get_workflow(created.id)


def test_saved_changes_are_not_sent_again(manager: WorkflowManager, workflow: Workflow) -> None:
    workflow.name = "mine"
    manager.update_workflow(workflow)
    assert workflow.changes() == {}
    theirs = manager.get_workflow(workflow.id)
    theirs.name = "theirs"
    manager.update_workflow(theirs)
    workflow.metadata["by"] = "me"
    assert manager.update_workflow(workflow).name == "theirs"
    workflow.name = "late"
    with pytest.raises(exceptions.PreconditionFailedError):
        manager.update_workflow(workflow, if_unchanged=True)
    # A rejected change is not saved yet.
    assert workflow.changes() == {"name": "late"}


def test_an_optional_field_can_be_cleared(manager: WorkflowManager, workflow: Workflow) -> None:
    workflow.description = None
    assert manager.update_workflow(workflow).description is None
    assert manager.get_workflow(workflow.id).description is None


def test_other_fields_cannot_be_assigned(workflow: Workflow) -> None:
    for name in ("status", "id", "nmae"):
        with pytest.raises(AttributeError, match=f"`{name}` cannot be changed; .*name"):
            setattr(workflow, name, "x")


def test_rows_of_lists_can_be_changed(manager: WorkflowManager, workflow: Workflow) -> None:
    workflow.metadata["batch"] = workflow.id
    manager.update_workflow(workflow)
    (row,) = manager.list_workflows(batch=workflow.id).items
    assert isinstance(row, Workflow)
    row.metadata["seen"] = True
    assert row.changes() == {"metadata": {"batch": workflow.id, "seen": True}}
    updated = manager.update_workflow(row)
    assert (updated.metadata["seen"], updated.configuration) == (True, GREET)
    with pytest.raises(ValueError, match="get_workflow"):
        manager.update_workflow(row, if_unchanged=True)


def test_schedules(server: Server, workflow: Workflow) -> None:
    with WorkflowScheduler(server.key, server.url) as scheduler:
        created = scheduler.create_schedule(
            workflow.id, "s", "cron", cron_expression="@daily", parameters={"text": "x"}
        )
        # Another type; a time without a zone is local time.
        created.schedule_type = "fixed_time"
        created.execution_time = datetime.now().replace(microsecond=0) + timedelta(days=1)
        changed = scheduler.update_schedule(created)
        assert changed.next_execution == created.execution_time.astimezone(timezone.utc)
        assert changed.cron_expression is None
        (row,) = scheduler.list_schedules(workflow.id).items
        row.description = "rare"
        assert scheduler.update_schedule(row).description == "rare"
        row.description = None
        assert scheduler.update_schedule(row).description is None
        ids = [row.id for row in scheduler.iter_schedules(workflow.id, enabled=True)]
        assert ids == [created.id]


def test_all_pages(server: Server, manager: WorkflowManager, workflow: Workflow) -> None:
    batch = workflow.id
    for n in range(103):
        config = {"name": f"p-{n}", "configuration": GREET, "metadata": {"batch": batch}}
        manager.create_workflow(config)
    names = [row.name for row in manager.iter_workflows(batch=batch, sort_order="asc")]
    assert names == [f"p-{n}" for n in range(103)]
    with WorkflowExecutor(server.key, server.url) as executor:
        done = [executor.execute_workflow(batch, {"text": str(n)}) for n in range(3)]
        ids = [row.execution_id for row in executor.iter_executions(batch, status="completed")]
        assert ids == [execution.execution_id for execution in reversed(done)]

    async def main() -> None:
        async with WorkflowManager(server.key, server.url) as manager:
            rows = [row.name async for row in manager.iter_workflows_async(batch=batch)]
            assert rows == names[::-1]
        async with WorkflowExecutor(server.key, server.url) as executor:
            assert ids == [row.execution_id async for row in executor.iter_executions_async(batch)]
        async with WorkflowScheduler(server.key, server.url) as scheduler:
            assert [row async for row in scheduler.iter_schedules_async(batch)] == []
        async with WorkflowScheduler("wrong", server.url) as scheduler:
            with pytest.raises(exceptions.AuthenticationError):
                assert [row async for row in scheduler.iter_schedules_async(batch)]

    asyncio.run(main())


def test_idempotency_keys(server: Server, manager: WorkflowManager, workflow: Workflow) -> None:
    config = WorkflowConfig(name="idempotent", configuration=GREET)
    created = [manager.create_workflow(config, idempotency_key="abi-1").id for _ in range(2)]
    assert created[0] == created[1]
    with WorkflowExecutor(server.key, server.url) as executor:
        for call in (executor.execute_workflow, executor.execute_workflow_async):
            started = [
                call(workflow.id, {"text": "x"}, idempotency_key=call.__name__).execution_id
                for _ in range(2)
            ]
            assert started[0] == started[1]
        assert executor.list_executions(workflow.id).pagination.total_items == 2
    with WorkflowScheduler(server.key, server.url) as scheduler:
        schedules = [
            scheduler.create_schedule(
                workflow.id,
                "s",
                "cron",
                cron_expression="@daily",
                parameters={"text": "x"},
                idempotency_key="abi-2",
            ).id
            for _ in range(2)
        ]
        assert schedules[0] == schedules[1]


def test_started_requests_are_sent_before_close(server: Server, workflow: Workflow) -> None:
    async def main() -> None:
        async with WorkflowExecutor(server.key, server.url) as executor:
            for n in range(5):
                executor.execute_workflow_async(workflow.id, {"text": str(n)})

    asyncio.run(main())
    with WorkflowExecutor(server.key, server.url) as executor:
        assert executor.list_executions(workflow.id).pagination.total_items == 5
        started = executor.execute_workflow_async(workflow.id, {"text": "x"})
        assert repr(started) == (
            f"StartedExecution(execution_id={started.execution_id!r}, status={started.status!r})"
        )


def copies(thing: Any) -> list[Any]:
    return [pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)]


def test_copies(server: Server, manager: WorkflowManager, workflow: Workflow) -> None:
    for other in copies(workflow):
        assert other == workflow and other.changes() == {}
        other.name = "other"
        assert other.changes() == {"name": "other"} and workflow.changes() == {}
    with WorkflowExecutor(server.key, server.url) as executor:
        with pytest.raises(exceptions.ParameterValidationError) as refused:
            executor.execute_workflow(workflow.id, {})
    for error in copies(refused.value):
        assert type(error) is type(refused.value) and str(error) == str(refused.value)
        assert error.__dict__ == refused.value.__dict__
        assert (error.status, error.field) == (422, "parameters.text")
    assert refused.value.retry_after is None
