"""Proxies from the environment, and keys that must not appear in messages."""

from __future__ import annotations

import asyncio
import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from stepwell_testing import StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client
from stepwell._proxy import is_loopback, proxy_for

StartStub = Callable[..., StubServer]
KEY = "sk_live_secret"
VARIABLES = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, "no_proxy", "NO_PROXY"]:
        monkeypatch.delenv(name, raising=False)


def failed_calls(url: str, **options: Any) -> list[Exception]:
    """The errors of the sync and of the async client."""
    errors: list[Exception] = []
    with Client(KEY, url, max_retries=0, timeout=5, **options) as client:
        try:
            client.dataflow.get_workflow("w")
        except stepwell.StepwellError as error:
            errors.append(error)

    async def main() -> None:
        async with AsyncClient(KEY, url, max_retries=0, timeout=5, **options) as client:
            await client.dataflow.get_workflow("w")

    try:
        asyncio.run(main())
    except stepwell.StepwellError as error:
        errors.append(error)
    return errors


@pytest.mark.parametrize("name", VARIABLES)
def test_loopback_addresses_bypass_the_proxy(
    start_stub: StartStub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy = StubServer(lambda _: StubResponse(502))
    stub = start_stub(StubResponse(404), StubResponse(404), StubResponse(404), StubResponse(404))
    monkeypatch.setenv(name, proxy.url)
    for url in (stub.url, stub.url.replace("127.0.0.1", "localhost")):
        assert [type(error) for error in failed_calls(url)] == [stepwell.NotFoundError] * 2
    assert proxy.requests == [] and len(stub.requests) == 4


def test_other_addresses_use_the_proxy_which_errors_name(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = StubServer(lambda _: StubResponse(200, {"workflow_id": "w", "name": "n"}))
    # Nothing listens on this port.
    monkeypatch.setenv("ALL_PROXY", "http://user:hidden@127.0.0.1:9")
    for error in failed_calls("http://stepwell.invalid"):
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert "through the proxy http://127.0.0.1:9" in str(error)
        assert "hidden" not in text and KEY not in text
        assert KEY not in repr(error) and KEY not in repr(pickle.loads(pickle.dumps(error)))
        assert KEY.encode() not in pickle.dumps(error) and KEY not in str(copy.copy(error))
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    failed_calls("http://stepwell.invalid")
    assert [request.path for request in proxy.requests] == [
        "http://stepwell.invalid/workflows/w"
    ] * 2
    monkeypatch.setenv("NO_PROXY", "example.com,.invalid")
    for error in failed_calls("http://stepwell.invalid"):
        assert "proxy" not in str(error)
    assert len(proxy.requests) == 2


def test_a_custom_http_client_keeps_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    mock = httpx.MockTransport(lambda _: httpx.Response(404))
    with httpx.Client(transport=mock) as own, Client(KEY, "http://h", http_client=own) as client:
        with pytest.raises(stepwell.NotFoundError):
            client.dataflow.get_workflow("w")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("127.1", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2001:db8::1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_loopback_notations(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "proxy:3128")
    monkeypatch.setenv("no_proxy", "example.com, 10.0.0.0/8,.internal")
    for url, expected in {
        "http://stepwell.example": "http://proxy:3128",
        "https://stepwell.example": None,
        "http://example.com:8080": None,
        "http://a.example.com": None,
        "http://a.internal": None,
        "http://10.1.2.3:8080": None,
        "http://11.1.2.3:8080": "http://proxy:3128",
    }.items():
        assert proxy_for(url) == expected, url
    monkeypatch.setenv("no_proxy", "*")
    assert proxy_for("http://stepwell.example") is None


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_swapped_arguments_are_not_shown(make: Any) -> None:
    for arguments in [("http://h:8080", KEY), ("http://h:8080",), (KEY, KEY), ("a b" + KEY,)]:
        with pytest.raises(ValueError) as caught:
            make(*arguments)
        text = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
        # The traceback contains the source lines of this test, so only the message is checked.
        assert KEY not in str(caught.value) and KEY not in repr(caught.value), text


def test_a_key_in_the_url_is_not_shown() -> None:
    with Client("k", f"http://user:{KEY}@127.0.0.1:9", max_retries=0) as client:
        assert KEY not in repr(client) and KEY not in repr(client._settings)
        with pytest.raises(stepwell.ConnectionFailedError) as caught:
            client.dataflow.get_workflow("w")
    assert "http://127.0.0.1:9" in str(caught.value) and KEY not in str(caught.value)
    with Client(KEY, "http://127.0.0.1:9") as client:
        assert KEY not in repr(client) and KEY not in repr(client._settings)
