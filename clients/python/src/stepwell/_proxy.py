"""Which proxy the requests to a server go through. No I/O.

Loopback addresses never have one: the server is on this machine, and a proxy elsewhere would get
the key and reach another machine under that address. For all others the environment decides
(`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case), as `urllib` reads it.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from typing import Optional, Union

import httpx

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def proxy_for(base_url: str) -> Optional[str]:
    """The proxy for an address; None: the server is called directly."""
    url = httpx.URL(base_url)
    if is_loopback(url.host) or _is_exempt(url.host, url.port):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, however its address is written."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def without_credentials(url: str) -> str:
    """An address as it may be shown."""
    try:
        return str(httpx.URL(url).copy_with(userinfo=b""))
    except httpx.InvalidURL:
        return "(not a valid URL)"


def _address(name: str) -> Optional[Address]:
    try:
        address: Address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            # `127.1` and its kind, as the resolver reads them.
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address


def _is_exempt(host: str, port: Optional[int]) -> bool:
    named = host if port is None else f"{host}:{port}"
    if urllib.request.proxy_bypass(named):
        return True
    address = _address(host.strip("[]"))
    exempt = urllib.request.getproxies().get("no", "")
    return address is not None and any(
        _contains(entry.strip(), address) for entry in exempt.split(",")
    )


def _contains(entry: str, address: Address) -> bool:
    """`urllib` knows names only."""
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
