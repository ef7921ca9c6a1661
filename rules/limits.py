"""What a person may ask the platforms for, and what Chorus proposes. Pure.

Budget rules of 巨量千川 (interface notes of ``/v1.0/qianchuan/ad/budget/update/``): at least 300 yuan a day
for oCPM; one change moves at least 100 yuan; the new budget is at least 105 % of today's spend, rounded up to
a whole hundred; two decimals; at most 20 changes of a plan a day. Of 万相台 only what its old call says is
known: whole yuan, at least 30; the rest it says itself when it is asked.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation

MAX_BUDGET = Decimal("9999999.99")
SPEND_MARGIN = Decimal("1.05")
HUNDRED = Decimal(100)
STEP = Decimal("0.3")  # a proposal is thirty percent less, or more
COVER_DAYS = Decimal(7)  # days of sales to hold beyond the delivery time
DEFAULT_LEAD_DAYS = Decimal(7)
MOVED = Decimal("0.1")
"""A purchase is no longer what was decided when a tenth of it, and at least a pack, is no longer needed."""
MAX_PIECES = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """What a platform takes as a day budget, in yuan.

    Attributes:
        least: the lowest budget.
        step: the least change.
        unit: what proposals are rounded to.
        over_spend: it must be at least 105 % of today's spend.
        a_day: changes of a plan a day; None = no limit is known.
        whole: no decimals.
    """

    least: Decimal
    step: Decimal
    unit: Decimal
    over_spend: bool
    a_day: int | None
    whole: bool


QIANCHUAN = BudgetRules(Decimal(300), HUNDRED, HUNDRED, over_spend=True, a_day=20, whole=False)
WANXIANGTAI = BudgetRules(Decimal(30), Decimal(1), Decimal(10), over_spend=False, a_day=None, whole=True)
BUDGET_RULES = {"淘宝": WANXIANGTAI}
"""Platform → its rules; the strictest known ones for every other."""


def budget_rules(platform: object) -> BudgetRules:
    """The rules of a plan's platform, as its row names it."""
    return BUDGET_RULES.get(str(platform), QIANCHUAN)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an amount cannot be accepted, in both languages; says what would be accepted."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """An amount to start from (None when nothing sensible is allowed) and the reasoning."""

    amount: Decimal | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What would help a plan: a smaller budget (``less``) or a larger one, and why, in both languages."""

    less: bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a SKU stands, in pieces.

    Attributes:
        sellable, on_way: what can be sold, what was bought and is not here yet.
        safety, most: the bounds kept in the ERP; ``most`` None where there is none.
        sales_7d: sold in seven days; None where nobody knows.
        lead_days: from order to shelf; None = `DEFAULT_LEAD_DAYS`.
        pack: pieces of a box; what is not a whole number of at least one counts as one.
    """

    sellable: Decimal
    on_way: Decimal
    safety: Decimal
    most: Decimal | None = None
    sales_7d: Decimal | None = None
    lead_days: Decimal | None = None
    pack: Decimal = Decimal(1)

    @property
    def box(self) -> Decimal:
        """Pieces that come together."""
        return self.pack if self.pack >= 1 and self.pack == self.pack.to_integral_value() else Decimal(1)

    @property
    def lead(self) -> Decimal:
        """Days from order to shelf."""
        return self.lead_days if self.lead_days is not None and self.lead_days > 0 else DEFAULT_LEAD_DAYS

    @property
    def daily(self) -> Decimal | None:
        """Pieces sold a day."""
        return None if self.sales_7d is None else self.sales_7d / 7

    @property
    def need(self) -> Decimal:
        """Pieces to buy before rounding to boxes; below zero where more is there than is needed.

        With known sales: what sells until delivery plus a week, plus the safety stock. Without: up to the
        upper bound, or twice the safety stock. What can be sold and what is on the way is subtracted.
        """
        if self.daily is None:
            return (self.most or self.safety * 2) - self.sellable - self.on_way
        return self.daily * (self.lead + COVER_DAYS) + self.safety - self.sellable - self.on_way


def yuan(amount: Decimal) -> str:
    """Write money: ¥1,234.5 as ``¥1,234.50``, whole yuan without decimals."""
    exact = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"¥{exact:,.0f}" if exact == exact.to_integral_value() else f"¥{exact:,.2f}"


def floor_by_spend(spend: Decimal, rules: BudgetRules = QIANCHUAN) -> Decimal:
    """The lowest budget allowed after today's spend, in yuan."""
    if not rules.over_spend:
        return rules.least
    by_spend = (spend * SPEND_MARGIN / HUNDRED).to_integral_value(ROUND_CEILING) * HUNDRED
    return max(rules.least, by_spend)


def read_amount(text: object) -> Decimal | Refusal:
    """Read what a person typed as a positive amount with at most two decimals .

    Takes ``1,200``, ``¥1200`` and ``1200元``.
    """
    cleaned = (
        str(text or "").replace(",", "").replace("，", "").strip().lstrip("¥￥").removesuffix("元").strip()
    )
    if not cleaned:
        return Refusal("请填写数字", "Please enter a number")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not cleaned.isascii() or "e" in cleaned.lower() or "_" in cleaned:
        return Refusal(
            f"“{cleaned[:20]}”不是数字，请只填数字，例如 800", f"“{cleaned[:20]}” is not a number, e.g. 800"
        )
    if amount <= 0:
        return Refusal("请填写大于 0 的数字", "Please enter a number above 0")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        return Refusal("最多两位小数", "Two decimals at most")
    return amount


def check_changes(changes_today: int, rules: BudgetRules = QIANCHUAN) -> Refusal | None:
    """Check whether a plan's budget may be changed once more today; None = allowed."""
    if rules.a_day is None or changes_today < rules.a_day:
        return None
    return Refusal(
        f"这个计划今天已改 {changes_today} 次预算，平台每天最多 {rules.a_day} 次，请明天再改",
        f"Changed {changes_today} times today; the platform allows {rules.a_day}. Try again tomorrow",
    )


def check_budget(
    new: Decimal, *, budget: Decimal, spend: Decimal, changes_today: int, rules: BudgetRules = QIANCHUAN
) -> Refusal | None:
    """Check a new day budget (yuan) against the platform's rules; None = allowed."""
    lowest = floor_by_spend(spend, rules)
    used_up = check_changes(changes_today, rules)
    if used_up is not None:
        return used_up
    if rules.whole and new != new.to_integral_value():
        return Refusal("这个平台的日预算只能是整数元", "This platform takes whole yuan only")
    if new < rules.least:
        return Refusal(
            f"日预算不能低于 {yuan(rules.least)}", f"The daily budget must be at least {yuan(rules.least)}"
        )
    if new > MAX_BUDGET:
        return Refusal(
            f"日预算不能高于 {yuan(MAX_BUDGET)}", f"The daily budget must be at most {yuan(MAX_BUDGET)}"
        )
    if abs(new - budget) < rules.step:
        return Refusal(
            f"每次至少调整 {yuan(rules.step)}，当前 {yuan(budget)}",
            f"Change it by at least {yuan(rules.step)}; it is {yuan(budget)} now",
        )
    if new < lowest:
        return Refusal(
            f"今天已消耗 {yuan(spend)}，新预算至少 {yuan(lowest)}（消耗的 105%，按百元进位）",
            f"{yuan(spend)} is spent today, so at least {yuan(lowest)} (105 % of it, up to the hundred)",
        )
    return None


def propose_budget(
    *, budget: Decimal, spend: Decimal, rules: BudgetRules = QIANCHUAN, wish: Wish
) -> Proposal:
    """Propose thirty percent less, or more, as ``wish`` says, within what the platform allows (yuan)."""
    return _less(budget, spend, rules, wish) if wish.less else _more(budget, spend, rules, wish)


def _less(budget: Decimal, spend: Decimal, rules: BudgetRules, wish: Wish) -> Proposal:
    lowest = floor_by_spend(spend, rules)
    wanted = (budget * (1 - STEP) / rules.unit).to_integral_value(ROUND_HALF_UP) * rules.unit
    amount = max(wanted, lowest)
    if budget - amount < rules.step:
        return Proposal(
            None,
            f"今天已消耗 {yuan(spend)}，平台允许的最低预算是 {yuan(lowest)}，今天无法再调低",
            f"{yuan(spend)} is spent; the platform's minimum is {yuan(lowest)}, so it cannot go lower today",
        )
    zh = f"**建议降到 {yuan(amount)}**：{wish.zh}，当前 {yuan(budget)} 降约三成"
    en = f"**Proposal: {yuan(amount)}**: {wish.en}; about 30 % under {yuan(budget)}"
    return Proposal(amount, zh + _floor(lowest, rules)[0], en + _floor(lowest, rules)[1])


def _more(budget: Decimal, spend: Decimal, rules: BudgetRules, wish: Wish) -> Proposal:
    lowest = floor_by_spend(spend, rules)
    raised = max(budget * (1 + STEP), budget + rules.step)
    amount = max((raised / rules.unit).to_integral_value(ROUND_CEILING) * rules.unit, lowest)
    if amount > MAX_BUDGET:
        return Proposal(
            None,
            f"当前日预算 {yuan(budget)}，平台最高 {yuan(MAX_BUDGET)}，无法再调高",
            f"The budget is {yuan(budget)} and the platform's most {yuan(MAX_BUDGET)}: it cannot go higher",
        )
    zh = f"**建议提到 {yuan(amount)}**：{wish.zh}，当前 {yuan(budget)} 加约三成"
    en = f"**Proposal: {yuan(amount)}**: {wish.en}; about 30 % over {yuan(budget)}"
    return Proposal(amount, zh + _floor(lowest, rules)[0], en + _floor(lowest, rules)[1])


def _floor(lowest: Decimal, rules: BudgetRules) -> tuple[str, str]:
    if not rules.over_spend:
        return "", ""
    return (
        f"，且不低于今天消耗的 105%（{yuan(lowest)}）",
        f", not under 105 % of today's spend ({yuan(lowest)})",
    )


def check_pieces(pieces: Decimal) -> Refusal | None:
    """Check a number of pieces to buy; None = allowed."""
    if pieces != pieces.to_integral_value():
        return Refusal("补货数量应为整数", "The quantity must be a whole number")
    if pieces > MAX_PIECES:
        return Refusal(f"一次最多补 {MAX_PIECES} 件", f"At most {MAX_PIECES} pieces at a time")
    return None


def propose_pieces(standing: Standing) -> Proposal:
    """Propose how many pieces to buy, in whole boxes, with the arithmetic of `Standing.need`."""
    at = standing
    pieces = max(Decimal(0), (at.need / at.box).to_integral_value(ROUND_CEILING) * at.box)
    if at.daily is None:
        target = at.most or at.safety * 2
        zh = f"没有销量数据，按补到 {target:f} 件算，减可售 {at.sellable:f}，减在途 {at.on_way:f}"
        en = (
            f"No sales figures; filling up to {target:f}, less sellable {at.sellable:f}, "
            f"less on the way {at.on_way:f}"
        )
        enough = "暂不需要补货", "nothing needed now"
    else:
        days = at.lead + COVER_DAYS
        sold, pace = _short(at.daily * days), _short(at.daily)
        zh = (
            f"日均销 {pace} 件 × {days:f} 天（到货 {at.lead:f} 天，缓冲 {COVER_DAYS} 天）＝ {sold} 件，"
            f"加安全库存 {at.safety:f}，减可售 {at.sellable:f}，减在途 {at.on_way:f}"
        )
        en = (
            f"{pace} a day × {days:f} days (delivery {at.lead:f}, buffer {COVER_DAYS}) = {sold}, "
            f"plus safety stock {at.safety:f}, less sellable {at.sellable:f}, less on the way {at.on_way:f}"
        )
        enough = "在途已够，暂不需要补货", "enough is on the way"
    if pieces == 0:
        return Proposal(None, f"{zh}：{enough[0]}", f"{en}: {enough[1]}")
    boxes = (f"（箱规 {at.box:f} 件）", f" (boxes of {at.box:f})") if at.box > 1 else ("", "")
    return Proposal(
        pieces, f"**建议补 {pieces:f} 件**{boxes[0]}\n{zh}", f"**Proposal: {pieces:f}**{boxes[1]}\n{en}"
    )


def _short(amount: Decimal) -> str:
    return format(amount, ".1f").removesuffix(".0")


def moved_stock(before: Standing, now: Standing, pieces: Decimal) -> str | None:
    """Why a purchase that was decided is no longer what the SKU needs, in Chinese; None when it still is.

    Args:
        before: how the SKU stood when it was decided.
        now: how it stands.
        pieces: what is to be bought.
    """
    least = max(pieces * MOVED, now.box, Decimal(1))
    if before.need - now.need < least:
        return None
    shown = (
        ("可售", before.sellable, now.sellable), ("在途", before.on_way, now.on_way),
        ("近 7 日销量", before.sales_7d, now.sales_7d), ("安全库存", before.safety, now.safety),
        ("库存上限", before.most, now.most), ("到货天数", before.lead, now.lead),
    )  # fmt: skip
    changed = "，".join(f"{name} {_said(was)} → {_said(is_)}" for name, was, is_ in shown if was != is_)
    return f"提交之后库存变了（{changed}），不再需要这么多，没有采购；如仍需要请重新提交"


def _said(amount: Decimal | None) -> str:
    return "未知" if amount is None else _short(amount)
