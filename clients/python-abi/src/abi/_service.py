"""Base class of the three clients: server, connections, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Optional

import stepwell
from typing_extensions import Self

from . import exceptions


class _Client(stepwell.Client):
    """The workflows of this module are given by their ids only."""

    _resolves_names = False


class _AsyncClient(stepwell.AsyncClient):
    _resolves_names = False


class ServiceClient:
    """A client for one server.

    `base_url` defaults to `STEPWELL_URL`, `access_token` to `STEPWELL_API_KEY`. `timeout` is in
    seconds, for each request. A request is retried up to `max_retries` times if repeating
    it has no second effect.

    Each call has a variant for asyncio. Within `async with` these share connections; otherwise
    each opens its own.
    """

    def __init__(
        self,
        access_token: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
    ) -> None:
        self._client_options: dict[str, Any] = {
            "api_key": access_token,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
        }
        self._client = _Client(**self._client_options)
        self._shared_client: Optional[stepwell.AsyncClient] = None

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
        self._shared_client = _AsyncClient(**self._client_options)
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        shared, self._shared_client = self._shared_client, None
        if shared is not None:
            await shared.close()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    @contextmanager
    def _sync_client(self) -> Iterator[stepwell.Client]:
        try:
            yield self._client
        except stepwell.StepwellError as error:
            raise exceptions.from_stepwell_error(error) from error

    @asynccontextmanager
    async def _async_client(self) -> AsyncIterator[stepwell.AsyncClient]:
        try:
            if self._shared_client is not None:
                yield self._shared_client
            else:
                # A new client, since asyncio connections belong to one event loop.
                async with _AsyncClient(**self._client_options) as client:
                    yield client
        except stepwell.StepwellError as error:
            raise exceptions.from_stepwell_error(error) from error
