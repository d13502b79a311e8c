"""Base class of the calls on one kind of object."""

from __future__ import annotations

from .transport import AsyncTransport


class AsyncResource:
    """A group of calls that a client sends."""

    def __init__(self, client: AsyncTransport) -> None:
        self._client = client
