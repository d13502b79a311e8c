# Generated from `_async/transport.py` by `scripts/generate_clients.py`. Do not edit.
"""Sends the calls of a client: connections, retries, timeouts, pages, event streams."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Generator, Mapping, NoReturn, Optional, Protocol, TypeVar, Union

import httpx
from typing_extensions import Self

from .._attempts import Attempts, Hooks
from .._call import Call, ignore_body, transport_error
from .._follow import EndWaiter, EventFollower, EventTypes
from .._observe import RequestHook, ResponseHook
from .._paging import PageRequest
from .._raw import Capture
from .._retry import RetryPolicy
from .._secret import Secret
from .._settings import CONNECTION_LIMITS, ClientOptions, resolve_settings
from .pages import Page

T = TypeVar("T")


class _Endable(Protocol):
    @property
    def ended(self) -> bool: ...


E = TypeVar("E", bound=_Endable)


class Transport:
    """A server and the connections to it."""

    # Whether a text that does not look like an id is the name of a workflow or template.
    _resolves_names = True

    def __init__(
        self,
        api_key: Union[Secret, str, None] = None,
        base_url: Optional[str] = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 3,
        headers: Optional[Mapping[str, str]] = None,
        retry_policy: Optional[RetryPolicy] = None,
        http_client: Optional[httpx.Client] = None,
        on_request: Optional[RequestHook] = None,
        on_response: Optional[ResponseHook] = None,
    ) -> None:
        self._owns_http = http_client is None
        options = ClientOptions(timeout, max_retries, headers, retry_policy)
        self._settings = resolve_settings(base_url, api_key, options, self._owns_http)
        self._hooks = Hooks(on_request, on_response)
        self._capture: Optional[Capture] = None
        self._http = http_client or httpx.Client(transport=self._http_transport())

    def _http_transport(self) -> httpx.HTTPTransport:
        """An explicit transport, which keeps httpx from reading the proxy variables itself."""
        proxy = self._settings.proxy
        return httpx.HTTPTransport(
            proxy=httpx.Proxy(proxy) if proxy else None, limits=CONNECTION_LIMITS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._settings.address!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be pickled; create one in each process")

    @property
    def base_url(self) -> str:
        """The URL of the server."""
        return self._settings.base_url

    def with_options(
        self,
        *,
        timeout: Optional[float] = None,
        max_retries: Optional[int] = None,
        headers: Optional[Mapping[str, str]] = None,
        retry_policy: Optional[RetryPolicy] = None,
    ) -> Self:
        """A client with other options that uses the connections of this one, for example
        `client.with_options(timeout=5, max_retries=0).me()`. `headers` are added to those of this
        client. Only this client needs to be closed."""
        other = self._derive()
        other._settings = self._settings.override(timeout, max_retries, headers, retry_policy)
        return other

    def _with_capture(self, capture: Capture) -> Self:
        other = self._derive()
        other._capture = capture
        return other

    def _derive(self) -> Self:
        """A client with the connections of this one, which does not close them."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._owns_http = False
        return other

    def close(self) -> None:
        """Closes the connections."""
        if self._owns_http:
            self._http.close()

    def _send(self, call: Call[T]) -> T:
        return call.decode_response(self._send_with_retries(call))

    def _send_with_retries(self, call: Call[Any], stream: bool = False) -> httpx.Response:
        """The final response to a call. The caller closes a streamed one."""
        attempts = Attempts(call, self._settings, self._hooks)
        while True:
            request = self._http.build_request(**attempts.start())
            outcome: Union[httpx.Response, httpx.RequestError]
            try:
                outcome = self._http.send(request, stream=stream)
            except httpx.RequestError as error:
                outcome = error
            delay = attempts.finish(outcome)
            if delay is None:
                break
            if isinstance(outcome, httpx.Response):
                outcome.close()
            time.sleep(delay)
        if isinstance(outcome, httpx.RequestError):
            raise transport_error(outcome, self._settings.server_label) from outcome
        if self._capture is not None:
            self._capture.response = outcome
            self._capture.retries += attempts.count - 1
        return outcome

    def _get_page(self, request: PageRequest[T]) -> Page[T]:
        return Page(request, self._send(request.call()), self._get_page)

    def _follow_events(
        self,
        url_path: str,
        types: EventTypes[T],
        get_execution: Call[Any],
        execution_id: str,
        after: Union[int, str],
    ) -> Generator[T, None, None]:
        """The events at a path until the execution has ended."""
        follower = EventFollower(types, after, execution_id, self._settings)
        call: Call[None] = Call("GET", url_path, ignore_body)
        attempts = Attempts(call, self._settings, self._hooks)
        while not follower.ended:
            arguments = attempts.start()
            arguments["headers"].update(follower.start_connection())
            arguments["timeout"] = self._settings.stream_timeout
            try:
                with self._http.stream(**arguments) as response:
                    if response.is_success:
                        attempts.report(response, None)
                        for chunk in response.iter_bytes():
                            for event in follower.feed(chunk):
                                yield event
                    else:
                        response.read()
                        attempts.report(response, None)
                        follower.on_error_response(response)
            except httpx.RequestError as error:
                attempts.report(error, None)
                follower.on_connection_error(error)
            if follower.ended:
                return
            if follower.closed_without_events and (self._send(get_execution)).ended:
                return
            time.sleep(follower.reconnect_delay())

    def _wait_for_end(
        self, url_path: str, get_execution: Call[E], execution_id: str, timeout: Optional[float]
    ) -> E:
        """The ended execution; `url_path` is that of its events."""
        waiter = EndWaiter(execution_id, timeout, self._settings)
        while True:
            execution = self._send(get_execution)
            if execution.ended:
                return execution
            waiter.check_deadline()
            self._read_until_closed(url_path, waiter)
            time.sleep(waiter.pause())

    def _read_until_closed(self, url_path: str, waiter: EndWaiter) -> None:
        """Returns when the server closes the stream, or when the connection breaks."""
        attempts = Attempts(Call("GET", url_path, ignore_body), self._settings, self._hooks)
        arguments = attempts.start()
        arguments["headers"].update(waiter.headers)
        arguments["timeout"] = waiter.start_connection()
        try:
            with self._http.stream(**arguments) as response:
                if not response.is_success:
                    response.read()
                attempts.report(response, None)
                waiter.check_response(response)
                for _ in response.iter_bytes():
                    if waiter.must_reconnect:
                        return
        except httpx.RequestError as error:
            attempts.report(error, None)
