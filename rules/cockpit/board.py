"""Everything a page of the cockpit shows, gathered from our own tables. No outside call."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.engine import Connection

from bitable_sync.mirror import Mirror
from rules.cockpit import days, figures, store
from rules.cockpit.model import (
    ArtDay,
    ArtDays,
    Deed,
    OpenAlert,
    PlanDay,
    Quality,
    Scope,
    ShopDay,
    Sku,
    Source,
    Stock,
    StockDay,
    Sums,
)
from rules.freshness import load_states
from rules.limits import yuan
from rules.metrics import Catalog
from rules.model import Action, Alert, Rule, State
from rules.rulebook import load_entries
from rules.specs import PLANS, SHOPS, STOCK
from rules.store import open_alerts
from rules.wording import STATE_ZH, limit_text, metric_text, reason_text, spaced
from runtime.clock import Clock, day_of
from runtime.db import Database

SPANS: Final = (7, 30, 90)
NAMES: Final = {PLANS: "广告计划", STOCK: "商品库存", SHOPS: "店铺成交"}
USUAL_AGE: Final = timedelta(hours=1)
"""How old numbers may be when the manifest names no ``limits.max_age`` for their table."""
WORKER_AGE: Final = timedelta(minutes=1)
DEEDS, SKUS, ALERTS = 20, 8, 12
KEPT: Final = timedelta(seconds=5)
"""How long a board is shown to the next viewer as it is, so that many viewers cost as much as one."""

PAST_KEPT: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Board:
    """What a page shows.

    Attributes:
        at: when it was gathered.
        today: sums of today; ``before``: of the whole day before.
        trend: the sums of each day of the span; ``stock_trend``: the SKU counts, None for a day unseen.
        shops: today's line of each shop.
        plans: today's plans; only for a shop.
        stock: counts of SKUs now; None when the stock was never read.
        short: SKUs somebody must look at.
        sources: how old the numbers are, by table key, and ``worker``; where several connections fill a
            table, each of them too (``plans/jd``).
        quality: by span in days.
        art: images made and money spent; None where images are not in use.
    """

    at: datetime
    scope: Scope
    platforms: Sequence[str]
    today: Sums
    before: Sums
    trend: Sequence[tuple[date, Sums]]
    stock_trend: Sequence[tuple[date, StockDay | None]]
    shops: Sequence[ShopDay]
    plans: Sequence[PlanDay]
    stock: StockDay | None
    short: Sequence[Sku]
    sources: Mapping[str, Source]
    alerts: Sequence[OpenAlert]
    deeds: Sequence[Deed]
    quality: Mapping[int, Quality]
    art: Sequence[ArtDay] | None

    @property
    def doubtful(self) -> list[Source]:
        """Sources whose numbers must not be taken for what is; a connection rather than its whole table."""
        found = [source for source in self.sources.values() if not source.good]
        tables = {source.key.partition("/")[0] for source in found if "/" in source.key}
        return [source for source in found if source.key not in tables]

    @property
    def gmv_change(self) -> Decimal | None:
        """Sales of today against the day before up to the same hour."""
        return figures.change(self.today.gmv, self.today.base)

    def change_of(self, line: ShopDay) -> Decimal | None:
        """The same for a shop's line."""
        return figures.change(line.sums.gmv, line.sums.base)

    @property
    def known(self) -> bool:
        """Whether the scope names something that was ever seen."""
        return bool(self.shops or not (self.scope.shop or self.scope.platform))


@dataclass(slots=True)
class Boards:
    """Makes boards and keeps each for a few seconds. Safe to use from several threads.

    Attributes:
        db: durable database.
        mirror: the tables as last seen.
        clock: the time.
        catalog: the words rules use.
        max_age: a table key → how old its numbers may be.
        connected: a table key → whether its platform has credentials.
        art: image days, or None.
    """

    db: Database
    mirror: Mirror
    clock: Clock
    catalog: Catalog
    max_age: Mapping[str, timedelta]
    connected: Mapping[str, bool]
    art: ArtDays | None = None
    _kept: dict[Scope, Board] = field(default_factory=dict)
    _past: dict[Scope, tuple[datetime, date, list[ShopDay]]] = field(default_factory=dict)
    _skus: tuple[int, tuple[Sku, ...]] = (-1, ())
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def board(self, scope: Scope) -> Board:
        """The board of a scope, at most `KEPT` old."""
        now = self.clock.now()
        with self._lock:
            kept = self._kept.get(scope)
            if kept is None or not timedelta(0) <= now - kept.at < KEPT:
                kept = self._gather(scope, now)
                self._kept = {key: old for key, old in self._kept.items() if now - old.at < KEPT}
                self._kept[scope] = kept
            return kept

    def _gather(self, scope: Scope, now: datetime) -> Board:
        skus = [sku for sku in self._all_skus() if scope.shop in ("", sku.shop)]
        today, span = day_of(now), figures.last_days(day_of(now), scope.days)
        with self.db.read() as conn:
            rows = self._past_days(conn, scope, span[:-1], now) + store.shop_days(conn, scope, today, today)
            trend = figures.by_day(rows, span)
            sources = self._sources(conn, now)
            stocks = figures.stock_by_day(store.stock_counts(conn, span[0], scope.shop), span)
            rules = _rules(conn, self.catalog)
            return Board(
                at=now, scope=scope, platforms=store.platforms(conn, span[0]), today=trend[-1][1],
                before=trend[-2][1], trend=trend, stock_trend=stocks, shops=figures.by_shop(rows, today),
                plans=store.plans_on(conn, today, scope) if scope.shop else (),
                stock=_count(skus, today) if self.mirror.state(STOCK)[2] else None,
                short=figures.short_list(skus), sources=sources, alerts=_alerts(conn, rules),
                deeds=_deeds(conn, rules, now), quality=_quality(conn, now),
                art=None if self.art is None else self.art(conn, today - timedelta(days=6)),
            )  # fmt: skip

    def _past_days(
        self, conn: Connection, scope: Scope, past: Sequence[date], now: datetime
    ) -> list[ShopDay]:
        """Days that are over hardly change any more: they are read once in `PAST_KEPT`."""
        kept = self._past.get(scope)
        if kept is None or kept[1] != past[-1] or not timedelta(0) <= now - kept[0] < PAST_KEPT:
            kept = (now, past[-1], store.shop_days(conn, scope, past[0], past[-1]))
            self._past = {key: old for key, old in self._past.items() if now - old[0] < PAST_KEPT}
            self._past[scope] = kept
        return kept[2]

    def _all_skus(self) -> tuple[Sku, ...]:
        revision = self.mirror.revision(STOCK)
        if self._skus[0] != revision:
            self._skus = (revision, tuple(days.stock_now(self.mirror)))
        return self._skus[1]

    def _sources(self, conn: Connection, now: datetime) -> dict[str, Source]:
        pulls = store.pulls(conn)
        found = {
            key: figures.source(
                key, name, *pulls.get(key, (None, "")), limit=self.max_age.get(key, USUAL_AGE), now=now,
                connected=self.connected.get(key, True),
            )
            for key, name in NAMES.items()
        }  # fmt: skip
        parts = [each for each in load_states(conn) if each.connection and each.connected]
        several = Counter(each.table for each in parts)
        for each in parts:
            if several[each.table] > 1 and each.table in NAMES:
                key, name = f"{each.table}/{each.connection}", f"{NAMES[each.table]} · {each.connection}"
                limit = self.max_age.get(each.table, USUAL_AGE)
                found[key] = figures.source(key, name, each.pulled_at, each.error, limit=limit, now=now)
        seen = store.worker_seen(conn)
        found["worker"] = figures.source("worker", "后台服务", seen, "", limit=WORKER_AGE, now=now)
        return found


def _count(skus: Sequence[Sku], today: date) -> StockDay:
    low = sum(sku.state in (Stock.LOW, Stock.OUT) for sku in skus)
    out = sum(sku.state is Stock.OUT for sku in skus)
    unknown = sum(sku.state is Stock.UNKNOWN for sku in skus)
    return StockDay(today, "", len(skus), low, out, unknown)


def _rules(conn: Connection, catalog: Catalog) -> dict[str, Rule]:
    entries = load_entries(conn, catalog).items()
    return {rule_id: entry.rule for rule_id, (entry, _) in entries if entry.rule is not None}


def _alerts(conn: Connection, rules: Mapping[str, Rule]) -> list[OpenAlert]:
    return [_alert(alert, rules.get(alert.rule_id)) for alert in open_alerts(conn)]


def _alert(alert: Alert, rule: Rule | None) -> OpenAlert:
    number = ""
    if rule is not None and alert.value is not None and alert.limit is not None:
        value = metric_text(alert.value, rule.metric.unit)
        number = f"{rule.metric.name} {value}，{spaced(rule.comparison.value, limit_text(rule, alert.limit))}"
    unknown = alert.state is State.UNKNOWN
    return OpenAlert(
        alert.title, rule.name if rule else "（规则已删除）", STATE_ZH[alert.state], alert.severity.value,
        number, (alert.unknown_since if unknown else None) or alert.fired_at, alert.owners,
        alert.acked_by if State.ACKED in (alert.state, alert.held) else None,
        reason_text(alert)[0] if unknown else "",
    )  # fmt: skip


def _deeds(conn: Connection, rules: Mapping[str, Rule], now: datetime) -> list[Deed]:
    return [_deed(item, rules) for item in store.done(conn, now - timedelta(days=30), DEEDS)]


def _deed(item: store.Done, rules: Mapping[str, Rule]) -> Deed:
    task, alert = item.task, item.alert
    rule = rules.get(alert.rule_id) if alert else None
    settled = bool(item.episode and item.episode.resolved_at)
    before = item.episode.fired_value if item.episode else None
    after = item.episode.resolved_value if settled else None
    if (
        not settled
        and alert is not None
        and alert.episode == task.episode
        and alert.state is not State.UNKNOWN
    ):
        after = alert.value
    unit = rule.metric.unit if rule else None
    return Deed(
        task.kind.value, task.title, task.asked_by, task.asked_at, task.state.value, _change(item),
        rule.metric.name if rule else "", metric_text(before, unit) if unit else "—",
        metric_text(after, unit) if unit else "—", settled, task.result, task.effect,
    )  # fmt: skip


def _change(item: store.Done) -> str:
    task = item.task
    if task.kind is Action.ADJUST:
        to = yuan(task.after if task.after is not None else task.amount)
        return f"日预算 {yuan(task.before)} → {to}" if task.before is not None else f"日预算 → {to}"
    return "暂停计划" if task.kind is Action.PAUSE else f"补货 {task.amount:,f} 件"


def _quality(conn: Connection, now: datetime) -> dict[int, Quality]:
    episodes = store.episodes(conn, now - timedelta(days=30))
    return {span: figures.quality(episodes, now - timedelta(days=span)) for span in (7, 30)}
