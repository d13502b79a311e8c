"""Validations, dry runs and evaluations, against the real server."""

from __future__ import annotations

import asyncio

from stepwell_testing import Server

from stepwell import AsyncClient, Client

DEFINITION = {
    "name": "pay",
    "inputs": {"amount": "number"},
    "steps": [
        {"id": "charge", "type": "HttpRequest", "config": {"url": "https://a.b", "method": "POST"}},
        {"id": "wait", "type": "Delay", "config": {"for": "1h"}},
        {
            "id": "end",
            "type": "Echo",
            "input": "{{ steps.charge.output.body }} {{ inputs.amount }}",
        },
    ],
}
MOCKS = {"charge": {"output": {"body": "paid"}}}


def test_definitions_are_validated(server: Server) -> None:
    with Client(server.key, server.url) as client:
        graph = client.workflows.validate(DEFINITION).graph
        assert graph is not None
        assert [step.id for step in graph.steps] == ["charge", "wait", "end"]
        assert [(edge.source, edge.to) for edge in graph.edges] == [
            ("charge", "wait"),
            ("wait", "end"),
        ]
        wrong = client.workflows.validate("name: x\nsteps:\n  - type: Ecko\n")
        assert (wrong.valid, wrong.graph) == (False, None)
        [problem] = wrong.problems
        assert (problem.path, problem.line, problem.column) == ("steps[0].type", 3, 5)


def test_dry_runs(server: Server) -> None:
    with Client(server.key, server.url) as client:
        run = client.workflows.dry_run_definition(DEFINITION, {"amount": 5}, mocks=MOCKS)
        assert (run.status, run.output, run.elapsed_ms) == ("completed", "paid 5", 3_600_000)
        assert [(step.step, step.mocked) for step in run.steps][0] == ("charge", True)
        made = client.workflows.create("pay", configuration={"definition": DEFINITION})
        failed = client.workflows.dry_run(made.id, {"amount": 5})
        assert failed.error is not None and failed.error.code == "MOCK_MISSING"


def test_evaluations(server: Server) -> None:
    async def evaluate() -> None:
        async with AsyncClient(server.key, server.url) as client:
            scope = {"inputs": {"n": 1}}
            result = await client.workflows.evaluate(expression="inputs.n + 1", scope=scope)
            assert (result.value, result.type, result.error) == (2, "integer", None)
            wrong = await client.workflows.evaluate(template="{{ 1 | nope }}")
            assert wrong.error is not None and wrong.error.column == 8

    asyncio.run(evaluate())
