"""Splits bytes into lines and parses server-sent events. No I/O.

The line iterator of `httpx` is not used: it also splits at U+2028 and similar characters, which
are legal inside JSON strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional


class LineSplitter:
    """Splits chunks, whose ends are arbitrary, into lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The lines that this chunk completes."""
        *complete, remainder = chunk.split(b"\n")
        for line in complete:
            self._parts.append(line)
            yield self._join_parts()
        if remainder:
            self._parts.append(remainder)

    def flush(self) -> str:
        """The text after the last line end."""
        return self._join_parts()

    def _join_parts(self) -> str:
        line = b"".join(self._parts)
        self._parts.clear()
        # Invalid UTF-8 is replaced here; the parser of the line reports it.
        return line.removesuffix(b"\r").decode(errors="replace")


@dataclass(frozen=True)
class ServerSentEvent:
    """A server-sent event."""

    event: str
    id: Optional[str]
    data: str


class EventParser:
    """Parses lines into server-sent events."""

    def __init__(self) -> None:
        self._event = ""
        self._id: Optional[str] = None
        self._data: list[str] = []

    def feed(self, line: str) -> Optional[ServerSentEvent]:
        """The event that this line completes."""
        if not line:
            data, self._data = self._data, []
            event, self._event = self._event or "message", ""
            return ServerSentEvent(event, self._id, "\n".join(data)) if data else None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None
