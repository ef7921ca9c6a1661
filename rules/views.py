"""Everything a card shows, gathered from our own tables in one read. No outside call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.engine import Connection

from bitable_sync.cells import CellValue, Person
from bitable_sync.mirror import Mirror, Row
from rules import store
from rules.metrics import Catalog
from rules.model import Action, Alert, Rule, State, Task
from rules.rulebook import load_entry
from rules.storms import raging

ADJUST, RESTOCK, MORE = "adjust", "restock", "more"
FORM_ACTION = {ADJUST: Action.ADJUST, RESTOCK: Action.RESTOCK}


@dataclass(frozen=True, slots=True)
class View:
    """What a card shows.

    Attributes:
        alert: the alert as it is.
        rule: the rule in force; None only if it never was valid.
        values: the object's row as last seen; empty when it is gone.
        points: recent (time, value) of the metric, oldest first.
        task: the newest task of this episode.
        code: what people read out to name this message.
        form: the form open in this copy, if any.
        fault: (Chinese, English) why what was typed cannot be accepted.
        typed: what was typed, to show it again.
        people: whom it may be handed to, in the form ``more``.
        covered: how many alerts of its shop are told together with it.
        changes: how often the plan's budget was changed today; counted for an open form only.
        storm: so many objects are over the rule's line at once that the data is in doubt.
    """

    alert: Alert
    rule: Rule | None
    values: Mapping[str, CellValue]
    points: tuple[tuple[datetime, Decimal], ...] = ()
    task: Task | None = None
    code: str = ""
    form: str | None = None
    fault: tuple[str, str] | None = None
    typed: str = ""
    people: tuple[Person, ...] = ()
    covered: int = 0
    changes: int = 0
    storm: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """Where views are read from, in either process."""

    mirror: Mirror
    catalog: Catalog


def find_row(sources: Sources, alert: Alert) -> Row | None:
    """The object's row: by its business key, so that a row deleted and written anew is found."""
    id_key = sources.catalog.by_key(alert.table).id_key
    rows = sources.mirror.find(alert.table, {id_key: alert.object_id})
    return next((row for row in rows if row.record_id == alert.record_id), rows[0] if rows else None)


def find_rows(sources: Sources, alerts: Sequence[Alert]) -> dict[str, Row]:
    """Alert id → its object's row, as :func:`find_row`, for many at once."""
    found: dict[str, Row] = {}
    for table in {alert.table for alert in alerts}:
        here = [alert for alert in alerts if alert.table == table]
        rows = sources.mirror.by_keys(table, {alert.object_id for alert in here})
        for alert in here:
            named = rows.get(alert.object_id, ())
            for row in (*(each for each in named if each.record_id == alert.record_id), *named):
                found.setdefault(alert.id, row)
    return found


def trend(points: Sequence[tuple[datetime, Decimal]], alert: Alert) -> list[tuple[datetime, Decimal]]:
    """The points a card of this alert draws: they end in the number it shows, and where the alert ended."""
    last = alert.resolved_at if alert.state is State.RESOLVED else None
    kept = [point for point in points if last is None or point[0] <= last]
    if alert.value is None or alert.data_at is None or (kept and kept[-1][1] == alert.value):
        return kept
    at = max(alert.data_at, kept[-1][0]) if kept else alert.data_at
    return [*kept, (at, alert.value)]


def load_view(conn: Connection, sources: Sources, alert: Alert, code: str = "") -> View:
    """Gather what the card of an alert shows now."""
    entry = load_entry(conn, alert.rule_id, sources.catalog)
    rule = entry.rule if entry else None
    row = find_row(sources, alert)
    points: list[tuple[datetime, Decimal]] = []
    if rule is not None:
        points = trend(store.load_points(conn, rule.table, rule.metric.key, alert.object_id), alert)
    covered = store.alive_of_shop(conn, alert.shop) if rule is not None and rule.covers and alert.open else 0
    return View(
        alert, rule, row.values if row else {}, tuple(points), store.last_task(conn, alert), code,
        covered=covered,
        storm=rule is not None and alert.open and raging(conn, sources.mirror, rule),
    )  # fmt: skip
