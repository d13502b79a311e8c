"""The step types of the management API, sync and async, against the real server."""

from __future__ import annotations

import asyncio

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client


def test_step_types(server: Server) -> None:
    with Client(server.key, server.url) as client:
        found = list(client.step_types.list())
        names = [kind.type for kind in found]
        assert names == sorted(names) == [kind.type for kind in client.dataflow.step_types()]
        first = client.step_types.list(page_size=3, page=2)
        assert first.items == found[3:6] and first.total_items == len(found)
        texts = client.step_types.list(category="Text", sort_order="desc", page_size=100)
        assert [kind.type for kind in texts.items] == sorted(
            (kind.type for kind in found if kind.category == "Text"), reverse=True
        )
        reverse = client.step_types.get("TextOperation.Reverse")
        assert reverse in texts.items
        assert (reverse.effect, reverse.default_input, reverse.is_source) == ("pure", "text", False)
        assert reverse.examples and reverse.input_schema["type"] == "object"
        with pytest.raises(stepwell.NotFoundError, match="NoSuchStep"):
            client.step_types.get("NoSuchStep/../x")


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            kind = await client.step_types.get("Echo")
            assert kind in [k async for k in client.step_types.list()]
            page = await client.step_types.list(page_size=1)
            assert len(page.items) == 1

    asyncio.run(main())
