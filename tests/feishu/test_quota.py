"""Counting calls per endpoint and month."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from runtime.clock import SHANGHAI, ManualClock
from runtime.db import Database
from runtime.feishu.quota import Quota, month_of, next_month
from tests.support.wait import until

pytestmark = pytest.mark.db

NOON = datetime(2026, 11, 23, 12, tzinfo=SHANGHAI)


@pytest.fixture
def clock() -> ManualClock:
    """A day in November."""
    return ManualClock(NOON)


def test_two_processes_add_to_the_same_rows(database: Database, clock: ManualClock) -> None:
    """Whatever process counted it, the month's number is one; counting is not overwriting."""
    one, two = Quota(database, clock), Quota(database, clock)
    for quota, times in ((one, 3), (two, 4), (one, 1)):
        for _ in range(times):
            quota.count("GET /a")
        quota.flush()
    two.count("POST /b")
    two.close()
    assert one.usage("2026-11") == {"GET /a": 8, "POST /b": 1}
    one.close()


def test_counts_reach_the_database_within_seconds_without_a_further_call(
    database: Database, clock: ManualClock
) -> None:
    """A process that falls silent, or is killed later, has told what it did."""
    quota, reader = Quota(database, clock), Quota(database, clock)
    quota.count("GET /a")
    until(lambda: reader.used() == 1, timeout=10, what="the buffered count in the database")
    quota.close()


def test_a_call_not_yet_written_is_already_counted_by_its_own_process(
    database: Database, clock: ManualClock
) -> None:
    """The number shown includes what is still in memory."""
    quota = Quota(database, clock)
    quota.count("GET /a")
    assert quota.used() == 1
    quota.close()


def test_one_warning_when_little_is_left(database: Database, clock: ManualClock) -> None:
    """At 80 % of the allowance somebody is told, once a month."""
    quota = Quota(database, clock, monthly_calls=10)
    with capture_logs() as told:
        for _ in range(7):
            quota.count("GET /a")
        quota.flush()
        assert told == []
        for _ in range(2):
            quota.count("GET /a")
            quota.flush()
        assert [(line["event"], line["used"]) for line in told] == [("feishu.quota_low", 8)]
        clock.advance(timedelta(days=30))
        for _ in range(8):
            quota.count("GET /a")
        quota.close()
    assert [line["used"] for line in told] == [8, 8]


def test_the_month_is_shanghais() -> None:
    """The platform's month turns at midnight in China."""
    late = datetime(2026, 11, 30, 16, 30, tzinfo=UTC)
    assert month_of(late) == "2026-12"
    assert next_month(late) == datetime(2027, 1, 1, tzinfo=SHANGHAI)
    assert next_month(NOON) == datetime(2026, 12, 1, tzinfo=SHANGHAI)
