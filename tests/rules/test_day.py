"""The numbers of the morning card that red lines give: of that day only, and each what it is called."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.care_cards import Counts
from rules import tables as t
from rules import told
from rules.day import counter
from rules.model import TaskState
from rules.specs import PLANS, STOCK
from tests.rules.kit import START, WANG, House

pytestmark = pytest.mark.db
MIDNIGHT = START - timedelta(hours=10)  # in Shanghai
DAY = timedelta(days=1)


def test_a_day_is_counted_from_midnight_to_midnight(house: House) -> None:
    """Four plans fall below their line, one of them the day before; two cards are out; one task failed."""
    house.write_rule()
    for number in range(4):
        house.write_plan(f"100{number}")
    for plan, amount in (("1001", "1400"), ("1002", "1500")):
        wish = house.tap(WANG, "adjust.submit", house.alert(object_id=plan), amount=amount)
        with house.db.begin() as conn:
            house.actions.submit(conn, wish)
    notices = [row.id for row in house.notices()]
    assert len(notices) == 4
    with house.db.begin() as conn:
        of = t.alert_episodes.c.alert_id == house.alert(object_id="1003").id
        conn.execute(t.alert_episodes.update().where(of).values(fired_at=MIDNIGHT - timedelta(seconds=1)))
        for notice, at in zip(notices, (MIDNIGHT, START, MIDNIGHT + DAY), strict=False):
            sent = t.alert_notices.update().where(t.alert_notices.c.id == notice)
            conn.execute(sent.values(state=told.SENT, sent_at=at))
        failed = t.alert_tasks.update().where(t.alert_tasks.c.object_id == "1001")
        conn.execute(failed.values(state=TaskState.FAILED))
        for table, pulled in ((PLANS, MIDNIGHT + DAY - timedelta(hours=3)), (STOCK, MIDNIGHT + DAY)):
            conn.execute(sa.insert(t.data_sources).values(table=table, pulled_at=pulled, error=""))
    ages = dict.fromkeys((PLANS, STOCK), timedelta(hours=1))
    with house.db.read() as conn:
        found = counter(ages)(conn, MIDNIGHT, MIDNIGHT + DAY)
    assert found == Counts(alerts=3, cards=2, tasks=2, failed=1, stale=("计划日报",))
