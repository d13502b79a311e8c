"""When a request is sent again, and how long that waits."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Mapping, Optional

RETRIED_STATUSES = frozenset({429, 503})


@dataclass(frozen=True)
class RetryPolicy:
    """`max_retries` more tries after the first, waiting `base_delay` seconds, then twice that, and
    so on up to `max_delay`, each with some jitter. Where the server says `Retry-After`, that
    counts instead; more than `max_retry_after` seconds is not waited for."""

    max_retries: int = 3
    base_delay: float = 0.25
    max_delay: float = 8.0
    max_retry_after: float = 60.0

    def delay(self, tried: int, headers: Optional[Mapping[str, str]] = None) -> Optional[float]:
        """Seconds before the next try after `tried` of them; None: give up."""
        if tried > self.max_retries:
            return None
        asked = retry_after(headers.get("retry-after")) if headers is not None else None
        if asked is not None:
            return asked if asked <= self.max_retry_after else None
        whole = min(self.max_delay, self.base_delay * 2.0 ** min(tried - 1, 30))
        return whole * random.uniform(0.75, 1.0)


def retry_after(value: Optional[str]) -> Optional[float]:
    """Seconds that a `Retry-After` asks for, which gives seconds or a date."""
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
