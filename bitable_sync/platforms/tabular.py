"""Rows of a spreadsheet or a query as facts: by the column names of our own tables, in Chinese.

So an export that people look at every morning, or a view in the company's BI database, feeds the red lines
without a programmer. What a row lacks or says unreadably is told with the place it stands at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from bitable_sync.platforms.facts import AdPlan, Order, PlanState, StockRow
from bitable_sync.platforms.wire import moment, number
from runtime.clock import SHANGHAI
from runtime.errors import PermanentError

EXACT = 2**53
"""Beyond this a spreadsheet's number has lost digits: an id must be text."""
VOID = {"已取消", "已关闭", "取消", "关闭", "交易关闭"}

Raw = Mapping[str, Any]


class Line:
    """One row and the place it stands at, for sentences."""

    def __init__(self, values: Raw, place: str) -> None:
        # PostgreSQL writes names that are not quoted in small letters.
        self._values = {str(key).strip().casefold(): value for key, value in values.items()}
        self.place = place

    def has(self, name: str) -> bool:
        """Whether the row says something there."""
        return self._get(name) not in (None, "")

    def text(self, name: str, default: str | None = None) -> str:
        """Text; without a default it must be there. A number stands as people see it."""
        value = self._get(name)
        if value in (None, ""):
            if default is None:
                raise self.fault(f"缺少“{name}”")
            return default
        if isinstance(value, float) and (not value.is_integer() or abs(value) >= EXACT):
            raise self.fault(f"“{name}”是数字 {value!r}，位数可能已经丢失；请存成文本")
        return str(int(value)) if isinstance(value, float) else str(value).strip()

    def money(self, name: str, default: Decimal | None = None) -> Decimal:
        """An amount in 元, to the cent; ``¥`` and thousands separators are taken."""
        value = self._get(name)
        if value in (None, ""):
            if default is None:
                raise self.fault(f"缺少“{name}”")
            return default
        cleaned = str(value).replace(",", "").replace("，", "").strip().lstrip("¥￥").removesuffix("元")
        try:
            return number(cleaned).quantize(Decimal("0.01"))
        except PermanentError:
            raise self.fault(f"“{name}”写的是“{value}”，应为数字") from None

    def pieces(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        if default is not None and not self.has(name):
            return default
        amount = self.money(name)
        if amount != amount.to_integral_value():
            raise self.fault(f"“{name}”应为整数")
        return int(amount)

    def at(self, name: str) -> datetime | None:
        """A moment (Shanghai), None where the cell is empty."""
        value = self._get(name)
        if isinstance(value, datetime):
            return value.astimezone(SHANGHAI) if value.tzinfo else value.replace(tzinfo=SHANGHAI)
        if isinstance(value, date):
            return datetime.combine(value, time(), SHANGHAI)
        cleaned = str(value or "").strip().replace("/", "-").replace("T", " ")
        try:
            return moment(cleaned + (":00" if len(cleaned) == 16 else ""))
        except PermanentError:
            raise self.fault(f"“{name}”写的是“{value}”，应为 2026-03-01 09:30:00 这样的时间") from None

    def _get(self, name: str) -> Any:
        return self._values.get(name.casefold())

    def fault(self, what: str) -> PermanentError:
        """The error of this row."""
        return PermanentError(f"{self.place}：{what}；改正后会自动重新读取")


def orders(lines: Iterable[Line]) -> list[Order]:
    """Rows of orders: 订单编号, 店铺ID, 店铺, 支付金额, 付款时间, 更新时间, 订单状态."""
    found = []
    for line in lines:
        paid = line.at("付款时间")
        modified = line.at("更新时间") or paid
        if modified is None:
            continue  # never paid and never said to have changed: it counts for no day
        shop, state = line.text("店铺ID"), line.text("订单状态", "")
        found.append(
            Order(
                line.text("订单编号"), shop, line.text("店铺", shop), line.money("支付金额"), paid, modified,
                state in VOID, state,
            )
        )  # fmt: skip
    return found


def plans(lines: Iterable[Line], platform: str, day: date) -> list[AdPlan]:
    """Rows of a day's plans: 计划ID, 计划名称, 平台, 店铺, 状态, 日预算, 消耗, 成交金额, 成交订单数, 日期."""
    states = {state.value: state for state in PlanState}
    found = []
    for line in lines:
        at = line.at("日期")
        if at is not None and at.date() != day:
            continue
        said = line.text("状态", PlanState.LIVE.value)
        if said not in states:
            raise line.fault(f"“状态”写的是“{said}”，应为 {'、'.join(states)} 之一")
        found.append(
            AdPlan(
                line.text("计划ID"), line.text("计划名称", ""), line.text("平台", platform),
                line.text("店铺", ""), states[said], line.money("日预算") if line.has("日预算") else None,
                line.money("消耗"), line.money("成交金额"), line.pieces("成交订单数", 0), day,
            )
        )  # fmt: skip
    return found


def stock(lines: Iterable[Line]) -> list[StockRow]:
    """Rows of stock: SKU编码, 款号, 商品名称, 店铺, 库存, 锁定, 在途, 安全库存, 库存上限.

    And 近7日销量, 到货天数, 箱规; a column that is not there says nothing.
    """

    def maybe(line: Line, name: str) -> int | None:
        return line.pieces(name) if line.has(name) else None

    found = []
    for line in lines:
        qty = line.pieces("库存")
        found.append(
            StockRow(
                line.text("SKU编码"), line.text("款号", ""), line.text("商品名称", ""), qty,
                qty - line.pieces("锁定", 0), maybe(line, "在途"), maybe(line, "安全库存"),
                maybe(line, "库存上限"), sales_7d=maybe(line, "近7日销量"),
                lead_days=maybe(line, "到货天数"), pack=maybe(line, "箱规"), shop=line.text("店铺", ""),
            )
        )  # fmt: skip
    return found
