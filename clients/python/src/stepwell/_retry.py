"""Retry policy: which responses are retried, and after which delay."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Mapping, Optional

# The server rejected the request before it did anything, so any method can be sent again.
RATE_LIMITED = 429

# Responses after which a request is sent again if repeating it has no second effect.
RETRIED_STATUSES = frozenset({408, RATE_LIMITED, 500, 502, 503, 504})

# 409 with a `Retry-After`: the first request with this idempotency key is still in progress.
CONFLICT = 409

# Errors that describe an ended execution, so a retry would return the same.
EXECUTION_ERROR_CODES = frozenset({"WORKFLOW_EXECUTION_ERROR", "EXECUTION_TIMEOUT"})


@dataclass(frozen=True)
class RetryPolicy:
    """The delays before retries, in seconds: exponential backoff with jitter.

    The delay starts at `base_delay` and doubles up to `max_delay`. A `Retry-After` header of the
    response replaces it; if that is more than `max_retry_after`, the request is not retried.
    """

    base_delay: float = 0.25
    max_delay: float = 8.0
    max_retry_after: float = 60.0

    def delay(self, attempts: int, headers: Optional[Mapping[str, str]] = None) -> Optional[float]:
        """Seconds before the next attempt, after `attempts` of them; None: do not retry."""
        requested = parse_retry_after(headers.get("retry-after")) if headers is not None else None
        if requested is not None:
            return requested if requested <= self.max_retry_after else None
        full = min(self.max_delay, self.base_delay * 2.0 ** min(attempts - 1, 30))
        return full * random.uniform(0.75, 1.0)


def is_retryable(status: int, headers: Mapping[str, str], repeatable: bool) -> bool:
    """Whether a request can be sent again after this response. `repeatable`: sending the request
    twice has the same effect as sending it once."""
    if status == RATE_LIMITED:
        return True
    if status == CONFLICT:
        return repeatable and "retry-after" in headers
    return repeatable and status in RETRIED_STATUSES


def parse_retry_after(value: Optional[str]) -> Optional[float]:
    """Seconds of a `Retry-After` header, which is a number of seconds or a date; None if absent or
    invalid."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
