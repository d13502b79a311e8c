"""The rate limit of a key, from the headers of a response."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Mapping, Optional


@dataclass(frozen=True)
class RateLimit:
    """The rate limit of the key, as a response describes it. `reset` is when all of it is available
    again."""

    limit: int
    remaining: int
    reset: Optional[datetime] = None


def rate_limit_of(headers: Mapping[str, str]) -> Optional[RateLimit]:
    """The rate limit in the headers of a response; None if there is none."""
    try:
        limit = int(headers["x-rate-limit-limit"])
        remaining = int(headers["x-rate-limit-remaining"])
    except (KeyError, ValueError):
        return None
    try:
        seconds = int(headers["x-rate-limit-reset"])
        reset = datetime.fromtimestamp(seconds, timezone.utc)
    except (KeyError, ValueError, OverflowError, OSError):
        reset = None
    return RateLimit(limit, remaining, reset)
