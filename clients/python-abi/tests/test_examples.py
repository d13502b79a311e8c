"""The documented programs run unchanged and send the documented requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from stepwell_testing import MANAGEMENT, StubServer, documented_server, examples, snippets

EXAMPLES = examples()
MANAGING, EXECUTING, SCHEDULING, CONFIGURATIONS, *SCHEDULE_TYPES = snippets(MANAGEMENT)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    stub = documented_server()
    monkeypatch.setenv("STEPWELL_URL", stub.url)
    yield stub
    stub.close()


def run(program: str, service: str) -> dict[str, Any]:
    """Runs a program, closes its client and returns its variables."""
    namespace: dict[str, Any] = {"access_token": "token-1"}
    exec(compile(program, "example", "exec"), namespace)
    namespace[service].close()
    return namespace


def calls(stub: StubServer) -> list[tuple[str, str]]:
    return [(request.method, urlsplit(request.path).path) for request in stub.requests]


def query(stub: StubServer, at: int) -> dict[str, list[str]]:
    return parse_qs(urlsplit(stub.requests[at].path).query)


def test_managing(stub: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = run(MANAGING, "workflow_manager")
    one = "/api/v1/workflows/wf_123456789"
    assert calls(stub) == [
        ("POST", "/api/v1/workflows"),
        ("GET", one),
        ("GET", "/api/v1/workflows"),
        ("PUT", one),
        ("POST", one + "/activate"),
        ("POST", one + "/deactivate"),
        ("DELETE", one),
    ]
    assert {request.headers["x-api-key"] for request in stub.requests} == {"token-1"}
    assert stub.requests[0].json() == EXAMPLES["Create Workflow"].body
    assert query(stub, 2) == {
        "status": ["active"],
        "metadata.department": ["customer_success"],
        "page": ["1"],
        "page_size": ["10"],
    }
    # Only the fields that the program changed.
    changed = EXAMPLES["Update Workflow"].body
    changed["configuration"]["response_threshold"] = 0.7
    assert stub.requests[3].json() == changed
    assert "if-match" not in stub.requests[3].headers
    updated = namespace["updated_workflow"]
    assert (
        updated.model_dump(mode="json", exclude_unset=True)
        == EXAMPLES["Update Workflow"].response["data"]
    )
    assert capsys.readouterr().out.splitlines() == [
        "Created workflow with ID: wf_123456789",
        "wf_123456789: Customer Feedback Analysis - Status: active",
        "wf_987654321: Customer Onboarding - Status: active",
    ]


def test_executing(stub: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = run(EXECUTING, "executor")
    one = "/api/v1/workflows/wf_123456789"
    assert calls(stub) == [
        ("POST", one + "/execute"),
        ("POST", one + "/execute_async"),
        ("GET", "/api/v1/workflow_executions/exec_123456789"),
        ("GET", "/api/v1/workflow_executions"),
    ]
    expected = EXAMPLES["Execute Workflow"].body
    # The endpoint implies it.
    expected["execution_options"].pop("wait_for_completion")
    assert stub.requests[0].json() == expected
    assert stub.requests[1].json() == EXAMPLES["Execute Workflow (Async)"].body
    assert query(stub, 3) == {
        "workflow_id": ["wf_123456789"],
        "status": ["completed"],
        "start_date": ["2023-05-01T00:00:00Z"],
        "end_date": ["2023-05-02T23:59:59Z"],
        "page": ["1"],
        "page_size": ["10"],
    }
    status = namespace["execution_status"]
    shown = status.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert shown == EXAMPLES["Get Execution Status"].response["data"]
    output = capsys.readouterr().out.splitlines()
    assert output[:2] == ["Execution ID: exec_123456789", "Status: completed"]
    assert output[2].startswith("Result: {'sentiment': 'mixed', 'sentiment_score': 0.65")
    assert output[3:] == [
        "Async execution started with ID: exec_123456789",
        "Execution status: completed",
        "exec_123456789: Started at 2023-05-02 10:10:00+00:00, Status: completed",
        "exec_987654321: Started at 2023-05-01 15:30:00+00:00, Status: completed",
    ]


def test_scheduling(stub: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = run(SCHEDULING, "scheduler")
    one = "/api/v1/workflow_schedules/sched_123456789"
    assert calls(stub) == [
        ("POST", "/api/v1/workflows/wf_123456789/schedules"),
        ("GET", one),
        ("GET", "/api/v1/workflow_schedules"),
        ("PUT", one),
        ("DELETE", one),
    ]
    assert stub.requests[0].json() == EXAMPLES["Schedule Workflow"].body
    assert query(stub, 2) == {
        "workflow_id": ["wf_123456789"],
        "enabled": ["true"],
        "page": ["1"],
        "page_size": ["10"],
    }
    # The program does not change the name and `enabled`.
    changed = EXAMPLES["Update Schedule"].body
    del changed["name"], changed["enabled"]
    assert stub.requests[3].json() == changed
    updated = namespace["updated_schedule"].model_dump(mode="json", exclude_unset=True)
    assert updated == EXAMPLES["Update Schedule"].response["data"]
    assert capsys.readouterr().out.splitlines() == [
        "Created schedule with ID: sched_123456789",
        "Next execution: 2023-05-03 00:00:00+00:00",
        "sched_123456789: Daily Feedback Analysis - Next run: 2023-05-03 00:00:00+00:00",
        "sched_987654321: Weekly Analysis Report - Next run: 2023-05-07 00:00:00+00:00",
    ]


def test_documented_configurations_are_accepted(stub: StubServer) -> None:
    from abi.workflows import WorkflowConfig, WorkflowManager, WorkflowScheduler

    kinds = iter(("feedback_analysis", "data_processing", "notification"))
    with WorkflowManager("t") as manager:
        for text in CONFIGURATIONS.split("\n\n"):
            namespace: dict[str, Any] = {}
            exec(text, namespace)
            config = WorkflowConfig(name="n", type=next(kinds), configuration=namespace["config"])
            manager.create_workflow(config)
            assert stub.requests[-1].json()["configuration"] == namespace["config"]
    with WorkflowScheduler("t") as scheduler:
        for text in SCHEDULE_TYPES:
            namespace = {}
            exec(text, namespace)
            scheduler.create_schedule(workflow_id="wf_1", name="n", **namespace["schedule"])
            assert stub.requests[-1].json() == {"name": "n", **namespace["schedule"]}
    assert next(kinds, None) is None and len(SCHEDULE_TYPES) == 3
