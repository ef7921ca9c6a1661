"""Letting the company's data flow: orders come, spend rises, stock sells, now and then something goes wrong.

Off until started. ``step`` moves everything by a number of seconds and is what the running thread calls; the
same seed and the same steps give the same day.
"""

import random
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.ads_model import Plan
from sandbox.company import order_line
from sandbox.erp import Sku
from sandbox.kernel import ApiError, Request, Routes, World

CONTROL = "our own control plane, 2026-11"
TICK = 0.5
SELLING_DAY = 16 * 3600
RETURN = Decimal("4.2")
BAD_RETURN = Decimal("2.4")
GOOD_RETURN = Decimal("3.6")
CENT = Decimal("0.01")

routes = Routes("simulator")


@dataclass(slots=True)
class Pace:
    """How fast things happen; seconds are sandbox seconds.

    ``sink_every`` and ``drain_every``: how often a plan's ROI sinks, an article sells under its safety stock
    (0 = never); ``recover_after``: how long a sunk plan stays down (0 = until somebody acts).
    """

    speed: float = 1.0
    orders_per_minute: float = 12.0
    sink_every: float = 90.0
    drain_every: float = 150.0
    recover_after: float = 0.0


class SimulatorState:
    """Start, stop, step. Found as ``world.simulator``."""

    transient = ("_stop", "_thread")

    def __init__(self, world: World) -> None:
        self.world = world
        self.flows = False
        self.pace = Pace()
        self.sunk: dict[int, float] = {}
        self._random = random.Random(1)  # noqa: S311 - a repeatable day
        self._time = 0.0
        self._owed = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether data flows by itself."""
        return self._thread is not None

    def start(self, pace: Pace | None = None) -> None:
        """Let data flow in real time times ``pace.speed``; a second start only changes the pace."""
        self.flows = True
        self.pace = pace or self.pace
        if self._thread is None:
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._stop,), name="simulator", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop the flow; what happened stays. Returns at once."""
        self.flows = False
        self._stop.set()
        self._thread = None

    def rest(self) -> None:
        """Stop before another state is put in."""
        self.stop()

    def close(self) -> None:
        """Stop for good and wait for it; ``flows`` stays, so that a kept state goes on."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(5)

    def awake(self) -> None:
        """Flow again if a kept state did."""
        if self.flows:
            self.start()

    def reset(self, _world: World, _company: str, seed: int) -> None:
        """Stop, and be ready for the same day again."""
        self.stop()
        self.pace = Pace()
        self.sunk.clear()
        self._random.seed(seed)
        self._time = self._owed = 0.0

    def step(self, seconds: float) -> None:
        """Let ``seconds`` pass for plans, orders and stock."""
        with self.world.lock:
            before, self._time = self._time, self._time + seconds
            self._advertise(seconds)
            self._owed += seconds * self.pace.orders_per_minute / 60
            while self._owed >= 1:
                self._owed -= 1
                self._sell()
            if due(before, self._time, self.pace.sink_every):
                self.sink()
            if due(before, self._time, self.pace.drain_every):
                self.drain()

    def sink(self, plan_id: int | None = None) -> Plan | None:
        """Let a plan's return of today fall under 1:3, as a bad hour with refunds does; None when none can.

        Args:
            plan_id: which plan; a healthy running one when left out.

        Raises:
            ApiError: no plan has this id.
        """
        today = self.world.ads.today()
        plans: dict[int, Plan] = self.world.ads.plans
        if plan_id is not None and plan_id not in plans:
            raise ApiError(400, f"no plan {plan_id}", 400)
        healthy = [
            p for p in plans.values() if p.plan_id not in self.sunk and p.status(today) == "DELIVERY_OK"
        ]
        plan = plans[plan_id] if plan_id is not None else self._random.choice(healthy) if healthy else None
        if plan is not None:
            figures = plan.day(today)
            figures.spend = max(figures.spend, Decimal(600))
            figures.gmv = (figures.spend * BAD_RETURN).quantize(CENT)
            self.sunk[plan.plan_id] = self._time
        return plan

    def recover(self, plan_id: int) -> None:
        """Let a sunk plan earn again."""
        figures = self.world.ads.plans[plan_id].day(self.world.ads.today())
        figures.gmv = max(figures.gmv, (figures.spend * GOOD_RETURN).quantize(CENT))
        self.sunk.pop(plan_id, None)

    def drain(self, sku_id: str | None = None) -> Sku | None:
        """Sell an article under its safety stock in one go; None when there is none to sell.

        Args:
            sku_id: which article; one with enough stock and nothing on the way when left out.

        Raises:
            ApiError: no article has this id.
        """
        skus: dict[str, Sku] = self.world.erp.skus
        if sku_id is not None and sku_id not in skus:
            raise ApiError(400, f"no article {sku_id}", 400)
        full = [s for s in skus.values() if s.qty > s.least and not s.coming]
        sku = skus[sku_id] if sku_id is not None else self._random.choice(full) if full else None
        if sku is not None:
            count = max(sku.qty - int(sku.least * 0.6), 1)
            self.world.shop.place(sku.shop_id, [order_line(sku, count)])
            sku.qty -= count
            self.world.erp.touch(sku)
        return sku

    def sell(self, sku_id: str, count: int) -> Sku:
        """Sell ``count`` pieces of an article in one order, as far as they are in stock.

        Raises:
            ApiError: 400 for an unknown article, a count below 1, or nothing left to sell.
        """
        with self.world.lock:
            sku: Sku | None = self.world.erp.skus.get(sku_id)
            if sku is None:
                raise ApiError(400, f"no article {sku_id}", 400)
            sold = min(count, sku.qty)
            if count < 1 or sold < 1:
                raise ApiError(400, f"{sku_id}: {sku.qty} in stock, {count} cannot be sold", 400)
            self.world.shop.place(sku.shop_id, [order_line(sku, sold)])
            sku.qty -= sold
            self.world.erp.touch(sku)
            return sku

    def _advertise(self, seconds: float) -> None:
        today = self.world.ads.today()
        for plan in self.world.ads.plans.values():
            if plan.status(today) != "DELIVERY_OK":
                continue
            figures = plan.day(today)
            share = Decimal(str(round(seconds * self._random.uniform(0.6, 1.4) / SELLING_DAY, 8)))
            spend = min((plan.budget * share).quantize(CENT), plan.budget - figures.spend)
            back = BAD_RETURN if plan.plan_id in self.sunk else RETURN
            gmv = (spend * back).quantize(CENT)
            figures.spend += spend
            figures.gmv += gmv
            figures.clicks += int(spend * 10 // 7)
            figures.shows += int(spend * 50)
            figures.orders = max(figures.orders, int(figures.gmv // 160))
        if self.pace.recover_after:
            for plan_id in [p for p, at in self.sunk.items() if self._time - at >= self.pace.recover_after]:
                self.recover(plan_id)

    def _sell(self) -> None:
        skus = [sku for sku in self.world.erp.skus.values() if sku.qty > sku.least + 2]
        if not skus:
            return
        sku, count = self._random.choice(skus), self._random.choice((1, 1, 1, 2))
        self.world.shop.place(sku.shop_id, [order_line(sku, count)])
        sku.qty -= count
        self.world.erp.touch(sku)

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(TICK):
            with self.world.lock:
                # A reset stops us while we wait for the lock; the new company must not feel the old flow.
                if stop.is_set():
                    return
                self.step(TICK * self.pace.speed)


def due(before: float, now: float, every: float) -> bool:
    """Whether a multiple of ``every`` lies in (before, now]."""
    return every > 0 and int(now // every) > int(before // every)


def _view(state: SimulatorState) -> dict[str, Any]:
    return {"on": state.running, "speed": state.pace.speed, "sunk": sorted(state.sunk)}


@routes.add("GET", "/_sandbox/simulator", auth="none", claim=CONTROL)
def show(world: World, _req: Request) -> dict[str, Any]:
    """Whether data flows, how fast, and which plans are down."""
    return _view(world.simulator)


@routes.add("POST", "/_sandbox/simulator", auth="none", claim=CONTROL)
def turn(world: World, req: Request) -> dict[str, Any]:
    """{on: bool, speed?, orders_per_minute?, sink_every?, drain_every?, recover_after?}."""
    body = req.json()
    for name in Pace.__slots__:
        if name in body:
            setattr(world.simulator.pace, name, float(body[name]))
    if body.get("on") is True:
        world.simulator.start()
    elif body.get("on") is False:
        world.simulator.stop()
    return _view(world.simulator)


@routes.add("POST", "/_sandbox/simulator/step", auth="none", claim=CONTROL)
def step(world: World, req: Request) -> dict[str, Any]:
    """Let {seconds} pass at once."""
    world.simulator.step(float(req.json().get("seconds", 60)))
    return _view(world.simulator)


@routes.add("POST", "/_sandbox/simulator/sink", auth="none", claim=CONTROL)
def sink(world: World, req: Request) -> dict[str, Any]:
    """Let a plan's ROI sink now: {plan_id?}; tells which."""
    wanted = req.json().get("plan_id")
    plan = world.simulator.sink(int(wanted) if wanted else None)
    return {"plan_id": plan.plan_id if plan else None, "name": plan.name if plan else None}


@routes.add("POST", "/_sandbox/simulator/recover", auth="none", claim=CONTROL)
def recover(world: World, req: Request) -> dict[str, Any]:
    """Let a plan earn again: {plan_id}."""
    plan_id = int(req.json().get("plan_id", 0))
    if plan_id not in world.ads.plans:
        raise ApiError(400, f"no plan {plan_id}", 400)
    world.simulator.recover(plan_id)
    return _view(world.simulator)


@routes.add("POST", "/_sandbox/simulator/drain", auth="none", claim=CONTROL)
def drain(world: World, req: Request) -> dict[str, Any]:
    """Sell an article under its safety stock now: {sku_id?}; tells which and what is left."""
    sku = world.simulator.drain(req.json().get("sku_id"))
    return {"sku_id": sku.sku_id if sku else None, "qty": sku.qty if sku else None}


@routes.add("POST", "/_sandbox/simulator/sell", auth="none", claim=CONTROL)
def sell(world: World, req: Request) -> dict[str, Any]:
    """Sell {count} pieces of {sku_id} now; tells what is left."""
    body = req.json()
    try:
        count = int(body.get("count", 1))
    except (TypeError, ValueError) as bad:
        raise ApiError(400, "count: a whole number", 400) from bad
    sku = world.simulator.sell(str(body.get("sku_id", "")), count)
    return {"sku_id": sku.sku_id, "qty": sku.qty}
