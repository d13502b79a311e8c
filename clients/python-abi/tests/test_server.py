"""Every method and its `_async` variant, the documented programs and the README, against the real
server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stepwell
from stepwell_testing import CLIENTS, MANAGEMENT, Server, StubResponse, StubServer, snippets

from abi import exceptions
from abi.workflows import (
    Schedule,
    StartedExecution,
    Workflow,
    WorkflowConfig,
    WorkflowExecutor,
    WorkflowManager,
    WorkflowScheduler,
)

_, EXECUTING, SCHEDULING, *_ = snippets(MANAGEMENT)
README = Path(__file__).parents[1] / "README.md"
GREET = {
    "inputs": {"text": "string"},
    "steps": [
        {"type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
        {"type": "TextOperation.Reverse"},
    ],
}
FAILING = {"steps": [{"id": "stop", "type": "Fail", "config": {"message": "boom"}}]}
# Accepts all parameters of the documented programs.
FEEDBACK = {
    "name": "feedback",
    "inputs": {"type": "object"},
    "steps": [{"type": "Echo", "input": "{{ inputs }}"}],
}


@pytest.fixture
def address(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("STEPWELL_URL", server.url)
    yield server


@pytest.fixture
def workflow_id(address: Server) -> str:
    with stepwell.Client(address.key) as client:
        return client.dataflow.create_workflow(FEEDBACK).workflow_id


def run(program: str, namespace: dict[str, Any], *services: str) -> None:
    exec(compile(program, "example", "exec"), namespace)
    for service in services:
        namespace[service].close()


def test_the_documented_program_executes(
    address: Server, workflow_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {"access_token": address.key}
    run(EXECUTING.replace("wf_123456789", workflow_id), namespace, "executor")
    assert namespace["execution_result"].result["feedback_id"] == "f_12345"
    output = capsys.readouterr().out.splitlines()
    assert output[1] == "Status: completed" and output[2].startswith("Result: {'feedback_id': ")
    assert output[3].startswith("Async execution started with ID: exec_")


def test_the_documented_program_schedules(
    address: Server, workflow_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace: dict[str, Any] = {"access_token": address.key}
    run(SCHEDULING.replace("wf_123456789", workflow_id), namespace, "scheduler")
    updated = namespace["updated_schedule"]
    assert updated.parameters == {
        "source": "daily_report",
        "include_recommendations": True,
        "generate_report": True,
    }
    assert (updated.cron_expression, updated.next_execution.hour) == ("0 2 * * *", 2)
    output = capsys.readouterr().out.splitlines()
    assert output[0] == f"Created schedule with ID: {updated.id}"
    assert output[2].startswith(f"{updated.id}: Daily Feedback Analysis - Next run: ")


def test_readme(address: Server, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"access_token": address.key, "__name__": "readme"}
    run("\n".join(snippets(README)), namespace, "workflow_manager", "executor", "scheduler")
    output = capsys.readouterr().out
    for part in (
        "Loud greeting - Status: active",
        "'priority': 'high'",
        "completed {'text': 'NWOD'}",
        "[('uppercase', '",
        "Next execution: 2",
        "{'text': 'sleep well'} None",
        "ENO\nOWT",
        "PARAMETER_VALIDATION_ERROR parameters",
    ):
        assert part in output, (part, output)


def test_docs_clients(
    address: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPWELL_API_KEY", address.key)
    _, snippet = snippets(CLIENTS)
    run(snippet, {})
    output = capsys.readouterr().out.splitlines()
    assert output == ["{'text': 'HELLO'}", "422 PARAMETER_VALIDATION_ERROR parameters.txt"]


def test_managing(address: Server) -> None:
    with WorkflowManager(address.key) as manager:
        config = WorkflowConfig(name="m", description="d", configuration=GREET)
        created = manager.create_workflow(config)
        assert isinstance(created, Workflow) and created.changes() == {}
        other = manager.get_workflow(created.id)
        other.metadata["by"] = "them"
        manager.update_workflow(other)
        # Unchanged fields do not overwrite the changes of others.
        created.name = "n"
        assert created.changes() == {"name": "n"}
        stored = manager.update_workflow(created)
        assert (stored.name, stored.metadata) == ("n", {"by": "them"})
        created.name = "late"
        with pytest.raises(exceptions.PreconditionFailedError):
            manager.update_workflow(created, if_unchanged=True)
        stored.configuration["steps"][1]["type"] = "TextOperation.Lowercase"
        assert set(stored.changes()) == {"configuration"}
        assert manager.update_workflow(stored, if_unchanged=True).changes() == {}
        assert manager.activate_workflow(created.id).status == "active"
        assert manager.deactivate_workflow(created.id).status == "inactive"
        assert manager.delete_workflow(created.id).deleted
        with pytest.raises(exceptions.WorkflowNotFoundError) as gone:
            manager.get_workflow(created.id)
        assert isinstance(gone.value, exceptions.ResourceNotFoundError)
        assert (gone.value.status, gone.value.code) == (404, "WORKFLOW_NOT_FOUND")
        assert gone.value.request_id and gone.value.errors[0].code == "WORKFLOW_NOT_FOUND"
        with pytest.raises(exceptions.InvalidWorkflowConfigError) as wrong:
            manager.create_workflow(WorkflowConfig(name="w", configuration={"steps": [{}]}))
        assert wrong.value.errors[0].field == "configuration.steps[0].type"
    with WorkflowManager("wrong") as manager, pytest.raises(exceptions.AuthenticationError):
        manager.list_workflows()


def create_active(manager: WorkflowManager, configuration: dict[str, Any]) -> str:
    created = manager.create_workflow(WorkflowConfig(name="a", configuration=configuration))
    manager.activate_workflow(created.id)
    return created.id


def test_executing(address: Server) -> None:
    with WorkflowManager(address.key) as manager, WorkflowExecutor(address.key) as executor:
        greet, failing = create_active(manager, GREET), create_active(manager, FAILING)
        started = executor.execute_workflow(
            greet, {"text": "ab"}, execution_options={"wait_for_completion": False}
        )
        assert started.status in ("running", "queued") and started.result is None
        started = executor.execute_workflow_async(greet, {"text": "ab"})
        assert isinstance(started, StartedExecution) and started.workflow_id == greet
        assert (started.parameters, started.callback_url) == ({"text": "ab"}, None)
        with pytest.raises(exceptions.WorkflowExecutionError) as failed:
            executor.execute_workflow(failing)
        assert (failed.value.step, failed.value.status) == ("stop", 500)
        assert failed.value.cause and "boom" in failed.value.cause.message
        assert failed.value.execution_id
        shown = executor.get_execution_status(failed.value.execution_id)
        assert (shown.status, shown.error) == ("failed", failed.value.cause)
        slow = create_active(manager, {"steps": [{"type": "Delay", "config": {"for": "1h"}}]})
        with pytest.raises(exceptions.ExecutionTimeoutError):
            executor.execute_workflow(slow, execution_options={"timeout_seconds": 0.1})
        with pytest.raises(exceptions.ParameterValidationError):
            executor.execute_workflow_async(greet, {})
        with pytest.raises(exceptions.ExecutionNotFoundError):
            executor.get_execution_status("exec_" + "0" * 26)
        with pytest.raises(ValueError, match="wait"):
            executor.execute_workflow(greet, execution_options={"wait": 1})  # type: ignore
        page = executor.list_executions(greet, status=["running", "queued", "completed"])
        assert page.pagination.total_items == 2

        async def main() -> None:
            async with WorkflowExecutor(address.key) as executor:
                # It starts without being awaited, and its fields are set.
                started = executor.execute_workflow_async(greet, {"text": "cd"})
                assert started.execution_id.startswith("exec_")
                assert started.status in ("running", "queued")
                assert (await started).result == {"text": "DC"}
                done = await executor.get_execution_status_async(started.execution_id)
                assert done.status == "completed"
                assert (await executor.list_executions_async(greet)).pagination.total_items == 3
                with pytest.raises(exceptions.WorkflowExecutionError) as failed:
                    await executor.execute_workflow_async(failing)
                assert failed.value.code == "WORKFLOW_EXECUTION_ERROR"
                assert (failed.value.step, failed.value.status) == ("stop", 500)
                with pytest.raises(exceptions.ExecutionTimeoutError):
                    await executor.execute_workflow_async(
                        slow, execution_options={"timeout_seconds": 0.1}
                    )
                with pytest.raises(exceptions.ParameterValidationError):
                    await executor.execute_workflow_async(greet, {})

        asyncio.run(main())


def test_managing_with_asyncio(address: Server) -> None:
    async def main(manager: WorkflowManager) -> None:
        created = await manager.create_workflow_async(WorkflowConfig(name="x", configuration=GREET))
        assert (await manager.get_workflow_async(created.id)).id == created.id
        assert created.id in [row.id for row in (await manager.list_workflows_async()).items]
        created.name = "y"
        changed = await manager.update_workflow_async(created, if_unchanged=True)
        assert changed.name == "y"
        assert (await manager.activate_workflow_async(created.id)).status == "active"
        assert (await manager.deactivate_workflow_async(created.id)).status == "inactive"
        assert (await manager.delete_workflow_async(created.id)).deleted
        with pytest.raises(exceptions.WorkflowNotFoundError):
            await manager.get_workflow_async(created.id)

    async def entered() -> None:
        async with WorkflowManager(address.key) as manager:
            await main(manager)

    asyncio.run(entered())
    with WorkflowManager(address.key) as manager:
        asyncio.run(main(manager))  # Also if each call opens its own connection,
        asyncio.run(main(manager))  # in any event loop.


def test_scheduling(address: Server, workflow_id: str) -> None:
    with WorkflowScheduler(address.key) as scheduler:
        created = scheduler.create_schedule(
            workflow_id, "s", "interval", interval_value=1, interval_unit="hours"
        )
        assert isinstance(created, Schedule) and created.changes() == {}
        with pytest.raises(exceptions.InvalidScheduleError) as wrong:
            scheduler.create_schedule(workflow_id, "s", "cron", cron_expression="61 * * * *")
        assert wrong.value.errors[0].field == "cron_expression"

        async def main() -> None:
            async with WorkflowScheduler(address.key) as scheduler:
                again = await scheduler.create_schedule_async(
                    workflow_id, "t", "cron", cron_expression="@daily"
                )
                assert (await scheduler.get_schedule_async(again.id)).name == "t"
                page = await scheduler.list_schedules_async(workflow_id, enabled=True)
                assert [row.id for row in page.items] == [again.id, created.id]
                again.enabled = False
                assert (await scheduler.update_schedule_async(again)).next_execution is None
                assert (await scheduler.delete_schedule_async(again.id)).deleted
                with pytest.raises(exceptions.ScheduleNotFoundError):
                    await scheduler.get_schedule_async(again.id)

        asyncio.run(main())
        assert [row.id for row in scheduler.list_schedules(workflow_id).items] == [created.id]
        assert scheduler.delete_schedule(created.id).id == created.id


def test_each_call_has_an_async_variant() -> None:
    for service in (WorkflowManager, WorkflowExecutor, WorkflowScheduler):
        calls = {
            name: call
            for name, call in inspect.getmembers(service, inspect.isfunction)
            if not name.startswith("_") and name != "close"
        }
        assert len(calls) >= 6
        for name, call in calls.items():
            assert inspect.getdoc(call), name
            if name.endswith("_async"):
                continue
            one, other = inspect.signature(call), inspect.signature(calls[name + "_async"])
            if name == "execute_workflow":
                continue  # The async one does not wait and has a callback.
            assert one.parameters == other.parameters, name
            returns = str(one.return_annotation)
            assert str(other.return_annotation) in (returns, "Async" + returns), name


def response(status: int, code: str) -> StubResponse:
    body = {
        "status": "error",
        "data": None,
        "message": "no",
        "errors": [{"code": code, "detail": "no", "field": None}],
        "request_id": "r-1",
    }
    return StubResponse(status, body)


def test_every_documented_code_has_its_exception(start_stub: Callable[..., StubServer]) -> None:
    rows = [line.split("|")[1:3] for line in MANAGEMENT.read_text().splitlines() if "|" in line]
    codes = [(int(a), b.strip()) for a, b in rows if a.strip().isdigit()]
    assert len(codes) == 11
    kinds = set()
    for status, code in codes:
        stub = start_stub(response(status, code))
        with WorkflowManager("t", stub.url, max_retries=0) as manager:
            with pytest.raises(exceptions.ABIError) as caught:
                manager.get_workflow("wf_1")
        assert (caught.value.status, caught.value.code) == (status, code)
        assert caught.value.request_id == "r-1" and str(caught.value) == f"{code}: no"
        assert caught.value.errors[0].code == code
        kinds.add(type(caught.value))
    assert len(kinds) == 11 and exceptions.ABIError not in kinds
    for status, kind in [
        (400, exceptions.ValidationError),
        (401, exceptions.AuthenticationError),
        (403, exceptions.PermissionDeniedError),
        (404, exceptions.ResourceNotFoundError),
        (409, exceptions.ConflictError),
        (418, exceptions.ABIError),
        (502, exceptions.ServerError),
    ]:
        stub = start_stub(response(status, "SOMETHING_NEW"))
        with WorkflowManager("t", stub.url) as manager, pytest.raises(kind) as other:
            manager.get_workflow("wf_1")
        assert type(other.value) is kind
    stub = start_stub(StubResponse())
    stub.close()
    with WorkflowManager("t", stub.url, max_retries=0) as manager:
        with pytest.raises(exceptions.ConnectionFailedError) as lost:
            manager.get_workflow("wf_1")
    assert (lost.value.status, lost.value.code) == (None, "CONNECTION_FAILED")
