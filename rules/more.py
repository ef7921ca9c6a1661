"""The form 更多 of an alert's card: silence, hand-over, pausing a plan. Pure."""

from bot.cards import Element, button, columns, hr, note, person_select, select, text
from bot.cards import column as cell
from rules.model import Action, State
from rules.offers import hindrance
from rules.specs import GONE
from rules.views import View

STOPPED = ("已暂停", "已结束", GONE)

SPANS = (
    ("1h", text("静默 1 小时", "Silence for an hour")),
    ("4h", text("静默 4 小时", "Silence for four hours")),
    ("tomorrow", text("静默到明天 9:00", "Silence until 9:00 tomorrow")),
    ("3d", text("静默 3 天", "Silence for three days")),
)


def more_form(view: View) -> list[Element]:
    """What else may be done with an open alert."""
    alert, rule = view.alert, view.rule
    value: dict[str, object] = {"id": alert.id, "v": alert.turn}
    asked = text("不再通知这一条…", "Do not tell me for…")
    built: list[Element] = [
        hr(),
        select("mute", SPANS, "mute.set", value, placeholder=asked),
        note(
            text(
                "只是不发新消息：预警照常判断，调高严重程度会解除静默",
                "Only messages stop; the alert goes on",
            )
        ),
    ]
    if view.people:
        people = [person.open_id for person in view.people]
        to = text("转交给…", "Hand over to…")
        built.append(person_select("to", people, "hand.over", value, placeholder=to))
    last = list[Element]()
    if alert.muted_until is not None:
        last.append(button(text("取消静默", "End the silence"), "mute.end", value))
    stoppable = view.values.get("status") not in STOPPED and alert.state is not State.UNKNOWN
    offered = rule is not None and Action.PAUSE in rule.actions and stoppable
    hindered = hindrance(Action.PAUSE, view.values) if offered else None
    if hindered is not None:
        built.append(note(text(hindered.zh, hindered.en)))
    elif offered:
        sure = (
            text("暂停这个计划？", "Pause this plan?"),
            text("平台会立即停止投放", "The platform stops it at once"),
        )
        last.append(button(text("暂停计划", "Pause plan"), "plan.pause", value, kind="danger", confirm=sure))
    last.append(button(text("返回", "Back"), "more.cancel", value, kind="text"))
    return [*built, columns(*(cell(item, weight=None) for item in last), flex="flow")]
