"""Retries, timeouts and errors, against a stub server."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from stepwell_testing import StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client, RetryPolicy

StartStub = Callable[..., StubServer]
QUICK = RetryPolicy(base_delay=0.01, max_delay=0.02)
BUSY = StubResponse(
    503, {"error": {"code": "UNAVAILABLE", "message": "later", "request_id": "r-1"}}
)
OK = StubResponse(202, {"execution_id": "ex-1"})
KEY = "sk_live_secret"
WORKFLOW = "wf_" + "0" * 26


def both(stub: StubServer, call: Callable[[Any], Any]) -> list[Any]:
    """The outcome of a call on the sync and on the async client."""
    outcomes: list[Any] = []
    with Client("k", stub.url, retry_policy=QUICK) as client:
        try:
            outcomes.append(call(client))
        except stepwell.StepwellError as error:
            outcomes.append(error)

    async def main() -> Any:
        async with AsyncClient("k", stub.url, retry_policy=QUICK) as client:
            return await call(client)

    try:
        outcomes.append(asyncio.run(main()))
    except stepwell.StepwellError as error:
        outcomes.append(error)
    return outcomes


def test_posts_are_retried_with_the_same_key(start_stub: StartStub) -> None:
    stub = start_stub(BUSY, StubResponse(429), OK, BUSY, StubResponse(429), OK)
    outcomes = both(stub, lambda client: client.dataflow.execute("wf-1", {"a": 1}))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    keys = [request.headers["idempotency-key"] for request in stub.requests]
    assert len(keys) == 6 and len(set(keys[:3])) == 1 and len(set(keys[3:])) == 1
    assert len(set(keys)) == 2
    assert {request.body for request in stub.requests} == {b'{"input":{"a":1}}'}


@pytest.mark.parametrize(
    ("status", "call", "requests"),
    [
        (503, lambda c: c.dataflow.get_workflow("w"), 4),
        (503, lambda c: c.executions.pause("e"), 4),
        (503, lambda c: c.vellum.execute_workflow([], workflow_deployment_name="w"), 4),
        (503, lambda c: c.release_tags.set(WORKFLOW, "t", 1), 4),
        (503, lambda c: c.releases.create(WORKFLOW, {}), 4),
        (503, lambda c: c.workflows.update(WORKFLOW, name="n"), 1),
        (503, lambda c: c.workflows.delete(WORKFLOW), 1),
        # The server rejected these before it did anything.
        (429, lambda c: c.workflows.update(WORKFLOW, name="n"), 4),
        (429, lambda c: c.workflows.delete(WORKFLOW), 4),
        (429, lambda c: c.keys.update("k", name="n"), 4),
        (502, lambda c: c.workflows.start(WORKFLOW), 4),
        (502, lambda c: c.dataflow.update_workflow("w", {}), 1),
        (409, lambda c: c.workflows.start(WORKFLOW), 1),
        (408, lambda c: c.workflows.get(WORKFLOW), 4),
        (408, lambda c: c.workflows.delete(WORKFLOW), 1),
        (500, lambda c: c.workflows.list(), 4),
        (500, lambda c: c.workflows.update(WORKFLOW, name="n"), 1),
        (504, lambda c: c.workflows.execute(WORKFLOW), 4),
        (501, lambda c: c.workflows.get(WORKFLOW), 1),
        (400, lambda c: c.workflows.get(WORKFLOW), 1),
    ],
)
def test_which_requests_are_retried(
    start_stub: StartStub, status: int, call: Callable[[Any], Any], requests: int
) -> None:
    stub = start_stub(StubResponse(status))
    for outcome in both(stub, call):
        assert isinstance(outcome, stepwell.APIError)
        assert (outcome.status, outcome.code) == (status, f"HTTP_{status}")
    assert len(stub.requests) == 2 * requests


def test_a_lost_response_is_requested_again(start_stub: StartStub) -> None:
    lost = StubResponse(202, [b'{"execution'], cut=True)
    stub = start_stub(lost, OK, lost, OK)
    outcomes = both(stub, lambda client: client.dataflow.execute("w"))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    assert len({request.headers["idempotency-key"] for request in stub.requests}) == 2


def test_a_request_in_progress_is_retried(start_stub: StartStub) -> None:
    """409 with `Retry-After`: another node still handles the request with this key."""
    error = {"error": {"code": "IDEMPOTENCY_IN_PROGRESS", "message": "in progress"}}
    busy = StubResponse(409, error, {"Retry-After": "0"})
    stub = start_stub(busy, OK, busy, OK, busy)
    outcomes = both(stub, lambda client: client.dataflow.execute("w"))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    for outcome in both(stub, lambda client: client.dataflow.update_workflow("w", {})):
        assert isinstance(outcome, stepwell.ConflictError)
    assert [request.method for request in stub.requests] == ["POST"] * 4 + ["PUT"] * 2


def test_retry_after(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(503, headers={"Retry-After": "1"}), OK)
    started = time.monotonic()
    with Client("k", stub.url, retry_policy=QUICK) as client:
        client.dataflow.execute("w")
    assert 1.0 <= time.monotonic() - started < 5.0

    far = start_stub(StubResponse(429, headers={"Retry-After": "3600"}))
    with Client("k", far.url) as client, pytest.raises(stepwell.RateLimitError):
        client.dataflow.execute("w")
    assert len(far.requests) == 1


@pytest.mark.parametrize(
    ("tried", "header", "low", "high"),
    [
        (1, None, 0.75, 1.0),
        (2, None, 1.5, 2.0),
        (3, None, 2.25, 3.0),
        (9, None, 2.25, 3.0),
        (1, "0", 0.0, 0.0),
        (1, "7.5", 7.5, 7.5),
        (1, "61", None, None),
        (1, "nonsense", 0.75, 1.0),
        (1, "-3", 0.0, 0.0),
        (1, "soon", 10.0, 21.0),
        (1, "Thu, 01 Jan 1970 00:00:00 GMT", 0.0, 0.0),
    ],
)
def test_delays(tried: int, header: Any, low: Any, high: Any) -> None:
    policy = RetryPolicy(base_delay=1.0, max_delay=3.0)
    if header == "soon":
        header = formatdate(time.time() + 20, usegmt=True)
    delay = policy.delay(tried, {"retry-after": header} if header is not None else {})
    assert delay == low if low is None else delay is not None and low <= delay <= high


@pytest.mark.parametrize(
    ("body", "code", "message", "path"),
    [
        (
            {
                "error": {
                    "code": "INVALID_INPUT",
                    "message": "no",
                    "details": [{"path": "a.b", "message": "must", "expected": "x", "found": "y"}],
                    "request_id": "r-9",
                }
            },
            "INVALID_INPUT",
            "no",
            "a.b",
        ),
        (
            {
                "status": "error",
                "message": "no",
                "errors": [{"code": "BAD", "detail": "must", "field": "f"}],
                "request_id": "r-9",
            },
            "BAD",
            "no",
            "f",
        ),
        ({"detail": "no", "code": "C", "request_id": "r-9"}, "C", "no", None),
    ],
)
def test_error_bodies_of_all_apis(
    start_stub: StartStub, body: Any, code: str, message: str, path: Any
) -> None:
    for error in both(start_stub(StubResponse(400, body)), lambda client: client.me()):
        assert isinstance(error, stepwell.BadRequestError)
        assert (error.code, error.message, error.request_id) == (code, message, "r-9")
        assert [detail.path for detail in error.details] == ([path] if path else [])
        assert error.details == [] or error.details[0].message == "must"


def test_unexpected_responses(start_stub: StartStub) -> None:
    for body in ([b"<html>"], [b""], ["list"], {"other": 1}):
        for error in both(
            start_stub(StubResponse(200, body)), lambda client: client.dataflow.get_workflow("w")
        ):
            assert isinstance(error, stepwell.UnexpectedResponseError), body
    for error in both(start_stub(StubResponse(502, [b"<html>"])), lambda client: client.me()):
        assert isinstance(error, stepwell.ServerError) and error.message == "<html>"


def test_no_server() -> None:
    for client in (Client("k", "http://127.0.0.1:9", retry_policy=QUICK),):
        with client, pytest.raises(stepwell.ConnectionFailedError) as caught:
            client.me()
        assert caught.value.code == "CONNECTION_FAILED"


def test_the_key_does_not_follow_a_redirect(start_stub: StartStub) -> None:
    other = start_stub(StubResponse(200, {}))
    stub = start_stub(StubResponse(307, headers={"Location": other.url}))
    for error in both(stub, lambda client: client.me()):
        assert isinstance(error, stepwell.APIError) and error.status == 307
    assert other.requests == []


def test_paths_are_escaped(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(404))
    both(stub, lambda client: client.dataflow.get_execution("a/b", "../c?d"))
    assert {r.path for r in stub.requests} == {"/workflows/a%2Fb/executions/..%2Fc%3Fd"}


def test_invalid_base_urls() -> None:
    with Client("t", "http://127.0.0.1:1/api/v1/") as client:
        assert client.base_url == "http://127.0.0.1:1"
    for address in ("localhost:8080", "http://", "ftp://example.com", "http://[::1"):
        with pytest.raises(ValueError, match="base_url"):
            Client("k", address)


def test_a_key_is_never_shown(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(404))
    for key in ("sk_live_a\r\nb", "sk_live_ключ", "sk_live_a b", "sk_live_\x7f"):
        with pytest.raises(ValueError, match="api_key") as refused:
            Client(key, stub.url)
        assert "sk_live" not in str(refused.value)
    # Read from a file, with a line end.
    with Client(" sk_live_a\n", stub.url) as client, pytest.raises(stepwell.NotFoundError):
        client.me()
    assert [request.headers["x-api-key"] for request in stub.requests] == ["sk_live_a"]


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ({"id": "k", "secret": KEY}, lambda c: c.keys.create("n")),
        ({"secret": KEY}, lambda c: c.webhooks.create("http://h", ["*"])),
        ({"secret": [KEY]}, lambda c: c.webhooks.rotate_secret("w")),
    ],
)
def test_a_secret_in_an_unexpected_response_is_not_shown(
    start_stub: StartStub, body: Any, call: Callable[[Any], Any]
) -> None:
    for error in both(start_stub(StubResponse(200, {"data": body})), call):
        assert isinstance(error, stepwell.UnexpectedResponseError)
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert KEY not in text + repr(error)


@pytest.mark.parametrize("value", ["sk_live_a\n", "sk_live_a\r\nb", "sk_live_ключ", "sk_live_a\0"])
def test_a_secret_that_no_header_can_contain_is_not_shown(value: str) -> None:
    """The HTTP library would show it in its own error."""
    with Client("k", "http://127.0.0.1:9") as client:
        for secrets in ({"TOKEN": value}, {value: "TOKEN"}):
            for call in (
                client.dataflow.execute,
                client.dataflow.run,
                client.workflows.start,
                client.workflows.execute,
            ):
                with pytest.raises(ValueError, match="secret") as caught:
                    call(WORKFLOW, secrets=secrets)
                assert "sk_live" not in str(caught.value)
        with pytest.raises(ValueError, match="idempotency_key"):
            client.dataflow.execute("w", idempotency_key="a\nb")


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.keys.create("n", "admin"),
        lambda c: c.webhooks.create("http://h", "execution.completed"),
        lambda c: c.releases.create(WORKFLOW, {}, release_tags="beta"),
        lambda c: c.schedules.pause_many(schedule_ids="sched_1"),
    ],
)
def test_a_string_is_not_a_list_of_strings(call: Callable[[Any], Any]) -> None:
    """It would be sent as a list of its letters."""
    with Client("k", "http://127.0.0.1:9") as client:
        with pytest.raises(TypeError, match="must be a list of strings"):
            call(client)


def test_options_of_single_calls(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(503))
    with Client("k", stub.url, retry_policy=QUICK, headers={"X-Team": "a"}) as client:
        for options, requests, team in [
            ({}, 4, "a"),
            ({"max_retries": 1}, 2, "a"),
            ({"max_retries": 0, "headers": {"X-Team": "b", "X-More": "c"}}, 1, "b"),
        ]:
            with client.with_options(**options) as other:
                assert type(other) is Client and other.base_url == client.base_url
                for call in (other.me, other.workflows.list, lambda: other.executions.logs("e")):
                    stub.requests.clear()
                    with pytest.raises(stepwell.UnavailableError):
                        call()
                    assert len(stub.requests) == requests
                    assert {r.headers["x-team"] for r in stub.requests} == {team}
        # The connections stay open until the first client is closed.
        with pytest.raises(stepwell.UnavailableError):
            client.me()
        with pytest.raises(ValueError, match="max_retries"):
            client.with_options(max_retries=-1)

    async def main() -> None:
        async with AsyncClient("k", hanging.url, retry_policy=QUICK, max_retries=1) as client:
            with pytest.raises(stepwell.RequestTimeoutError):
                await client.with_options(timeout=0.1).me()
            with pytest.raises(stepwell.RequestTimeoutError):
                await client.workflows.get(WORKFLOW, timeout=0.1)

    hanging = start_stub(StubResponse(200, [b"{"], hang=True))
    asyncio.run(main())
    assert len(hanging.requests) == 4


def test_errors_can_be_pickled_and_copied(start_stub: StartStub) -> None:
    stub = start_stub(
        StubResponse(429, {"message": "no"}, {"Retry-After": "3600", "X-Request-Id": "r"})
    )
    with Client("t", stub.url) as client, pytest.raises(stepwell.RateLimitError) as refused:
        client.me()
    execution: stepwell.Execution = stepwell.Execution(id="e", workflow_id="w", status="failed")
    for error in (
        refused.value,
        stepwell.WaitTimeoutError("e", 1.0),
        stepwell.RequestTimeoutError("late", execution_id="e"),
        stepwell.ExecutionFailedError(execution),
        stepwell.WebhookVerificationError("no"),
    ):
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert (type(other), str(other)) == (type(error), str(error))
            assert other.__dict__ == error.__dict__
    assert (refused.value.retry_after, refused.value.request_id) == (3600, "r")


def test_timeouts_are_retried_if_repeating_is_safe(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(200, [b"{"], hang=True))
    with Client("k", stub.url, timeout=0.1, max_retries=1, retry_policy=QUICK) as client:
        for call, requests in [
            (client.me, 2),
            (lambda: client.workflows.start(WORKFLOW), 2),
            (lambda: client.workflows.delete(WORKFLOW), 1),
            (lambda: client.workflows.update(WORKFLOW, name="n"), 1),
        ]:
            stub.requests.clear()
            with pytest.raises(stepwell.RequestTimeoutError) as caught:
                call()
            assert caught.value.code == "REQUEST_TIMEOUT"
            assert len(stub.requests) == requests
        stub.requests.clear()
        stream = client.vellum.execute_workflow_stream(
            [], workflow_deployment_name="w", timeout=0.1
        )
        with pytest.raises(stepwell.RequestTimeoutError):
            next(stream)
        # The stream had begun, so it is not requested again.
        assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.workflows.create("n", configurtion={}),
        lambda c: c.workflows.list(stauts="active"),
        lambda c: c.executions.wait("e", timout=1),
        lambda c: c.schedules.update("s", nme="n"),
        lambda c: c.vellum.execute_workflow([], workflow_deploymnt_name="x"),
        lambda c: c.with_options(retries=1),
        lambda c: c.workflows.with_raw_response.get("w", timout=1),
    ],
)
def test_unknown_parameters_are_rejected(call: Callable[[Any], Any]) -> None:
    with Client("k", "http://127.0.0.1:9") as client, pytest.raises(TypeError, match="unexpected"):
        call(client)


def execution_error(code: str) -> dict[str, Any]:
    error = {"code": code, "detail": "no", "execution_id": "exec_1", "step": "s"}
    return {"status": "error", "message": "the execution failed", "errors": [error]}


@pytest.mark.parametrize(
    ("status", "code", "ended"),
    [
        (500, "WORKFLOW_EXECUTION_ERROR", "failed"),
        (504, "EXECUTION_TIMEOUT", "timed_out"),
    ],
)
def test_a_failed_execution_is_not_retried(
    start_stub: StartStub, status: int, code: str, ended: str
) -> None:
    failure = {"code": "NO_LUCK", "message": "no luck", "step": "s"}
    data = {"execution_id": "exec_1", "workflow_id": "w", "status": ended, "error": failure}
    responses = [StubResponse(status, execution_error(code)), StubResponse(200, {"data": data})]
    stub = start_stub(*responses, *responses)
    for error in both(stub, lambda client: client.workflows.execute(WORKFLOW)):
        assert isinstance(error, stepwell.ExecutionFailedError)
        assert (error.code, error.message, error.step) == ("NO_LUCK", "no luck", "s")
        assert (error.execution_id, error.execution.status) == ("exec_1", ended)
        assert error.failure and error.failure.code == "NO_LUCK"
    assert [request.method for request in stub.requests] == ["POST", "GET"] * 2
