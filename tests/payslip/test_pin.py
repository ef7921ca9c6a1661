"""The PIN: which ones are allowed, counting before verifying, locks, and the reset through HR."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from payslip import sessions
from payslip import tables as t
from payslip.pin import (
    ADDRESS_LIMIT,
    ADDRESS_WINDOW,
    LOCK,
    LOCK_AT,
    RESET_AT,
    Outcome,
    Pins,
    network,
    weakness,
)
from runtime import tables as floor
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.ids import OpenId
from runtime.work import WorkQueue, status_table
from tests.payslip.pages_kit import START, vault

pytestmark = pytest.mark.db

WANG, LI, HR = OpenId("ou_wang"), OpenId("ou_li"), OpenId("ou_hr")
PIN, HOME = "804271", "10.0.0.7"


class Book:
    """PINs on a real database."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock, self.queue = db, ManualClock(START), WorkQueue(db)
        self.pins = Pins(db, self.queue, self.clock, vault())

    def outcome(self, pin: str, who: OpenId = WANG, address: str = HOME) -> Outcome:
        """What comes of a try."""
        return self.pins.check(who, pin, address).outcome

    def tries(self) -> list[str]:
        """Reasons of all audited tries."""
        query = sa.select(floor.audit.c.reason).where(floor.audit.c.action == "pay.pin_tried")
        with self.db.read() as conn:
            return list(conn.execute(query.order_by(floor.audit.c.id)).scalars())

    def row(self, who: OpenId = WANG) -> sa.RowMapping:
        """A stored PIN."""
        with self.db.read() as conn:
            return conn.execute(sa.select(t.pins).where(t.pins.c.open_id == who)).mappings().one()


@pytest.fixture
def book(database: Database) -> Book:
    """A person with a PIN."""
    made = Book(database)
    assert made.pins.choose(WANG, PIN)
    return made


@pytest.mark.parametrize(
    "pin",
    [
        "12345", "1234567", "abcdef", "12 456", "１２３４５６",  # no six digits
        "111111", "121212", "123123", "112233", "111222", "101010", "655556",  # repeated
        "123456", "654321", "890123", "135791", "147258",  # running
        "199203", "201501", "199999", "200000",  # a year
        "920315", "150392", "031592",  # a birthday
    ],
)  # fmt: skip
def test_easy_pins_are_refused_with_a_reason(pin: str) -> None:
    """Each is answered with a sentence."""
    assert (weakness(pin) or "").endswith("。")


@pytest.mark.parametrize("pin", [PIN, "739164", "480973"])
def test_ordinary_pins_are_taken(pin: str) -> None:
    """Nothing is wrong with them."""
    assert weakness(pin, "E0042") is None


def test_the_employee_number_is_no_secret() -> None:
    """Four digits of it in a row are refused, for everybody else they are fine."""
    assert weakness("748042", "E8042") is not None
    assert weakness("748042", "E0017") is None


@given(st.integers(min_value=0, max_value=999_999))
def test_reversed_runs_and_doubles_never_pass(number: int) -> None:
    """Whatever six digits: a block said twice, and a digit said six times, are refused."""
    pin = f"{number:06d}"
    assert weakness(pin[:3] * 2) is not None
    assert weakness(pin[0] * 6) is not None
    assert weakness(pin[:2] * 3) is not None


def test_right_and_wrong(book: Book) -> None:
    """The right PIN opens, another does not, and a right one forgives earlier mistakes."""
    assert [book.outcome(pin) for pin in ("111112", "804272", PIN)] == ["wrong", "wrong", "right"]
    assert book.row()["failures"] == 0
    assert book.tries() == ["wrong", "wrong", "right"]


def test_five_wrong_ones_lock_for_a_quarter_of_an_hour(book: Book) -> None:
    """While locked not even the right one opens; afterwards it does."""
    verdicts = [book.pins.check(WANG, "000001", HOME) for _ in range(LOCK_AT)]
    assert [v.left for v in verdicts[:4]] == [4, 3, 2, 1]
    assert verdicts[-1].outcome is Outcome.LOCKED
    assert verdicts[-1].until == START + LOCK
    assert book.outcome(PIN) is Outcome.LOCKED
    book.clock.advance(LOCK - timedelta(seconds=1))
    assert book.outcome(PIN) is Outcome.LOCKED
    book.clock.advance(2)
    assert book.outcome(PIN) is Outcome.RIGHT


def test_ten_wrong_ones_need_hr(book: Book) -> None:
    """No waiting helps any more; after the reset the person chooses anew."""
    for _ in range(RESET_AT):
        book.outcome("000001")
        if book.row()["failures"] == LOCK_AT:
            book.clock.advance(LOCK + timedelta(seconds=1))
    assert book.row()["failures"] == RESET_AT
    book.clock.advance(timedelta(days=30))
    assert book.outcome(PIN) is Outcome.RESET_NEEDED
    with book.db.begin() as conn:
        book.pins.reset(conn, WANG, HR)
    assert book.outcome(PIN) is Outcome.NOT_SET
    assert book.pins.choose(WANG, "739164")
    assert book.outcome("739164") is Outcome.RIGHT


def test_the_fifth_try_may_still_be_right(book: Book) -> None:
    """Counting before verifying takes nothing away from who knows the PIN."""
    for _ in range(LOCK_AT - 1):
        book.outcome("000001")
    assert book.outcome(PIN) is Outcome.RIGHT
    assert book.row()["locked_until"] is None


def test_parallel_guesses_share_no_count(book: Book) -> None:
    """Of thirty guesses at once exactly five are verified; the rest meet the lock."""
    start = threading.Barrier(15)
    found: list[Outcome] = []

    def guess(number: int) -> None:
        start.wait()
        found.extend(book.outcome(f"{number:03d}{turn}47") for turn in (1, 2))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verified = [each for each in found if each is Outcome.WRONG]
    assert len(found) == 30
    assert len(verified) == LOCK_AT - 1
    assert book.row()["failures"] == LOCK_AT
    assert len(book.tries()) == 30


def test_of_two_first_visits_one_decides(book: Book) -> None:
    """A PIN that is there is replaced only by who gave it."""
    assert not book.pins.choose(WANG, "739164")
    assert book.outcome("739164") is Outcome.WRONG
    assert book.pins.choose(WANG, "739164", change=True)
    assert book.outcome("739164") is Outcome.RIGHT


def test_one_address_trying_many_people_is_stopped(book: Book) -> None:
    """After sixty wrong PINs from one network nobody there is verified for a while; elsewhere they are."""
    colleagues = [OpenId(f"ou_{number}") for number in range(ADDRESS_LIMIT // 4)]
    with book.db.begin() as conn:
        hashed = conn.execute(sa.select(t.pins.c.hash)).scalar_one()
        conn.execute(t.pins.insert(), [{"open_id": who, "hash": hashed} for who in colleagues])
    for who in colleagues:
        assert {book.outcome("000001", who) for _ in range(4)} == {Outcome.WRONG}
    assert book.outcome(PIN) is Outcome.ADDRESS
    assert book.outcome(PIN, address="10.0.0.8") is Outcome.RIGHT
    book.clock.advance(ADDRESS_WINDOW)
    assert book.outcome(PIN) is Outcome.RIGHT


def test_an_ipv6_household_is_one_address() -> None:
    """Hopping inside a /64 does not help; what is no address is one bucket."""
    assert network("2001:db8:1:2:aaaa::1") == network("2001:db8:1:2:bbbb::2")
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("nonsense") == network(None) == "unknown"


def test_what_is_stored_helps_nobody(book: Book) -> None:
    """Argon2id at the asked-for cost; under another pepper or in another row it verifies nothing."""
    stored = book.row()["hash"]
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with book.db.begin() as conn:
        conn.execute(t.pins.insert().values(open_id=LI, hash=stored))
    assert book.outcome(PIN, LI) is Outcome.WRONG
    stranger = Pins(book.db, book.queue, book.clock, vault(bytes(32)))
    assert stranger.check(WANG, PIN, HOME).outcome is Outcome.WRONG


def test_no_pin_and_no_address_is_written_down(book: Book) -> None:
    """Audit rows and counters hold neither what was typed nor where from."""
    book.outcome("480973", address="203.0.113.9")
    with book.db.read() as conn:
        text = "".join(
            str(dict(row))
            for table in (floor.audit, t.pins, t.pin_failures)
            for row in conn.execute(sa.select(table)).mappings()
        )
    assert "480973" not in text
    assert PIN not in text
    assert "203.0.113.9" not in text


def test_a_reset_tells_the_person_and_ends_their_sessions(book: Book) -> None:
    """The notice is put in the same transaction, with who did it; signed-in browsers are out."""
    with book.db.begin() as conn:
        cookie = sessions.begin(conn, WANG, "王芳", "agent", book.clock.now())
        book.pins.reset(conn, WANG, HR)
    with book.db.read() as conn:
        assert sessions.load(conn, cookie, "agent", book.clock.now()) is None
        ids = list(conn.execute(sa.select(status_table(book.db).c.workflow_uuid)).scalars())
        audited = (
            conn.execute(sa.select(floor.audit).where(floor.audit.c.action == "pay.pin_reset"))
            .mappings()
            .one()
        )
    assert [each for each in ids if each.startswith("pay.pin_reset:ou_wang:")] == ids
    assert len(ids) == 1
    assert audited["actor"] == HR
    assert book.row()["reset_by"] == HR


def test_a_weaker_hash_is_renewed_when_its_owner_comes(book: Book) -> None:
    """A hash of lower cost still opens, and is stored with today's cost afterwards."""
    from argon2 import PasswordHasher  # noqa: PLC0415

    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    peppered = book.pins._peppered(WANG, PIN)
    with book.db.begin() as conn:
        conn.execute(t.pins.update().values(hash=cheap.hash(peppered)))
    assert book.outcome("000001") is Outcome.WRONG
    assert "m=8," in book.row()["hash"]
    assert book.outcome(PIN) is Outcome.RIGHT
    assert "m=19456,t=2" in book.row()["hash"]
    assert book.outcome(PIN) is Outcome.RIGHT
