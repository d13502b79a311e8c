"""Makes `stepwell/_sync` of `stepwell/_async`, which is the one to change.

    python scripts/make_sync.py            writes it
    python scripts/make_sync.py --check    fails where it is not up to date, as the tests do

The sync client is the async one without `async` and `await`, and with the names below.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "stepwell"
HEAD = "# Made of `_async/{name}` by `scripts/make_sync.py`: change that one.\n"

# In this order.
RULES = [
    (r"AsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    (r"\b__a(?=enter__|exit__)", "__"),
    (r"\ba(?=iter_bytes\b|read\b)", ""),
    (r"\baclose\b", "close"),
    (r"\basyncio\b", "time"),
    (r"_async\b(?=[./])", "_sync"),
    # What the texts say.
    (r"for time programs", "for programs without asyncio"),
    (r"an async client", "a client"),
    (r"Belongs to one event loop", "Safe to share between threads"),
]


def made(name: str, text: str) -> str:
    """The sync form of a module."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return HEAD.format(name=name) + text


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    wanted = {path.name: made(path.name, path.read_text()) for path in _modules("_async")}
    found = {path.name: path.read_text() for path in _modules("_sync")}
    stale = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    if check and stale:
        print(f"not up to date, run scripts/make_sync.py: {', '.join(stale)}", file=sys.stderr)
        return 1
    for name in stale:
        path = PACKAGE / "_sync" / name
        if name in wanted:
            path.write_text(wanted[name])
        else:
            path.unlink()
    return 0


def _modules(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).glob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
