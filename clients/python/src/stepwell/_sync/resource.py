# Made of `_async/resource.py` by `scripts/make_sync.py`: change that one.
"""What the calls on one kind of object have in common."""

from __future__ import annotations

from .transport import Transport


class Resource:
    """Calls that are sent by a client."""

    def __init__(self, client: Transport) -> None:
        self._client = client
