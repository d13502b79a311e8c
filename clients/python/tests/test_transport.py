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
QUICK = RetryPolicy(max_retries=3, base_delay=0.01, max_delay=0.02)
BUSY = StubResponse(
    503, {"error": {"code": "UNAVAILABLE", "message": "later", "request_id": "r-1"}}
)
OK = StubResponse(202, {"execution_id": "ex-1"})
KEY = "sk_live_secret"


def both(stub: StubServer, call: Callable[[Any], Any]) -> list[Any]:
    """The outcome of a call on the sync and on the async client."""
    outcomes: list[Any] = []
    with Client("k", stub.url, retries=QUICK) as client:
        try:
            outcomes.append(call(client))
        except stepwell.StepwellError as error:
            outcomes.append(error)

    async def main() -> Any:
        async with AsyncClient("k", stub.url, retries=QUICK) as client:
            return await call(client)

    try:
        outcomes.append(asyncio.run(main()))
    except stepwell.StepwellError as error:
        outcomes.append(error)
    return outcomes


def test_posts_are_retried_with_the_same_key(start_stub: StartStub) -> None:
    stub = start_stub(BUSY, StubResponse(429), OK, BUSY, StubResponse(429), OK)
    outcomes = both(stub, lambda client: client.execute("wf-1", {"a": 1}))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    keys = [request.headers["idempotency-key"] for request in stub.requests]
    assert len(keys) == 6 and len(set(keys[:3])) == 1 and len(set(keys[3:])) == 1
    assert len(set(keys)) == 2
    assert {request.body for request in stub.requests} == {b'{"input":{"a":1}}'}


@pytest.mark.parametrize(
    ("status", "call", "requests"),
    [
        (503, lambda c: c.get_workflow("w"), 4),
        (503, lambda c: c.pause("w", "e"), 4),
        (503, lambda c: c.execute_workflow([], workflow_deployment_name="w"), 4),
        (503, lambda c: c.put_release_tag("w", "t", 1), 4),
        (503, lambda c: c.create_release("w", {}), 4),
        (503, lambda c: c.update_workflow("w", {}), 1),
        (503, lambda c: c.delete_workflow("w"), 1),
        # The server refused these before it did anything.
        (429, lambda c: c.update_workflow("w", {}), 4),
        (429, lambda c: c.delete_workflow("w"), 4),
        (429, lambda c: c.update_api_key("k", name="n"), 4),
        (502, lambda c: c.execute("w"), 4),
        (502, lambda c: c.update_workflow("w", {}), 1),
        (409, lambda c: c.execute("w"), 1),
        (500, lambda c: c.get_workflow("w"), 1),
        (504, lambda c: c.execute("w"), 1),
        (400, lambda c: c.get_workflow("w"), 1),
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
    outcomes = both(stub, lambda client: client.execute("w"))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    assert len({request.headers["idempotency-key"] for request in stub.requests}) == 2


def test_a_request_in_progress_is_retried(start_stub: StartStub) -> None:
    """409 with `Retry-After`: another node still handles the request with this key."""
    error = {"error": {"code": "IDEMPOTENCY_IN_PROGRESS", "message": "in progress"}}
    busy = StubResponse(409, error, {"Retry-After": "0"})
    stub = start_stub(busy, OK, busy, OK, busy)
    outcomes = both(stub, lambda client: client.execute("w"))
    assert [outcome.execution_id for outcome in outcomes] == ["ex-1", "ex-1"]
    for outcome in both(stub, lambda client: client.update_workflow("w", {})):
        assert isinstance(outcome, stepwell.ConflictError)
    assert [request.method for request in stub.requests] == ["POST"] * 4 + ["PUT"] * 2


def test_retry_after(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(503, headers={"Retry-After": "1"}), OK)
    started = time.monotonic()
    with Client("k", stub.url, retries=QUICK) as client:
        client.execute("w")
    assert 1.0 <= time.monotonic() - started < 5.0

    far = start_stub(StubResponse(429, headers={"Retry-After": "3600"}))
    with Client("k", far.url) as client, pytest.raises(stepwell.RateLimitError):
        client.execute("w")
    assert len(far.requests) == 1


@pytest.mark.parametrize(
    ("tried", "header", "low", "high"),
    [
        (1, None, 0.75, 1.0),
        (2, None, 1.5, 2.0),
        (3, None, 2.25, 3.0),
        (4, None, None, None),
        (1, "0", 0.0, 0.0),
        (1, "7.5", 7.5, 7.5),
        (1, "61", None, None),
        (1, "nonsense", 0.75, 1.0),
        (1, "-3", 0.0, 0.0),
        (4, "1", None, None),
        (1, "soon", 10.0, 21.0),
        (1, "Thu, 01 Jan 1970 00:00:00 GMT", 0.0, 0.0),
    ],
)
def test_delays(tried: int, header: Any, low: Any, high: Any) -> None:
    policy = RetryPolicy(max_retries=3, base_delay=1.0, max_delay=3.0)
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
            start_stub(StubResponse(200, body)), lambda client: client.get_workflow("w")
        ):
            assert isinstance(error, stepwell.UnexpectedResponseError), body
    for error in both(start_stub(StubResponse(502, [b"<html>"])), lambda client: client.me()):
        assert isinstance(error, stepwell.ServerError) and error.message == "<html>"


def test_no_server() -> None:
    for client in (Client("k", "http://127.0.0.1:9", retries=QUICK),):
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
    both(stub, lambda client: client.get_execution("a/b", "../c?d"))
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
        ({"id": "k", "secret": KEY}, lambda c: c.create_api_key("n")),
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
            for call in (client.execute, client.run, client.workflows.execute):
                with pytest.raises(ValueError, match="secret") as caught:
                    call("w", secrets=secrets)
                assert "sk_live" not in str(caught.value)
        with pytest.raises(ValueError, match="idempotency_key"):
            client.execute("w", idempotency_key="a\nb")


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.create_api_key("n", "admin"),
        lambda c: c.webhooks.create("http://h", "execution.completed"),
        lambda c: c.create_release("w", {}, release_tags="beta"),
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
    with Client("k", stub.url, retries=QUICK) as client:
        for options, requests in [
            ({}, 4),
            ({"max_retries": 1}, 2),
            ({"retries": RetryPolicy(max_retries=0)}, 1),
        ]:
            with client.with_options(**options) as other:
                assert type(other) is Client and other.base_url == client.base_url
                for call in (other.me, other.workflows.list, lambda: next(other.workflows.iter())):
                    stub.requests.clear()
                    with pytest.raises(stepwell.UnavailableError):
                        call()
                    assert len(stub.requests) == requests
        # The connections stay open until the first client is closed.
        with pytest.raises(stepwell.UnavailableError):
            client.me()

    async def main() -> None:
        async with AsyncClient("k", hanging.url, retries=QUICK) as client:
            with pytest.raises(stepwell.RequestTimeoutError):
                await client.with_options(timeout=0.1).me()

    hanging = start_stub(StubResponse(200, [b"{"], hang=True))
    asyncio.run(main())
    assert len(hanging.requests) == 1


def test_errors_can_be_pickled_and_copied(start_stub: StartStub) -> None:
    stub = start_stub(
        StubResponse(429, {"message": "no"}, {"Retry-After": "3600", "X-Request-Id": "r"})
    )
    with Client("t", stub.url) as client, pytest.raises(stepwell.RateLimitError) as refused:
        client.me()
    execution = stepwell.management.Execution(execution_id="e", workflow_id="w", status="failed")
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


def test_timeouts_are_not_retried(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(200, [b"{"], hang=True))
    with Client("k", stub.url, timeout=0.1, retries=QUICK) as client:
        with pytest.raises(stepwell.RequestTimeoutError) as caught:
            client.me()
        assert caught.value.code == "REQUEST_TIMEOUT"
        stream = client.execute_workflow_stream([], workflow_deployment_name="w", timeout=0.1)
        with pytest.raises(stepwell.RequestTimeoutError):
            next(stream)
    assert len(stub.requests) == 2


def test_unknown_options_are_rejected(start_stub: StartStub) -> None:
    with Client("k", "http://127.0.0.1:9") as client, pytest.raises(TypeError, match="deploymnt"):
        client.execute_workflow([], workflow_deploymnt_name="x")  # type: ignore[call-arg]
