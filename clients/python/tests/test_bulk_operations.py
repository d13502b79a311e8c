"""Bulk operations, sync and async, against the real server."""

from __future__ import annotations

import asyncio

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client

SLOW = {"steps": [{"type": "Delay", "config": {"for": "1h"}}]}


def test_operations(server: Server) -> None:
    with Client(server.key, server.url) as client:
        workflow = client.workflows.create("bulk", configuration=SLOW)
        client.workflows.activate(workflow.id)
        ids = [client.workflows.start("bulk", metadata={"team": "sales"}).id for _ in range(3)]
        preview = client.operations.preview("pause", workflow="bulk", status="running")
        assert preview.progress.matched == 3
        assert preview.filter.workflow_id == workflow.id
        other = client.operations.preview("pause", workflow="bulk", metadata={"team": "legal"})
        assert other.progress.matched == 0
        started = client.operations.create(
            "cancel", workflow="bulk", metadata={"team": "sales"}, reason="enough"
        )
        ended = client.operations.wait(started.id, timeout=30)
        assert ended.ended and ended.status == "completed"
        assert (ended.progress.done, ended.failures, ended.reason) == (3, [], "enough")
        assert {client.executions.get(one).status for one in ids} == {"cancelled"}
        assert client.operations.get(started.id) == ended
        listed = client.operations.list(workflow="bulk", action="cancel", status="completed")
        assert [item.id for item in listed] == [started.id]
        with pytest.raises(stepwell.ConflictError) as late:
            client.operations.cancel(started.id)
        assert late.value.code == "INVALID_STATE"
        with pytest.raises(stepwell.BadRequestError, match="at least one condition"):
            client.operations.create("purge")
        with pytest.raises(stepwell.BadRequestError, match="not a duration"):
            client.operations.create("purge", older_than="soon")


def test_async_operations(server: Server) -> None:
    async def purge() -> stepwell.BulkOperation:
        async with AsyncClient(server.key, server.url) as client:
            started = await client.operations.create("purge", older_than="30d")
            return await client.operations.wait(started.id)

    assert asyncio.run(purge()).progress.done == 0
