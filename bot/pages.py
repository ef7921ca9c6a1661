"""What all our pages share: headers, who may frame them, where a request came from."""

from __future__ import annotations

import ipaddress
from typing import Final

from flask import Response, make_response, redirect, request

FRAMES: Final = "https://*.feishu.cn https://*.feishu.net https://*.larkoffice.com https://*.larksuite.com"
"""Where Feishu's own clients may show a page of ours inside one of theirs."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), display-capture=()",
    "X-Robots-Tag": "noindex, nofollow",
}


def see(path: str) -> Response:
    """Go to a path of ours with GET."""
    return make_response(redirect(path, 303))


def network_address() -> str | None:
    """The browser's network address; behind a proxy of ours, the one that proxy saw.

    A forwarded address is believed only from this machine or a private network, and only the last one:
    everything before it was written by whoever asked.
    """
    peer = request.remote_addr
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        near = ipaddress.ip_address(peer or "").is_private
    except ValueError:
        near = False
    return forwarded if near and forwarded else peer
