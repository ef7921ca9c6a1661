"""What a rule compares, from either way of writing it: single cells or an expression."""

from dataclasses import dataclass
from decimal import Decimal

from rules.expression import Single
from rules.model import Comparison, Computed, Fixed, Limit, Metric, Unit
from rules.store import short_id
from rules.tree import Const, Ratio, Truth


@dataclass(frozen=True, slots=True)
class Core:
    """What a rule compares."""

    metric: Metric
    comparison: Comparison
    limit: Limit
    recover: Limit | None
    condition: Truth | None = None


_COMPARISONS = {
    "<": Comparison.BELOW,
    "<=": Comparison.AT_MOST,
    ">": Comparison.ABOVE,
    ">=": Comparison.AT_LEAST,
}


def of_single(single: Single, recover: Limit | None) -> Core:
    """An expression of one comparison is a rule like any other: it has a value, a limit and hysteresis."""
    value, bound = single.compare.left, single.compare.right
    unit = Unit.RATIO if isinstance(value, Ratio) else Unit.COUNT
    key = short_id("x_", single.left)
    metric = single.metric or Metric(key, single.left, single.left, value, unit)
    limit = Fixed(bound.value, single.right) if isinstance(bound, Const) else Computed(bound, single.right)
    return Core(metric, _COMPARISONS[single.compare.op], limit, recover)


def of_several(text: str, truth: Truth) -> Core:
    """Several comparisons decide together: there is no one number to show, and no recovery threshold."""
    metric = Metric(short_id("x_", text), "条件", "condition", Const(Decimal(1)), Unit.COUNT)
    return Core(metric, Comparison.AT_LEAST, Computed(Const(Decimal(1)), text), None, truth)
