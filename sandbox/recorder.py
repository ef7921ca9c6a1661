"""Every call the sandbox received and what it answered, for tests and for people who look."""

import itertools
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kernel import Part

KEPT_CALLS = 20_000
KEPT_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call; bodies stay raw until somebody asks."""

    n: int
    at: float
    method: str
    path: str
    route: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    files: Mapping[str, Part]
    app_id: str
    status: int
    response: bytes
    ms: float

    def view(self) -> dict[str, Any]:
        """The JSON form the control plane shows."""
        body: Any = readable(self.raw)
        if self.files:
            body = {
                name: {"size": len(part.data), "filename": part.filename, "text": small_text(part)}
                for name, part in self.files.items()
            }
        return {
            "n": self.n,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "route": self.route,
            "query": dict(self.query),
            "user_agent": self.headers.get("user-agent", ""),
            "app_id": self.app_id,
            "body": body,
            "status": self.status,
            "response": readable(self.response),
            "ms": round(self.ms, 2),
        }


def readable(raw: bytes) -> Any:
    """JSON when it is JSON, else text, else a note of the size."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        pass
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"<{len(raw)} bytes>"


def small_text(part: Part) -> str | None:
    """The text of a short form field; None for files."""
    if part.filename is not None or len(part.data) > 1000:
        return None
    return part.data.decode(errors="replace")


class Recorder:
    """A bounded list of calls, numbered from 1 since the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)

    def keep(self, **call: Any) -> None:
        """Record one call (the fields of ``Call`` except ``n``)."""
        if len(call["raw"]) > KEPT_BYTES:
            call["raw"] = b""
        with self._lock:
            self._calls.append(Call(n=next(self._numbers), **call))

    def calls(self, since: int = 0, path: str = "") -> list[dict[str, Any]]:
        """Calls with a number above ``since`` whose path contains ``path``, oldest first."""
        with self._lock:
            chosen = [call for call in self._calls if call.n > since and path in call.path]
        return [call.view() for call in chosen]

    def newest(self, most: int) -> list[Call]:
        """Up to ``most`` calls, newest first."""
        with self._lock:
            return list(itertools.islice(reversed(self._calls), most))

    def call(self, number: int) -> Call | None:
        """The call with this number; None when it is forgotten or never was."""
        with self._lock:
            return next((call for call in self._calls if call.n == number), None)

    def clear(self) -> None:
        """Forget all calls and count from 1 again."""
        with self._lock:
            self._calls.clear()
            self._numbers = itertools.count(1)
