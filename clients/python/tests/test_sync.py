"""The sync client is made of the async one, and both have the same calls, exactly typed."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import stepwell

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_sync.py"


def test_it_is_up_to_date() -> None:
    subprocess.run([sys.executable, str(SCRIPT), "--check"], check=True)


def calls(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(call)
        for name, call in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_have_the_same_calls_with_types_and_texts() -> None:
    sync, asynchronous = calls(stepwell.Client), calls(stepwell.AsyncClient)
    assert len(sync) > 30 and sync.keys() == asynchronous.keys()
    for name, signature in sync.items():
        assert signature.parameters.keys() == asynchronous[name].parameters.keys()
        assert inspect.getdoc(getattr(stepwell.Client, name)), name
        one = str(signature.return_annotation)
        other = str(asynchronous[name].return_annotation)
        assert one == other or (
            other.startswith("AsyncGenerator[")
            and one == other.replace("Async", "", 1).replace(", None]", ", None, None]")
        )
        # No call answers with something that is only known to be anything.
        assert typing.Any is not signature.return_annotation and one != "Any", name
