"""Generates `stepwell/_sync` from `stepwell/_async`.

    python scripts/generate_sync.py            writes the files
    python scripts/generate_sync.py --check    fails if they are not up to date, as the tests do

The sync client is the async one without `async` and `await`, and with the replacements below.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "stepwell"
HEADER = "# Generated from `_async/{name}` by `scripts/generate_sync.py`. Do not edit.\n"

# Applied in this order.
REPLACEMENTS = [
    (r"AsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    (r"\b__a(?=enter__|exit__)", "__"),
    (r"\ba(?=iter_bytes\b|read\b)", ""),
    (r"\baclose\b", "close"),
    (r"\basyncio\b", "time"),
    (r"_async\b(?=[./])", "_sync"),
    # Docstrings.
    (r"for time programs", "for programs without asyncio"),
    (r"an async client", "a client"),
    (r"Belongs to one event loop", "Safe to share between threads"),
]


def to_sync(name: str, text: str) -> str:
    """The sync form of an async module."""
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return HEADER.format(name=name) + text


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    expected = {path.name: to_sync(path.name, path.read_text()) for path in _modules("_async")}
    found = {path.name: path.read_text() for path in _modules("_sync")}
    names = sorted(expected | found)
    stale = [name for name in names if expected.get(name) != found.get(name)]
    if check and stale:
        names_list = ", ".join(stale)
        print(f"not up to date, run scripts/generate_sync.py: {names_list}", file=sys.stderr)
        return 1
    for name in stale:
        path = PACKAGE / "_sync" / name
        if name in expected:
            path.parent.mkdir(exist_ok=True)
            path.write_text(expected[name])
        else:
            path.unlink()
    return 0


def _modules(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).glob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
