# Generated from `_async/resource.py` by `scripts/generate_sync.py`. Do not edit.
"""Base class of the calls on one kind of object."""

from __future__ import annotations

from .transport import Transport


class Resource:
    """A group of calls that a client sends."""

    def __init__(self, client: Transport) -> None:
        self._client = client
