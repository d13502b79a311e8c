"""What the calls on one kind of object have in common."""

from __future__ import annotations

from .transport import AsyncTransport


class AsyncResource:
    """Calls that are sent by a client."""

    def __init__(self, client: AsyncTransport) -> None:
        self._client = client
