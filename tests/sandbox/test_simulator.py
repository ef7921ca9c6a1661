"""Data flows when started, the same way for the same seed, and goes wrong where it is told to."""

from decimal import Decimal

from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.support.wait import until


def sums(sandbox: SandboxServer) -> tuple[int, Decimal, int]:
    """Orders, spend of today, pieces in stock."""
    world = sandbox.world
    today = world.ads.today()
    spend = sum((plan.day(today).spend for plan in world.ads.plans.values()), Decimal(0))
    return len(world.shop.orders), spend, sum(sku.qty for sku in world.erp.skus.values())


def test_nothing_moves_until_started(sandbox: SandboxServer) -> None:
    """Off by default, and a reset switches it off."""
    assert control(sandbox, "GET", "simulator")["data"]["on"] is False
    control(sandbox, "POST", "simulator", on=True)
    sandbox.world.reset("tiny", 1)
    assert control(sandbox, "GET", "simulator")["data"]["on"] is False


def test_time_brings_orders_spend_and_less_stock(sandbox: SandboxServer) -> None:
    """Ten minutes at 12 orders a minute are 120 orders; plans spend and stock sells."""
    orders, spend, stock = sums(sandbox)
    control(sandbox, "POST", "simulator", sink_every=0, drain_every=0)
    control(sandbox, "POST", "simulator/step", seconds=600)
    later = sums(sandbox)
    assert later[0] == orders + 120
    assert later[1] > spend
    assert later[2] < stock


def test_the_same_seed_gives_the_same_day(sandbox: SandboxServer) -> None:
    """Two runs of the same steps end in the same sums."""
    ends = []
    for _ in range(2):
        sandbox.world.reset("tiny", 5)
        for _ in range(30):
            sandbox.world.simulator.step(10)
        ends.append((sums(sandbox), sorted(sandbox.world.simulator.sunk)))
    assert ends[0] == ends[1]


def test_a_plan_sinks_and_recovers_on_command(sandbox: SandboxServer) -> None:
    """Sunk is under 1:3 with spend enough to matter; recovered is above."""
    plan_id = control(sandbox, "POST", "simulator/sink")["data"]["plan_id"]
    figures = sandbox.world.ads.plans[plan_id].day(sandbox.world.ads.today())
    assert figures.spend >= 600
    assert figures.gmv / figures.spend < 3
    control(sandbox, "POST", "simulator/recover", plan_id=plan_id)
    assert figures.gmv / figures.spend > 3


def test_an_article_falls_under_its_safety_stock_on_command(sandbox: SandboxServer) -> None:
    """One big order does it, and the order is there."""
    orders = len(sandbox.world.shop.orders)
    told = control(sandbox, "POST", "simulator/drain")["data"]
    sku = sandbox.world.erp.skus[told["sku_id"]]
    assert sku.qty == told["qty"] < sku.least
    assert len(sandbox.world.shop.orders) == orders + 1


def test_running_in_real_time(sandbox: SandboxServer) -> None:
    """Started with speed, orders come by themselves; stopped, they stop."""
    before = len(sandbox.world.shop.orders)
    control(sandbox, "POST", "simulator", on=True, speed=60)
    until(lambda: len(sandbox.world.shop.orders) > before)
    control(sandbox, "POST", "simulator", on=False)
    assert sandbox.world.simulator.running is False


def test_now_and_then_a_plan_sinks_and_comes_back(sandbox: SandboxServer) -> None:
    """With the paces set, a plan goes down by itself and returns after the time given."""
    sandbox.world.simulator.pace.sink_every = 60
    sandbox.world.simulator.step(61)
    (plan_id,) = sandbox.world.simulator.sunk
    sandbox.world.simulator.pace.sink_every = 0
    sandbox.world.simulator.pace.recover_after = 30
    sandbox.world.simulator.step(40)
    assert plan_id not in sandbox.world.simulator.sunk
