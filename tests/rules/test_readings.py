"""Which of two readings of a row is the newer one, also where a clock was wrong in between."""

from datetime import timedelta
from decimal import Decimal

import pytest

from rules.evaluate import evaluate_all
from rules.model import State
from rules.specs import PLANS
from tests.rules.kit import House, plan

pytestmark = pytest.mark.db


def test_what_a_clock_that_was_behind_read_is_judged_when_it_is_right(house: House) -> None:
    """The row says since then that it is read before the alert fired; nothing newer may come for long."""
    house.write_rule()
    house.write_plan()
    right = house.clock.now()
    house.clock.set(right - timedelta(seconds=200))
    house.put(PLANS, {"rec_1001": plan(gmv=Decimal(4000))})
    house.clock.set(right + timedelta(seconds=2))
    house.checker.scan()
    assert house.alert().state is State.RESOLVED


def test_what_was_read_before_a_newer_edit_changes_nothing(house: House) -> None:
    """A check that began before it judges what was then; the row is another by now."""
    house.write_rule()
    house.write_plan(gmv=Decimal(4000))
    old = house.mirror.get(PLANS, "rec_1001")
    assert old is not None
    (rule,) = house.checker.rules(PLANS)
    ground = house.checker.ground(PLANS, [rule], {"1001"})
    (findings,) = evaluate_all([rule], [old], ground)
    house.advance(timedelta(seconds=5))
    house.write_plan()
    house.checker.apply(rule, findings, [old], gone=(), known=ground.known)
    assert house.alert().state is State.FIRING
