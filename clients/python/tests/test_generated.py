"""Generated files are up to date; both clients have the same, fully typed calls."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import httpx
import pytest
from stepwell_testing import Server

import stepwell

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.parametrize("name", ["generate_clients.py", "generate_reference.py"])
def test_generated_files_are_up_to_date(name: str) -> None:
    subprocess.run([sys.executable, str(SCRIPTS / name), "--check"], check=True)


def test_definitions_are_up_to_date(server: Server, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_bytes(httpx.get(server.url + "/api/v1/schema/definition").content)
    command = [sys.executable, str(SCRIPTS / "generate_definitions.py"), str(schema), "--check"]
    subprocess.run(command, check=True)


def calls(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(call)
        for name, call in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def resources(client: Any) -> dict[str, type]:
    """The classes of the resources of a client, and of those with raw responses."""
    names = [name for name, kind in vars(type(client)).items() if isinstance(kind, property)]
    assert len(names) >= 13
    found = {name: getattr(client, name) for name in names}
    return {name: type(resource) for name, resource in found.items()}


PAIRS = [(stepwell.Client, stepwell.AsyncClient)] + [
    (one, resources(stepwell.AsyncClient())[name])
    for name, one in resources(stepwell.Client()).items()
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_both_clients_have_the_same_typed_and_documented_calls(pair: tuple[type, type]) -> None:
    sync, asynchronous = calls(pair[0]), calls(pair[1])
    assert sync and sync.keys() == asynchronous.keys()
    for name, signature in sync.items():
        assert signature.parameters.keys() == asynchronous[name].parameters.keys()
        assert inspect.getdoc(getattr(pair[0], name)), name
        one = str(signature.return_annotation)
        other = str(asynchronous[name].return_annotation)
        other = re.sub(r"AsyncGenerator\[(.*), None\]", r"Generator[\1, None, None]", other)
        assert one == other.replace("AsyncPaginator[", "Page[")
        # No call returns an untyped value, and all parameters are explicit.
        assert typing.Any is not signature.return_annotation and one != "Any", name
        kinds = {parameter.kind for parameter in signature.parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, name


@pytest.mark.parametrize("client", [stepwell.Client(), stepwell.AsyncClient()], ids=repr)
def test_every_call_has_a_raw_variant(client: Any) -> None:
    for name, kind in resources(client).items():
        raw = set(vars(getattr(client, name).with_raw_response))
        streams = {"events", "execute_workflow_stream", "read_file", "verify"}
        assert raw == set(calls(kind)) - streams, name


@pytest.mark.parametrize("client", [stepwell.Client(), stepwell.AsyncClient()], ids=repr)
def test_every_request_takes_a_timeout(client: Any) -> None:
    for kind in [type(client), *resources(client).values()]:
        for name, signature in calls(kind).items():
            if name not in ("events", "verify", "close", "__init__"):
                assert "timeout" in signature.parameters, name
