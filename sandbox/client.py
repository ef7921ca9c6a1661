"""A small client of the control plane, for the demo, scenario tests and benchmarks."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Control:
    """Speaks to ``/_sandbox`` and, as the default app, to the open API itself.

    Args:
        url: address of the sandbox, e.g. ``http://127.0.0.1:8470``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._token = ""

    def get(self, path: str) -> dict[str, Any]:
        """GET ``/_sandbox/<path>`` and return the ``data`` of the answer."""
        return self._data(self._send("GET", f"{self.url}/_sandbox/{path}", None, {}))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """POST ``body`` to ``/_sandbox/<path>`` and return the ``data`` of the answer."""
        return self._data(self._send("POST", f"{self.url}/_sandbox/{path}", body, {}))

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE ``/_sandbox/<path>``."""
        return self._data(self._send("DELETE", f"{self.url}/_sandbox/{path}", None, {}))

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call ``/open-apis/<path>`` with the default app's tenant token and return ``data``."""
        if not self._token:
            keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
            url = f"{self.url}/open-apis/auth/v3/tenant_access_token/internal"
            self._token = self._send("POST", url, keys, {})["tenant_access_token"]
        head = {"Authorization": f"Bearer {self._token}"}
        return self._data(self._send(method, f"{self.url}/open-apis/{path}", body, head))

    def rows(self, app_token: str, table_id: str) -> list[dict[str, Any]]:
        """All records of a table as ``{"record_id", "fields"}`` (read shape)."""
        found: list[dict[str, Any]] = []
        page = ""
        while True:
            path = f"bitable/v1/apps/{app_token}/tables/{table_id}/records/search?page_size=500{page}"
            data = self.api("POST", path, {})
            found.extend(data.get("items") or [])
            if not data.get("has_more"):
                return found
            page = f"&page_token={data['page_token']}"

    @staticmethod
    def _data(answer: dict[str, Any]) -> dict[str, Any]:
        if answer.get("code", 0) != 0:
            raise RuntimeError(f"the sandbox refused: {answer.get('code')} {answer.get('msg')}")
        data = answer.get("data", answer)
        return data if isinstance(data, dict) else {"data": data}

    @staticmethod
    def _send(method: str, url: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        raw = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(url, raw, head, method=method)  # noqa: S310  # loopback, built above
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            text = refusal.read()
        parsed = json.loads(text)
        return parsed if isinstance(parsed, dict) else {"data": parsed}


def plain(cell: Any) -> str:
    """The text a person sees in a cell of read shape (text segments, formula lists, options, numbers)."""
    if isinstance(cell, dict):
        return plain(cell.get("value", cell.get("text", "")))
    if isinstance(cell, list):
        return "".join(
            plain(part.get("text", part.get("name", "")) if isinstance(part, dict) else part) for part in cell
        )
    return "" if cell is None else str(cell)


def until(probe: Callable[[], T | None], timeout: float, what: str) -> T:
    """Ask ``probe`` every 20 ms until it gives something truthy; TimeoutError naming ``what`` otherwise.

    A busy machine may be given more time: ``SANDBOX_PATIENCE=5`` makes every timeout (seconds) five times
    as long.
    """
    deadline = time.monotonic() + timeout * float(os.environ.get("SANDBOX_PATIENCE", "1"))
    pause = threading.Event()
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not seen within {timeout:g} s")
        pause.wait(0.02)
