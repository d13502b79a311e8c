"""Releases, release tags, actuals and quality, sync and async, against the real server."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timezone

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client, vellum


def echo_workflow(text: str, name: str) -> dict:
    return {
        "name": name,
        "steps": [{"type": "Echo", "input": text}],
        "outputs": {"echo": "{{ steps.echo.output }}"},
    }


def test_releases_and_tags(server: Server) -> None:
    with Client(server.key, server.url) as client:
        workflow_id = client.dataflow.create_workflow(
            echo_workflow("one", "py-releases")
        ).workflow_id
        second = client.releases.create(
            workflow_id,
            echo_workflow("two", "py-releases"),
            release_tags=["beta"],
            idempotency_key="py-r",
        )
        assert (second.number, second.definition) == (2, echo_workflow("two", "py-releases"))
        again = client.releases.create(
            workflow_id,
            echo_workflow("two", "py-releases"),
            release_tags=["beta"],
            idempotency_key="py-r",
        )
        assert again == second
        page = client.releases.list(workflow_id, page_size=1)
        assert [release.number for release in page.items] == [2]
        assert (page.total_items, page.total_pages) == (2, 2)
        rest = client.releases.list(workflow_id, cursor=page.next_cursor)
        assert [release.number for release in rest.items] == [1]
        assert [release.number for release in client.releases.list(workflow_id)] == [2, 1]
        upwards = client.releases.list(workflow_id, sort_order="asc")
        assert [release.number for release in upwards] == [1, 2]

        tag = client.release_tags.set(workflow_id, "stable", 1)
        assert [(share.release, share.weight) for share in tag.traffic] == [(1, 1)]
        assert (datetime.now(timezone.utc) - tag.updated_at).total_seconds() < 60
        assert client.release_tags.get(workflow_id, "stable") == tag
        tags = client.release_tags.list(workflow_id, page_size=2)
        assert [tag.name for tag in tags.items] == ["LATEST", "beta"]
        assert (tags.total_items, tags.total_pages) == (3, 2)
        names = [tag.name for tag in client.release_tags.list(workflow_id)]
        assert names == ["LATEST", "beta", "stable"]

        def run_output(**options: str) -> str:
            response = client.vellum.execute_workflow(
                [], workflow_deployment_name="py-releases", **options
            )
            return str(response.output("echo"))

        assert (run_output(), run_output(release_tag="stable"), run_output(release_tag="beta")) == (
            "two",
            "one",
            "two",
        )
        shared = client.release_tags.set(workflow_id, "stable", {1: 50, 2: 50})
        assert [(share.release, share.weight) for share in shared.traffic] == [(1, 50), (2, 50)]
        outputs = Counter(
            run_output(release_tag="stable", external_id=f"py-{n}") for n in range(40)
        )
        assert outputs["one"] > 5 and outputs["two"] > 5
        client.release_tags.set(workflow_id, "stable", 1)
        assert run_output(release_tag="stable") == "one"


def test_invalid_requests_are_reported(server: Server) -> None:
    with Client(server.key, server.url) as client:
        workflow_id = client.dataflow.create_workflow(echo_workflow("one", "py-wrong")).workflow_id
        with pytest.raises(stepwell.BadRequestError) as missing:
            client.release_tags.set(workflow_id, "stable", 7)
        assert "7" in missing.value.message + str(missing.value.details)
        with pytest.raises(stepwell.BadRequestError):
            client.release_tags.set(workflow_id, "stable", {})
        with pytest.raises(stepwell.BadRequestError) as reserved:
            client.release_tags.set(workflow_id, "LATEST", 1)
        assert "tag" in [detail.path for detail in reserved.value.details]
        with pytest.raises(stepwell.BadRequestError) as broken:
            client.releases.create(workflow_id, {"name": "py-wrong", "steps": []})
        assert "steps" in str(broken.value.details)
        for call in (
            lambda: client.release_tags.get(workflow_id, "no-such-tag"),
            lambda: client.releases.list("wf-" + "0" * 26),
            lambda: client.workflows.quality("wf-" + "0" * 26),
            lambda: client.executions.list_actuals("00000000-0000-7000-8000-000000000000"),
        ):
            with pytest.raises(stepwell.NotFoundError):
                call()


def test_actuals_and_quality(server: Server) -> None:
    with Client(server.key, server.url) as client:
        workflow_id = client.dataflow.create_workflow(
            echo_workflow("one", "py-quality")
        ).workflow_id
        empty = client.workflows.quality(workflow_id)
        assert (empty.count, empty.mean_quality, empty.exact_match_rate) == (0, None, None)
        client.release_tags.set(workflow_id, "stable", 1)
        done = client.vellum.execute_workflow(
            [], workflow_deployment_name="py-quality", release_tag="stable", external_id="py-q-1"
        )
        assert client.executions.list_actuals(done.execution_id).items == []
        good: vellum.Actual = {"output_key": "echo", "quality": 1.0, "metadata": {"by": "u-1"}}
        client.vellum.submit_workflow_execution_actuals([good], execution_id=done.execution_id)
        client.vellum.submit_workflow_execution_actuals(
            [
                {"output_name": "echo", "quality": 0.5, "desired_output_value": "one"},
                {"output_name": "echo", "value": "two"},
            ],
            external_id="py-q-1",
        )
        first = client.executions.list_actuals(done.execution_id, page_size=2)
        assert (len(first.items), first.total_items) == (2, 3)
        actuals = list(client.executions.list_actuals(done.execution_id))
        assert actuals[:2] == first.items
        assert [(a.quality, a.desired_output_value, a.matched) for a in actuals] == [
            (1.0, None, None),
            (0.5, "one", True),
            (None, "two", False),
        ]
        assert actuals[0].metadata == {"by": "u-1"}
        assert done.data.outputs and actuals[0].output_id == done.data.outputs[0].id
        quality = client.workflows.quality(workflow_id)
        assert (quality.count, quality.mean_quality, quality.exact_match_rate) == (3, 0.75, 0.5)
        assert [(part.release, part.count) for part in quality.releases] == [(1, 3)]
        assert [(part.tag, part.mean_quality) for part in quality.tags] == [("stable", 0.75)]


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            workflow_id = (
                await client.dataflow.create_workflow(echo_workflow("one", "py-async"))
            ).workflow_id
            assert (
                await client.releases.create(workflow_id, echo_workflow("two", "py-async"))
            ).number == 2
            assert len((await client.releases.list(workflow_id)).items) == 2
            assert [r.number async for r in client.releases.list(workflow_id)] == [2, 1]
            tag = await client.release_tags.set(workflow_id, "stable", {2: 1})
            assert await client.release_tags.get(workflow_id, "stable") == tag
            assert tag in (await client.release_tags.list(workflow_id)).items
            done = await client.vellum.execute_workflow([], workflow_deployment_name="py-async")
            assert (await client.executions.list_actuals(done.execution_id)).items == []
            assert (await client.workflows.quality(workflow_id)).count == 0
            assert "$schema" in await client.step_types.definition_schema()

    asyncio.run(main())
