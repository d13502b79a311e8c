"""How an async client sends its calls: connections, retries, time-outs. Knows no call."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncGenerator, Mapping, Optional, TypeVar, Union

import httpx
from typing_extensions import Self

from .._call import Call, Value, broken, wrapped
from .._follow import Follower, Kinds
from .._management_models import Page
from .._retry import RetryPolicy
from .._settings import settings

T = TypeVar("T")


class AsyncTransport:
    """One server, and the connections to it."""

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
        self._own = http_client is None
        self._settings = settings(base_url, api_key, timeout, max_retries, retries, self._own)
        self._http = http_client or httpx.AsyncClient(transport=self._transport())

    def _transport(self) -> httpx.AsyncHTTPTransport:
        """With a transport of its own, httpx does not look for proxies itself."""
        proxy = self._settings.proxy
        return httpx.AsyncHTTPTransport(proxy=httpx.Proxy(proxy) if proxy else None)

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
        """The server's address."""
        return self._settings.base_url

    async def close(self) -> None:
        """Closes the connections."""
        if self._own:
            await self._http.aclose()

    async def _send(self, call: Call[T]) -> T:
        return call.result(await self._answer(call))

    async def _answer(self, call: Call[Any], stream: bool = False) -> httpx.Response:
        """The answer to a call, after its retries. A streamed one has to be closed."""
        arguments = call.arguments(self._settings)
        tried = 0
        while True:
            tried += 1
            request = self._http.build_request(**arguments)
            outcome: Union[httpx.Response, httpx.RequestError]
            try:
                outcome = await self._http.send(request, stream=stream)
            except httpx.RequestError as error:
                outcome = error
            delay = call.delay(self._settings.retries, tried, outcome)
            if delay is None:
                break
            if isinstance(outcome, httpx.Response):
                await outcome.aclose()
            await asyncio.sleep(delay)
        if isinstance(outcome, httpx.RequestError):
            raise broken(outcome, self._settings.shown) from outcome
        return outcome

    async def _each(
        self, where: str, kind: type[Page[T]], query: Mapping[str, Value]
    ) -> AsyncGenerator[T, None]:
        """All items of a list, page by page."""
        turn: Mapping[str, Value] = {"page_size": 100, **query}
        while True:
            page = await self._send(Call("GET", where, wrapped(kind), turn))
            for item in page.items:
                yield item
            following = page.pagination.following()
            if following is None:
                return
            kept = {name: turn[name] for name in turn if name not in ("page", "cursor")}
            turn = {**kept, **following}

    async def _follow(
        self,
        where: str,
        kinds: Kinds[T],
        look: Call[Any],
        execution_id: str,
        after: Union[int, str],
    ) -> AsyncGenerator[T, None]:
        """The events at a path until the execution ended. `look` gets the execution."""
        follower = Follower(
            kinds, after, execution_id, server=self._settings.shown, policy=self._settings.retries
        )
        timeout = self._settings.stream_timeout
        while not follower.ended:
            headers = {**self._settings.headers(), **follower.connect()}
            url = self.base_url + where
            stream = self._http.stream("GET", url, headers=headers, timeout=timeout)
            try:
                async with stream as answer:
                    if answer.is_success:
                        async for chunk in answer.aiter_bytes():
                            for event in follower.feed(chunk):
                                yield event
                    else:
                        await answer.aread()
                        follower.refused(answer)
            except httpx.RequestError as error:
                follower.lost(error)
            if follower.ended:
                return
            if follower.silent and (await self._send(look)).ended:
                return
            await asyncio.sleep(follower.pause())
