"""What a form proposes for an object, from its row and what its rule is about. Pure."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields
from decimal import Decimal

from bitable_sync.cells import CellValue
from rules.limits import (
    Proposal,
    Refusal,
    Standing,
    Wish,
    budget_rules,
    check_changes,
    propose_budget,
    propose_pieces,
    yuan,
)
from rules.metrics import SPANS
from rules.model import Action, OfField, Rule
from rules.offers import hindrance
from rules.stakes import numbers
from rules.tree import Column, Compare, Number, Ratio, Tree, below, columns
from rules.views import View

_EARNS_LITTLE = Wish(less=True, zh="ROI 低于红线", en="ROI is below the line")
_EARNS_MUCH = Wish(less=False, zh="ROI 高于红线，可以放量", en="ROI is above the line, so it may spend more")
_USED_UP = Wish(less=False, zh="预算快用完了", en="the budget is nearly used up")
_NOT_USED = Wish(less=True, zh="预算用不完", en="the budget is not used")
_SPENDS_MUCH = Wish(less=True, zh="消耗高于红线", en="it spends more than the line allows")
_LARGE = Wish(less=True, zh="日预算高于红线", en="the budget is above the line")
_SMALL = Wish(less=False, zh="日预算低于红线", en="the budget is below the line")
WISHES: Mapping[tuple[str, bool], Wish] = {
    ("roi", True): _EARNS_LITTLE,
    ("roi", False): _EARNS_MUCH,
    ("budget_use", True): _NOT_USED,
    ("budget_use", False): _USED_UP,
    ("spend", False): _SPENDS_MUCH,
    ("budget", True): _SMALL,
    ("budget", False): _LARGE,
    **{(f"spend_{span.key}", False): _SPENDS_MUCH for span in SPANS},
}
"""(metric, whether small numbers are the bad ones) → what helps. Other metrics say nothing of a budget."""


def wish_of(rule: Rule) -> Wish | None:
    """What a rule's alerts want of a plan's budget; None when the rule does not say.

    Of an expression every part that says something must want the same; 消耗 above a number is only a floor
    where another part speaks.
    """
    if rule.condition is None:
        beside = {rule.limit.key} if isinstance(rule.limit, OfField) else set[str]()
        key = _figure(rule.metric.value, beside) or rule.metric.key
        return WISHES.get((key, rule.comparison.downwards))
    said = list(_wishes(rule.condition))
    said = [wish for wish in said if wish is not _SPENDS_MUCH] or said
    return said[0] if said and len({wish.less for wish in said}) == 1 else None


def _wishes(tree: Tree) -> Iterator[Wish]:
    if isinstance(tree, Compare):
        down = tree.op in ("<", "<=")
        sides = ((tree.left, tree.right, down), (tree.right, tree.left, not down))
        for value, beside, downwards in sides if tree.op not in ("==", "!=") else ():
            wish = WISHES.get((_figure(value, set(columns(beside))), downwards))
            if wish is not None:
                yield wish
                return
    else:
        for part in below(tree):
            yield from _wishes(part)


def _figure(value: Number, beside: AbstractSet[str]) -> str:
    """Which figure of a plan a number is; 消耗 held against 日预算 is 预算消耗率."""
    match value:
        case Column(key="spend") if "budget" in beside:
            return "budget_use"
        case Column(key=key):
            return key
        case Ratio(left=Column(key="gmv"), right=Column(key="spend")):
            return "roi"
        case Ratio(left=Column(key="spend"), right=Column(key="budget")):
            return "budget_use"
    return ""


def budget_proposal(view: View) -> Proposal:
    """The proposal for a plan's budget, from the row as last seen and what its rule is about."""
    read = numbers(view.values)
    hindered = hindrance(Action.ADJUST, view.values)
    if hindered is not None:
        return _none(hindered)
    if "budget" not in read or "spend" not in read:
        return Proposal(
            None, "读不到当前预算或消耗，无法给出建议", "Budget or spend cannot be read, so no proposal"
        )
    rules = budget_rules(view.values.get("platform"))
    used_up = check_changes(view.changes, rules)
    if used_up is not None:
        return _none(used_up)
    wish = None if view.rule is None else wish_of(view.rule)
    if wish is None:
        return Proposal(
            None,
            f"当前日预算 {yuan(read['budget'])}。这条规则没有说明预算该加还是该减，请按情况填写",
            f"The budget is {yuan(read['budget'])}. The rule does not say whether more or less would help",
        )
    return propose_budget(budget=read["budget"], spend=read["spend"], rules=rules, wish=wish)


def _none(why: Refusal) -> Proposal:
    return Proposal(None, why.zh, why.en)


def standing_of(values: Mapping[str, CellValue]) -> Standing | None:
    """How a SKU stands, from its row; None when its stock cannot be read."""
    read, zero = numbers(values), Decimal(0)
    if "qty" not in read:
        return None
    return Standing(
        sellable=read["qty"] - read.get("locked", zero),
        on_way=read.get("on_way", zero),
        safety=read.get("safety", zero),
        most=read.get("most"),
        sales_7d=read.get("sales_7d"),
        lead_days=read.get("lead_days"),
        pack=read.get("pack", Decimal(1)),
    )


def kept_standing(standing: Standing) -> dict[str, str]:
    """How a SKU stands as text, to be kept with a decision; `read_standing` reads it."""
    return {
        each.name: str(said)
        for each in fields(standing)
        if (said := getattr(standing, each.name)) is not None
    }


def read_standing(kept: Mapping[str, str]) -> Standing:
    """How a SKU stood when it was kept."""
    return Standing(**{name: Decimal(said) for name, said in kept.items()})


def restock_proposal(view: View) -> Proposal:
    """The proposal for a SKU, from the row as last seen."""
    standing = standing_of(view.values)
    if standing is None:
        return Proposal(None, "读不到库存，无法给出建议", "The stock cannot be read, so no proposal")
    return propose_pieces(standing)
