"""The make-believe companies are the promised size, believable, and the same for the same seed."""

from typing import Any

import pytest

from sandbox.company import DEMO_STAFF
from sandbox.kernel import World
from sandbox.server import SandboxServer


def founded(server: SandboxServer, company: str, seed: int = 1) -> World:
    """The world after founding a company in it."""
    server.world.reset(company, seed)
    return server.world


def snapshot(world: World) -> list[Any]:
    """Ids and numbers that must repeat (times follow the clock)."""
    return [
        [(p.open_id, p.name, p.department, p.leader_open_id) for p in world.people.values()],
        [
            (p.plan_id, p.name, p.owner, [str(f.gmv) for f in p.days.values()])
            for p in world.ads.plans.values()
        ],
        [(s.sku_id, s.qty, s.least, str(s.price), s.buyer) for s in world.erp.skus.values()],
        [(o.pay, o.status, [line.code for line in o.lines]) for o in world.shop.orders.values()],
    ]


@pytest.mark.parametrize(
    ("company", "sizes"),
    [("demo", (60, 3, 40, 2000, 600)), ("tiny", (6, 1, 3, 10, 5)), ("empty", (0, 0, 0, 0, 0))],
)
def test_the_size_of_each_company(sandbox: SandboxServer, company: str, sizes: tuple[int, ...]) -> None:
    """People, shops, plans, articles and orders of today."""
    world = founded(sandbox, company)
    parts = (world.people, world.shop.shops, world.ads.plans, world.erp.skus, world.shop.orders)
    assert tuple(len(part) for part in parts) == sizes


@pytest.mark.parametrize("company", ["demo", "tiny"])
def test_the_same_seed_founds_the_same_company(sandbox: SandboxServer, company: str) -> None:
    """Two resets agree in every id and number; another seed differs."""
    first = snapshot(founded(sandbox, company, 7))
    assert snapshot(founded(sandbox, company, 7)) == first
    assert snapshot(founded(sandbox, company, 8)) != first


def test_people_have_different_names_and_somebody_above_them(sandbox: SandboxServer) -> None:
    """Every chain of leaders ends at the general manager."""
    people = founded(sandbox, "demo").people
    assert len({person.name for person in people.values()}) == 60
    assert {p.department for p in people.values()} >= {
        "运营部/天猫组",
        "采购部",
        "设计部",
        "财务部",
        "人事部",
    }
    for person in people.values():
        above, steps = person, 0
        while above.leader_open_id:
            above, steps = people[above.leader_open_id], steps + 1
            assert steps < 5
        assert above.title == "总经理"


def test_the_day_begins_calm(sandbox: SandboxServer) -> None:
    """No plan is under 1:3, none is out of budget, no article is under its safety stock."""
    world = founded(sandbox, "demo")
    today = world.ads.today()
    for plan in world.ads.plans.values():
        figures = plan.day(today)
        assert figures.gmv / figures.spend > 3
        assert plan.status(today) == "DELIVERY_OK"
        assert world.people[plan.owner].department.startswith("运营部")
    assert all(sku.qty > sku.least for sku in world.erp.skus.values())


def test_an_unknown_company_is_an_error(sandbox: SandboxServer) -> None:
    """The sentence names the ones there are."""
    with pytest.raises(ValueError, match="demo, small, tiny, empty"):
        sandbox.world.reset("huge")


@pytest.mark.parametrize("count", [60, 299, 10_000])
def test_a_crowd_has_as_many_people_as_asked_for(sandbox: SandboxServer, count: int) -> None:
    """All departments of the demo, everybody with a name, a number and somebody above."""
    world = founded(sandbox, f"crowd:{count}")
    people = list(world.people.values())
    assert len(people) == count
    assert len({person.name for person in people}) == count
    assert len({person.employee_no for person in people}) == count
    assert {person.department for person in people} == {row[0] for row in DEMO_STAFF}
    assert sum(not person.leader_open_id for person in people) == 1
    assert len(world.erp.skus) == 10


def test_a_crowd_too_small_for_the_departments_is_refused(sandbox: SandboxServer) -> None:
    """Fewer people than the demo has could not fill them."""
    with pytest.raises(ValueError, match="60 or more"):
        sandbox.world.reset("crowd:59")
