"""Workspaces and the limits of keys, sync and async, against the real server."""

from __future__ import annotations

import asyncio

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client

STEPS = {"name": "there", "steps": [{"type": "Echo", "input": "hi"}]}


def test_workspaces(server: Server) -> None:
    with Client(server.key, server.url) as client:
        created = client.workspaces.create("Acme", rate_limits={"requests_per_minute": 1000})
        assert (created.name, created.tier, created.rate_limits.requests_per_minute) == (
            "Acme",
            None,
            1000,
        )
        assert created.rate_limits.executions_per_second is None
        assert client.workspaces.get(created.id) == created
        changed = client.workspaces.update(created.id, tier="standard")
        assert (changed.tier, changed.rate_limits.executions_per_second) == ("standard", 5)
        names = [space.name for space in client.workspaces.list(sort_by="name").items]
        assert "Acme" in names and names == sorted(names, reverse=True)
        assert created.id in [space.id for space in client.workspaces.list(sort_by="name")]

        key = client.keys.create(
            "theirs",
            role="developer",
            workspace_id=created.id,
            tier="enterprise",
            rate_limits={"concurrent_executions": 3},
        )
        assert (key.workspace_id, key.role, key.tier) == (created.id, "developer", "enterprise")
        assert key.rate_limits.concurrent_executions == 3
        ours = client.dataflow.create_workflow(STEPS).workflow_id
        with Client(key.secret, server.url) as theirs:
            me = theirs.me()
            assert (me.workspace_id, me.role) == (created.id, "developer")
            with pytest.raises(stepwell.NotFoundError):
                theirs.dataflow.get_workflow(ours)
            assert list(theirs.workflows.list()) == []
        with pytest.raises(stepwell.BadRequestError, match="tier"):
            client.workspaces.create("Wrong", tier="gold")  # type: ignore[arg-type]
        with pytest.raises(stepwell.NotFoundError):
            client.workspaces.get("ws_" + "0" * 25 + "9")


def test_keys_can_be_updated(server: Server) -> None:
    with Client(server.key, server.url) as client:
        key = client.keys.create("limited", ["read:workflows"], tier="standard")
        changed = client.keys.update(key.id, name="free", rate_limits={"requests_per_minute": 1000})
        assert (changed.name, changed.scopes) == ("free", ["read:workflows"])
        assert (changed.tier, changed.rate_limits.requests_per_minute) == (None, 1000)
        found = client.keys.get(key.id)
        assert (found.name, found.rate_limits) == (changed.name, changed.rate_limits)
        (entry,) = client.audit_log.list(action="api_key.updated", object_id=key.id).items
        assert "name" in entry.changed_fields

    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            assert (await client.keys.update(key.id, name="b")).name == "b"
            assert (await client.keys.get(key.id)).name == "b"

    asyncio.run(main())


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            created = await client.workspaces.create("Async")
            assert await client.workspaces.get(created.id) == created
            assert (await client.workspaces.update(created.id, name="B")).name == "B"
            assert created.id in [s.id for s in (await client.workspaces.list()).items]
            assert created.id in [s.id async for s in client.workspaces.list()]

    asyncio.run(main())
