"""What all our pages share: headers, who may frame them, where a request came from."""

from __future__ import annotations

import hashlib
import ipaddress
import traceback
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, make_response, redirect, request, send_from_directory

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


A_DAY: Final = 86400


def policy(*more: str) -> str:
    """The Content-Security-Policy of our pages: what they bring themselves, and what ``more`` allows."""
    own = ("style-src 'self'", "script-src 'self'", "img-src 'self'", *more, "form-action 'self'")
    return "; ".join(("default-src 'none'", *own, "base-uri 'none'", f"frame-ancestors {FRAMES}"))


class Assets:
    """The styles and scripts of a feature's pages; browsers may keep them, for they say nothing of anybody.

    Args:
        folder: where they lie.
        names: those that are given out.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = names

    @cached_property
    def version(self) -> str:
        """Short digest, part of their addresses, so that browsers keep no old ones."""
        every = b"".join((self.folder / name).read_bytes() for name in self.names)
        return hashlib.sha256(every).hexdigest()[:10]

    def add(self, pages: Blueprint) -> None:
        """Add ``/assets/<name>`` to a feature's pages."""

        @pages.get("/assets/<name>", endpoint="assets")
        def assets(name: str) -> Response:
            if name not in self.names:
                return make_response("", 404)
            return send_from_directory(self.folder, name, max_age=A_DAY)


def dress(answer: Response, pages: Blueprint, content: str, *, secure: bool) -> Response:
    """The headers every page leaves with.

    Args:
        answer: the page, or an asset of it.
        pages: the feature's blueprint.
        content: its `policy`.
        secure: browsers reach us by https.
    """
    kept = answer.headers.get("Cache-Control") if request.endpoint == f"{pages.name}.assets" else None
    for name, value in {"Content-Security-Policy": content, **HEADERS}.items():
        answer.headers[name] = value
    if kept and answer.status_code in {200, 304}:
        answer.headers["Cache-Control"] = kept
    if secure:
        answer.headers["Strict-Transport-Security"] = "max-age=31536000"
    return answer


def set_cookie(answer: Response, name: str, value: str, longest: timedelta, *, secure: bool) -> Response:
    """Give a cookie to the browser that no script reads and no other site's form brings along."""
    answer.set_cookie(name, value, max_age=longest, path="/", secure=secure, httponly=True, samesite="Lax")
    return answer


def drop_cookie(answer: Response, name: str, *, secure: bool) -> Response:
    """Take a cookie of `set_cookie` back."""
    answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
    return answer


def where(error: Exception) -> list[str]:
    """The last places an error came by, and nothing of what it says: that may quote what a page showed."""
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]


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
