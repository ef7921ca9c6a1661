"""Faults ordered through the control plane: what goes wrong, where, and how many times."""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox.kernel import ApiError

KINDS = (
    "code", "status", "html", "drop_before", "drop_after", "drop_mid", "delay", "late", "answer",
    "revoke_tokens",
)  # fmt: skip


@dataclass(slots=True)
class Fault:
    """One order: skip ``skip`` matching calls, then spoil the next ``times``.

    ``code`` and ``status`` refuse in Feishu's envelope, ``answer`` gives ``body`` (an object, or text with
    the Content-Type of ``headers``) word for word; with ``done`` the work is done first and its answer
    thrown away. ``drop_before`` cuts the line without doing anything, ``drop_after`` when the work is done,
    ``drop_mid`` in the middle of the answer. ``delay`` waits before the work, ``late`` after it.
    """

    id: int
    kind: str
    method: str
    path: str
    times: int
    skip: int
    code: int
    msg: str
    status: int
    headers: dict[str, str]
    seconds: float
    body: dict[str, Any] | str = ""
    done: bool = False
    hits: int = field(default=0)

    def claims(self, method: str, path: str) -> bool:
        """Count a call; True when this fault spoils it."""
        if self.times <= 0 or self.method not in ("*", method) or not fnmatchcase(path, self.path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True

    def error(self) -> ApiError:
        """The refusal of a "code" or "status" fault."""
        return ApiError(self.code, self.msg, status=self.status, headers=self.headers)


class Faults:
    """The list of ordered faults; the first that matches a call spoils it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._orders: list[Fault] = []

    def order(self, wish: Mapping[str, Any]) -> Fault:
        """Add a fault from its JSON form.

        Raises:
            ApiError: 10003 naming what is wrong with the order.
        """
        kind = str(wish.get("kind", "code"))
        if kind not in KINDS:
            raise ApiError(10003, f"fault kind {kind!r} is not one of {', '.join(KINDS)}", status=400)
        match = wish.get("match") or {}
        code = int(wish.get("code", 2200))
        limited = code == 99991400
        status = int(wish.get("status", {"status": 500, "html": 502}.get(kind, 429 if limited else 200)))
        headers = {str(k): str(v) for k, v in (wish.get("headers") or {}).items()}
        if limited and not headers:
            headers = {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": "1"}
        default_msg = "request trigger frequency limit" if limited else "internal error"
        fault = Fault(
            id=next(self._numbers),
            kind=kind,
            method=str(match.get("method", "*")).upper(),
            path=str(match.get("path", "*")),
            times=int(wish.get("times", 1)),
            skip=int(wish.get("skip", 0)),
            code=code,
            msg=str(wish.get("msg", default_msg)),
            status=status,
            headers=headers,
            seconds=float(wish.get("seconds", 1.0)),
            body=wish.get("body", ""),
            done=bool(wish.get("done", False)),
        )
        with self._lock:
            self._orders.append(fault)
        return fault

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault that spoils this call, if any; counts it."""
        if not self._orders:
            return None
        with self._lock:
            return next((fault for fault in self._orders if fault.claims(method, path)), None)

    def listing(self) -> list[dict[str, Any]]:
        """All orders with how often they struck."""
        with self._lock:
            return [asdict(fault) for fault in self._orders]

    def withdraw(self, number: int) -> bool:
        """Withdraw one order; False when there is none with this id."""
        with self._lock:
            kept = [fault for fault in self._orders if fault.id != number]
            found, self._orders = len(kept) < len(self._orders), kept
            return found

    def clear(self) -> None:
        """Withdraw all orders."""
        with self._lock:
            self._orders.clear()
