"""Honouring the platform's limits across threads and processes: pacing, gates and serial lanes.

Everything is agreed on in the database, but not for every call: a busy key reserves slots in chunks, and
gates are read again after 50 ms. No wait is longer than `MAX_WAIT`; what would take longer raises
`RateLimited` with the seconds, and the durable engine waits instead.

Sources: docs "频控策略" (429 or 400 with code 99991400; `x-ogw-ratelimit-reset` = seconds to wait;
limits count per API, app and tenant), im/v1/messages (5 a second per person and group), bitable (one write
at a time per base), drive media (one upload at a time).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from runtime.clock import Clock, ManualClock
from runtime.db import Database
from runtime.feishu import slots
from runtime.feishu.endpoint import Rate, Wanted
from runtime.feishu.errors import QuotaExhausted, RateLimited
from runtime.feishu.serial import lanes_of
from runtime.feishu.tables import gates
from runtime.feishu.tables import pace as pace_table

MAX_WAIT = 10.0
"""Seconds a caller is kept waiting at most."""
FARTHEST = 120.0
"""Seconds: windows of the platform are a minute, so no slot or pause lies farther ahead; one that does was
written by a clock that has been set right since, and is not believed."""
CHUNK_SECONDS = 0.1
"""A busy key reserves slots for so long at once."""
FARTHEST_AHEAD = 2.0
"""Seconds: no slot is reserved farther ahead than this because reserving takes long."""
GATES_FRESH = 0.05
LANE_POLL = 0.02
PRUNE_EVERY = 600.0
KEEP = 3600.0

EVERYTHING = "*"
"""Gate before every call: the monthly quota is used up."""


@dataclass(slots=True)
class _Pool:
    """Slots this process has reserved for a key, how fast it uses them, and which nobody used in time."""

    slots: deque[float] = field(default_factory=deque)
    reserved_at: float = float("-inf")
    used: int = 0
    lost: list[float] = field(default_factory=list)

    def next(self, at: float) -> float | None:
        """Return the first slot that may still be used at a moment."""
        return next((slot for slot in self.slots if slot >= at - slots.LATE), None)

    def take(self, at: float) -> float | None:
        """Take that slot; those before it are lost."""
        while self.slots:
            slot = self.slots.popleft()
            if slot >= at - slots.LATE:
                self.used += 1
                return slot
            self.lost.append(slot)
        return None

    def wanted(self, now: float, most: int) -> int:
        """How many slots to reserve now: what was used lately in a tenth of a second."""
        lately = max(now - self.reserved_at, 0.001)
        return max(1, min(most, int(self.used / lately * CHUNK_SECONDS)))


@dataclass(frozen=True, slots=True)
class _Turn:
    """When a call may be made, and until when: later it needs new slots. ``taken``: its slot of each key."""

    at: float
    until: float
    taken: Mapping[str, float]


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
        self._db = open_pacing(db)
        self._owned = self._db is not db
        self._clock = clock
        self.sleep = sleep or (clock.advance if isinstance(clock, ManualClock) else time.sleep)
        self._speed = speed
        self._lock = threading.Lock()
        self._pools: dict[str, _Pool] = {}
        self._gates: dict[str, float] = {}
        self._gates_read = float("-inf")
        self._pruned = self._latest = self._now()
        self._ahead = 0.0
        self._lanes: dict[str, threading.Lock] = {}
        self._shared_lanes = lanes_of(db, clock)

    def pace(self, *wanted: Wanted) -> None:
        """Wait until one call may be made under every given key, and take its slots.

        Who is woken too late to use them takes others, so no window holds more than the platform allows
        however busy the machine is.

        Args:
            wanted: pairs (key, rate): the endpoint, and the receiver where there is one.

        Raises:
            RateLimited: it would take more than `MAX_WAIT` seconds; no slot was taken.
            QuotaExhausted: the month's calls are used up.
        """
        waited = late = 0.0  # not the moment it began: the clock may be set meanwhile
        while True:
            with self._lock:
                self._read_gates(self._now())
                now = self._now()
                if self._set_back(now):
                    continue
                if self._gates.get(EVERYTHING, 0.0) > now:
                    raise _exhausted()
                earliest = max([now, *(self._gates.get(key, 0.0) for key, _ in wanted)])
                began = now - waited
                _refuse_long(earliest - began, wanted)
                turn = self._take(wanted, began, earliest, late)
            # Taking the slot took a while; and a clock that was set back meanwhile must not make it an hour.
            early = min(turn.at - self._now(), turn.at - now)
            if early > 0:
                self.sleep(early)
                waited += early
            if self._now() <= turn.until:
                return
            late = min(max(late, self._now() - turn.at), FARTHEST_AHEAD)
            with self._lock:
                for key, slot in turn.taken.items():
                    self._pool(key).lost.append(slot)

    def gate(self, key: str, seconds: float) -> None:
        """Let nobody call under a key for some seconds, in any process."""
        now = self._now()
        until = now + seconds
        insert = self._db.insert(gates).values(key=key, until=until)
        keep_later = insert.on_conflict_do_update(
            index_elements=[gates.c.key],
            set_={"until": insert.excluded.until},
            where=sa.or_(
                gates.c.until < insert.excluded.until,
                sa.and_(gates.c.until > now + FARTHEST, gates.c.key != EVERYTHING),
            ),
        )
        with self._db.begin() as conn:
            conn.execute(keep_later)
        with self._lock:
            self._gates[key] = max(until, self._gates.get(key, 0.0))

    def open(self, key: str) -> bool:
        """Take a gate away, e.g. after the tenant's plan was enlarged; tells whether one was shut."""
        with self._db.begin() as conn:
            gone = conn.execute(sa.delete(gates).where(gates.c.key == key, gates.c.until > self._now()))
        with self._lock:
            self._gates.pop(key, None)
        return gone.rowcount > 0

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            self._db.close()

    @contextmanager
    def serial(self, key: str) -> Iterator[None]:
        """Hold a lane: only one holder among all threads and processes (see `serial`).

        Raises:
            RateLimited: the lane stayed busy for `MAX_WAIT` seconds.
        """
        with self._lock:
            lane = self._lanes.setdefault(key, threading.Lock())
        if not lane.acquire(timeout=MAX_WAIT):
            raise RateLimited(f"The lane {key} is busy; the call is made again later.", wait=1.0)
        try:
            self._hold(key)
            try:
                yield
            finally:
                self._shared_lanes.give(key)
        finally:
            lane.release()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _read_gates(self, now: float) -> None:
        if 0 <= now - self._gates_read < GATES_FRESH:
            return
        believed = sa.or_(gates.c.until <= now + FARTHEST, gates.c.key == EVERYTHING)
        query = sa.select(gates.c.key, gates.c.until).where(gates.c.until > now, believed)
        with self._db.read() as conn:
            self._gates = {str(row.key): float(row.until) for row in conn.execute(query)}
        self._gates_read = now

    def _set_back(self, now: float) -> bool:
        """Whether the clock was set back; then what this process reserved or read by it is forgotten."""
        back = now < self._latest - FARTHEST
        if back:
            self._pools.clear()
            self._gates_read = float("-inf")
        self._latest = now
        return back

    def _take(self, wanted: Sequence[Wanted], began: float, earliest: float, late: float) -> _Turn:
        """Take a slot of every key, all usable at one moment."""
        at = self._together(wanted, {}, earliest)
        if all(self._pool(key).next(at) is not None for key, _ in wanted):
            _refuse_long(at - began, wanted)
            found = {key: self._pool(key).take(at) for key, _ in wanted}
            taken = {key: slot for key, slot in found.items() if slot is not None}
            return _Turn(at, min(taken.values()) + slots.LATE, taken)
        return self._reserve(sorted(wanted, key=lambda pair: pair[0]), began, earliest, late)

    def _together(self, wanted: Sequence[Wanted], known: Mapping[str, slots.Pace], at: float) -> float:
        """Return the first moment from ``at`` on at which every key has a slot, as far as is known."""
        while True:
            later = at
            for key, rate in wanted:
                slot = self._pool(key).next(later)
                if slot is None and key in known:
                    slot = slots.next_slot(known[key], self._scaled(rate), later)
                later = max(later, slot or later)
            if later == at:
                return at
            at = later

    def _reserve(self, wanted: Sequence[Wanted], began: float, earliest: float, late: float) -> _Turn:
        """The same where some slots must be reserved: those of all keys in one transaction.

        Who was late before takes so many that one of them is usable without waiting when it is late again.
        """
        rows: list[tuple[str, slots.Grant]] = []
        first: dict[str, float] = {}
        asked = self._now()
        with self._db.begin() as conn:
            loaded = self._load(conn, [key for key, _ in wanted], earliest + FARTHEST)
            known = {key: slots.unused(pace, self._pool(key).lost) for key, pace in loaded.items()}
            at = self._together(wanted, known, earliest + self._ahead)
            _refuse_long(at - began, wanted)
            for key, rate in wanted:
                slot = self._pool(key).take(at)
                if slot is None:
                    fast = self._scaled(rate)
                    most = int((fast.per_second or 0) * CHUNK_SECONDS)
                    pace = slots.unused(loaded[key], self._pool(key).lost)  # more were lost just now
                    spare = slots.within(fast, late)
                    grant = slots.reserve(pace, fast, at, max(self._pool(key).wanted(at, most), spare))
                    rows.append((key, grant))
                    slot = grant.slots[0]
                first[key] = slot
            self._store(conn, rows)
            self._prune(conn, at)
        self._look_ahead(self._now() - asked)
        for key, grant in rows:
            self._pools[key] = _Pool(deque(grant.slots[1:]), at, 1)
        return _Turn(at, min(first.values()) + slots.LATE, first)

    def _look_ahead(self, took: float) -> None:
        """Ask next time for slots that lie ahead when they are ours; one that is over by then is lost."""
        self._ahead = min(1.5 * took, FARTHEST_AHEAD) if took > slots.CATCH_UP else 0.0

    def _pool(self, key: str) -> _Pool:
        return self._pools.setdefault(key, _Pool())

    def _load(self, conn: Connection, keys: Sequence[str], farthest: float) -> Mapping[str, slots.Pace]:
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
        believed = {key: pace for key, pace in known.items() if pace.free_at <= farthest}
        return {key: believed.get(key, slots.Pace()) for key in keys}

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

    def _hold(self, key: str) -> None:
        waited = 0.0
        while not self._shared_lanes.take(key):
            if waited >= MAX_WAIT:
                raise RateLimited(
                    f"Another process keeps the lane {key} busy; the call is made again later.", wait=1.0
                )
            self.sleep(LANE_POLL)
            waited += LANE_POLL

    def _scaled(self, rate: Rate) -> Rate:
        if self._speed == 1.0:
            return rate
        second = rate.per_second and int(rate.per_second * self._speed)
        minute = rate.per_minute and int(rate.per_minute * self._speed)
        return Rate(second, minute)


def open_pacing(db: Database) -> Database:
    """Where slots and gates are kept: on SQLite in a file of their own beside the database, else in it.

    They need not survive a power cut, so their commits wait for no disk; and they must not wait for those of
    others either: a slot is lost 50 ms after its moment, while a busy worker waits longer than that for its
    turn at the database.
    """
    path = sa.make_url(db.url).database if db.dialect == "sqlite" else None
    if not path:
        return db
    own = Database(f"sqlite:///{Path(path).with_suffix('.limits.db')}", durable=False)
    with own.begin() as conn:
        for table in (gates, pace_table):
            conn.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                conn.execute(CreateIndex(index, if_not_exists=True))
    return own


def _pace(row: sa.Row[tuple[object, ...]]) -> slots.Pace:
    return slots.Pace(float(row.free_at), {int(second): int(taken) for second, taken in row.recent.items()})


def _refuse_long(wait: float, wanted: Sequence[Wanted]) -> None:
    if wait > MAX_WAIT:
        keys = ", ".join(key for key, _ in wanted)
        raise RateLimited(f"{keys} may be called again in {wait:.0f} s; the call is made then.", wait=wait)


def _exhausted() -> QuotaExhausted:
    return QuotaExhausted(
        "The tenant's API calls of this month are used up; nothing is sent before the next month, "
        "or before the plan is enlarged and somebody runs `chorus resume`.",
        code=99991403,
    )
