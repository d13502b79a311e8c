"""Files of maps, sync and async, against the real server and a stub."""

from __future__ import annotations

import asyncio
from typing import Callable

import pytest
from stepwell_testing import Server, StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client, FileLine, ItemError

STEPS = [
    {
        "id": "rows",
        "type": "Map",
        "over": ["é\u2028", 2, 3],
        "collect": "file",
        "on_item_error": "collect",
        "steps": [
            {"type": "Fail", "when": "item == 2", "config": {"code": "BAD", "message": "bad"}},
            {"id": "row", "type": "Echo", "input": {"is": "{{ item }}"}},
        ],
        "output": "{{ steps.row.output }}",
    }
]
LINES = [
    FileLine(index=0, output={"is": "é\u2028"}),
    FileLine(index=1, error=ItemError(code="BAD", message="bad", step="rows[1].fail")),
    FileLine(index=2, output={"is": 3}),
]


def test_files(server: Server) -> None:
    with Client(server.key, server.url) as client:
        workflow = client.workflows.create("py files", configuration={"steps": STEPS})
        client.workflows.activate(workflow.id)
        execution = client.workflows.execute(workflow.id)
        [file] = client.executions.list_files(execution.id)
        assert (file.name, file.is_complete, file.completed, file.failed) == ("rows", True, 2, 1)
        assert execution.result["bytes"] == file.bytes
        assert list(client.executions.read_file(execution.id, "rows")) == LINES
        with pytest.raises(stepwell.NotFoundError):
            next(client.executions.read_file(execution.id, "other"))

    async def read() -> list[FileLine]:
        async with AsyncClient(server.key, server.url) as client:
            return [line async for line in client.executions.read_file(execution.id, "rows")]

    assert asyncio.run(read()) == LINES


def test_an_incomplete_file_is_an_error(start_stub: Callable[..., StubServer]) -> None:
    chunks = [b'{"index":0,"out', b'put":1}\n{"index"']
    stub = start_stub(StubResponse(200, chunks, cut=True))
    with Client("t", stub.url, max_retries=0) as client:
        lines = client.executions.read_file("x", "rows")
        assert next(lines) == FileLine(index=0, output=1)
        with pytest.raises(stepwell.ConnectionFailedError):
            next(lines)
