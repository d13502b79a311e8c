"""The snippets of the README run unchanged, in order."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from stepwell_testing import BINARY, CLIENTS, Server, snippets

README = Path(__file__).parents[1] / "README.md"


def test_snippets(
    deployments: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPWELL_URL", deployments.url)
    monkeypatch.setenv("STEPWELL_API_KEY", deployments.key)
    # A dataclass looks its module up.
    module = types.ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", module)
    namespace = module.__dict__
    for snippet in snippets(README):
        exec(compile(snippet, "README.md", "exec"), namespace)
    namespace["client"].close()
    output = capsys.readouterr().out
    for part in (
        "completed {'text': 'RETAW EHT OT NWOD'}",
        "completed {'text': 'PU'}\nupper completed ",
        "TFEL",
        "reverse completed 2 2",
        "{'text': '21'}",
        "ENO\nOWT\n5 of ",
        "PRECONDITION_FAILED",
        "stable [(1, 1)]",
        "nwoD",
        "02:30:00+0",
        "{'text': 'thgin doog'}",
        "Order 7: 2 items",
        "['read:workflows']\nrevoked",
        "developer 50",
        "workflow.updated ['description']",
        "\n['reader']\n",
        "text None True\ntext 0.9 None\n2 0.9 1.0",
        "COMPLETED {'text': 'nwod'}",
        "422 PARAMETER_VALIDATION_ERROR\nparameters.txt ",
        "True ['admin']",
        "/api/v1/auth/me 200 None None",
    ):
        assert part in output, (part, output)


@pytest.mark.parametrize("page", [README, CLIENTS], ids=lambda page: page.name)
def test_snippets_are_typed(tmp_path: Path, page: Path) -> None:
    text = snippets(README) if page == README else snippets(CLIENTS)[:1]
    program = tmp_path / "readme.py"
    program.write_text("\n".join(text))
    command = [sys.executable, "-m", "mypy", "--config-file=", "--check-untyped-defs", str(program)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_configuration_of_docs_clients(tmp_path: Path) -> None:
    [text] = re.findall(r"^```toml\n(.*?)^```$", CLIENTS.read_text(), re.M | re.S)
    (tmp_path / "stepwell.toml").write_text(text)
    command = [BINARY, "config", "--config", str(tmp_path / "stepwell.toml"), "--json"]
    shown = subprocess.run(
        [*command, "--data-dir", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "https://app.example.com" in shown.stdout


def test_docs_clients(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEPWELL_URL", server.url)
    monkeypatch.setenv("STEPWELL_API_KEY", server.key)
    snippet, _ = snippets(CLIENTS)
    exec(compile(snippet, "clients.md", "exec"), {})
    output = capsys.readouterr().out.splitlines()
    assert output[0] == "{'text': 'HELLO'}" and output[-1] == "completed"
