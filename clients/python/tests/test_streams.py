"""Event streams and deployment streams that break, are left early or are large, against a stub
server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
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
EVENT_STREAM = {"Content-Type": "text/event-stream"}
NAMES = ["status", "task", "task", "progress", "status"]
IDS = [1, 2, 3, 3, 4]
TASK = '"task":{"task_id":"t","type":"Echo","status":"RUNNING","step_id":"e","attempt":1}'
DATA = ['"status":"RUNNING"', TASK, TASK, '"completed":1,"total":1', '"status":"COMPLETED"']


def sse(index: int) -> bytes:
    head = f'"execution_id":"ex-1","sequence":{IDS[index]},"timestamp":"2026-01-01T00:00:00Z"'
    text = f"event: {NAMES[index]}\nid: {IDS[index]}\ndata: {{{head},{DATA[index]}}}\n\n"
    return text.encode()


def resuming(cuts: list[int]) -> Callable[[Any], StubResponse]:
    """A server that closes each connection after the number of events in `cuts`."""
    remaining = list(cuts)

    def response(request: Any) -> StubResponse:
        after = int(request.headers.get("last-event-id", 0))
        rest = [index for index in range(len(IDS)) if IDS[index] > after]
        cut = remaining.pop(0) if remaining else None
        if cut is None:
            return StubResponse(200, [b": heartbeat\n\n", *map(sse, rest)], EVENT_STREAM)
        # The first half of the next event arrives too.
        half = [sse(rest[cut])[:20]] if cut < len(rest) else []
        return StubResponse(200, [*map(sse, rest[:cut]), *half], EVENT_STREAM, cut=True)

    return response


@pytest.mark.parametrize("cuts", [[], [1], [2], [3], [4], [5], [3, 1], [1, 2, 2], [0, 0], [3, 2]])
def test_events_resume_without_loss(cuts: list[int]) -> None:
    async def collect(url: str) -> list[tuple[int, str]]:
        async with AsyncClient("k", url, retry_policy=QUICK) as client:
            return [(e.sequence, e.event) async for e in client.dataflow.events("w", "ex-1")]

    for run in ("sync", "async"):
        stub = StubServer(resuming(cuts))
        try:
            if run == "sync":
                with Client("k", stub.url, retry_policy=QUICK) as client:
                    events = [(e.sequence, e.event) for e in client.dataflow.events("w", "ex-1")]
            else:
                events = asyncio.run(collect(stub.url))
            assert events == list(zip(IDS, NAMES)), run
        finally:
            stub.close()


def test_event_streams_stop_after_the_last_retry() -> None:
    stub = StubServer(resuming([0] * 50))
    with Client("k", stub.url, retry_policy=QUICK) as client:
        with pytest.raises(stepwell.ConnectionFailedError) as caught:
            list(client.dataflow.events("w", "ex-1"))
    assert caught.value.execution_id == "ex-1"
    assert len(stub.requests) == 1 + 3
    stub.close()


def test_event_streams_are_retried_after_503(start_stub: StartStub) -> None:
    stub = start_stub(BUSY, StubResponse(200, [sse(4)], EVENT_STREAM))
    with Client("k", stub.url, retry_policy=QUICK) as client:
        assert [event.sequence for event in client.dataflow.events("w", "ex-1")] == [4]
    gone = start_stub(BUSY)
    with Client("k", gone.url, retry_policy=QUICK) as client:
        with pytest.raises(stepwell.UnavailableError) as caught:
            list(client.dataflow.events("w", "ex-1"))
    assert caught.value.request_id == "r-1"


def line(state: str, extra: str = "") -> bytes:
    return (
        '{"execution_id":"e-1","type":"WORKFLOW","data":{"id":"w","ts":"2026-01-01T00:00:00Z",'
        f'"state":"{state}"{extra}}}}}\n'
    ).encode()


def test_deployment_streams(start_stub: StartStub) -> None:
    whole = (
        line("INITIATED") + b"\n\r\n" + line("STREAMING", ',"new":"\u2028x"') + line("FULFILLED")
    )
    unknown = b'{"type":"NEWER","execution_id":"e-1"}\n'
    ways = [
        [whole],
        [whole[:-1]],
        [whole[:7], whole[7:]],
        [unknown + whole],
        [bytes([byte]) for byte in whole],
    ]
    for chunks in ways:
        stub = start_stub(BUSY, StubResponse(200, chunks))
        with Client("k", stub.url, retry_policy=QUICK) as client:
            stream = client.vellum.execute_workflow_stream({"q": 1}, workflow_deployment_name="w")
            states = [event.data.state for event in stream]
        assert states == ["INITIATED", "STREAMING", "FULFILLED"]
        assert len({r.headers["idempotency-key"] for r in stub.requests}) == 1
        assert stub.requests[0].json() == {
            "inputs": [{"name": "q", "value": 1}],
            "workflow_deployment_name": "w",
        }


@pytest.mark.parametrize("cut", [False, True])
def test_a_broken_deployment_stream_raises(start_stub: StartStub, cut: bool) -> None:
    stub = start_stub(StubResponse(200, [line("INITIATED")], cut=cut))
    with Client("k", stub.url, retry_policy=QUICK) as client:
        stream = client.vellum.execute_workflow_stream([], workflow_deployment_name="w")
        assert next(stream).execution_id == "e-1"
        with pytest.raises(stepwell.ConnectionFailedError) as caught:
            next(stream)
    assert caught.value.execution_id == "e-1"
    assert len(stub.requests) == 1

    torn = start_stub(StubResponse(200, [b"data: {}\n"]))
    with Client("k", torn.url) as client, pytest.raises(stepwell.UnexpectedResponseError):
        list(client.vellum.execute_workflow_stream([], workflow_deployment_name="w"))


def test_invalid_utf8_in_a_stream_raises(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(200, [line("INITIATED"), b"\xff\xfe\n"]))
    with Client("k", stub.url) as client:
        stream = client.vellum.execute_workflow_stream([], workflow_deployment_name="w")
        next(stream)
        with pytest.raises(stepwell.UnexpectedResponseError):
            next(stream)


def test_big_streams(start_stub: StartStub) -> None:
    piece = line("STREAMING", ',"new":"' + "x" * 200 + '"')
    huge = line("STREAMING", ',"new":"' + "y" * 8_000_000 + '"')
    body = line("INITIATED") + piece * 20_000 + huge + line("FULFILLED")
    chunks = [body[at : at + 65_521] for at in range(0, len(body), 65_521)]
    stub = start_stub(StubResponse(200, chunks))
    with Client("k", stub.url) as client:
        stream = client.vellum.execute_workflow_stream([], workflow_deployment_name="w")
        states = Counter(event.data.state for event in stream)
    assert states == {"INITIATED": 1, "STREAMING": 20_001, "FULFILLED": 1}


STREAMS = [
    (
        line("INITIATED"),
        lambda c: c.vellum.execute_workflow_stream([], workflow_deployment_name="w"),
    ),
    (sse(0), lambda c: c.dataflow.events("w", "ex-1")),
]


@pytest.mark.parametrize(("first", "stream"), STREAMS)
def test_leaving_a_stream_closes_its_connection(
    start_stub: StartStub, first: bytes, stream: Callable[[Any], Any]
) -> None:
    stub = start_stub(StubResponse(200, [first], EVENT_STREAM, hang=True))

    def disconnected() -> bool:
        return stub.disconnects.acquire(timeout=10)

    with Client("k", stub.url) as client:
        events = stream(client)
        next(events)
        events.close()
        assert disconnected(), "close"

    async def main() -> None:
        async with AsyncClient("k", stub.url) as client:
            events = stream(client)
            await events.__anext__()
            await events.aclose()
            assert await asyncio.to_thread(disconnected), "aclose"

            async for _ in stream(client):
                break
            assert await asyncio.to_thread(disconnected), "break"

            reading = asyncio.Event()

            async def read() -> None:
                async for _ in stream(client):
                    reading.set()

            reader = asyncio.create_task(read())
            await reading.wait()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            assert await asyncio.to_thread(disconnected), "cancel"

    asyncio.run(main())


def test_many_event_streams_do_not_block_other_calls(start_stub: StartStub) -> None:
    """Each stream holds a connection, and httpx allows 100 by default."""
    count = 110
    streaming = StubResponse(200, [sse(0)], EVENT_STREAM, hang=True)
    stub = start_stub(*[streaming] * count, OK)

    async def main() -> None:
        async with AsyncClient("k", stub.url, timeout=10) as client:
            streams = [client.dataflow.events("w", "ex-1") for _ in range(count)]
            await asyncio.gather(*(stream.__anext__() for stream in streams))
            assert (await client.dataflow.execute("w")).execution_id == "ex-1"
            await asyncio.gather(*(stream.aclose() for stream in streams))

    asyncio.run(main())


def test_waiting_for_a_connection_is_limited(start_stub: StartStub) -> None:
    stub = start_stub(StubResponse(200, [sse(0)], EVENT_STREAM, hang=True))
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(limits=limits) as http:
        client = Client("k", stub.url, timeout=0.1, http_client=http)
        stream = client.dataflow.events("w", "ex-1")
        next(stream)
        with pytest.raises(stepwell.RequestTimeoutError, match="all are in use"):
            client.me()
        stream.close()
