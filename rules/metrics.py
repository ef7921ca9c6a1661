"""What rules may watch: the columns of the data tables by their names, and numbers derived from them.

A derived metric is computed from input columns, never read from the formula column of the same name: change
events carry no formula values, so the formula would lag behind the number that changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.spec import FieldSpec, Kind, TableSpec
from rules.model import Doubt, Metric, Unit
from rules.specs import PLANS, SHOPS, STOCK
from rules.tree import LARGEST, PAST, Arith, Column, Const, Ratio

NUMERIC = (Kind.NUMBER, Kind.CURRENCY, Kind.PERCENT)


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A number that cannot be had, with the reason as a sentence for people."""

    doubt: Doubt
    sentence: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of former days to compare today with: ``day``, ``week`` or ``mean7``.

    Attributes:
        said: how people say it.
        call: its name as a function of an expression.
        suffix: what its metrics are called, after the name of the figure.
        of: how that metric reads in English.
        backs: how many days back the days of the stretch lie.
        least: of how many of them a figure must be known.
    """

    key: str
    said: str
    call: str
    suffix: str
    of: str
    backs: tuple[int, ...]
    least: int


SPANS = (
    Span("day", "昨日同时段", "昨日", "环比", "against yesterday", (1,), 1),
    Span("week", "上周同日同时段", "上周", "同比上周", "against last week", (7,), 1),
    Span(
        "mean7", "近 7 日同时段均值", "均值7日", "7日均值比", "of the mean of 7 days", tuple(range(1, 8)), 3
    ),
)

FIGURES: Mapping[str, Mapping[str, str]] = {
    PLANS: {"gmv": "成交金额", "spend": "消耗", "orders": "成交订单数"},
    SHOPS: {"gmv": "成交金额", "orders": "订单数"},
    STOCK: {},
}
"""Data table → the columns of which former days are kept, with the word their metrics begin with."""

SAMPLE = {PLANS: ("orders", "成交订单数"), SHOPS: ("orders", "今日订单数"), STOCK: ("sales_7d", "近7日销量")}
"""Data table → the column that says how much a row rests on (最小样本)."""


def past(table: str, key: str, name: str, span: Span) -> Column:
    """The figure of former days that a column of today is compared with.

    Of shops the platform itself says what yesterday was at this time, in a column of its own.
    """
    if (table, key, span.key) == (SHOPS, "gmv", "day"):
        return Column("gmv_base", "昨日同时段成交金额")
    return Column(f"{key}{PAST}{span.key}", f"{span.said}的{name}")


def _change(table: str, key: str, name: str, span: Span) -> Metric:
    """环比 and 同比 are the change as a share, 均值比 is the share itself."""
    now, then = Column(key, name), past(table, key, name, span)
    title = f"{name}{span.suffix}"
    top = now if span.key == "mean7" else Arith("-", now, then)
    ratio = Ratio(top, then, f"{then.name}为 0，{title}无法计算")
    return Metric(f"{key}_{span.key}", title, f"{_ENGLISH[key]} {span.of}", ratio, Unit.PERCENT)


def _ratio(top: str, base: str, sentence: str) -> Ratio:
    return Ratio(_column(top), _column(base), sentence)


def _column(text: str) -> Column:
    key, name = text.split()
    return Column(key, name)


_ENGLISH = {
    "budget": "daily budget", "spend": "spend", "gmv": "sales", "orders": "orders", "qty": "stock",
    "locked": "locked stock", "on_way": "on the way", "safety": "safety stock", "sales_7d": "sales in 7 days",
}  # fmt: skip
_SELLABLE = Arith("-", _column("qty 库存"), _column("locked 锁定"))
_AVAILABLE = Arith("+", _SELLABLE, _column("on_way 在途"))
_COVER = Ratio(
    Arith("*", _AVAILABLE, Const(Decimal(7))),
    _column("sales_7d 近7日销量"),
    "近7日销量为 0，可售天数无法计算",
)
_ROI = _ratio("gmv 成交金额", "spend 消耗", "消耗为 0，ROI 无法计算")
_USE = _ratio("spend 消耗", "budget 日预算", "日预算为 0，预算消耗率无法计算")
_BASE = Column("gmv_base", "昨日同时段成交金额")
_DROP = Ratio(Arith("-", _BASE, _column("gmv 今日成交金额")), _BASE, "昨日同时段成交金额为 0，跌幅无法计算")
_DERIVED: dict[str, tuple[Metric, ...]] = {
    PLANS: (
        Metric("roi", "ROI", "ROI", _ROI, Unit.RATIO),
        Metric("budget_use", "预算消耗率", "budget used", _USE, Unit.PERCENT),
    ),
    STOCK: (
        Metric("sellable", "可售", "sellable stock", _SELLABLE, Unit.COUNT),
        Metric("available", "可用库存", "stock incl. on the way", _AVAILABLE, Unit.COUNT),
        Metric("cover_days", "可售天数", "days of stock incl. on the way", _COVER, Unit.COUNT),
    ),
    SHOPS: (Metric("drop", "成交跌幅", "sales drop", _DROP, Unit.PERCENT),),
}


def _own_metric(field: FieldSpec) -> Metric:
    units = {Kind.CURRENCY: Unit.MONEY, Kind.PERCENT: Unit.PERCENT}
    unit, name_en = units.get(field.kind, Unit.COUNT), _ENGLISH.get(field.key, field.name)
    return Metric(field.key, field.name, name_en, Column(field.key, field.name), unit)


@dataclass(frozen=True, slots=True)
class TableWords:
    """The words a rule may use about one data table: its columns, its metrics, what names an object."""

    spec: TableSpec
    fields: Mapping[str, FieldSpec]
    metrics: Mapping[str, Metric]

    def numeric(self) -> list[str]:
        """Names of the columns that can be a threshold."""
        return [name for name, field in self.fields.items() if field.kind in NUMERIC]

    def people(self) -> list[str]:
        """Names of the person columns."""
        return [name for name, field in self.fields.items() if field.kind is Kind.USER]

    def also(self, renamed: Iterable[tuple[str, str]]) -> "TableWords":
        """These words and the names people gave columns since: (name now, field key).

        The old names stay good, so that a rename breaks no rule.
        """
        known = {field.key: field for field in self.fields.values()}
        new = {
            name: replace(known[key], name=name)
            for name, key in renamed
            if key in known and name not in self.fields
        }
        metrics = {name: _own_metric(field) for name, field in new.items() if field.kind in NUMERIC}
        return replace(self, fields={**self.fields, **new}, metrics={**metrics, **self.metrics})

    @property
    def id_key(self) -> str:
        """The field that names an object (the business key)."""
        return self.spec.business_key[0]


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """All data tables by the Chinese name people pick in 数据表. Equal only to itself."""

    tables: Mapping[str, TableWords]

    def by_key(self, table: str) -> TableWords:
        """The words of the table with this key; KeyError for a key that is no data table."""
        return next(words for words in self.tables.values() if words.spec.key == table)


def build_catalog(specs: Sequence[TableSpec]) -> Catalog:
    """Collect the words of the data tables, by the names setup gives their columns."""
    tables = {}
    for spec in specs:
        if spec.key not in _DERIVED:
            continue
        fields = {field.name: field for field in spec.fields}
        metrics = {name: _own_metric(field) for name, field in fields.items() if field.kind in NUMERIC}
        metrics |= {metric.name: metric for metric in _DERIVED[spec.key]}
        changes = [
            _change(spec.key, key, name, span) for key, name in FIGURES[spec.key].items() for span in SPANS
        ]
        metrics |= {metric.name: metric for metric in changes}
        tables[spec.name] = TableWords(spec, fields, metrics)
    return Catalog(tables)


def usable(value: CellValue) -> Decimal | None:
    """A cell as a number that rules compute with: finite, at most fifteen digits before the point."""
    if isinstance(value, Decimal) and value.is_finite() and (not value or value.adjusted() < LARGEST):
        return value
    return None


def number(values: Mapping[str, CellValue], key: str, name: str) -> Decimal | NotKnown:
    """Read one cell as a number, or say why not: empty, text, NaN and unreadable are told apart."""
    value = values.get(key, EMPTY)
    found = usable(value)
    if found is not None:
        return found
    if isinstance(value, Decimal):
        fault = "的数字太大" if value.is_finite() else "不是有限的数字"
        return NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”{fault}")
    if value is EMPTY:
        return NotKnown(Doubt.EMPTY, f"“{name}”是空的")
    if isinstance(value, Unreadable):
        return NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”读不出数字：{value.reason}")
    shown = str(value)[:20]
    return NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”应为数字，现在是“{shown}”")
