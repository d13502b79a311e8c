"""Responses with their status and headers: the results of `with_raw_response`."""

from __future__ import annotations

from typing import Generic, Mapping, Optional, TypeVar

import httpx

from ._rate_limit import RateLimit, rate_limit_of

T = TypeVar("T")


class Capture:
    """Keeps the last response of a call, and counts the retries of all its requests."""

    def __init__(self) -> None:
        self.response: Optional[httpx.Response] = None
        self.retries = 0


class RawResponse(Generic[T]):
    """A response with its status and headers; `parse()` returns what the method itself returns.
    If a method sends several requests, it is that of the last one."""

    status: int
    headers: Mapping[str, str]
    retries_taken: int

    def __init__(self, parsed: T, capture: Capture) -> None:
        if capture.response is None:
            raise RuntimeError("the call sent no request")
        self._parsed = parsed
        self.status = capture.response.status_code
        self.headers = capture.response.headers
        self.retries_taken = capture.retries
        self._http_response = capture.response

    def parse(self) -> T:
        """The result of the call."""
        return self._parsed

    def text(self) -> str:
        """The body as it was received. It can contain a secret."""
        return self._http_response.text

    @property
    def request_id(self) -> Optional[str]:
        """The id of the request in the server's log."""
        return self.headers.get("x-request-id")

    @property
    def rate_limit(self) -> Optional[RateLimit]:
        """The rate limit of the key; None if the response does not have it."""
        return rate_limit_of(self.headers)

    def __repr__(self) -> str:
        return f"RawResponse(status={self.status}, request_id={self.request_id!r})"
