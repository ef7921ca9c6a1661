"""Kept-alive lines to receivers, with the platform's patience: 2 s to connect, 3 s in all."""

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

CONNECT_LIMIT = 2.0
ANSWER_LIMIT = 3.0
MIN_LEFT = 0.001


class Lines:
    """POSTs over lines that stay open; not for sharing between threads."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], limit: float = ANSWER_LIMIT
    ) -> tuple[int | None, bytes, str]:
        """Send once; a line the receiver had closed meanwhile is no refusal, so then once more on a new one.

        Args:
            url: http or https address.
            body: what to send.
            headers: beside Content-Length.
            limit: seconds for everything.

        Returns:
            (status, answer, problem): status None when there was no answer, problem "" when there was.
        """
        deadline = time.monotonic() + limit
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        while True:
            line = self._open.pop(key, None)
            reused = line is not None
            try:
                line = line or _connect(parts.scheme, parts.netloc, deadline)
                status, answer, keep = _exchange(line, target, body, headers, deadline)
            except TimeoutError:
                _drop(line)
                return None, b"", f"no answer within {limit:g} s"
            except (OSError, http.client.HTTPException) as problem:
                _drop(line)
                if reused:
                    continue
                return None, b"", f"{type(problem).__name__}: {problem}"
            if keep:
                self._open[key] = line
            else:
                _drop(line)
            return status, answer, ""

    def close(self) -> None:
        """Close every line."""
        for line in self._open.values():
            line.close()
        self._open.clear()


def _connect(scheme: str, netloc: str, deadline: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    line = kind(netloc, timeout=min(CONNECT_LIMIT, _left(deadline)))
    line.connect()
    return line


def _exchange(
    line: http.client.HTTPConnection, target: str, body: bytes, headers: Mapping[str, str], deadline: float
) -> tuple[int, bytes, bool]:
    line.sock.settimeout(_left(deadline))
    line.request("POST", target, body, dict(headers))
    line.sock.settimeout(_left(deadline))
    response = line.getresponse()
    answer = response.read()
    if time.monotonic() > deadline:
        raise TimeoutError
    return response.status, answer, not response.will_close


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), MIN_LEFT)


def _drop(line: http.client.HTTPConnection | None) -> None:
    if line is not None:
        line.close()
