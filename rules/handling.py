"""Taps that decide who has an alert and who hears of it: 静默, 转交, 暂停计划, and the buttons of summaries.

Like every tap: decided from our own data and committed inside the request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy.engine import Connection

from bitable_sync.cells import Person
from bot.model import Tap, TapAnswer, Toast
from rules import groups, lifecycle, store, told
from rules.access import may_act
from rules.actions import Actions
from rules.cards import alert_card
from rules.commands import listed, listing
from rules.duty import roster
from rules.effects import Changed, commit
from rules.grouping import Telling
from rules.model import Action, Alert, State
from rules.notices import decide
from rules.offers import hindrance
from rules.overview import print_of, summarize
from rules.rulebook import load_entry
from rules.specs import DATA_TABLES
from rules.summary import summary_card
from rules.views import MORE, find_rows
from rules.wording import clock_time
from runtime.clock import SHANGHAI

OFFERED = 60
"""So many people at most stand in the choice of 转交给."""

MOST_PAGES = 10_000
"""Of a summary; a card's number beyond is none of ours, and no database would keep it."""

MORNING = 9
"""The hour at which a silence until tomorrow ends."""


class Until(StrEnum):
    """How long a silence lasts; the values travel in the card."""

    HOUR = "1h"
    HOURS = "4h"
    TOMORROW = "tomorrow"
    DAYS = "3d"

    def end(self, now: datetime) -> datetime:
        """When a silence that begins now ends."""
        spans = {
            Until.HOUR: timedelta(hours=1),
            Until.HOURS: timedelta(hours=4),
            Until.DAYS: timedelta(days=3),
        }
        if self is not Until.TOMORROW:
            return now + spans[self]
        day = now.astimezone(SHANGHAI) + timedelta(days=1)
        return day.replace(hour=MORNING, minute=0, second=0, microsecond=0)


class Handling(Actions):
    """The tap handlers besides acknowledging and amounts; arguments as for :class:`Actions`."""

    def more(self, conn: Connection, tap: Tap) -> TapAnswer:
        """更多: show 静默, 转交 and 暂停计划 inside this copy of the card; nothing is decided yet."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        self._note_form(conn, tap, ready.alert, MORE)
        people = tuple(self._colleagues(ready.person))
        return TapAnswer(None, alert_card(replace(ready.view, form=MORE, people=people)).data)

    def mute(self, conn: Connection, tap: Tap) -> TapAnswer:
        """静默: nothing new is told of this alert for a while; the alert itself goes on."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        if tap.option not in list(Until):
            return self._fresh(
                conn, tap, ready.view, Toast("warning", "请选择静默到什么时候", "Choose until when")
            )
        until = Until(tap.option).end(self.clock.now())
        step = lifecycle.mute(ready.alert, until, ready.person)
        at = clock_time(until)
        return self._done(conn, tap, step, Toast("success", f"静默到 {at}", f"Silenced until {at}"))

    def unmute(self, conn: Connection, tap: Tap) -> TapAnswer:
        """取消静默: news is told again from now on."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        step = lifecycle.mute(ready.alert, None, ready.person)
        return self._done(conn, tap, step, Toast("success", "已取消静默", "No longer silenced"))

    def hand_over(self, conn: Connection, tap: Tap) -> TapAnswer:
        """转交: the chosen person has the alert from now on, gets its card and may act on it."""
        ready = self._ready(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        to = next((one for one in self._colleagues(ready.person) if one.open_id == tap.option), None)
        if to is None:
            said = Toast("warning", "请从名单里选一个人", "Choose somebody from the list")
            return self._fresh(conn, tap, ready.view, said)
        now = self.clock.now()
        step = lifecycle.hand_over(ready.alert, to, ready.person, now)
        keys = told.told_keys(conn, [step.alert.id])
        notice = decide(step.alert, keys.get((step.alert.id, step.alert.episode, to.open_id), set()), now)
        telling = [] if notice is None else [Telling(step.alert, to, notice)]
        changed = [Changed(step.alert, step.reason, tap.operator)]
        commit(conn, self.queue, changed, telling, now, self.policy.single_cards)
        name = to.name or to.open_id
        toast = Toast("success", f"已转交给 {name}", f"Handed over to {name}")
        return self._fresh(conn, tap, self._view(conn, tap, step.alert), toast)

    def pause(self, conn: Connection, tap: Tap) -> TapAnswer:
        """暂停计划: stop the plan on the platform; exactly one task, like a budget."""
        ready = self._claimed(conn, tap)
        if isinstance(ready, TapAnswer):
            return ready
        if ready.rule is None or Action.PAUSE not in ready.rule.actions:
            said = Toast("error", "这条规则的“动作”里没有“暂停计划”", "The rule does not offer it")
            return self._fresh(conn, tap, ready.view, said)
        hindered = hindrance(Action.PAUSE, ready.view.values)
        if hindered is not None:
            return self._hindered(conn, tap, ready, hindered)
        return self._decide(conn, tap, ready, Action.PAUSE, Decimal(0))

    # --- summaries ---

    def page(self, conn: Connection, tap: Tap) -> TapAnswer:
        """上一页, 下一页: another page of the summary, from what is now."""
        number = tap.value.get("p")
        number = number if isinstance(number, int) and 0 <= number < MOST_PAGES else 0
        group = groups.load_group(conn, str(tap.value.get("id") or ""))
        if group is None:
            alerts, rules = listed(conn, self.sources, self.policy, tap.operator)
            return TapAnswer(None, summary_card(listing(alerts, rules, number)).data)
        if group.receiver != tap.operator:
            return TapAnswer(Toast("warning", "这是发给别人的汇总", "This summary is somebody else's"))
        turned = replace(group, page=number)
        shown = summary_card(summarize(conn, self.sources, turned, groups.members(conn, group.id)))
        groups.change_group(conn, group.id, page=number, shown=print_of(shown))
        return TapAnswer(None, shown.data)

    def ack_all(self, conn: Connection, tap: Tap) -> TapAnswer:
        """全部知道了: take everything of the summary that this person may act on."""
        group = groups.load_group(conn, str(tap.value.get("id") or ""))
        if group is not None and group.receiver != tap.operator:
            return TapAnswer(Toast("warning", "这是发给别人的汇总", "This summary is somebody else's"))
        if group is not None:
            wanted = [member.alert.id for member in groups.members(conn, group.id)]
        else:
            wanted = [alert.id for alert in listed(conn, self.sources, self.policy, tap.operator)[0]]
        changed = self._taken(conn, store.load_many(conn, wanted, lock=True), tap.operator)
        commit(conn, self.queue, changed, (), self.clock.now())
        count = len(changed)
        toast = Toast("success", f"{count} 条交给你了", f"{count} are yours now")
        return TapAnswer(toast, self.page(conn, tap).card)

    # --- inside ---

    def _taken(self, conn: Connection, alerts: Sequence[Alert], open_id: str) -> list[Changed]:
        now, rows = self.clock.now(), find_rows(self.sources, alerts)
        rules = {each: load_entry(conn, each, self.sources.catalog) for each in {a.rule_id for a in alerts}}
        changed = []
        for alert in alerts:
            entry = rules[alert.rule_id]
            rule = entry.rule if entry else None
            person = may_act(alert, rule, rows.get(alert.id), self.policy.fallback, open_id)
            if person is None:
                continue
            if alert.unseen:
                step = lifecycle.seen(alert, person, now)
            elif alert.state is State.FIRING:
                step = lifecycle.acknowledge(alert, person, now)
            else:
                continue
            changed.append(Changed(step.alert, step.reason, open_id))
        return changed

    def _colleagues(self, without: Person) -> Iterable[Person]:
        """Who an alert may be handed to: everybody our tables name, most often named first."""
        count: dict[str, int] = {}
        known: dict[str, Person] = {}
        rows = [row.values for table in DATA_TABLES for row in self.sources.mirror.rows(table)]
        cells = [cell for values in rows for key in ("owner", "supervisor") if (cell := values.get(key))]
        cells += [shift.people for shift in roster(self.sources.mirror).shifts]
        for cell in cells:
            for person in cell if isinstance(cell, tuple) else ():
                if isinstance(person, Person) and person.open_id != without.open_id:
                    known[person.open_id] = person
                    count[person.open_id] = count.get(person.open_id, 0) + 1
        often = sorted(count, key=lambda open_id: (-count[open_id], open_id))
        return [known[open_id] for open_id in often[:OFFERED]]
