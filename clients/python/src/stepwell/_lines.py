"""Bytes into lines, lines into server-sent events. No I/O.

The lines of `httpx` are not used: they also end at U+2028 and its kind, which are legal inside
JSON texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional


class Lines:
    """Cuts chunks, which may end anywhere, into lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that are complete with this chunk."""
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            self._parts.append(line)
            yield self._take()
        if rest:
            self._parts.append(rest)

    def rest(self) -> str:
        """What came after the last line end."""
        return self._take()

    def _take(self) -> str:
        line = b"".join(self._parts)
        self._parts.clear()
        # A broken character is for whoever reads the line to notice.
        return line.removesuffix(b"\r").decode(errors="replace")


@dataclass(frozen=True)
class Message:
    """A server-sent event."""

    event: str
    id: Optional[str]
    data: str


class Messages:
    """Makes server-sent events of lines."""

    def __init__(self) -> None:
        self._event = ""
        self._id: Optional[str] = None
        self._data: list[str] = []

    def feed(self, line: str) -> Optional[Message]:
        """The event that this line completes."""
        if not line:
            data, self._data = self._data, []
            event, self._event = self._event or "message", ""
            return Message(event, self._id, "\n".join(data)) if data else None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None
