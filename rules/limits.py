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
CUT = Decimal("0.7")  # proposal for a plan below its ROI line: thirty percent less
COVER_DAYS = Decimal(7)  # days of sales to hold beyond the delivery time
DEFAULT_LEAD_DAYS = Decimal(7)
PACK = Decimal(10)
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


def check_budget(
    new: Decimal, *, budget: Decimal, spend: Decimal, changes_today: int, rules: BudgetRules = QIANCHUAN
) -> Refusal | None:
    """Check a new day budget (yuan) against the platform's rules; None = allowed."""
    lowest = floor_by_spend(spend, rules)
    if rules.a_day is not None and changes_today >= rules.a_day:
        return Refusal(
            f"这个计划今天已改 {changes_today} 次预算，平台每天最多 {rules.a_day} 次，请明天再改",
            f"Changed {changes_today} times today; the platform allows {rules.a_day}. Try again tomorrow",
        )
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


def propose_budget(*, budget: Decimal, spend: Decimal, rules: BudgetRules = QIANCHUAN) -> Proposal:
    """Propose a lower budget for a plan that earns too little: 30 % less, as low as the platform allows."""
    lowest = floor_by_spend(spend, rules)
    wanted = (budget * CUT / rules.unit).to_integral_value(ROUND_HALF_UP) * rules.unit
    amount = max(wanted, lowest)
    if budget - amount < rules.step:
        return Proposal(
            None,
            f"今天已消耗 {yuan(spend)}，平台允许的最低预算是 {yuan(lowest)}，今天无法再调低",
            f"{yuan(spend)} is spent; the platform's minimum is {yuan(lowest)}, so it cannot go lower today",
        )
    if not rules.over_spend:
        zh, en = (
            f"**建议降到 {yuan(amount)}**：当前 {yuan(budget)} 降约三成",
            f"about 30 % under {yuan(budget)}",
        )
        return Proposal(amount, zh, f"**Proposal: {yuan(amount)}**, {en}")
    return Proposal(
        amount,
        f"**建议降到 {yuan(amount)}**：当前 {yuan(budget)} 降约三成，"
        f"且不低于今天消耗的 105%（{yuan(lowest)}）",
        f"**Proposal: {yuan(amount)}**, about 30 % under {yuan(budget)}, "
        f"not under 105 % of today's spend ({yuan(lowest)})",
    )


def check_pieces(pieces: Decimal) -> Refusal | None:
    """Check a number of pieces to buy; None = allowed."""
    if pieces != pieces.to_integral_value():
        return Refusal("补货数量应为整数", "The quantity must be a whole number")
    if pieces > MAX_PIECES:
        return Refusal(f"一次最多补 {MAX_PIECES} 件", f"At most {MAX_PIECES} pieces at a time")
    return None


def propose_pieces(
    *,
    sellable: Decimal,
    on_way: Decimal,
    safety: Decimal,
    most: Decimal | None = None,
    sales_7d: Decimal | None = None,
    lead_days: Decimal | None = None,
) -> Proposal:
    """Propose how many pieces to buy.

    With known sales: what sells until delivery plus a week, plus the safety stock. Without: up to the ERP's
    upper bound, or twice the safety stock. What can be sold and what is on the way is subtracted.
    """
    if sales_7d is None:
        return _fill_up(most or safety * 2, sellable, on_way)
    lead = lead_days if lead_days is not None and lead_days > 0 else DEFAULT_LEAD_DAYS
    days = lead + COVER_DAYS
    daily = sales_7d / 7
    need = daily * days + safety - sellable - on_way
    pieces = _packs(need)
    sold, pace = (format(item, ".1f").removesuffix(".0") for item in (daily * days, daily))
    zh = (
        f"日均销 {pace} 件 × {days:f} 天（到货 {lead:f} 天，缓冲 {COVER_DAYS} 天）＝ {sold} 件，"
        f"加安全库存 {safety:f}，减可售 {sellable:f}，减在途 {on_way:f}"
    )
    en = (
        f"{pace} a day × {days:f} days (delivery {lead:f}, buffer {COVER_DAYS}) = {sold}, "
        f"plus safety stock {safety:f}, less sellable {sellable:f}, less on the way {on_way:f}"
    )
    if pieces == 0:
        return Proposal(None, f"{zh}：在途已够，暂不需要补货", f"{en}: enough is on the way")
    return Proposal(
        pieces,
        f"**建议补 {pieces:f} 件**（按 {PACK} 件取整）\n{zh}",
        f"**Proposal: {pieces:f}** (in packs of {PACK})\n{en}",
    )


def _packs(need: Decimal) -> Decimal:
    return max(Decimal(0), (need / PACK).to_integral_value(ROUND_CEILING) * PACK)


def _fill_up(target: Decimal, sellable: Decimal, on_way: Decimal) -> Proposal:
    pieces = _packs(target - sellable - on_way)
    zh = f"没有销量数据，按补到 {target:f} 件算，减可售 {sellable:f}，减在途 {on_way:f}"
    en = f"No sales figures; filling up to {target:f}, less sellable {sellable:f}, less on the way {on_way:f}"
    if pieces == 0:
        return Proposal(None, f"{zh}：暂不需要补货", f"{en}: nothing needed now")
    return Proposal(
        pieces,
        f"**建议补 {pieces:f} 件**（按 {PACK} 件取整）\n{zh}",
        f"**Proposal: {pieces:f}** (in packs of {PACK})\n{en}",
    )
