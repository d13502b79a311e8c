"""The sync client is generated from the async one; both have the same, fully typed calls."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import stepwell

SCRIPT = Path(__file__).parents[1] / "scripts" / "generate_sync.py"


def test_the_sync_client_is_up_to_date() -> None:
    subprocess.run([sys.executable, str(SCRIPT), "--check"], check=True)


def calls(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(call)
        for name, call in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def resources(client: Any) -> dict[str, type]:
    """The classes of the resources of a client."""
    names = ("workflows", "executions", "schedules", "webhooks", "workspaces", "audit_log")
    return {name: type(getattr(client, name)) for name in names}


PAIRS = [(stepwell.Client, stepwell.AsyncClient)] + [
    (one, resources(stepwell.AsyncClient())[name])
    for name, one in resources(stepwell.Client()).items()
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_both_clients_have_the_same_typed_and_documented_calls(pair: tuple[type, type]) -> None:
    sync, asynchronous = calls(pair[0]), calls(pair[1])
    assert len(sync) >= 2 and sync.keys() == asynchronous.keys()
    for name, signature in sync.items():
        assert signature.parameters.keys() == asynchronous[name].parameters.keys()
        assert inspect.getdoc(getattr(pair[0], name)), name
        one = str(signature.return_annotation)
        other = str(asynchronous[name].return_annotation)
        assert one == other or (
            other.startswith("AsyncGenerator[")
            and one == other.replace("Async", "", 1).replace(", None]", ", None, None]")
        )
        # No call returns an untyped value.
        assert typing.Any is not signature.return_annotation and one != "Any", name
