"""Settings of a client: from its arguments, then from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Mapping, Optional, Union

import httpx

from ._proxy import proxy_for, without_credentials
from ._retry import RetryPolicy
from ._secret import HiddenText, Secret, reveal

VERSION = "0.1.0"
DEFAULT_URL = "http://127.0.0.1:8080"

# The server sends a comment every 15 s, so a stream without data for longer is broken.
STREAM_TIMEOUT = 60.0

# `wait` reads the events after this one, which is after the last possible event: the server sends
# nothing but keep-alives, and closes the stream when the execution has ended.
AFTER_ALL_EVENTS = 2**53 - 1

# Each event stream holds a connection while it is read, so the limit of httpx (100) is low.
CONNECTION_LIMITS = httpx.Limits(
    max_connections=1000, max_keepalive_connections=100, keepalive_expiry=5.0
)


@dataclass(frozen=True)
class Settings:
    """The settings of a client; times in seconds."""

    # Can contain the credentials of a reverse proxy, so it is not shown.
    base_url: str = field(repr=False)
    api_key: Optional[Secret]
    timeout: httpx.Timeout
    max_retries: int
    retry_policy: RetryPolicy
    # The caller's own headers, which can contain secrets.
    own_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    # The proxy from the environment. None: requests go directly to the server, or through the
    # caller's own HTTP client, which has its own proxy settings.
    proxy: Optional[str] = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The URL of the server without credentials."""
        return without_credentials(self.base_url).rstrip("/")

    @property
    def server_label(self) -> str:
        """The server, and the proxy if there is one, for error messages: without credentials."""
        if self.proxy is None:
            return self.address
        return f"{self.address} through the proxy {without_credentials(self.proxy).rstrip('/')}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request, without the API key."""
        user_agent = f"stepwell-python/{VERSION}"
        return {"User-Agent": user_agent, "Accept": "application/json", **self.own_headers}

    @property
    def authentication(self) -> dict[str, str]:
        """The header with the API key. It is not `Authorization`, which `httpx` replaces if the URL
        or the caller's own HTTP client has credentials for a reverse proxy."""
        return {"X-API-KEY": HiddenText(self.api_key.reveal())} if self.api_key else {}

    @property
    def stream_timeout(self) -> httpx.Timeout:
        """The timeouts of event streams."""
        return self.reading_timeout(max(STREAM_TIMEOUT, self.timeout.read or 0.0))

    def reading_timeout(self, read: float) -> httpx.Timeout:
        """These timeouts with another one for the time without data."""
        base = self.timeout
        return httpx.Timeout(connect=base.connect, read=read, write=base.write, pool=base.pool)

    def override(
        self,
        timeout: Optional[float],
        max_retries: Optional[int],
        headers: Optional[Mapping[str, str]],
        retry_policy: Optional[RetryPolicy],
    ) -> Settings:
        """These settings with other options; None keeps a value, headers are added."""
        return replace(
            self,
            timeout=self.timeout if timeout is None else request_timeout(timeout),
            max_retries=self.max_retries if max_retries is None else _checked(max_retries),
            own_headers={**self.own_headers, **(headers or {})},
            retry_policy=retry_policy or self.retry_policy,
        )


@dataclass(frozen=True)
class ClientOptions:
    """The options of a client, as they are passed."""

    timeout: float
    max_retries: int
    headers: Optional[Mapping[str, str]]
    retry_policy: Optional[RetryPolicy]


def _checked(max_retries: int) -> int:
    if max_retries < 0:
        raise ValueError("max_retries must not be negative")
    return max_retries


def request_timeout(seconds: float) -> httpx.Timeout:
    """The timeouts of a request: at most 10 s to connect."""
    return httpx.Timeout(seconds, connect=min(seconds, 10.0))


def resolve_settings(
    base_url: Optional[str],
    api_key: Union[Secret, str, None],
    options: ClientOptions,
    use_environment_proxy: bool,
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
        api_key=_normalize_api_key(reveal(api_key or env.get("STEPWELL_API_KEY") or "")),
        timeout=request_timeout(options.timeout),
        max_retries=_checked(options.max_retries),
        retry_policy=options.retry_policy or RetryPolicy(),
        own_headers=dict(options.headers or {}),
        proxy=proxy_for(url) if use_environment_proxy else None,
    )


def _normalize_api_key(text: str) -> Optional[Secret]:
    """The key without the line end of the file that it was read from. No message shows it."""
    key = text.strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("api_key contains characters that are not allowed in a key")
    if "://" in key:
        raise ValueError("api_key is a URL; pass the key first, then base_url")
    return Secret(key) if key else None
