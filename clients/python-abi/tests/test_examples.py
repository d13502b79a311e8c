"""Programs as they are printed run unmodified; their requests are the printed ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from stepwell_testing import MANAGEMENT, StubServer, examples, documented_server, snippets

EXAMPLES = examples()
MANAGING, EXECUTING, SCHEDULING, CONFIGURATIONS, *SCHEDULE_TYPES = snippets(MANAGEMENT)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubServer]:
    stub = documented_server()
    monkeypatch.setenv("STEPWELL_URL", stub.url)
    yield stub
    stub.close()


def run(program: str, service: str) -> dict[str, Any]:
    """What a program leaves behind, its connections closed."""
    space: dict[str, Any] = {"access_token": "token-1"}
    exec(compile(program, "printed", "exec"), space)
    space[service].close()
    return space


def calls(stub: StubServer) -> list[tuple[str, str]]:
    return [(request.method, urlsplit(request.path).path) for request in stub.requests]


def query(stub: StubServer, at: int) -> dict[str, list[str]]:
    return parse_qs(urlsplit(stub.requests[at].path).query)


def test_managing(printed: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    space = run(MANAGING, "workflow_manager")
    one = "/api/v1/workflows/wf_123456789"
    assert calls(printed) == [
        ("POST", "/api/v1/workflows"),
        ("GET", one),
        ("GET", "/api/v1/workflows"),
        ("PUT", one),
        ("POST", one + "/activate"),
        ("POST", one + "/deactivate"),
        ("DELETE", one),
    ]
    assert {request.headers["x-api-key"] for request in printed.requests} == {"token-1"}
    assert printed.requests[0].json() == EXAMPLES["Create Workflow"].body
    assert query(printed, 2) == {
        "status": ["active"],
        "metadata.department": ["customer_success"],
        "page": ["1"],
        "page_size": ["10"],
    }
    # Only what the program changed.
    changed = EXAMPLES["Update Workflow"].body
    changed["configuration"]["response_threshold"] = 0.7
    assert printed.requests[3].json() == changed
    assert "if-match" not in printed.requests[3].headers
    updated = space["updated_workflow"]
    assert (
        updated.model_dump(mode="json", exclude_unset=True)
        == EXAMPLES["Update Workflow"].response["data"]
    )
    assert capsys.readouterr().out.splitlines() == [
        "Created workflow with ID: wf_123456789",
        "wf_123456789: Customer Feedback Analysis - Status: active",
        "wf_987654321: Customer Onboarding - Status: active",
    ]


def test_executing(printed: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    space = run(EXECUTING, "executor")
    one = "/api/v1/workflows/wf_123456789"
    assert calls(printed) == [
        ("POST", one + "/execute"),
        ("POST", one + "/execute_async"),
        ("GET", "/api/v1/workflow_executions/exec_123456789"),
        ("GET", "/api/v1/workflow_executions"),
    ]
    wanted = EXAMPLES["Execute Workflow"].body
    # It is what the request means.
    wanted["execution_options"].pop("wait_for_completion")
    assert printed.requests[0].json() == wanted
    assert printed.requests[1].json() == EXAMPLES["Execute Workflow (Async)"].body
    assert query(printed, 3) == {
        "workflow_id": ["wf_123456789"],
        "status": ["completed"],
        "start_date": ["2023-05-01T00:00:00Z"],
        "end_date": ["2023-05-02T23:59:59Z"],
        "page": ["1"],
        "page_size": ["10"],
    }
    status = space["execution_status"]
    shown = status.model_dump(mode="json", exclude_unset=True)
    assert shown == EXAMPLES["Get Execution Status"].response["data"]
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["Execution ID: exec_123456789", "Status: completed"]
    assert said[2].startswith("Result: {'sentiment': 'mixed', 'sentiment_score': 0.65")
    assert said[3:] == [
        "Async execution started with ID: exec_123456789",
        "Execution status: completed",
        "exec_123456789: Started at 2023-05-02 10:10:00+00:00, Status: completed",
        "exec_987654321: Started at 2023-05-01 15:30:00+00:00, Status: completed",
    ]


def test_scheduling(printed: StubServer, capsys: pytest.CaptureFixture[str]) -> None:
    space = run(SCHEDULING, "scheduler")
    one = "/api/v1/workflow_schedules/sched_123456789"
    assert calls(printed) == [
        ("POST", "/api/v1/workflows/wf_123456789/schedules"),
        ("GET", one),
        ("GET", "/api/v1/workflow_schedules"),
        ("PUT", one),
        ("DELETE", one),
    ]
    assert printed.requests[0].json() == EXAMPLES["Schedule Workflow"].body
    assert query(printed, 2) == {
        "workflow_id": ["wf_123456789"],
        "enabled": ["true"],
        "page": ["1"],
        "page_size": ["10"],
    }
    # Its name and whether it is enabled did not change.
    changed = EXAMPLES["Update Schedule"].body
    del changed["name"], changed["enabled"]
    assert printed.requests[3].json() == changed
    updated = space["updated_schedule"].model_dump(mode="json", exclude_unset=True)
    assert updated == EXAMPLES["Update Schedule"].response["data"]
    assert capsys.readouterr().out.splitlines() == [
        "Created schedule with ID: sched_123456789",
        "Next execution: 2023-05-03 00:00:00+00:00",
        "sched_123456789: Daily Feedback Analysis - Next run: 2023-05-03 00:00:00+00:00",
        "sched_987654321: Weekly Analysis Report - Next run: 2023-05-07 00:00:00+00:00",
    ]


def test_printed_configurations_are_taken(printed: StubServer) -> None:
    from abi.workflows import WorkflowConfig, WorkflowManager, WorkflowScheduler

    kinds = iter(("feedback_analysis", "data_processing", "notification"))
    with WorkflowManager("t") as manager:
        for text in CONFIGURATIONS.split("\n\n"):
            space: dict[str, Any] = {}
            exec(text, space)
            config = WorkflowConfig(name="n", type=next(kinds), configuration=space["config"])
            manager.create_workflow(config)
            assert printed.requests[-1].json()["configuration"] == space["config"]
    with WorkflowScheduler("t") as scheduler:
        for text in SCHEDULE_TYPES:
            space = {}
            exec(text, space)
            scheduler.create_schedule(workflow_id="wf_1", name="n", **space["schedule"])
            assert printed.requests[-1].json() == {"name": "n", **space["schedule"]}
    assert next(kinds, None) is None and len(SCHEDULE_TYPES) == 3
