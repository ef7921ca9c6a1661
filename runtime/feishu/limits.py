"""Honouring the platform's limits across threads and processes: pacing, gates and serial lanes.

Everything is agreed on in the database, but not for every call: a busy key reserves slots in chunks, and
gates are read again after 50 ms. No wait is longer than `MAX_WAIT`; what would take longer raises
`RateLimited` with the seconds, and the durable engine waits instead.

Sources: docs "频控策略" (429 or 400 with code 99991400; `x-ogw-ratelimit-reset` = seconds to wait;
limits count per API, app and tenant), im/v1/messages (5 a second per person and group), bitable (one write
at a time per base), drive media (one upload at a time).
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from runtime.clock import Clock, ManualClock
from runtime.db import Database
from runtime.feishu import slots
from runtime.feishu.endpoint import Rate, Wanted
from runtime.feishu.errors import QuotaExhausted, RateLimited
from runtime.feishu.tables import gates, leases
from runtime.feishu.tables import pace as pace_table

MAX_WAIT = 10.0
"""Seconds a caller is kept waiting at most."""
LEASE_SECONDS = 60.0
"""Longer than any call with its token renewal can take; a holder that died blocks its lane no longer."""
CHUNK_SECONDS = slots.LATE
GATES_FRESH = 0.05
LEASE_POLL = 0.02
PRUNE_EVERY = 600.0
KEEP = 3600.0

EVERYTHING = "*"
"""Gate before every call: the monthly quota is used up."""


@dataclass(slots=True)
class _Pool:
    """Slots this process has reserved for a key, and how fast it uses them."""

    slots: deque[float] = field(default_factory=deque)
    reserved_at: float = float("-inf")
    used: int = 0

    def take(self, at: float) -> float | None:
        while self.slots and self.slots[0] < at - slots.LATE:
            self.slots.popleft()
        if not self.slots:
            return None
        self.used += 1
        return self.slots.popleft()

    def wanted(self, now: float, most: int) -> int:
        """How many slots to reserve now: what was used lately in a tenth of a second."""
        lately = max(now - self.reserved_at, 0.001)
        return max(1, min(most, int(self.used / lately * CHUNK_SECONDS)))


class Limits:
    """All waiting before a call.

    Args:
        db: shared by all processes of the product.
        clock: tells the time.
        sleep: waits for seconds; by default the machine does, and a `ManualClock` is moved forward instead.
        speed: factor on all rates; only benchmarks against a sandbox without limits change it.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        sleep: Callable[[float], object] | None = None,
        speed: float = 1.0,
    ) -> None:
        # Slots, gates and leases need not survive a power cut, so their commits wait for no disk.
        self._db = Database(db.url, durable=False) if db.dialect == "sqlite" else db
        self._owned = self._db is not db
        self._clock = clock
        self.sleep = sleep or (clock.advance if isinstance(clock, ManualClock) else time.sleep)
        self._speed = speed
        self._lock = threading.Lock()
        self._pools: dict[str, _Pool] = {}
        self._gates: dict[str, float] = {}
        self._gates_read = float("-inf")
        self._pruned = self._now()
        self._lanes: dict[str, threading.Lock] = {}

    def pace(self, *wanted: Wanted) -> None:
        """Wait until one call may be made under every given key, and take its slots.

        Args:
            wanted: pairs (key, rate): the endpoint, and the receiver where there is one.

        Raises:
            RateLimited: it would take more than `MAX_WAIT` seconds; no slot was taken.
            QuotaExhausted: the month's calls are used up.
        """
        with self._lock:
            now = self._now()
            self._read_gates(now)
            if self._gates.get(EVERYTHING, 0.0) > now:
                raise _exhausted()
            earliest = max([now, *(self._gates.get(key, 0.0) for key, _ in wanted)])
            _refuse_long(earliest - now, wanted)
            at = self._take(wanted, now, earliest)
        if at > now:
            self.sleep(at - now)

    def gate(self, key: str, seconds: float) -> None:
        """Let nobody call under a key for some seconds, in any process."""
        until = self._now() + seconds
        insert = self._db.insert(gates).values(key=key, until=until)
        keep_later = insert.on_conflict_do_update(
            index_elements=[gates.c.key],
            set_={"until": insert.excluded.until},
            where=gates.c.until < insert.excluded.until,
        )
        with self._db.begin() as conn:
            conn.execute(keep_later)
        with self._lock:
            self._gates[key] = max(until, self._gates.get(key, 0.0))

    def open(self, key: str) -> None:
        """Take a gate away, e.g. after the tenant's plan was enlarged."""
        with self._db.begin() as conn:
            conn.execute(sa.delete(gates).where(gates.c.key == key))
        with self._lock:
            self._gates.pop(key, None)

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            self._db.close()

    @contextmanager
    def serial(self, key: str) -> Iterator[None]:
        """Hold a lane: only one holder among all threads and processes, for at most `LEASE_SECONDS`.

        Raises:
            RateLimited: the lane stayed busy for `MAX_WAIT` seconds.
        """
        with self._lock:
            lane = self._lanes.setdefault(key, threading.Lock())
        if not lane.acquire(timeout=MAX_WAIT):
            raise RateLimited(f"The lane {key} is busy; the call is made again later.", wait=1.0)
        try:
            holder = secrets.token_hex(8)
            self._lease(key, holder)
            try:
                yield
            finally:
                mine = (leases.c.key == key) & (leases.c.holder == holder)
                with self._db.begin() as conn:
                    conn.execute(sa.delete(leases).where(mine))
        finally:
            lane.release()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read_gates(self, now: float) -> None:
        if 0 <= now - self._gates_read < GATES_FRESH:
            return
        query = sa.select(gates.c.key, gates.c.until).where(gates.c.until > now)
        with self._db.read() as conn:
            self._gates = {str(row.key): float(row.until) for row in conn.execute(query)}
        self._gates_read = now

    def _take(self, wanted: Sequence[Wanted], now: float, earliest: float) -> float:
        moments = [earliest]
        missing: list[Wanted] = []
        for key, rate in wanted:
            slot = self._pools.setdefault(key, _Pool()).take(earliest)
            if slot is None:
                missing.append((key, rate))
            else:
                moments.append(slot)
        if missing:
            moments += self._reserve(sorted(missing, key=lambda pair: pair[0]), now, earliest)
        return max(moments)

    def _reserve(self, missing: Sequence[Wanted], now: float, earliest: float) -> list[float]:
        """Reserve slots for several keys in one transaction; return the first of each."""
        first: list[float] = []
        with self._db.begin() as conn:
            known = self._load(conn, [key for key, _ in missing])
            rows = []
            for key, rate in missing:
                fast = self._scaled(rate)
                pool = self._pools[key]
                _refuse_long(slots.next_slot(known[key], fast, earliest) - now, missing)
                most = int((fast.per_second or 0) * CHUNK_SECONDS)
                grant = slots.reserve(known[key], fast, earliest, pool.wanted(now, most))
                first.append(grant.slots[0])
                rows.append((key, grant))
            self._store(conn, rows)
            self._prune(conn, now)
        for key, grant in rows:
            self._pools[key] = _Pool(deque(grant.slots[1:]), now, 1)
        return first

    def _load(self, conn: Connection, keys: Sequence[str]) -> Mapping[str, slots.Pace]:
        query = (
            sa.select(pace_table)
            .where(pace_table.c.key.in_(keys))
            .order_by(pace_table.c.key)
            .with_for_update()
        )
        known = {str(row.key): _pace(row) for row in conn.execute(query)}
        absent = [key for key in keys if key not in known]
        if absent and self._db.dialect == "postgresql":
            # Two processes may meet a new key at once: both insert, one waits for the other, then both read
            # it.
            new = [{"key": key, "free_at": 0.0, "recent": {}} for key in absent]
            conn.execute(self._db.insert(pace_table).values(new).on_conflict_do_nothing())
            known = {str(row.key): _pace(row) for row in conn.execute(query)}
        return {key: known.get(key, slots.Pace()) for key in keys}

    def _store(self, conn: Connection, rows: Sequence[tuple[str, slots.Grant]]) -> None:
        values = [
            {
                "key": key,
                "free_at": grant.pace.free_at,
                "recent": {str(second): taken for second, taken in grant.pace.recent.items()},
            }
            for key, grant in rows
        ]
        insert = self._db.insert(pace_table).values(values)
        conn.execute(
            insert.on_conflict_do_update(
                index_elements=[pace_table.c.key],
                set_={"free_at": insert.excluded.free_at, "recent": insert.excluded.recent},
            )
        )

    def _prune(self, conn: Connection, now: float) -> None:
        """Forget keys nobody used for an hour: there is one for every person and every card."""
        if now - self._pruned < PRUNE_EVERY:
            return
        self._pruned = now
        conn.execute(sa.delete(pace_table).where(pace_table.c.free_at < now - KEEP))
        conn.execute(sa.delete(gates).where(gates.c.until < now - KEEP))
        self._pools = {key: pool for key, pool in self._pools.items() if pool.slots}

    def _lease(self, key: str, holder: str) -> None:
        waited = 0.0
        while not self._try_lease(key, holder):
            if waited >= MAX_WAIT:
                raise RateLimited(
                    f"Another process keeps the lane {key} busy; the call is made again later.", wait=1.0
                )
            self.sleep(LEASE_POLL)
            waited += LEASE_POLL

    def _try_lease(self, key: str, holder: str) -> bool:
        now = self._now()
        insert = self._db.insert(leases).values(key=key, holder=holder, until=now + LEASE_SECONDS)
        take_over = insert.on_conflict_do_update(
            index_elements=[leases.c.key],
            set_={"holder": insert.excluded.holder, "until": insert.excluded.until},
            where=leases.c.until < now,
        )
        with self._db.begin() as conn:
            conn.execute(take_over)
            owner = conn.execute(sa.select(leases.c.holder).where(leases.c.key == key)).scalar_one()
        return bool(owner == holder)

    def _scaled(self, rate: Rate) -> Rate:
        if self._speed == 1.0:
            return rate
        second = rate.per_second and int(rate.per_second * self._speed)
        minute = rate.per_minute and int(rate.per_minute * self._speed)
        return Rate(second, minute)


def _pace(row: sa.Row[tuple[object, ...]]) -> slots.Pace:
    return slots.Pace(float(row.free_at), {int(second): int(taken) for second, taken in row.recent.items()})


def _refuse_long(wait: float, wanted: Sequence[Wanted]) -> None:
    if wait > MAX_WAIT:
        keys = ", ".join(key for key, _ in wanted)
        raise RateLimited(f"{keys} may be called again in {wait:.0f} s; the call is made then.", wait=wait)


def _exhausted() -> QuotaExhausted:
    return QuotaExhausted(
        "The tenant's API calls of this month are used up; nothing is sent before the next month.",
        code=99991403,
    )
