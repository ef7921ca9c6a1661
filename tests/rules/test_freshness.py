"""Whose numbers may be judged: each connection by itself, on the path of an edit and in a scan alike."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from rules import freshness, store, tables
from rules.check import Policy
from rules.commands import would
from rules.model import Doubt, Reason, State
from rules.specs import PLANS
from tests.rules.kit import ZHAO, House, plan

pytestmark = pytest.mark.db
MINUTE = timedelta(minutes=1)
LIMIT = 15 * MINUTE


@pytest.fixture
def shops(house: House) -> House:
    """千川 and 京准通 fill the plans, which are too old after a quarter of an hour."""
    house.policy = house.checker.policy = Policy((ZHAO,), {PLANS: LIMIT})
    pulled(house, qc="", jd="")
    house.write_rule()
    return house


def pulled(house: House, **connections: str) -> None:
    """A pull of the plans: each connection with its error, "" = it answered."""
    now = house.clock.now()
    with house.db.begin() as conn:
        for name, error in connections.items():
            store.note_pull(conn, f"{PLANS}/{name}", now, error=error)
        freshness.note_table(conn, PLANS, connections, now, "；".join(filter(None, connections.values())))


def at(house: House, source: str) -> Any:
    """When a source last brought numbers."""
    query = sa.select(tables.data_sources.c.pulled_at).where(tables.data_sources.c.table == source)
    with house.db.read() as conn:
        return conn.execute(query).scalar_one()


def states(house: House) -> dict[str, State]:
    """The alerts of the rule by plan."""
    return {row.object_id: row.state for row in house.rows(tables.alerts)}


@pytest.mark.parametrize("path", ["scan", "edit"])
def test_one_silent_connection_leaves_the_others_judged(shops: House, path: str) -> None:
    """A dead token makes its own plans unknown; a breach of another connection is told within the minute."""
    shops.write_plan("1", source="jd")
    shops.write_plan("2", source="qc", gmv=Decimal(9000))
    shops.write_plan("3", gmv=Decimal(9000))
    shops.advance(LIMIT + MINUTE)
    pulled(shops, qc="", jd="授权已失效")
    for number, source in (("1", {"source": "jd"}), ("2", {"source": "qc"}), ("3", {})):
        if path == "edit":
            shops.write_plan(number, **source)
        else:
            shops.put(PLANS, {f"rec_{number}": plan(number, **source)})
    if path == "scan":
        shops.reviewer.tick()
    found = states(shops)
    assert found == {"1": State.UNKNOWN, "2": State.FIRING}, "3 names nobody: it is as old as the table"
    alert = shops.alert(object_id="1")
    assert (alert.held, alert.doubt, alert.reason) == (State.FIRING, Doubt.STALE, Reason.DATA_STALE)
    assert "“计划日报”的连接 jd 自 03-02 10:00 起没有新数据（授权已失效）" in alert.sentence
    assert {notice.alert_id for notice in shops.notices()} == {
        shops.alert(object_id=each).id for each in "12"
    }
    (of,) = shops.checker.rules(PLANS)
    with shops.db.read() as conn:
        previewed, _ = would(conn, shops.sources, shops.policy, of, ZHAO.open_id, shops.clock.now())
    assert {each.object_id for each in previewed if each.opens} == {"2"}, "a preview says the same"
    shops.advance(MINUTE)
    pulled(shops, qc="", jd="")
    shops.reviewer.tick()
    assert states(shops) == dict.fromkeys("123", State.FIRING)


def test_a_table_is_as_old_as_the_connection_furthest_behind(shops: House) -> None:
    """Two that fail in turns are both fresh, and so is the table."""
    begun = shops.clock.now()
    for number in range(6):
        shops.advance(10 * MINUTE)
        pulled(shops, qc="忙" if number % 2 else "", jd="" if number % 2 else "忙")
    now = shops.clock.now()
    assert (at(shops, "plans/qc"), at(shops, "plans/jd")) == (now - 10 * MINUTE, now)
    assert at(shops, PLANS) == now - 10 * MINUTE > begun
    shops.write_plan("1")
    shops.write_plan("2", source="qc")
    assert states(shops) == dict.fromkeys("12", State.FIRING)


def test_what_died_on_the_first_day_does_not_keep_the_others_young(shops: House) -> None:
    """Of jd nothing ever came, so the table was never good as a whole; then qc dies as well."""
    with shops.db.begin() as conn:
        conn.execute(sa.delete(tables.data_sources))
    pulled(shops, qc="", jd="授权已失效")
    shops.write_plan("1", source="qc")
    shops.write_plan("2")
    assert at(shops, PLANS) is None
    assert states(shops) == dict.fromkeys("12", State.FIRING)
    shops.advance(LIMIT + MINUTE)
    pulled(shops, qc="超时", jd="授权已失效")
    shops.reviewer.tick()
    assert states(shops) == dict.fromkeys("12", State.UNKNOWN)
    assert "从未取到数据（" in shops.alert(object_id="2").sentence
    (jd,) = [each for each in load(shops) if each.connection == "jd"]
    assert (jd.pulled_at, jd.since) == (None, shops.clock.now() - LIMIT - MINUTE)


def test_a_connection_taken_out_of_the_manifest_ages_and_troubles_nobody(shops: House) -> None:
    """Nobody judges by numbers nobody refreshes; it is no outage and nothing for the morning card."""
    shops.write_plan("1", source="jd")
    shops.write_plan("2")
    shops.advance(LIMIT + MINUTE)
    pulled(shops, qc="")
    shops.reviewer.tick()
    assert states(shops) == {"1": State.UNKNOWN, "2": State.FIRING}
    assert "连接 jd 已不在配置里" in shops.alert(object_id="1").sentence
    assert freshness.stale_sources(load(shops), {PLANS: LIMIT}, shops.clock.now()) == []


def load(house: House) -> list[freshness.SourceState]:
    """How every source stands."""
    with house.db.read() as conn:
        return freshness.load_states(conn)
