"""The types in a user's program. Checked by mypy, never run."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from typing_extensions import assert_type

from abi.exceptions import ABIError, ErrorItem
from abi.workflows import (
    Execution,
    Schedule,
    StartedExecution,
    Workflow,
    WorkflowConfig,
    WorkflowExecutor,
    WorkflowManager,
    WorkflowScheduler,
)


def use(manager: WorkflowManager, executor: WorkflowExecutor, scheduler: WorkflowScheduler) -> None:
    config = WorkflowConfig(name="n", integrations=[{"id": "int_zendesk", "required": True}])
    assert_type(manager.create_workflow(config), Workflow)
    workflows = manager.list_workflows(status="active", department="customer_success", page=1)
    for wf in workflows.items:
        assert_type(wf.name, str)
    assert_type(executor.execute_workflow("w", execution_options={"timeout_seconds": 1}), Execution)
    executor.execute_workflow("w", execution_options={"timeout": 1})  # type: ignore[arg-type]
    assert_type(executor.execute_workflow_async("w", callback_url="u"), StartedExecution)
    schedule = scheduler.create_schedule("w", "n", "cron", cron_expression="@daily", enabled=True)
    assert_type(schedule, Schedule)
    assert_type(schedule.next_execution, Optional[datetime])
    scheduler.create_schedule("w", "n", "weekly")  # type: ignore[arg-type]
    scheduler.create_schedule("w", "n", "cron", cron="@daily")  # type: ignore[call-arg]
    wf.metadata["a"] = 1
    assert_type(manager.update_workflow(wf), Workflow)
    manager.update_workflow(schedule)  # type: ignore[arg-type]
    for row in manager.iter_workflows(type="custom"):
        assert_type(row, Workflow)


async def use_async(manager: WorkflowManager, executor: WorkflowExecutor) -> None:
    async with manager as same:
        assert_type(same, WorkflowManager)
    assert_type(await manager.get_workflow_async("w"), Workflow)
    assert_type(await executor.execute_workflow_async("w"), Execution)


def use_errors(error: ABIError) -> None:
    assert_type(error.errors, list[ErrorItem])
