"""Connections, retries, timeouts and URLs, against a stub server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from stepwell_testing import StubResponse, StubServer

from abi import exceptions
from abi.workflows import WorkflowConfig, WorkflowExecutor, WorkflowManager

NOW = {"Retry-After": "0"}
MOMENT = "2026-01-31T09:00:00Z"
WORKFLOW = {
    "id": "wf_1",
    "name": "n",
    "type": "custom",
    "status": "inactive",
    "created_at": MOMENT,
    "updated_at": MOMENT,
}


def error_response(code: str, status: int, **headers: str) -> StubResponse:
    error = {"code": code, "detail": "no", "field": None}
    body = {"status": "error", "data": None, "message": "no", "errors": [error]}
    return StubResponse(status, body, headers)


def data(fields: dict[str, Any], status: int = 200) -> StubResponse:
    return StubResponse(status, {"status": "success", "data": fields})


def test_a_retry_is_the_same_request(start_stub: Callable[..., StubServer]) -> None:
    execution = {"execution_id": "e", "workflow_id": "wf_1", "status": "completed", "result": 1}
    refused = error_response("RATE_LIMIT_EXCEEDED", 429, **NOW)
    for good, name, argument in [
        (data(WORKFLOW, 201), "create_workflow", WorkflowConfig(name="n")),
        (data(execution), "execute_workflow", "wf_1"),
        (data(execution, 202), "execute_workflow_async", "wf_1"),
    ]:
        stub = start_stub(refused, StubResponse(503, None, NOW), good)
        with WorkflowManager("t", stub.url) as manager, WorkflowExecutor("t", stub.url) as executor:
            service = manager if name == "create_workflow" else executor
            getattr(service, name)(argument)
        keys = [request.headers["idempotency-key"] for request in stub.requests]
        assert len(keys) == 3 and len(set(keys)) == 1 and keys[0]
        assert {request.body for request in stub.requests} == {stub.requests[0].body}
        assert stub.requests[0].headers["user-agent"].startswith("stepwell-python/")


def test_a_long_retry_after_is_not_waited_for(start_stub: Callable[..., StubServer]) -> None:
    stub = start_stub(error_response("RATE_LIMIT_EXCEEDED", 429, **{"Retry-After": "3600"}))
    with WorkflowManager("t", stub.url) as manager:
        with pytest.raises(exceptions.RateLimitExceededError) as refused:
            manager.get_workflow("wf_1")
    assert (refused.value.retry_after, len(stub.requests)) == (3600, 1)


def test_timeouts(start_stub: Callable[..., StubServer]) -> None:
    stub = start_stub(StubResponse(200, [b"{"], hang=True))
    with WorkflowManager("t", stub.url, timeout=0.2, max_retries=1) as manager:
        with pytest.raises(exceptions.RequestTimeoutError) as late:
            manager.create_workflow(WorkflowConfig(name="n"))
    assert isinstance(late.value, exceptions.ConnectionFailedError)
    assert (late.value.code, late.value.status) == ("REQUEST_TIMEOUT", None)
    # It may have been created, so the retries have the same key.
    assert len(stub.requests) == 2
    assert len({request.headers["idempotency-key"] for request in stub.requests}) == 1


def test_unexpected_responses(start_stub: Callable[..., StubServer]) -> None:
    for response, kind, code in [
        (StubResponse(502, [b"<html>Bad gateway"]), exceptions.ServerError, "HTTP_502"),
        (StubResponse(200, [b"<html>Welcome"]), exceptions.ABIError, "UNEXPECTED_RESPONSE"),
        (StubResponse(200, {"status": "success"}), exceptions.ABIError, "UNEXPECTED_RESPONSE"),
    ]:
        stub = start_stub(response)
        with (
            WorkflowManager("t", stub.url, max_retries=0) as manager,
            pytest.raises(kind) as failed,
        ):
            manager.get_workflow("wf_1")
        assert failed.value.code == code and failed.value.errors == []


def test_address_and_token(
    start_stub: Callable[..., StubServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = start_stub(data(WORKFLOW))
    monkeypatch.setenv("STEPWELL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("STEPWELL_API_KEY", "of-the-environment")
    for ending in ("", "/", "/api/v1", "/api/v1/"):
        with WorkflowManager(access_token="argument\n", base_url=stub.url + ending) as manager:
            manager.get_workflow("wf_1")
    monkeypatch.setenv("STEPWELL_URL", stub.url + "/api/v1")
    with WorkflowManager() as manager:
        manager.get_workflow("wf_1")
    assert {request.path for request in stub.requests} == {"/api/v1/workflows/wf_1"}
    keys = [request.headers["x-api-key"] for request in stub.requests]
    assert keys == ["argument"] * 4 + ["of-the-environment"]
    for wrong in ("sk_live_a\nb", "sk_live_ключ", "sk_live_a b"):
        with pytest.raises(ValueError, match="api_key") as refused:
            WorkflowManager(wrong)
        assert "sk_live" not in str(refused.value)


def test_a_cancelled_await_keeps_the_execution(start_stub: Callable[..., StubServer]) -> None:
    """The request is sent all the same, so the caller must be able to read the id."""
    received, respond = threading.Event(), threading.Event()

    def start(_: Any) -> StubResponse:
        received.set()
        assert respond.wait(10)
        return data({"execution_id": "e", "workflow_id": "wf_1", "status": "running"}, 202)

    stub = StubServer(start)

    async def main() -> None:
        async with WorkflowExecutor("t", stub.url) as executor:
            started = executor.execute_workflow_async("wf_1")

            async def wait_for_end() -> None:
                await started

            waiting = asyncio.create_task(wait_for_end())
            assert await asyncio.to_thread(received.wait, 10)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            respond.set()
            assert await asyncio.to_thread(lambda: started.execution_id) == "e"

    asyncio.run(main())
    stub.close()


def test_many_executions_start_from_few_threads(start_stub: Callable[..., StubServer]) -> None:
    execution = {"execution_id": "e", "workflow_id": "wf_1", "status": "completed"}
    stub = start_stub(data(execution))

    async def main() -> None:
        async with WorkflowExecutor("t", stub.url) as executor:
            started = [executor.execute_workflow_async("wf_1") for _ in range(40)]
            names = [thread.name for thread in threading.enumerate()]
            assert 0 < sum(name.startswith("abi-executor") for name in names) <= 16
            ended = await asyncio.gather(*started)
            assert [execution.status for execution in ended] == ["completed"] * 40

    asyncio.run(main())
    assert sum(request.method == "POST" for request in stub.requests) == 40
