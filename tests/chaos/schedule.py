"""What goes wrong, where and when: drawn from a seed, and nothing else. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROLES = ("worker", "worker", "web", "web-server", "painter", "all")
CUTS = ("cut", "hang", "lose", "slow")
LINES = ("feishu", "feishu", "ads", "shop", "erp", "images", "inbound")

SEND = ("POST", "/open-apis/im/v1/messages")
REDRAW = ("PATCH", "/open-apis/im/v1/messages/*")
CREATE = ("*", "*/records/batch_create")
UPDATE = ("*", "*/records/batch_update")
REREAD = ("*", "*/records/batch_get")
SEARCH = ("*", "*/records/search*")
BUDGET = ("*", "*/qianchuan/ad/budget/update/")
PLANS = ("*", "*/qianchuan/ad/get/")
PURCHASE = ("*", "/open/jushuitan/purchase/upload")
INVENTORY = ("*", "/open/inventory/query")
APPROVE = ("*", "/open-apis/approval/*")
UPLOAD = ("*", "/open-apis/drive/v1/medias/*")
PAGE = ("*", "/open-apis/docx/*")
WIKI = ("*", "/open-apis/wiki/*")
ATTEND = ("*", "/open-apis/attendance/*")
PAINT = ("*", "/api/v3/images/generations")
PATHS = (
    SEND, SEND, REDRAW, CREATE, UPDATE, UPDATE, REREAD, SEARCH, BUDGET, PLANS, PURCHASE, INVENTORY, APPROVE,
    UPLOAD, PAGE, WIKI, ATTEND, PAINT,
)  # fmt: skip

BUSY = {"kind": "code", "code": 99991400}
"""429 with ``x-ogw-ratelimit-reset``."""
FEISHU_ONLY: tuple[Mapping[str, object], ...] = (
    BUSY, {"kind": "code", "code": 99991400, "status": 400}, {"kind": "code", "code": 1254291},
    {"kind": "code", "code": 1254607}, {"kind": "revoke_tokens"},
)  # fmt: skip
ANYWHERE: tuple[Mapping[str, object], ...] = (
    {"kind": "status", "status": 500}, {"kind": "status", "status": 503}, {"kind": "html"},
    {"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "drop_after"}, {"kind": "drop_mid"},
    {"kind": "delay", "seconds": 3}, {"kind": "late", "seconds": 3},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at: seconds after the day began.
        kind: a method of ``tests.chaos.faults.Faults``.
        target: instance, line or path, as the kind has it.
        how: role, mode or particulars.
        seconds: how long it lasts; 0 for what is over at once.
    """

    at: float
    kind: str
    target: str = ""
    how: str = ""
    seconds: float = 0.0
    order: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        lasts = f" for {self.seconds:.1f} s" if self.seconds else ""
        more = " ".join(f"{key}={value}" for key, value in self.order)
        return " ".join(f"{self.at:5.1f} s  {self.kind} {self.target} {self.how} {more}".split()) + lasts


@dataclass(frozen=True, slots=True)
class Schedule:
    """A day's faults in order, and how unkindly events are delivered all day long."""

    seed: int
    setting: str
    faults: tuple[Fault, ...]
    duplicate: bool
    shuffle: bool

    def lines(self) -> list[str]:
        """For people."""
        said = [name for name, on in (("doubled", self.duplicate), ("out of order", self.shuffle)) if on]
        return [f"events come {' and '.join(said) or 'as they should'}", *map(str, self.faults)]


def draw(seed: int, setting: str, instances: tuple[str, ...], *, length: float, count: int) -> Schedule:
    """Draw a day's faults: one kill and one cut at least, the rest of every kind.

    Args:
        seed: the same seed gives the same day.
        setting: sqlite or postgres; PostgreSQL can be cut off and restarted.
        instances: names of the installations.
        length: seconds over which faults begin.
        count: how many.
    """
    dice = random.Random(f"chaos/{setting}/{seed}")
    own = (_database_cut, _postgres_restart) if setting == "postgres" else (_disk_slow,)
    makers: list[Callable[[random.Random, float, tuple[str, ...]], Fault]] = [
        _kill, _kill, _stall, _cut, _cut, _refusal, _refusal, _refusal, _storm, _revoke, _platform_clock,
        _clock_step, _disk_full, _sandbox_restart, *own,
    ]  # fmt: skip
    chosen = [_kill, _cut, *(dice.choice(makers) for _ in range(count - 2))]
    moments = sorted(round(dice.uniform(0.3, length), 1) for _ in chosen)
    dice.shuffle(chosen)
    faults = tuple(make(dice, at, instances) for at, make in zip(moments, chosen, strict=True))
    return Schedule(seed, setting, faults, dice.random() < 0.5, dice.random() < 0.5)


def _lasting(dice: random.Random, least: float, most: float) -> float:
    return round(dice.uniform(least, most), 1)


def _kill(dice: random.Random, at: float, instances: tuple[str, ...]) -> Fault:
    return Fault(at, "kill", dice.choice(instances), dice.choice(ROLES))


def _stall(dice: random.Random, at: float, instances: tuple[str, ...]) -> Fault:
    role = dice.choice(("worker", "web-server"))
    return Fault(at, "stall", dice.choice(instances), role, _lasting(dice, 0.5, 3))


def _cut(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    return Fault(at, "cut", dice.choice(LINES), dice.choice(CUTS), _lasting(dice, 0.5, 5))


def _database_cut(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    return Fault(at, "cut", "database", dice.choice(CUTS), _lasting(dice, 0.3, 3))


def _refusal(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    method, path = dice.choice(PATHS)
    kinds = ANYWHERE + (FEISHU_ONLY if "open-apis" in path or "records" in path else ())
    order = dice.choice(kinds)
    return Fault(at, "refuse", f"{method} {path}", f"{dice.randrange(1, 4)}×", order=tuple(order.items()))


def _storm(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    reset = {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": str(dice.randrange(1, 4))}
    order = (*BUSY.items(), ("headers", tuple(reset.items())))
    return Fault(at, "refuse", "* /open-apis/*", f"{dice.randrange(8, 25)}×", order=order)


def _revoke(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    return Fault(at, "refuse", "* /open-apis/*", "1×", order=(("kind", "revoke_tokens"),))


def _platform_clock(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    wrong = dice.choice((-240, -20, 20, 75, 310, 1800, 7300))
    return Fault(at, "platform_clock", how=str(wrong), seconds=_lasting(dice, 0.5, 4))


def _clock_step(dice: random.Random, at: float, instances: tuple[str, ...]) -> Fault:
    wrong = dice.choice((-3600, -200, -40, 40, 200, 3600))
    return Fault(at, "clock_step", dice.choice(instances), str(wrong), _lasting(dice, 0.5, 3))


def _disk_full(dice: random.Random, at: float, instances: tuple[str, ...]) -> Fault:
    return Fault(at, "disk_full", dice.choice(instances), seconds=_lasting(dice, 0.5, 3))


def _disk_slow(dice: random.Random, at: float, instances: tuple[str, ...]) -> Fault:
    return Fault(at, "disk_slow", dice.choice(instances), seconds=_lasting(dice, 0.5, 4))


def _sandbox_restart(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    return Fault(at, "sandbox_restart")


def _postgres_restart(dice: random.Random, at: float, _instances: tuple[str, ...]) -> Fault:
    return Fault(at, "postgres_restart", how=dice.choice(("fast", "immediate")))
