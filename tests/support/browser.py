"""Chromium without a driver: enough of its protocol to open a page, press keys and ask what is there."""

import json
import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

from tests.support.wait import until

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
CODES = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39}


class Browser:
    """One page of a headless Chromium of its own; a context manager.

    Args:
        folder: an empty folder for the browser's profile.

    ``errors`` holds what scripts threw and what the browser refused (a blocked script, a missing file).
    """

    def __init__(self, folder: Path) -> None:
        self.errors: list[str] = []
        self._number = 0
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        self._process = subprocess.Popen(
            [CHROMIUM, *options, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._line = connect(self._address(folder), max_size=None)
        except BaseException:
            self._kill()
            raise
        for area in ("Page", "Runtime", "Log"):
            self.call(f"{area}.enable")

    def _address(self, folder: Path) -> str:
        """Where the page listens; Chromium writes its port into the profile once it is up."""
        port = folder / "DevToolsActivePort"
        until(lambda: port.exists() and port.read_text().count("\n"), timeout=60, what="Chromium")
        url = f"http://127.0.0.1:{port.read_text().split()[0]}/json"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return next(
                str(one["webSocketDebuggerUrl"]) for one in json.load(answer) if one["type"] == "page"
            )

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()
        self._kill()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            told = json.loads(self._line.recv(timeout=60))
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        params = told.get("params", {})
        if told["method"] == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif told["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def js(self, code: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, url: str, ready: str) -> None:
        """Open an address and wait until the expression ``ready`` is true there."""
        self.call("Page.navigate", url=url)
        until(lambda: self.js(f"location.href === {json.dumps(url)} && !!({ready})"), timeout=60)

    def wait(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        until(lambda: self.js(f"!!({condition})"), timeout=60)

    def press(self, *keys: str) -> None:
        """Press keys by name, e.g. Enter."""
        for key in keys:
            code = CODES[key]
            down = {"text": "\r"} if key == "Enter" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type="keyDown",
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **down,
            )
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        """Type text where the focus is; the first letter is a key, with which a grid begins to edit."""
        self.call("Input.dispatchKeyEvent", type="keyDown", key=text[0], text=text[0])
        self.call("Input.dispatchKeyEvent", type="keyUp", key=text[0])
        if text[1:]:
            self.call("Input.insertText", text=text[1:])
