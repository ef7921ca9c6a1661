"""The personal PIN in front of pay: chosen on the first visit, asked for again after ten minutes.

Six digits are few, so what protects them is counting: a try is counted *before* it is verified, in one
statement, so that parallel guesses cannot share a count. Five wrong ones in a row lock for a quarter of an
hour, ten until HR resets. The stored hash is Argon2id over an HMAC with a key that is not in the database, so
that a dump cannot be searched.

Sources: OWASP password storage (Argon2id, m = 19 MiB, t = 2, p = 1), RFC 9106, argon2-cffi.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from payslip import sessions
from payslip.tables import pin_failures, pins
from runtime import audit
from runtime.clock import Clock
from runtime.db import Database
from runtime.ids import OpenId
from runtime.vault import Vault
from runtime.work import Work, WorkQueue

if TYPE_CHECKING:
    from argon2 import PasswordHasher

DIGITS: Final = 6
LOCK_AT: Final = 5
LOCK: Final = timedelta(minutes=15)
RESET_AT: Final = 10
ADDRESS_LIMIT: Final = 60
ADDRESS_WINDOW: Final = timedelta(minutes=15)
"""Wrong PINs from one network address, all people together; an office shares one, hence generous."""

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
AT_ONCE: Final = 3
"""How many hashes are computed at a time: each takes 19 MiB."""

RESET_JOB: Final = "pay.pin_reset_told"


class Outcome(StrEnum):
    """What came of a try; the named reason of its audit row."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"
    RESET_NEEDED = "reset_needed"
    NOT_SET = "not_set"
    ADDRESS = "address_limit"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a try.

    Attributes:
        outcome: what came of it.
        left: tries before the next lock, where that is useful to know.
        until: when a lock ends.
    """

    outcome: Outcome
    left: int = 0
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of somebody's PIN."""

    chosen: bool
    failures: int
    until: datetime | None

    def locked(self, now: datetime) -> bool:
        """Whether a try would be refused unseen."""
        return self.failures >= RESET_AT or (self.until is not None and self.until > now)


@dataclass(frozen=True, slots=True)
class _Claim:
    hash: str
    failures: int
    row: int


def weakness(pin: str, employee_no: str = "") -> str | None:
    """Why a PIN must not be used, as a sentence; None when it may.

    Args:
        pin: as typed.
        employee_no: everybody in the company knows it.
    """
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", pin):
        return "请输入 6 位数字。"
    if _repeats(pin) or _runs(pin):
        return "这个 PIN 太容易猜：不要用重复或连续的数字。"
    if _dated(pin):
        return "这个 PIN 像一个日期，生日很容易被猜到，请换一个。"
    number = re.sub(r"\D", "", employee_no)
    if any(number[i : i + 4] in pin for i in range(len(number) - 3)):
        return "这个 PIN 里有你的工号，同事都知道它，请换一个。"
    return None


def network(address: str | None) -> str:
    """The network an address stands for: itself, or for IPv6 its /64, which one household shares."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


class Pins:
    """Everybody's PIN. Safe to share between threads.

    Args:
        db: durable database.
        queue: tells the employee of a reset.
        clock: the time.
        vault: gives the pepper.
    """

    def __init__(self, db: Database, queue: WorkQueue, clock: Clock, vault: Vault) -> None:
        self._db = db
        self._queue = queue
        self._clock = clock
        self._vault = vault
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def status(self, conn: Connection, open_id: OpenId) -> Status:
        """What is known of a person's PIN."""
        query = sa.select(pins.c.hash, pins.c.failures, pins.c.locked_until).where(pins.c.open_id == open_id)
        row = conn.execute(query).first()
        return Status(False, 0, None) if row is None else Status(row[0] is not None, row[1], row[2])

    def choose(self, open_id: OpenId, pin: str, *, change: bool = False) -> bool:
        """Set a PIN that `weakness` found nothing wrong with.

        Args:
            open_id: whose.
            pin: six digits.
            change: replace the one that is there; the caller has just verified the old one.

        Returns:
            False when there is a PIN already and this is no change: of two first visits one decides.
        """
        now, hashed = self._clock.now(), self._hash(open_id, pin)
        values = {"hash": hashed, "failures": 0, "locked_until": None, "set_at": now, "reset_by": None}
        with self._db.begin() as conn:
            insert = self._db.insert(pins).values(open_id=open_id, **values)
            where = None if change else pins.c.hash.is_(None)
            upsert = insert.on_conflict_do_update(index_elements=["open_id"], set_=values, where=where)
            if conn.execute(upsert.returning(pins.c.open_id)).first() is None:
                return False
            self._note(conn, open_id, "pay.pin_set", "changed" if change else "first")
        return True

    def check(self, open_id: OpenId, pin: str, address: str | None) -> Verdict:
        """Judge a try: count it, verify it, undo the count when it was right.

        Args:
            open_id: the signed-in person.
            pin: as typed.
            address: network address of the browser.
        """
        where = self._vault.digest("address", network(address).encode())[:32]
        with self._db.begin() as conn:
            claim = self._claim(conn, open_id, where)
            if isinstance(claim, Verdict):
                self._note(conn, open_id, "pay.pin_tried", claim.outcome)
                return claim
        right = self._verify(open_id, pin, claim.hash)
        renewed = self._hash(open_id, pin) if right and self._hasher.check_needs_rehash(claim.hash) else None
        with self._db.begin() as conn:
            if right:
                self._forgive(conn, open_id, claim, renewed)
            verdict = Verdict(Outcome.RIGHT) if right else self._wrong(claim)
            self._note(conn, open_id, "pay.pin_tried", verdict.outcome)
        return verdict

    def reset(self, conn: Connection, open_id: OpenId, by: OpenId) -> None:
        """HR lets a person choose anew: forgets the PIN, ends their sessions, tells them who did it.

        Args:
            conn: a write transaction; the notice (job ``pay.pin_reset_told``) commits with it.
            open_id: whose PIN.
            by: who reset it; rights are the caller's to check.
        """
        now = self._clock.now()
        values = {"hash": None, "failures": 0, "locked_until": None, "set_at": None, "reset_by": by}
        insert = self._db.insert(pins).values(open_id=open_id, **values)
        conn.execute(insert.on_conflict_do_update(index_elements=["open_id"], set_=values))
        sessions.end_all(conn, open_id)
        audit.record(
            conn, at=now, actor=by, action="pay.pin_reset", subject=f"person:{open_id}", reason="asked_hr"
        )
        args = {"open_id": open_id, "by": by, "at": now.isoformat(timespec="seconds")}
        work_id = f"pay.pin_reset:{open_id}:{now.isoformat(timespec='microseconds')}"
        self._queue.put(conn, Work(RESET_JOB, work_id, f"receiver:{open_id}", args))

    # --- counting ---

    def _claim(self, conn: Connection, open_id: OpenId, where: str) -> _Claim | Verdict:
        """Count a try that has not been verified yet, or say why there is none."""
        now = self._clock.now()
        conn.execute(pin_failures.delete().where(pin_failures.c.at <= now - ADDRESS_WINDOW))
        recent = sa.select(sa.func.count()).select_from(pin_failures).where(pin_failures.c.address == where)
        if conn.execute(recent).scalar_one() >= ADDRESS_LIMIT:
            return Verdict(Outcome.ADDRESS, until=now + ADDRESS_WINDOW)
        after = pins.c.failures + 1
        count = (
            pins.update()
            .where(pins.c.open_id == open_id, pins.c.hash.is_not(None), pins.c.failures < RESET_AT)
            .where(sa.or_(pins.c.locked_until.is_(None), pins.c.locked_until <= now))
            .values(failures=after, locked_until=sa.case((after == LOCK_AT, now + LOCK), else_=None))
            .returning(pins.c.hash, pins.c.failures)
        )
        counted = conn.execute(count).first()
        if counted is None:
            return self._refused(conn, open_id)
        added = conn.execute(pin_failures.insert().values(address=where, at=now))
        row = added.inserted_primary_key
        return _Claim(counted[0], counted[1], row[0] if row else 0)

    def _refused(self, conn: Connection, open_id: OpenId) -> Verdict:
        status = self.status(conn, open_id)
        if not status.chosen:
            return Verdict(Outcome.NOT_SET)
        if status.failures >= RESET_AT:
            return Verdict(Outcome.RESET_NEEDED)
        return Verdict(Outcome.LOCKED, until=status.until)

    def _forgive(self, conn: Connection, open_id: OpenId, claim: _Claim, renewed: str | None) -> None:
        # Only for the PIN that was verified: one that was reset meanwhile keeps its own count.
        same = sa.and_(pins.c.open_id == open_id, pins.c.hash == claim.hash)
        values: dict[str, Any] = {"failures": 0, "locked_until": None}
        conn.execute(pins.update().where(same).values(**values, hash=renewed or claim.hash))
        conn.execute(pin_failures.delete().where(pin_failures.c.id == claim.row))

    def _wrong(self, claim: _Claim) -> Verdict:
        if claim.failures >= RESET_AT:
            return Verdict(Outcome.RESET_NEEDED)
        if claim.failures == LOCK_AT:
            return Verdict(Outcome.LOCKED, until=self._clock.now() + LOCK)
        limit = LOCK_AT if claim.failures < LOCK_AT else RESET_AT
        return Verdict(Outcome.WRONG, left=limit - claim.failures)

    def _note(self, conn: Connection, open_id: OpenId, action: str, reason: str) -> None:
        audit.record(
            conn, at=self._clock.now(), actor=open_id, action=action, subject=f"person:{open_id}",
            reason=str(reason),
        )  # fmt: skip

    # --- hashing ---

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher  # noqa: PLC0415 - only who is asked for a PIN pays for it

        return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)

    def _hash(self, open_id: OpenId, pin: str) -> str:
        with self._slots:
            return self._hasher.hash(self._peppered(open_id, pin))

    def _verify(self, open_id: OpenId, pin: str, stored: str) -> bool:
        from argon2.exceptions import Argon2Error, InvalidHashError  # noqa: PLC0415 - see `_hasher`

        with self._slots:
            try:
                return self._hasher.verify(stored, self._peppered(open_id, pin))
            except (Argon2Error, InvalidHashError):
                return False

    def _peppered(self, open_id: OpenId, pin: str) -> bytes:
        # The person is part of it: a hash copied to another person's row verifies nothing there.
        pepper = self._vault.derive("pin-pepper")
        return hmac.new(pepper, f"{open_id}\0{pin}".encode(), hashlib.sha256).digest()


def _repeats(pin: str) -> bool:
    blocks = any(pin == pin[:size] * (DIGITS // size) for size in (1, 2, 3))
    doubled = pin[0::2] == pin[1::2]
    halves = len(set(pin[:3])) == 1 and len(set(pin[3:])) == 1
    return blocks or doubled or halves or len(set(pin)) < 3 or pin[:3] == pin[:2:-1]


def _runs(pin: str) -> bool:
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return len(steps) == 1 or pin in {"147258", "258369", "123321", "159357", "147369"}


def _dated(pin: str) -> bool:
    # A year in front (19xxxx, 20xxxx), or day, month and two digits of a year in any usual order.
    if pin[:2] in {"19", "20"}:
        return True
    a, b, c = int(pin[:2]), int(pin[2:4]), int(pin[4:])
    return any(1 <= month <= 12 and 1 <= day <= 31 for month, day in ((b, c), (a, b), (b, a)))
