"""The audit log, sync and async, against the real server."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from stepwell_testing import Server, StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client

CONFIGURATION = {"steps": [{"type": "Echo", "input": "hi"}]}
EMPTY = {
    "items": [],
    "pagination": {"page": 1, "page_size": 10, "total_items": 0, "total_pages": 0},
}


def test_entries(server: Server) -> None:
    with Client(server.key, server.url) as admin:
        key = admin.keys.create("auditor", ["admin", "read:workflows", "write:workflows"])
        with Client(key.secret, server.url) as client:
            started = datetime.now(timezone.utc) - timedelta(minutes=1)
            watched = client.workflows.create("watched", configuration=CONFIGURATION)
            client.workflows.update(watched.id, description="d", metadata={"a": "b"})
            client.workflows.activate(watched.id)
            client.workflows.delete(watched.id)

            entries = list(client.audit_log.list(object_id=watched.id, sort_order="asc"))
            assert [entry.action for entry in entries] == [
                "workflow.created",
                "workflow.updated",
                "workflow.activated",
                "workflow.deleted",
            ]
            updated = entries[1]
            assert isinstance(updated, stepwell.AuditEntry)
            assert (updated.actor.type, updated.actor.id) == ("api_key", key.id)
            assert updated.actor.name == "auditor" and updated.object
            assert (updated.object.type, updated.object.id) == ("workflow", watched.id)
            assert (updated.object.name, updated.ip_address) == ("watched", "127.0.0.1")
            assert updated.changed_fields == ["description", "metadata"]
            assert updated.created_at > started and updated.request_id

            everything: dict[str, Any] = {
                "actor": "auditor",
                "key_id": key.id,
                "action": "workflow.updated",
                "object_type": "workflow",
                "object_id": watched.id,
                "start_date": started,
                "end_date": datetime.now(timezone.utc).date() + timedelta(days=1),
                "workspace_id": client.me().workspace_id,
                "sort_by": "created_at",
                "page_size": 1,
            }
            page = client.audit_log.list(**everything)
            assert page.items == [updated] and page.total_items == 1
            without: list[tuple[str, Any]] = [
                ("actor", "somebody"),
                ("key_id", "apk_" + "0" * 25 + "9"),
                ("action", "workflow.release_tag_moved"),
                ("object_id", "wf_" + "0" * 25 + "9"),
                ("start_date", date.today() + timedelta(days=2)),
                ("end_date", "2020-01-31"),
            ]
            for name, value in without:
                nothing = {**everything, "start_date": None, "end_date": None, name: value}
                assert client.audit_log.list(**nothing).items == [], name
            first = client.audit_log.list(object_id=watched.id, page_size=3)
            rest = client.audit_log.list(
                object_id=watched.id, page_size=3, cursor=first.next_cursor
            )
            assert first.items + rest.items == entries[::-1]
            assert (
                client.audit_log.list(object_id=watched.id, page=2, page_size=3).items == rest.items
            )

            for wrong in ({"action": "x"}, {"object_type": "cow"}, {"start_date": "soon"}):
                with pytest.raises(stepwell.BadRequestError) as refused:
                    client.audit_log.list(**wrong)
                assert refused.value.details[0].path == next(iter(wrong))
        reader = admin.keys.create("outsider", ["read:workflows"])
        with Client(reader.secret, server.url) as client:
            with pytest.raises(stepwell.PermissionDeniedError):
                client.audit_log.list()


def test_query_parameters(start_stub: Any) -> None:
    stub: StubServer = start_stub(StubResponse(200, {"status": "success", "data": EMPTY}))
    with Client("t", stub.url) as client:
        client.audit_log.list(
            start_date=date(2026, 1, 31),
            end_date=datetime(2026, 2, 1, 9, tzinfo=timezone.utc),
            actor="deploy & co",
        )
    sent = urlsplit(stub.requests[0].path)
    assert sent.path == "/api/v1/audit_log"
    assert parse_qs(sent.query) == {
        "start_date": ["2026-01-31"],
        "end_date": ["2026-02-01T09:00:00+00:00"],
        "actor": ["deploy & co"],
        "page_size": ["100"],
    }


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            watched = await client.workflows.create("watched", configuration=CONFIGURATION)
            page = await client.audit_log.list(object_id=watched.id)
            assert [entry.action for entry in page.items] == ["workflow.created"]
            assert page.items == [e async for e in client.audit_log.list(object_id=watched.id)]

    asyncio.run(main())
