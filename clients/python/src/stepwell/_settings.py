"""What a client is made with: arguments first, then the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Optional

import httpx

from ._proxy import proxy_for, without_credentials
from ._retry import RetryPolicy

VERSION = "0.1.0"
DEFAULT_URL = "http://127.0.0.1:8080"

# The server sends a comment every 15 s; a stream that is quiet for longer is broken.
STREAM_TIMEOUT = 60.0

# `wait` looks after 50 ms, then less and less often, at least every second.
FIRST_LOOK = 0.05
SLOWEST_LOOK = 1.0


@dataclass(frozen=True)
class Settings:
    """The settings of a client; times in seconds."""

    # May hold credentials of a proxy before the server: not to be shown.
    base_url: str = field(repr=False)
    api_key: Optional[str] = field(repr=False)
    timeout: httpx.Timeout
    retries: RetryPolicy
    # The proxy of the environment; None: the server is called directly, or by a client of the
    # caller's, which has its own.
    proxy: Optional[str] = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """Where requests go, for messages: without credentials."""
        server = without_credentials(self.base_url).rstrip("/")
        if self.proxy is None:
            return server
        return f"{server} through the proxy {without_credentials(self.proxy).rstrip('/')}"

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        headers = {"User-Agent": f"stepwell-python/{VERSION}", "Accept": "application/json"}
        if self.api_key:
            headers["X-API-KEY"] = self.api_key
        return headers

    @property
    def stream_timeout(self) -> httpx.Timeout:
        """For event streams."""
        read = max(STREAM_TIMEOUT, self.timeout.read or 0.0)
        known = self.timeout
        return httpx.Timeout(connect=known.connect, read=read, write=known.write, pool=known.pool)


def settings(
    base_url: Optional[str],
    api_key: Optional[str],
    timeout: float,
    max_retries: int,
    retries: Optional[RetryPolicy],
    from_environment: bool = True,
) -> Settings:
    """Fills what is not given from `STEPWELL_URL` (or `STEPWELL_SERVER`) and
    `STEPWELL_API_KEY`; the proxy too where `from_environment`. ValueError where the address is
    none, or the key cannot be one; neither is shown, since they can be the wrong way round."""
    env = os.environ
    url = base_url or env.get("STEPWELL_URL") or env.get("STEPWELL_SERVER") or DEFAULT_URL
    try:
        readable = httpx.URL(url).scheme in ("http", "https") and bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        readable = False
    if not readable:
        raise ValueError(f"base_url must be an address like {DEFAULT_URL}; it is none")
    return Settings(
        # Paths are said by the calls; some know the address with the one of the management API.
        base_url=url.rstrip("/").removesuffix("/api/v1"),
        api_key=_key(api_key or env.get("STEPWELL_API_KEY") or ""),
        timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
        retries=retries or RetryPolicy(max_retries=max_retries),
        proxy=proxy_for(url) if from_environment else None,
    )


def _key(text: str) -> Optional[str]:
    """A key without the line end of the file that it was read from. What is wrong with it must
    not be told by showing it."""
    key = text.strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("api_key has characters that no key has")
    if "://" in key:
        raise ValueError("api_key is an address; the key comes first, then base_url")
    return key or None
