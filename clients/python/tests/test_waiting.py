"""Waiting for and following executions, against a stub server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from stepwell_testing import StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client, RetryPolicy

ACCEPTED = StubResponse(
    202,
    {
        "status": "success",
        "data": {"execution_id": "exec_1", "workflow_id": "wf_1", "status": "running"},
    },
)


def execution_response(status: str) -> StubResponse:
    data = {"execution_id": "exec_1", "workflow_id": "wf_1", "status": status, "result": 7}
    return StubResponse(200, {"status": "success", "data": data})


EVENT_STREAM = {"Content-Type": "text/event-stream"}
KEEP_ALIVE = b": keep-alive\n\n"
HELD = StubResponse(200, [KEEP_ALIVE], EVENT_STREAM, hang=True)
QUICK = RetryPolicy(base_delay=0.01, max_delay=0.02)


def outcomes(stub: StubServer, call: Callable[[Any], Any]) -> list[Any]:
    """The outcome of a call on the sync and on the async client."""
    found: list[Any] = []
    with Client("k", stub.url, retry_policy=QUICK) as client:
        try:
            found.append(call(client))
        except stepwell.StepwellError as error:
            found.append(error)

    async def main() -> Any:
        async with AsyncClient("k", stub.url, retry_policy=QUICK) as client:
            return await call(client)

    try:
        found.append(asyncio.run(main()))
    except stepwell.StepwellError as error:
        found.append(error)
    return found


def test_execute_waits_for_a_long_execution(start_stub: Callable[..., StubServer]) -> None:
    """The server closes the stream at the end; nothing is polled."""
    closed = StubResponse(200, [KEEP_ALIVE], EVENT_STREAM)
    steps = [ACCEPTED, execution_response("running"), closed, execution_response("completed")]
    stub = start_stub(*steps, *steps)
    workflow_id = "wf_" + "0" * 26
    for execution in outcomes(stub, lambda c: c.workflows.execute(workflow_id, {"a": 1})):
        assert execution.result == 7
    assert [request.method for request in stub.requests] == ["POST", "GET", "GET", "GET"] * 2
    stream = stub.requests[2]
    assert stream.path == "/api/v1/workflow_executions/exec_1/events"
    assert stream.headers["last-event-id"] == str(2**53 - 1)

    stub = start_stub(ACCEPTED, execution_response("cancelled"))
    with Client("k", stub.url) as client, pytest.raises(stepwell.ExecutionFailedError):
        client.workflows.execute(workflow_id)


def test_wait_reconnects(start_stub: Callable[..., StubServer]) -> None:
    cut = StubResponse(200, [KEEP_ALIVE], EVENT_STREAM, cut=True)
    running = execution_response("running")
    responses = [running, cut, running, StubResponse(503), running, cut]
    responses += [execution_response("completed")]
    stub = start_stub(*responses, *responses)
    for execution in outcomes(stub, lambda c: c.executions.wait("exec_1")):
        assert execution.status == "completed"
    assert len(stub.requests) == 2 * len(responses)
    for status, headers, error in [
        (403, {}, stepwell.PermissionDeniedError),
        (429, {"Retry-After": "3600"}, stepwell.RateLimitError),
    ]:
        refused = start_stub(running, StubResponse(status, {"message": "no"}, headers), running)
        with Client("k", refused.url) as client, pytest.raises(error):
            client.executions.wait("exec_1")


def test_wait_waits_for_retry_after(start_stub: Callable[..., StubServer]) -> None:
    busy = StubResponse(429, {"message": "later"}, {"Retry-After": "1"})
    stub = start_stub(execution_response("running"), busy, execution_response("completed"))
    started = time.monotonic()
    with Client("k", stub.url) as client:
        assert client.executions.wait("exec_1").status == "completed"
    assert 1.0 <= time.monotonic() - started < 5.0


def test_wait_ends_at_its_timeout(start_stub: Callable[..., StubServer]) -> None:
    running = execution_response("running")
    stub = start_stub(running, HELD, running, running, HELD, running)
    for error in outcomes(stub, lambda c: c.executions.wait("exec_1", timeout=0.3)):
        assert isinstance(error, stepwell.WaitTimeoutError), error
        assert error.execution_id == "exec_1" and "0.3 s" in error.message
    assert len(stub.requests) == 6


def test_events_survive_broken_connections(start_stub: Callable[..., StubServer]) -> None:
    def event(sequence: int, kind: str, more: str) -> bytes:
        head = f'"execution_id":"e","sequence":{sequence},"timestamp":"2026-01-01T00:00:00Z"'
        data = f"{{{head},{more}}}"
        return f"id: {sequence}\nevent: {kind}\ndata: {data}\n\n".encode()

    step = '"step":{"name":"a","status":"running"},"settled_steps":0,"total_steps":1'
    started = event(1, "status", '"status":"running"')
    first = StubResponse(200, [started + event(2, "step", step)], cut=True)
    rest = [event(2, "step", step), event(3, "new", '"x":1')]
    second = StubResponse(200, [*rest, event(4, "status", '"status":"timed_out"')])
    stub = start_stub(first, second)
    with Client("k", stub.url, retry_policy=RetryPolicy(base_delay=0.01)) as client:
        events = list(client.executions.events("exec_1"))
    assert [(e.sequence, e.event) for e in events] == [
        (1, "status"),
        (2, "step"),
        (3, "new"),
        (4, "status"),
    ]
    assert isinstance(events[2], stepwell.OtherEvent)
    assert stub.requests[1].headers["last-event-id"] == "1"
