"""Variables, sync and async, against the real server."""

from __future__ import annotations

import asyncio

import pytest
from stepwell_testing import Server

import stepwell
from stepwell import AsyncClient, Client

STEPS = [{"type": "Echo", "input": {"limit": "{{ vars.PY_LIMITS[inputs.region] }}"}}]
DEFINITION = {"inputs": {"region": "string"}, "steps": STEPS}


def test_variables(server: Server) -> None:
    with Client(server.key, server.url) as client:
        limits = {"eu": 5, "us_west": 7}
        made = client.variables.create("PY_LIMITS", limits, description="d")
        assert (made.version, made.value, made.description) == (1, limits, "d")
        assert client.variables.get("PY_LIMITS") == made
        with pytest.raises(stepwell.StepwellError, match="has this name"):
            client.variables.create("PY_LIMITS", 1)
        workflow = client.workflows.create("py limits", configuration=DEFINITION)
        client.workflows.activate(workflow.id)
        execution = client.workflows.execute(workflow.id, {"region": "us_west"})
        assert execution.result == {"limit": 7}
        shown = client.executions.get(execution.id, include_io=True)
        assert shown.vars == {"PY_LIMITS": limits}
        run = client.workflows.dry_run(workflow.id, {"region": "eu"}, vars={"PY_LIMITS": {"eu": 1}})
        assert run.output == {"limit": 1}
        changed = client.variables.update("PY_LIMITS", value=None, if_version=1)
        assert (changed.version, changed.value, changed.description) == (2, None, "d")
        with pytest.raises(stepwell.PreconditionFailedError):
            client.variables.update("PY_LIMITS", value=1, if_version=1)
        listed = client.variables.list(name="PY_LIMITS", sort_by="name").items
        assert [row.name for row in listed] == ["PY_LIMITS"]
        assert client.variables.delete("PY_LIMITS", if_version=2).deleted
        with pytest.raises(stepwell.NotFoundError):
            client.variables.get("PY_LIMITS")


def test_variables_with_asyncio(server: Server) -> None:
    async def go() -> None:
        async with AsyncClient(server.key, server.url) as client:
            await client.variables.create("PY_ASYNC", [1])
            assert (await client.variables.get("PY_ASYNC")).value == [1]
            assert (await client.variables.delete("PY_ASYNC")).name == "PY_ASYNC"

    asyncio.run(go())
