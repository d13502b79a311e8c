"""The attempts of one call: their requests, hooks and log lines. No I/O."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from time import monotonic
from typing import Any, Optional, Union

import httpx

from ._call import Call, error_from_response, transport_error
from ._observe import RequestHook, RequestInfo, ResponseHook, ResponseInfo, log_response
from ._rate_limit import rate_limit_of
from ._settings import Settings

Outcome = Union[httpx.Response, httpx.RequestError]


@dataclass(frozen=True)
class Hooks:
    """The functions of the caller that are called for every attempt."""

    on_request: Optional[RequestHook] = None
    on_response: Optional[ResponseHook] = None

    def __post_init__(self) -> None:
        for name in ("on_request", "on_response"):
            # The result of a coroutine function would never be awaited.
            if inspect.iscoroutinefunction(getattr(self, name)):
                raise TypeError(f"{name} must be a plain function")


class Attempts:
    """Counts the attempts of a call."""

    def __init__(self, call: Call[Any], settings: Settings, hooks: Hooks) -> None:
        self.count = 0
        self._call = call
        self._settings = settings
        self._hooks = hooks

    def start(self) -> dict[str, Any]:
        """Starts the next attempt; returns the arguments of `httpx.Client.build_request`."""
        self.count += 1
        call, settings = self._call, self._settings
        headers = {**settings.headers, **call.headers}
        secrets = {name: headers.pop(name) for name in list(headers) if _is_confidential(name)}
        self._request = RequestInfo(
            call.method, call.path, self.count, headers, call.headers.get("Idempotency-Key")
        )
        if self._hooks.on_request:
            self._hooks.on_request(self._request)
        self._started = monotonic()
        return {
            "method": call.method,
            "url": settings.base_url + call.path,
            "params": dict(call.query) or None,
            "headers": {**headers, **secrets, **settings.authentication},
            "content": call.content,
            "timeout": call.http_timeout(settings),
        }

    def finish(self, outcome: Outcome) -> Optional[float]:
        """Ends an attempt; returns the seconds before the next one, None: `outcome` is final."""
        delay = self._call.retry_delay(self._settings, self.count, outcome)
        self.report(outcome, delay)
        return delay

    def report(self, outcome: Outcome, retry_delay: Optional[float]) -> None:
        """Calls the hook and writes the log."""
        duration = monotonic() - self._started
        if isinstance(outcome, httpx.Response):
            headers = outcome.headers
            failed = not outcome.is_success and outcome.is_stream_consumed
            info = ResponseInfo(
                self._request,
                duration,
                status=outcome.status_code,
                headers=headers,
                request_id=headers.get("x-request-id"),
                rate_limit=rate_limit_of(headers),
                error=error_from_response(outcome) if failed else None,
                retry_delay=retry_delay,
            )
        else:
            error = transport_error(outcome, self._settings.server_label)
            info = ResponseInfo(self._request, duration, error=error, retry_delay=retry_delay)
        log_response(info)
        if self._hooks.on_response:
            self._hooks.on_response(info)


def _is_confidential(header: str) -> bool:
    name = header.lower()
    return name.startswith("x-secret-") or name in ("authorization", "x-api-key")
