"""Settings of a client: from its arguments, then from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Optional

import httpx

from ._proxy import proxy_for, without_credentials
from ._retry import RetryPolicy

VERSION = "0.1.0"
DEFAULT_URL = "http://127.0.0.1:8080"

# The server sends a comment every 15 s, so a stream without data for longer is broken.
STREAM_TIMEOUT = 60.0

# `wait` polls after 50 ms, then at growing intervals, at least every second.
FIRST_POLL_INTERVAL = 0.05
MAX_POLL_INTERVAL = 1.0

# Each event stream holds a connection while it is read, so the limit of httpx (100) is low.
CONNECTION_LIMITS = httpx.Limits(
    max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5.0
)


@dataclass(frozen=True)
class Settings:
    """The settings of a client; times in seconds."""

    # Can contain the credentials of a reverse proxy, so it is not shown.
    base_url: str = field(repr=False)
    api_key: Optional[str] = field(repr=False)
    timeout: httpx.Timeout
    retries: RetryPolicy
    # The proxy from the environment. None: requests go directly to the server, or through the
    # caller's own HTTP client, which has its own proxy settings.
    proxy: Optional[str] = field(default=None, repr=False)

    @property
    def server_label(self) -> str:
        """The server, and the proxy if there is one, for error messages: without credentials."""
        server = without_credentials(self.base_url).rstrip("/")
        if self.proxy is None:
            return server
        return f"{server} through the proxy {without_credentials(self.proxy).rstrip('/')}"

    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        headers = {"User-Agent": f"stepwell-python/{VERSION}", "Accept": "application/json"}
        if self.api_key:
            headers["X-API-KEY"] = self.api_key
        return headers

    @property
    def stream_timeout(self) -> httpx.Timeout:
        """The timeouts of event streams."""
        read = max(STREAM_TIMEOUT, self.timeout.read or 0.0)
        base = self.timeout
        return httpx.Timeout(connect=base.connect, read=read, write=base.write, pool=base.pool)

    def override(
        self,
        timeout: Optional[float],
        max_retries: Optional[int],
        retries: Optional[RetryPolicy],
    ) -> Settings:
        """These settings with other timeouts and retries; None keeps a value."""
        policy = retries or self.retries
        if retries is None and max_retries is not None:
            policy = replace(policy, max_retries=max_retries)
        limits = self.timeout if timeout is None else request_timeout(timeout)
        return replace(self, timeout=limits, retries=policy)


def request_timeout(seconds: float) -> httpx.Timeout:
    """The timeouts of a request: at most 10 s to connect."""
    return httpx.Timeout(seconds, connect=min(seconds, 10.0))


def resolve_settings(
    base_url: Optional[str],
    api_key: Optional[str],
    timeout: float,
    max_retries: int,
    retries: Optional[RetryPolicy],
    use_environment_proxy: bool = True,
) -> Settings:
    """Takes missing arguments from `STEPWELL_URL` (or `STEPWELL_SERVER`) and `STEPWELL_API_KEY`.

    Raises ValueError for an invalid address or key. The message shows neither of them, since the
    caller may have swapped them.
    """
    env = os.environ
    url = base_url or env.get("STEPWELL_URL") or env.get("STEPWELL_SERVER") or DEFAULT_URL
    try:
        is_valid = httpx.URL(url).scheme in ("http", "https") and bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        is_valid = False
    if not is_valid:
        raise ValueError(f"base_url must be a URL such as {DEFAULT_URL}")
    return Settings(
        # Each call has its whole path, so the prefix of the management API is accepted and removed.
        base_url=url.rstrip("/").removesuffix("/api/v1"),
        api_key=_normalize_api_key(api_key or env.get("STEPWELL_API_KEY") or ""),
        timeout=request_timeout(timeout),
        retries=retries or RetryPolicy(max_retries=max_retries),
        proxy=proxy_for(url) if use_environment_proxy else None,
    )


def _normalize_api_key(text: str) -> Optional[str]:
    """The key without the line end of the file that it was read from. No message shows it."""
    key = text.strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("api_key contains characters that are not allowed in a key")
    if "://" in key:
        raise ValueError("api_key is a URL; pass the key first, then base_url")
    return key or None
