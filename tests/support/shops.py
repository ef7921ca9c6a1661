"""A shop platform of the test: orders put there by hand, found by when they changed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from bitable_sync.platforms.facts import TAOBAO, Order
from runtime.clock import SHANGHAI
from runtime.errors import TransientError

NOON = datetime(2026, 3, 2, 12, tzinfo=SHANGHAI)


def order(number: int, paid: datetime | None, *, modified: datetime | None = None, void: bool = False,
          amount: str = "10.00", shop: str = "s1", name: str = "旗舰店") -> Order:  # fmt: skip
    """An order of one shop."""
    changed = modified or paid or NOON
    return Order(f"T{number}", shop, name, Decimal(amount), paid, changed, void, "CLOSED" if void else "PAID")


class Store:
    """A platform's query store: what it holds, and which windows were asked."""

    platform = TAOBAO
    counts = "payment"

    def __init__(self) -> None:
        self.held: dict[str, Order] = {}
        self.asked: list[tuple[datetime, datetime]] = []
        self.fails_at: datetime | None = None
        self.shops: Mapping[str, str] = {}

    def put(self, *found: Order) -> None:
        """These orders are there from now on."""
        self.held.update((f"{each.shop_id}/{each.order_id}", each) for each in found)

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Both ends included, as TOP does."""
        self.asked.append((begin, end))
        if self.fails_at is not None and begin <= self.fails_at <= end:
            raise TransientError("busy")
        return [each for each in self.held.values() if begin <= each.modified <= end]
