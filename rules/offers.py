"""Whether an action can work on an object at all, before anybody is shown a button for it. Pure.

What a platform lets us change stands in the row (可操作), told by the pull. A row that does not say so yet is
offered everything; the platform's own answer is what people read then.
"""

from collections.abc import Mapping

from bitable_sync.cells import EMPTY, CellValue
from bitable_sync.platforms.facts import Can
from rules.limits import Refusal
from rules.model import Action

BACK_OFFICE = "请到广告平台的后台操作"


def hindrance(action: Action, values: Mapping[str, CellValue]) -> Refusal | None:
    """Why an action cannot work on an object, whatever amount is asked for; None when it may be offered.

    Args:
        action: what the rule offers.
        values: the object's row as last seen.
    """
    can = values.get("can", EMPTY)
    if action is Action.PAUSE and can in (Can.BUDGET.value, Can.NOTHING.value):
        return Refusal(
            f"Chorus 不能暂停这个计划，{BACK_OFFICE}",
            "Chorus cannot pause this plan; use the platform's own console",
        )
    if action is not Action.ADJUST:
        return None
    if can == Can.NOTHING.value:
        return Refusal(
            f"Chorus 不能改这个计划的预算，{BACK_OFFICE}",
            "Chorus cannot change this plan's budget; use the platform's own console",
        )
    if "budget" in values and values["budget"] is EMPTY:
        return Refusal(
            f"这个计划没有日预算（不限，或按周期），{BACK_OFFICE}",
            "This plan has no daily budget (no limit, or one for a period); use the platform's own console",
        )
    return None
