"""A Chromium that takes pictures of pages, driven over its DevTools protocol. Used by ``make screenshots``.

Source: Chrome DevTools Protocol, domains Page, Runtime, Emulation and Network.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable
from http.cookiejar import Cookie
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image
from websockets.sync.client import connect

from sandbox.client import until
from sandbox.payday_browser import AGENT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--lang=zh-CN",
)
LARGEST = 200_000
"""Bytes a picture of the documentation may have."""


class NoBrowserError(RuntimeError):
    """There is no Chromium on this machine."""


def find() -> str:
    """The Chromium of this machine: what CHROMIUM names, else the first one in PATH.

    Raises:
        NoBrowserError: there is none; the message says what to do.
    """
    named = os.environ.get("CHROMIUM", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        what = f"CHROMIUM={named} cannot be run" if named else "no Chromium is in PATH"
        raise NoBrowserError(f"{what}: install it (Debian: apt install chromium) or set CHROMIUM to its path")
    return found


class Chromium:
    """One browser with one tab; a with-block ends it.

    Args:
        program: from :func:`find`.
    """

    def __init__(self, program: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="chorus-chromium-")
        self._process = subprocess.Popen(  # noqa: S603  # the browser the person named
            [program, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={self._folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._calls = 0
        try:
            port = until(self._port, 60, "Chromium says on which port it listens")
            self._line = connect(until(lambda: _tab(port), 30, "Chromium opens a tab"), max_size=None)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Turn on what pictures need, and be a browser inside Feishu."""
        self.call("Page.enable")
        self.call("Network.setUserAgentOverride", userAgent=AGENT)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End the browser."""
        self._line.close()
        self.close()

    def close(self) -> None:
        """End the process with everything it started, and remove its folder."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(15)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and give back its result; RuntimeError when it is refused."""
        self._calls += 1
        self._line.send(json.dumps({"id": self._calls, "method": method, "params": params}))
        while True:
            answer = json.loads(self._line.recv(timeout=60))
            if answer.get("id") == self._calls:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error'].get('message')}")
                return dict(answer["result"])

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return done["result"].get("value")

    def open(self, url: str, ready: str = "true", *, width: int = 1200, height: int = 800) -> None:
        """Go to a page and wait until it is there and ``ready`` (JavaScript) holds; sizes in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=url)
        self.wait(f"location.href !== 'about:blank' && document.readyState === 'complete' && ({ready})")

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression holds, and all pictures are there."""
        there = "[...document.images].every((i) => i.complete)"
        until(lambda: self.ask(f"({expression}) && {there}") or None, 60, f"the page shows {expression}")

    def cookies(self, jar: Iterable[Cookie], url: str) -> None:
        """Take over the cookies of another browser."""
        for cookie in jar:
            self.call(
                "Network.setCookie", name=cookie.name, value=cookie.value or "", url=url, path=cookie.path,
                httpOnly=True,
            )  # fmt: skip

    def picture(self, file: Path) -> int:
        """Write what is seen as a PNG with a palette; gives back its bytes, at most ``LARGEST``."""
        import base64  # noqa: PLC0415 - only here

        raw = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        data = small(raw)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return len(data)

    def _port(self) -> int | None:
        said = Path(self._folder) / "DevToolsActivePort"
        if self._process.poll() is not None:
            raise RuntimeError("Chromium ended at once; start it by hand to see why")
        lines = said.read_text("utf-8").split() if said.exists() else []
        return int(lines[0]) if lines else None


def _tab(port: int) -> str | None:
    """The address at which the first tab is driven."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:  # loopback
        tabs = json.load(answer)
    return next((str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page"), None)


def small(png: bytes, largest: int = LARGEST) -> bytes:
    """A PNG with as many colours as fit into so many bytes."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    data = png
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        data = out.getvalue()
        if len(data) <= largest:
            return data
    return data
