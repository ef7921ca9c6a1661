"""Pooled keep-alive connections to one address, through the machine's proxy where one is set."""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

CONNECTIONS = 16


def open_pool(base_url: str, timeout: urllib3.Timeout) -> urllib3.HTTPConnectionPool:
    """Open the pool of an address; connections are made when first needed.

    Args:
        base_url: scheme and host.
        timeout: for connecting and for each read, in seconds.
    """
    address = urlsplit(base_url)
    proxy = getproxies().get("https") if address.scheme == "https" else None
    options: dict[str, Any] = {"maxsize": CONNECTIONS, "block": False, "timeout": timeout}
    if proxy and not proxy_bypass(address.hostname or ""):
        through = urllib3.ProxyManager(proxy, **options)
        return through.connection_from_host(address.hostname or "", address.port, address.scheme)
    return urllib3.connection_from_url(base_url, **options)
