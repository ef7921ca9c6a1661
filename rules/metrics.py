"""What rules may watch: the columns of the data tables by their names, and numbers derived from them.

A derived metric is computed from input columns, never read from the formula column of the same name: change
events carry no formula values, so the formula would lag behind the number that changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bitable_sync.cells import EMPTY, CellValue, Unreadable
from bitable_sync.spec import FieldSpec, Kind, TableSpec
from rules.model import Doubt, Metric, Unit
from rules.specs import PLANS, SHOPS, STOCK

NUMERIC = (Kind.NUMBER, Kind.CURRENCY, Kind.PERCENT)

Numbers = Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A number that cannot be had, with the reason as a sentence for people."""

    doubt: Doubt
    sentence: str


def _roi(numbers: Numbers) -> Decimal | NotKnown:
    gmv, spend = numbers
    if spend == 0:
        return NotKnown(Doubt.ZERO_BASE, "消耗为 0，ROI 无法计算")
    return gmv / spend


def _sellable(numbers: Numbers) -> Decimal | NotKnown:
    return numbers[0] - numbers[1]


def _available(numbers: Numbers) -> Decimal | NotKnown:
    return numbers[0] - numbers[1] + numbers[2]


def _drop(numbers: Numbers) -> Decimal | NotKnown:
    today, base = numbers
    if base == 0:
        return NotKnown(Doubt.ZERO_BASE, "昨日同时段成交金额为 0，跌幅无法计算")
    return (base - today) / base


def _budget_use(numbers: Numbers) -> Decimal | NotKnown:
    spend, budget = numbers
    if budget == 0:
        return NotKnown(Doubt.ZERO_BASE, "日预算为 0，预算消耗率无法计算")
    return spend / budget


_DERIVED: dict[str, tuple[tuple[Metric, Callable[[Numbers], Decimal | NotKnown]], ...]] = {
    PLANS: (
        (Metric("roi", "ROI", "ROI", ("gmv", "spend"), Unit.RATIO), _roi),
        (Metric("budget_use", "预算消耗率", "budget used", ("spend", "budget"), Unit.PERCENT), _budget_use),
    ),
    STOCK: (
        (Metric("sellable", "可售", "sellable stock", ("qty", "locked"), Unit.COUNT), _sellable),
        (
            Metric(
                "available", "可用库存", "stock incl. on the way", ("qty", "locked", "on_way"), Unit.COUNT
            ),
            _available,
        ),
    ),
    SHOPS: ((Metric("drop", "成交跌幅", "sales drop", ("gmv", "gmv_base"), Unit.PERCENT), _drop),),
}
_FORMULAS = {metric.key: compute for pairs in _DERIVED.values() for metric, compute in pairs}
_ENGLISH = {
    "budget": "daily budget", "spend": "spend", "gmv": "sales", "orders": "orders", "qty": "stock",
    "locked": "locked stock", "on_way": "on the way", "safety": "safety stock", "sales_7d": "sales in 7 days",
}  # fmt: skip


def _own_metric(field: FieldSpec) -> Metric:
    units = {Kind.CURRENCY: Unit.MONEY, Kind.PERCENT: Unit.PERCENT}
    return Metric(
        field.key,
        field.name,
        _ENGLISH.get(field.key, field.name),
        (field.key,),
        units.get(field.kind, Unit.COUNT),
    )


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


@dataclass(frozen=True, slots=True)
class Catalog:
    """All data tables by the Chinese name people pick in 数据表."""

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
        metrics |= {metric.name: metric for metric, _ in _DERIVED[spec.key]}
        tables[spec.name] = TableWords(spec, fields, metrics)
    return Catalog(tables)


def number(values: Mapping[str, CellValue], key: str, name: str) -> Decimal | NotKnown:
    """Read one cell as a finite number, or say why not: empty, text, NaN and unreadable are told apart."""
    value = values.get(key, EMPTY)
    if isinstance(value, Decimal):
        return value if value.is_finite() else NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”不是有限的数字")
    if value is EMPTY:
        return NotKnown(Doubt.EMPTY, f"“{name}”是空的")
    if isinstance(value, Unreadable):
        return NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”读不出数字：{value.reason}")
    shown = str(value)[:20]
    return NotKnown(Doubt.NOT_A_NUMBER, f"“{name}”应为数字，现在是“{shown}”")


def measure(metric: Metric, names: Mapping[str, str], values: Mapping[str, CellValue]) -> Decimal | NotKnown:
    """The metric of one row, from its input columns only.

    Args:
        metric: what to compute.
        names: Chinese column name of each field key, for the sentence.
        values: the row's cells by field key.
    """
    numbers = []
    for key in metric.inputs:
        found = number(values, key, names.get(key, key))
        if isinstance(found, NotKnown):
            return found
        numbers.append(found)
    compute = _FORMULAS.get(metric.key)
    return compute(numbers) if compute else numbers[0]
