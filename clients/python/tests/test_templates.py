"""Templates, sync and async, against the real server."""

from __future__ import annotations

import asyncio

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client


def test_templates(server: Server) -> None:
    with Client(server.key, server.url) as client:
        sample = {"order_id": 7, "items": ["a", "b"]}
        made = client.templates.create(
            "receipt",
            "Order {{ order_id }}: {{ items | length }} items",
            sample=sample,
            metadata={"team": "sales"},
        )
        assert (made.version, made.sample, made.description) == (1, sample, None)
        assert client.templates.get(made.id) == made
        assert client.templates.preview(made.id).rendered == "Order 7: 2 items"
        data = {"order_id": 8, "items": []}
        assert client.templates.preview(made.id, data).rendered == "Order 8: 0 items"
        body = {"order_id": "{{ order_id }}"}
        changed = client.templates.update(made.id, body=body, description="d", if_version=1)
        assert (changed.version, changed.body, changed.metadata) == (2, body, {"team": "sales"})
        assert client.templates.preview(made.id).rendered == {"order_id": 7}
        with pytest.raises(stepwell.PreconditionFailedError):
            client.templates.update(made.id, name="other", if_version=1)
        with pytest.raises(stepwell.StepwellError, match="line 2"):
            client.templates.create("wrong", "a\n{{ b + }}")
        labelled = client.templates.list(metadata={"team": "sales"}, sort_by="name").items
        assert [row.id for row in labelled] == [made.id]
        assert [row.name for row in client.templates.list(name="receipt")] == ["receipt"]
        assert client.templates.delete(made.id, if_version=2).deleted
        with pytest.raises(stepwell.NotFoundError):
            client.templates.get(made.id)


def test_templates_with_asyncio(server: Server) -> None:
    async def go() -> None:
        async with AsyncClient(server.key, server.url) as client:
            made = await client.templates.create("hello", "Hello, {{ name }}")
            preview = await client.templates.preview(made.id, {"name": "Ada"})
            assert preview.rendered == "Hello, Ada"
            await client.templates.delete(made.id)

    asyncio.run(go())
