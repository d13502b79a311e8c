"""Hooks, logging, raw responses, and secrets that must not be shown."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from stepwell_testing import StubResponse, StubServer

import stepwell
from stepwell import Client, RetryPolicy, Secret

StartStub = Callable[..., StubServer]
QUICK = RetryPolicy(base_delay=0.01, max_delay=0.02)
BUSY = StubResponse(503, {"error": {"code": "UNAVAILABLE", "message": "later"}})
OK = StubResponse(202, {"execution_id": "ex-1"})
KEY = "sk_live_secret"
WORKFLOW = "wf_" + "0" * 26


def test_hooks_see_every_attempt(start_stub: StartStub, caplog: pytest.LogCaptureFixture) -> None:
    limits = {"X-Rate-Limit-Limit": "5", "X-Rate-Limit-Remaining": "3", "X-Rate-Limit-Reset": "60"}
    stub = start_stub(BUSY, StubResponse(202, OK.body, {**limits, "X-Request-Id": "r-2"}))
    requests: list[stepwell.RequestInfo] = []
    responses: list[stepwell.ResponseInfo] = []

    def on_request(request: stepwell.RequestInfo) -> None:
        request.headers["traceparent"] = "00-1"
        requests.append(request)

    options: Any = {"on_request": on_request, "on_response": responses.append}
    with caplog.at_level("DEBUG", "stepwell"):
        with Client(KEY, stub.url, retry_policy=QUICK, **options) as client:
            client.dataflow.execute("w", secrets={"TOKEN": KEY}, idempotency_key="once")
    assert [(r.method, r.path, r.attempt, r.idempotency_key) for r in requests] == [
        ("POST", "/workflows/w/execute", 1, "once"),
        ("POST", "/workflows/w/execute", 2, "once"),
    ]
    assert KEY not in repr(requests) + repr([r.headers for r in requests]) + repr(responses)
    assert {r.headers["traceparent"] for r in stub.requests} == {"00-1"}
    assert {r.headers["x-secret-token"] for r in stub.requests} == {KEY}
    first, last = responses
    assert first.status == 503 and first.error and first.error.code == "UNAVAILABLE"
    assert first.retry_delay is not None and first.duration > 0
    assert (last.status, last.error, last.retry_delay, last.request_id) == (202, None, None, "r-2")
    assert last.rate_limit and (last.rate_limit.limit, last.rate_limit.remaining) == (5, 3)
    assert last.rate_limit.reset == datetime(1970, 1, 1, 0, 1, tzinfo=timezone.utc)
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG"]
    assert "POST /workflows/w/execute: UNAVAILABLE" in caplog.messages[0]
    assert KEY not in caplog.text


def test_hooks_of_a_failing_connection() -> None:
    responses: list[stepwell.ResponseInfo] = []
    with Client(
        "k", "http://127.0.0.1:9", max_retries=1, retry_policy=QUICK, on_response=responses.append
    ) as client:
        with pytest.raises(stepwell.ConnectionFailedError):
            client.me()
    assert [r.error.code for r in responses if r.error] == ["CONNECTION_FAILED"] * 2
    assert [r.status for r in responses] == [None, None]


def test_raw_responses(start_stub: StartStub) -> None:
    page = {
        "items": [],
        "pagination": {"page": 1, "page_size": 1, "total_items": 0, "total_pages": 0},
    }
    headers = {"X-Request-Id": "r-3"}
    stub = start_stub(BUSY, StubResponse(200, {"data": page}, headers), BUSY)
    with Client("k", stub.url, retry_policy=QUICK) as client:
        raw = client.workflows.with_raw_response.list(page_size=1)
        assert (raw.status, raw.request_id, raw.retries_taken) == (200, "r-3", 1)
        assert raw.parse().items == [] and raw.rate_limit is None
        assert raw.headers["Content-Length"] and '"items"' in raw.text()
        with pytest.raises(stepwell.UnavailableError) as refused:
            client.workflows.with_raw_response.get(WORKFLOW)
    assert refused.value.headers["content-length"]


def test_clients_and_secrets_are_not_shown() -> None:
    with Client(KEY, "http://user:hidden@127.0.0.1:9") as client:
        assert repr(client) == str(client) == "Client(base_url='http://127.0.0.1:9')"
        assert KEY not in repr(vars(client)) + repr(vars(client._settings))
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(client)
    secret = Secret(KEY)
    assert repr(secret) == "Secret('**********')"
    assert str(secret) == f"{secret}" == format(secret) == "**********"
    assert secret.reveal() == KEY and secret == Secret(KEY) and secret != Secret("other")
    assert copy.deepcopy(secret) == secret and len({secret, Secret(KEY)}) == 1
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps({"secret": secret})
    key = stepwell.NewApiKey.model_validate(
        {
            "id": "k",
            "name": "n",
            "hint": "sk",
            "scopes": [],
            "status": "active",
            "created_at": "2026-01-01T00:00:00Z",
            "secret": KEY,
        }
    )
    shown = repr(key) + str(key) + key.model_dump_json() + repr(key.model_dump())
    assert KEY not in shown and key.secret.reveal() == KEY
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(key)
    with Client(key.secret, "http://127.0.0.1:9") as client:
        assert client._settings.authentication == {"X-API-KEY": KEY}
        assert KEY not in repr(client._settings.authentication)


def test_credentials_of_a_reverse_proxy_do_not_replace_the_key(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(404))
    url = stub.url.replace("http://", "http://user:hidden@")
    with httpx.Client(auth=("user", "hidden")) as own:
        for client in (Client(KEY, url), Client(KEY, stub.url, http_client=own)):
            with client, pytest.raises(stepwell.NotFoundError):
                client.me()
    assert [request.headers["x-api-key"] for request in stub.requests] == [KEY, KEY]
    assert all(request.headers["authorization"].startswith("Basic ") for request in stub.requests)


@pytest.mark.parametrize("name", ["on_request", "on_response"])
def test_hooks_are_plain_functions(name: str) -> None:
    async def hook(_: Any) -> None:
        pass

    options: Any = {name: hook}
    with pytest.raises(TypeError, match=f"{name} must be a plain function"):
        stepwell.AsyncClient("k", **options)
