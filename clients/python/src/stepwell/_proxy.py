"""Selects the proxy for a server. No I/O.

Requests to a loopback address never use a proxy: the server is on this machine, and a remote proxy
would receive the key and connect to another machine. For all other addresses the environment
variables apply (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, upper or lower case), as read
by `urllib`.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from typing import Optional, Union

import httpx

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def proxy_for(base_url: str) -> Optional[str]:
    """The proxy for a server; None: requests go directly to it."""
    url = httpx.URL(base_url)
    if is_loopback(url.host) or _is_exempt(url.host, url.port):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, in any notation of its address."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def without_credentials(url: str) -> str:
    """A URL for messages: without user name and password."""
    try:
        return str(httpx.URL(url).copy_with(userinfo=b""))
    except httpx.InvalidURL:
        return "(not a valid URL)"


def _address(name: str) -> Optional[Address]:
    try:
        address: Address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            # Short forms such as `127.1`, as the resolver reads them.
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address


def _is_exempt(host: str, port: Optional[int]) -> bool:
    host_and_port = host if port is None else f"{host}:{port}"
    if urllib.request.proxy_bypass(host_and_port):
        return True
    address = _address(host.strip("[]"))
    exempt = urllib.request.getproxies().get("no", "")
    return address is not None and any(
        _is_in_network(entry.strip(), address) for entry in exempt.split(",")
    )


def _is_in_network(entry: str, address: Address) -> bool:
    """Whether an entry of `NO_PROXY` is a network with this address; `urllib` compares names."""
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
