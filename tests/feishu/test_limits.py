"""Limits shared by threads and processes."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa

from runtime.clock import ManualClock, SystemClock
from runtime.db import Database
from runtime.feishu.endpoint import MESSAGES, PER_MINUTE_10, PER_SECOND_20, RECEIVER, Rate
from runtime.feishu.errors import QuotaExhausted, RateLimited
from runtime.feishu.limits import EVERYTHING, FARTHEST_AHEAD, Limits
from runtime.feishu.serial import LEASE_SECONDS, LeaseLanes
from runtime.feishu.tables import leases, pace

pytestmark = pytest.mark.db


@pytest.fixture
def clock() -> ManualClock:
    """A clock that waiting moves forward."""
    return ManualClock(datetime(2026, 11, 23, 1, tzinfo=UTC))


@pytest.fixture
def two(database: Database, clock: ManualClock) -> Iterator[tuple[Limits, Limits]]:
    """Two processes' limits on one database."""
    pair = Limits(database, clock), Limits(database, clock)
    yield pair
    for limits in pair:
        limits.close()


def called_at(limits: Limits, clock: ManualClock, key: str, rate: Rate, times: int) -> list[float]:
    """When calls were let through."""
    moments = []
    for _ in range(times):
        limits.pace((key, rate))
        moments.append(clock.now().timestamp())
    return moments


def most_within(moments: list[float], seconds: float) -> int:
    """The largest number of moments in any window of this length."""
    return max(sum(1 for other in moments if one <= other < one + seconds) for one in moments)


def test_two_processes_share_one_rate(two: tuple[Limits, Limits], clock: ManualClock) -> None:
    """Calling in turn, both together never exceed what the API allows, and together get most of it."""
    moments: list[float] = []
    for turn in range(120):
        moments += called_at(two[turn % 2], clock, "POST /x", PER_SECOND_20, 1)
    assert most_within(moments, 1.0) <= 20
    assert 120 / (moments[-1] - moments[0]) > 18


def test_who_is_woken_too_late_takes_another_slot(database: Database, clock: ManualClock) -> None:
    """However late a busy machine wakes its threads, under two limits at once, no second holds too much."""
    chance, late = Random(7), [0.0, 0.0, 0.01, 0.04, 0.06, 0.3]
    limits = [Limits(database, clock, sleep=lambda s: clock.advance(s + chance.choice(late))) for _ in "ab"]
    sent, received = [], {"a": [], "b": []}
    for number in range(150):
        receiver = chance.choice("aab")
        limits[number % 2].pace(("POST /x", Rate(per_second=6)), (f"receiver:{receiver}", RECEIVER))
        sent.append(clock.now().timestamp())
        received[receiver].append(sent[-1])
        clock.advance(chance.choice([0.0, 0.0, 0.02, 0.5]))
    assert most_within(sent, 1.0) <= 6
    assert all(most_within(moments, 1.0) <= 5 for moments in received.values())
    for each in limits:
        each.close()


def test_a_slow_database_slows_calls_and_stops_none(database: Database, clock: ManualClock) -> None:
    """Statements that take 30 ms: the slot asked for now is over when it is granted, so it must lie ahead."""
    limits = Limits(database, clock)
    pacing = limits._db.engine
    sa.event.listen(pacing, "after_cursor_execute", lambda *_: clock.advance(0.03))
    moments = called_at(limits, clock, "POST /x", PER_SECOND_20, 30)
    assert most_within(moments, 1.0) <= 20
    assert (moments[-1] - moments[0]) / 29 < 0.5
    limits.close()


@pytest.mark.parametrize("rate", [PER_SECOND_20, MESSAGES])
def test_a_starved_machine_slows_calls_and_stops_none(
    database: Database, clock: ManualClock, rate: Rate
) -> None:
    """Statements take 30 ms, every sleep up to 0.4 s too long: a spare slot is caught without sleeping."""
    chance = Random(5)
    limits = Limits(database, clock, sleep=lambda s: clock.advance(s + chance.uniform(0.06, 0.4)))
    sa.event.listen(limits._db.engine, "after_cursor_execute", lambda *_: clock.advance(0.03))
    moments = called_at(limits, clock, "POST /x", rate, 60)
    assert most_within(moments, 1.0) <= (rate.per_second or 0)
    assert (moments[-1] - moments[0]) / 59 < 2
    limits.close()


def test_a_receiver_gets_five_a_second_while_others_go_on(
    two: tuple[Limits, Limits], clock: ManualClock
) -> None:
    """One busy receiver does not slow the endpoint for others."""
    start = clock.now().timestamp()
    crowd: list[float] = []
    for number in range(12):
        two[number % 2].pace(("POST /m", MESSAGES), ("receiver:a", RECEIVER))
        crowd.append(clock.now().timestamp())
    assert most_within(crowd, 1.0) <= 5
    before = clock.now().timestamp()
    two[0].pace(("POST /m", MESSAGES), ("receiver:b", RECEIVER))
    assert clock.now().timestamp() - before < 0.1
    assert before - start > 1.0


def test_a_wait_over_ten_seconds_is_refused_and_takes_no_slot(
    two: tuple[Limits, Limits], clock: ManualClock
) -> None:
    """The durable engine waits then; asking again and again does not push the next slot further away."""
    called_at(two[0], clock, "GET /slow", PER_MINUTE_10, 10)
    waits = []
    for limits in (*two, *two):
        with pytest.raises(RateLimited) as refused:
            limits.pace(("GET /slow", PER_MINUTE_10))
        waits.append(refused.value.wait)
    assert len(set(waits)) == 1
    assert waits[0] is not None
    assert 50 < waits[0] < 63
    clock.advance(waits[0])
    two[1].pace(("GET /slow", PER_MINUTE_10))


def test_a_gate_holds_in_every_process(two: tuple[Limits, Limits], clock: ManualClock) -> None:
    """What one process was told to wait, the other waits too, and only for that API."""
    two[1].pace(("GET /a", MESSAGES), ("GET /b", MESSAGES))
    two[0].gate("GET /a", 4.0)
    clock.advance(0.1)
    start = clock.now().timestamp()
    two[1].pace(("GET /b", MESSAGES))
    assert clock.now().timestamp() - start < 0.1
    two[1].pace(("GET /a", MESSAGES))
    assert clock.now().timestamp() - start == pytest.approx(3.9, abs=0.1)


def test_a_long_gate_is_refused_with_its_seconds(two: tuple[Limits, Limits]) -> None:
    """`x-ogw-ratelimit-reset: 40` reaches the caller of another process as a wait of 40 s."""
    two[0].gate("GET /a", 40.0)
    with pytest.raises(RateLimited) as refused:
        two[1].pace(("GET /a", MESSAGES))
    assert refused.value.wait == pytest.approx(40, abs=0.1)


def test_a_shorter_gate_never_shortens_a_longer_one(two: tuple[Limits, Limits]) -> None:
    """The latest moment wins."""
    two[0].gate("GET /a", 40.0)
    two[1].gate("GET /a", 1.0)
    with pytest.raises(RateLimited):
        two[1].pace(("GET /a", MESSAGES))


def test_an_exhausted_quota_stops_everything_until_it_is_opened(two: tuple[Limits, Limits]) -> None:
    """One process sees 99991403, no process calls any more."""
    two[0].gate(EVERYTHING, 1000.0)
    with pytest.raises(QuotaExhausted):
        two[1].pace(("GET /a", MESSAGES))
    two[1].open(EVERYTHING)
    two[1].pace(("GET /a", MESSAGES))


def test_a_lane_has_one_holder_among_threads_and_processes(database: Database, clock: ManualClock) -> None:
    """Two writes to one base never overlap."""
    pause = threading.Event()

    def rest(_seconds: float) -> None:
        pause.wait(0.005)

    lanes = [Limits(database, clock, sleep=rest) for _ in range(2)]
    inside: list[int] = []
    overlaps: list[int] = []

    def write(number: int) -> None:
        with lanes[number % 2].serial("base:a"):
            inside.append(number)
            overlaps.append(len(inside))
            pause.wait(0.002)
            inside.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(24)))
    assert overlaps == [1] * 24
    for limits in lanes:
        limits.close()
    with database.read() as conn:
        assert conn.execute(sa.select(leases)).all() == []


def test_lanes_of_different_bases_do_not_wait_for_each_other(two: tuple[Limits, Limits]) -> None:
    """A lane is one base's, not everybody's."""
    with two[0].serial("base:a"), two[1].serial("base:b"), two[1].serial("upload"):
        pass


def test_a_lease_of_a_dead_holder_ends(database: Database, clock: ManualClock) -> None:
    """Where machines share lanes, one that died inside a lane blocks it for its lease and no longer."""
    dead, alive = LeaseLanes(database, clock), LeaseLanes(database, clock)
    assert dead.take("base:a")
    assert not alive.take("base:a")
    assert alive.take("base:b")
    clock.advance(LEASE_SECONDS + 1)
    assert alive.take("base:a")
    dead.give("base:a")  # woke up after all: what it had is no longer its to give
    assert not LeaseLanes(database, clock).take("base:a")
    alive.give("base:a")
    assert LeaseLanes(database, clock).take("base:a")


def test_what_a_wrong_clock_wrote_is_not_believed_when_it_is_right_again(
    two: tuple[Limits, Limits], clock: ManualClock
) -> None:
    """Slots and pauses an hour ahead hold nobody up, neither who reserved them nor others; real ones do."""
    right = clock.now()
    clock.advance(3600)
    two[0].pace(("POST /x", PER_SECOND_20))
    two[0].gate("POST /y", 5)
    clock.set(right)
    for limits in two:
        limits.pace(("POST /x", PER_SECOND_20))
        limits.pace(("POST /y", PER_SECOND_20))
    assert (clock.now() - right).total_seconds() < 1
    two[0].gate("POST /y", 60)
    clock.advance(0.1)  # who has just read gates does not read them again at once
    with pytest.raises(RateLimited):
        two[1].pace(("POST /y", PER_SECOND_20))


def test_a_lease_of_a_wrong_clock_does_not_last_an_hour(database: Database, clock: ManualClock) -> None:
    """The holder died while its clock was ahead: the lane is free for others."""
    right = clock.now()
    clock.advance(3600)
    assert LeaseLanes(database, clock).take("base:a")
    clock.set(right)
    assert LeaseLanes(database, clock).take("base:a")
    assert not LeaseLanes(database, clock).take("base:a")


HOLDER = """
import sys
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.feishu.limits import Limits

with Limits(Database(sys.argv[1]), SystemClock()).serial("base:a"):
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.mark.process
@pytest.mark.parametrize("killed", [False, True])
def test_a_lane_is_one_processs(database: Database, clock: ManualClock, killed: bool) -> None:
    """What another process holds waits; on one machine the lane of a killed process is free at once."""
    command = [sys.executable, "-c", HOLDER, database.engine.url.render_as_string(hide_password=False)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    clock.set(datetime.now(UTC))  # the holder's: a lease that ends days later would not be believed
    limits = Limits(database, clock)
    with holder:
        assert holder.stdout.readline() == b"inside\n"
        with pytest.raises(RateLimited), limits.serial("base:a"):
            pass
        if killed:
            holder.kill()
    if killed and database.dialect == "postgresql":
        clock.advance(datetime.now(UTC) - clock.now() + timedelta(seconds=LEASE_SECONDS))
    with limits.serial("base:a"):
        pass
    limits.close()


def test_a_lane_is_free_again_after_an_error(two: tuple[Limits, Limits]) -> None:
    """A refused write gives its lane back."""
    with pytest.raises(ZeroDivisionError), two[0].serial("base:a"):
        raise ZeroDivisionError
    with two[1].serial("base:a"):
        pass


def test_busy_keys_ask_the_database_rarely(
    database: Database, clock: ManualClock, two: tuple[Limits, Limits]
) -> None:
    """At full speed most calls use slots reserved before: less than one reservation for two calls."""
    writes: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "feishu_pace" in statement and statement.startswith("INSERT"):
            writes.append(statement)

    sa.event.listen(two[0]._db.engine, "before_cursor_execute", note)
    called_at(two[0], clock, "POST /x", Rate(per_second=50), 200)
    assert len(writes) < 100


def test_forgotten_receivers_leave_the_table(
    database: Database, clock: ManualClock, two: tuple[Limits, Limits]
) -> None:
    """There is a row for every person written to; after an hour it goes."""
    for number in range(5):
        two[0].pace((f"receiver:{number}", RECEIVER))
    clock.advance(4000)
    two[0].pace(("receiver:new", RECEIVER))
    with two[0]._db.read() as conn:
        assert conn.execute(sa.select(pace.c.key)).scalars().all() == ["receiver:new"]


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_clock_that_is_set_while_somebody_waits_makes_nobody_wait_for_it(
    database: Database, clock: ManualClock, step: int
) -> None:
    """The hour by which it was set is no waiting time: the call is made, at most a second later."""
    steps = iter([step])

    def sleep(seconds: float) -> None:
        clock.advance(seconds + next(steps, 0))

    limits = Limits(database, clock, sleep=sleep)
    began = clock.now().timestamp()
    moments = called_at(limits, clock, "POST /x", PER_SECOND_20, 5)
    assert next(steps, None) is None, "nobody had to wait"
    assert moments[-1] - began - step < 1 + FARTHEST_AHEAD
    limits.close()


def test_a_slot_that_was_used_too_late_is_no_call_of_the_minute(
    database: Database, clock: ManualClock
) -> None:
    """Who wakes too late takes another slot; the minute still has room for as many calls as it allows."""
    sleepy = iter([0.0] * 3 + [0.2] + [0.0] * 100)  # the fourth sleeper wakes 0.2 s late
    limits = Limits(database, clock, sleep=lambda seconds: clock.advance(seconds + next(sleepy)))
    rate = Rate(per_second=10, per_minute=20)
    began = clock.now()
    for _ in range(20):
        limits.pace(("POST /x", rate))
    assert (clock.now() - began).total_seconds() < 10
    limits.close()


def test_threads_of_one_process_stay_within_the_rate(database: Database) -> None:
    """Eight threads on the machine's own clock: the moments they are let through keep the rate."""
    clock = SystemClock()
    limits = Limits(database, clock)

    def take(_: int) -> float:
        limits.pace(("POST /x", PER_SECOND_20))
        return clock.now().timestamp()

    with ThreadPoolExecutor(8) as pool:
        moments = list(pool.map(take, range(30)))
    limits.close()
    # The machine may wake a thread late, so the whole is judged and not every second.
    assert max(moments) - min(moments) > (30 - 20) / 20


class SetBack(ManualClock):
    """A clock that is an hour behind from its n-th reading on."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.readings = -1

    def now(self) -> datetime:
        """The time; the reading is counted down."""
        self.readings -= 1
        if self.readings == 0:
            self.advance(-3600.0)
        return super().now()


@pytest.mark.parametrize("readings", range(1, 9))
def test_a_clock_set_back_in_the_midst_of_a_call_makes_nobody_wait_for_the_hour(
    database: Database, readings: int
) -> None:
    """Slots reserved before lie an hour ahead; they must not pass for a long queue."""
    for before in range(20, 30):
        clock = SetBack(datetime(2026, 11, 23, 1, tzinfo=UTC))
        limits = Limits(database, clock)
        for _ in range(before):
            limits.pace((f"POST /{before}", MESSAGES))
        clock.readings = readings
        began = clock.now()
        for _ in range(3):
            limits.pace((f"POST /{before}", MESSAGES))
        limits.close()
        assert (clock.now() - began).total_seconds() < 1
