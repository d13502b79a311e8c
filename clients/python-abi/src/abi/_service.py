"""What the three classes have in common: a server, its connections, and its failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Optional

import stepwell
from typing_extensions import Self

from . import exceptions


class Service:
    """Calls on one server.

    `base_url` comes from `STEPWELL_URL` where it is not given, `access_token` from
    `STEPWELL_API_KEY`. `timeout` is in seconds, for each request; a request that is refused for
    now (429, 503) or whose connection breaks is sent again up to `max_retries` times, where that
    is harmless.

    Each call has a variant for asyncio. Within `async with` those share their connections; else
    each makes one of its own.
    """

    def __init__(
        self,
        access_token: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
    ) -> None:
        self._made_with: dict[str, Any] = {
            "api_key": access_token,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
        }
        self._client = stepwell.Client(**self._made_with)
        self._entered: Optional[stepwell.AsyncClient] = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        self._entered = stepwell.AsyncClient(**self._made_with)
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        entered, self._entered = self._entered, None
        if entered is not None:
            await entered.close()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @contextmanager
    def _calling(self) -> Iterator[stepwell.Client]:
        try:
            yield self._client
        except stepwell.StepwellError as error:
            raise exceptions.of(error) from error

    @asynccontextmanager
    async def _calling_async(self) -> AsyncIterator[stepwell.AsyncClient]:
        try:
            if self._entered is not None:
                yield self._entered
            else:
                # A client of its own, since an asyncio connection belongs to one event loop.
                async with stepwell.AsyncClient(**self._made_with) as client:
                    yield client
        except stepwell.StepwellError as error:
            raise exceptions.of(error) from error
