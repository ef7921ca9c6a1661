"""Rotation: the new key alone opens everything, no content is touched, nothing written meanwhile is lost."""

import pytest
import sqlalchemy as sa

from payslip import history
from payslip import tables as t
from payslip.rotate import columns, rotate
from runtime.db import Database
from runtime.vault import CannotOpen, Keys, Sealed, Vault
from tests.payslip.paid import NEW, NOW, OLD, TENANT, PaidHouse, employee, no, run
from tests.payslip.paid import pay as paid

pytestmark = pytest.mark.db

RING = Vault(Keys({"new": NEW, "old": OLD}))
ONLY_NEW = Vault(Keys({"new": NEW}))
ONLY_OLD = Vault(Keys({"old": OLD}))
SLIP = ("slip", TENANT, "2026-10.1", "E001", "1")


@pytest.fixture
def house(database: Database) -> PaidHouse:
    """A run of seven sealed with the old key, with books, a payslip, a recalled one and a dispute."""
    built = PaidHouse(database, ONLY_OLD)
    built.add(run(), [(employee(n), paid(no(n))) for n in range(1, 8)])
    with database.begin() as conn:
        conn.execute(t.runs.update().values(sealed_books=ONLY_OLD.seal_text("books", ("books",))))
        for number, sealed in ((1, ONLY_OLD.seal_text("slip", SLIP)), (2, None)):
            conn.execute(
                t.slips.insert().values(
                    run_id="2026-10.1", employee_no=no(number), version=1, month="2026-10",
                    token=f"t{number}", sealed_slip=sealed, slip_digest="d", state="sealed",
                )
            )  # fmt: skip
        conn.execute(
            t.disputes.insert().values(
                id="d1", run_id="2026-10.1", employee_no="E001", open_id="ou_1", line="提成", state="open",
                sealed_text=ONLY_OLD.seal_text("少了", ("dispute",)), at=NOW,
            )
        )  # fmt: skip
    return built


def sealed(db: Database) -> dict[str, Sealed]:
    """Every sealed value by table, column and key."""
    found = {}
    with db.read() as conn:
        for column in columns():
            keys = list(column.table.primary_key)
            for row in conn.execute(sa.select(*keys, column.table.c[column.name])):
                if row[-1]:
                    found[f"{column.label} {row[:-1]}"] = Sealed.from_text(row[-1])
    return found


def test_every_sealed_column_of_pay_is_found() -> None:
    """By name, so that a new table is not forgotten."""
    labels = {column.label for column in columns()}
    assert {
        "pay_runs.sealed_books", "pay_people.sealed_input", "pay_people.sealed_pay", "pay_slips.sealed_slip",
        "pay_disputes.sealed_text", "pay_disputes.sealed_answer", "pay_payouts.sealed_file",
    } <= labels  # fmt: skip


def test_after_rotation_the_new_key_alone_opens_everything_and_no_content_was_touched(
    house: PaidHouse,
) -> None:
    """Bodies and nonces are the same bytes; the old key alone opens nothing any more."""
    before = sealed(house.db)
    told: list[tuple[int, int]] = []
    done = rotate(house.db, RING, batch=3, progress=lambda at, total: told.append((at, total)))
    after = sealed(house.db)
    assert done.complete
    assert sum(done.rotated.values()) == len(before) == 17
    assert done.rotated["pay_people.sealed_pay"] == 7
    assert told[-1] == (17, 17)
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    assert before.keys() == after.keys()
    for place, old in before.items():
        new = after[place]
        assert (new.key_id, new.nonce, new.body) == ("new", old.nonce, old.body)
        assert new.wrapped != old.wrapped
    with house.db.read() as conn:
        row = conn.execute(t.people.select().where(t.people.c.employee_no == "E007")).one()
        slip = conn.execute(
            sa.select(t.slips.c.sealed_slip).where(t.slips.c.employee_no == "E001")
        ).scalar_one()
    place = history.places(TENANT, run().id, "E007")["pay"]
    assert "8000.00" in ONLY_NEW.open_text(row.sealed_pay, place)
    assert ONLY_NEW.open_text(slip, SLIP) == "slip"
    with pytest.raises(CannotOpen):
        ONLY_OLD.open_text(row.sealed_pay, place)


def test_a_second_rotation_finds_nothing_to_do(house: PaidHouse) -> None:
    """What is done is skipped."""
    rotate(house.db, RING)
    before = sealed(house.db)
    assert sum(rotate(house.db, RING).rotated.values()) == 0
    assert sealed(house.db) == before


class Stop(Exception):  # noqa: N818 - it is no error
    """The operator's Ctrl-C."""


def test_a_stopped_rotation_goes_on_where_it_was(house: PaidHouse) -> None:
    """Stopped after the second batch: what was committed stays, the rest is done by the next call."""
    told = 0

    def stop(_done: int, _total: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            raise Stop

    with pytest.raises(Stop):
        rotate(house.db, RING, batch=2, progress=stop)
    half = [value.key_id for value in sealed(house.db).values()]
    assert 0 < half.count("new") < len(half)
    rest = rotate(house.db, RING, batch=2)
    assert sum(rest.rotated.values()) == half.count("old")
    assert {value.key_id for value in sealed(house.db).values()} == {"new"}


def test_what_a_process_with_the_old_ring_writes_meanwhile_is_rotated_too(house: PaidHouse) -> None:
    """A row behind the place already passed is found by another pass."""
    row = house._row(run(), employee(0), paid(no(0)), None)

    written: list[int] = []

    def write(at: int, _total: int) -> None:
        # One dispute, seven inputs and two of seven pays are done: both columns have gone by E000.
        if at >= 10 and not written:
            written.append(at)
            with house.db.begin() as conn:
                values = {column.name: getattr(row, column.name) for column in t.people.columns}
                conn.execute(t.people.insert().values(**values))

    done = rotate(house.db, RING, batch=2, progress=write)
    assert written == [10]
    assert done.complete
    values = sealed(house.db)
    assert len(values) == 19
    assert {value.key_id for value in values.values()} == {"new"}


def test_a_payslip_recalled_meanwhile_stays_destroyed(house: PaidHouse) -> None:
    """Rotation writes only over the value it read: a key destroyed in between does not come back."""
    slip = next(value for place, value in sealed(house.db).items() if "sealed_slip" in place)
    recalled: list[bool] = []

    class Slow(Vault):
        """Somebody recalls the payslip after it was read and before it is written."""

        def rewrap(self, sealed: Sealed) -> Sealed:
            """Recall first."""
            if sealed == slip:
                recalled.append(True)
                with house.db.begin() as conn:
                    conn.execute(t.slips.update().values(sealed_slip=None))
            return super().rewrap(sealed)

    done = rotate(house.db, Slow(Keys({"new": NEW, "old": OLD})))
    assert recalled == [True]
    assert [row.sealed_slip for row in house.rows(t.slips)] == [None, None]
    assert done.rotated.get("pay_slips.sealed_slip", 0) == 0


def test_what_no_key_opens_is_named_and_left_alone(house: PaidHouse) -> None:
    """A damaged value and one under a lost key: both named by place, the rest is rotated, nothing loops."""
    lost = Vault(Keys({"lost": b"\x03" * 32})).seal_text("x", ("x",))
    with house.db.begin() as conn:
        for number, value in ((1, "damaged"), (2, lost)):
            conn.execute(
                t.people.update().where(t.people.c.employee_no == no(number)).values(sealed_pay=value)
            )
    done = rotate(house.db, RING, batch=3)
    assert not done.complete
    assert done.unreadable == ("pay_people 2026-10.1 E001", "pay_people 2026-10.1 E002")
    assert done.rotated["pay_people.sealed_pay"] == 5
    with house.db.read() as conn:
        query = sa.select(t.people.c.sealed_pay).where(t.people.c.employee_no == "E002")
        assert conn.execute(query).scalar_one() == lost
