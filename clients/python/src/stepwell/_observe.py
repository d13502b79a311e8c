"""What hooks and the log see of requests and responses."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

from ._errors import StepwellError
from ._rate_limit import RateLimit

logger = logging.getLogger("stepwell")


@dataclass(frozen=True)
class RequestInfo:
    """A request that is about to be sent, for `on_request`. `attempt` counts from 1.

    `headers` do not contain the API key or secrets. Headers that a hook adds are sent, for
    example `traceparent`.
    """

    method: str
    path: str
    attempt: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    idempotency_key: Optional[str] = None


@dataclass(frozen=True)
class ResponseInfo:
    """The outcome of one attempt, for `on_response`: a response with a `status`, or an `error`.
    `duration` is in seconds, until the headers arrived (of streams), or the body. `retry_delay`
    are the seconds before the next attempt; None: there is none."""

    request: RequestInfo
    duration: float
    status: Optional[int] = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request_id: Optional[str] = None
    rate_limit: Optional[RateLimit] = None
    error: Optional[StepwellError] = None
    retry_delay: Optional[float] = None


RequestHook = Callable[[RequestInfo], None]
ResponseHook = Callable[[ResponseInfo], None]


def log_response(response: ResponseInfo) -> None:
    """Logs the outcome of an attempt: a retry as INFO, everything else as DEBUG. The log has no
    headers, bodies or query parameters."""
    level = logging.DEBUG if response.retry_delay is None else logging.INFO
    if not logger.isEnabledFor(level):
        return
    request = response.request
    outcome = response.error.code if response.error else str(response.status)
    text = "%s %s: %s in %.0f ms (request %s, attempt %d)"
    arguments = [
        request.method,
        request.path,
        outcome,
        response.duration * 1000,
        response.request_id,
        request.attempt,
    ]
    if response.retry_delay is not None:
        text += ", retry in %.2f s"
        arguments.append(response.retry_delay)
    logger.log(level, text, *arguments)
