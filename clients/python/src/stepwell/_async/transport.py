"""Sends the calls of an async client: connections, retries, timeouts, pages, event streams."""

from __future__ import annotations

import asyncio
import copy
from types import TracebackType
from typing import Any, AsyncGenerator, Mapping, Optional, TypeVar, Union

import httpx
from typing_extensions import Self

from .._call import Call, QueryValue, decode_data, transport_error
from .._follow import EventFollower, EventTypes
from .._management_models import Page
from .._retry import RetryPolicy
from .._settings import CONNECTION_LIMITS, resolve_settings

T = TypeVar("T")


class AsyncTransport:
    """A server and the connections to it."""

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
        retries: Optional[RetryPolicy] = None,
        http_client: Optional[httpx.AsyncClient] = None,
    ) -> None:
        self._owns_http = http_client is None
        self._settings = resolve_settings(
            base_url, api_key, timeout, max_retries, retries, self._owns_http
        )
        self._http = http_client or httpx.AsyncClient(transport=self._http_transport())

    def _http_transport(self) -> httpx.AsyncHTTPTransport:
        """An explicit transport, which keeps httpx from reading the proxy variables itself."""
        proxy = self._settings.proxy
        return httpx.AsyncHTTPTransport(
            proxy=httpx.Proxy(proxy) if proxy else None, limits=CONNECTION_LIMITS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return self._settings.base_url

    def with_options(
        self,
        *,
        timeout: Optional[float] = None,
        max_retries: Optional[int] = None,
        retries: Optional[RetryPolicy] = None,
    ) -> Self:
        """A client with another timeout or retry policy that uses the connections of this one, for
        example `client.with_options(timeout=5).me()`. Only this one needs to be closed."""
        other = copy.copy(self)
        other._owns_http = False
        other._settings = self._settings.override(timeout, max_retries, retries)
        return other

    async def close(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            await self._http.aclose()

    async def _send(self, call: Call[T]) -> T:
        return call.decode_response(await self._send_with_retries(call))

    async def _send_with_retries(self, call: Call[Any], stream: bool = False) -> httpx.Response:
        """The final response to a call. The caller closes a streamed one."""
        arguments = call.request_arguments(self._settings)
        attempts = 0
        while True:
            attempts += 1
            request = self._http.build_request(**arguments)
            outcome: Union[httpx.Response, httpx.RequestError]
            try:
                outcome = await self._http.send(request, stream=stream)
            except httpx.RequestError as error:
                outcome = error
            delay = call.retry_delay(self._settings.retries, attempts, outcome)
            if delay is None:
                break
            if isinstance(outcome, httpx.Response):
                await outcome.aclose()
            await asyncio.sleep(delay)
        if isinstance(outcome, httpx.RequestError):
            raise transport_error(outcome, self._settings.server_label) from outcome
        return outcome

    async def _iter_pages(
        self, url_path: str, kind: type[Page[T]], filters: Mapping[str, QueryValue]
    ) -> AsyncGenerator[T, None]:
        """All items of a list, page by page."""
        query: Mapping[str, QueryValue] = {"page_size": 100, **filters}
        while True:
            page = await self._send(Call("GET", url_path, decode_data(kind), query))
            for item in page.items:
                yield item
            next_page = page.pagination.next_page_query()
            if next_page is None:
                return
            kept = {name: query[name] for name in query if name not in ("page", "cursor")}
            query = {**kept, **next_page}

    async def _follow_events(
        self,
        url_path: str,
        types: EventTypes[T],
        get_execution: Call[Any],
        execution_id: str,
        after: Union[int, str],
    ) -> AsyncGenerator[T, None]:
        """The events at a path until the execution has ended."""
        follower = EventFollower(
            types,
            after,
            execution_id,
            server=self._settings.server_label,
            policy=self._settings.retries,
        )
        timeout = self._settings.stream_timeout
        while not follower.ended:
            headers = {**self._settings.headers(), **follower.start_connection()}
            url = self.base_url + url_path
            stream = self._http.stream("GET", url, headers=headers, timeout=timeout)
            try:
                async with stream as response:
                    if response.is_success:
                        async for chunk in response.aiter_bytes():
                            for event in follower.feed(chunk):
                                yield event
                    else:
                        await response.aread()
                        follower.on_error_response(response)
            except httpx.RequestError as error:
                follower.on_connection_error(error)
            if follower.ended:
                return
            if follower.closed_without_events and (await self._send(get_execution)).ended:
                return
            await asyncio.sleep(follower.reconnect_delay())
