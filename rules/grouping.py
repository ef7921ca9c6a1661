"""What is told one by one and what together: by person and window of time, so that a storm is one message.

The first few alerts of a window are cards of their own. What is more opens a *group*: one summary card, worst
first, which everything else in its window joins. In a storm (``storms.py``) one alert opens it. Deciding is
pure; recording it happens in the caller's transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.engine import Connection

from bitable_sync.cells import Person
from rules import groups, told
from rules.groups import Group
from rules.model import Alert
from rules.notices import Kind, Notice
from runtime.work import Work

SINGLE_CARDS = 5
"""More alerts than this for one person in one window are told in a summary, unless the manifest differs."""

WINDOW = timedelta(minutes=5)
"""So long alerts of one person count together, and so long a summary takes in what comes."""

GROUP_BEAT = timedelta(seconds=2)
"""A summary is sent, and later drawn anew, at most once a beat: what belongs together arrives in pieces."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One decided message: what, about which alert, to whom.

    ``late``: it was held back (night, silence) and is told now, with whatever else was.
    """

    alert: Alert
    receiver: Person
    notice: Notice
    late: bool = False


class Way(StrEnum):
    """How news reaches a person; the value is the named reason."""

    SINGLE = "few"
    JOINS = "window_is_open"
    OPENS_MANY = "too_many"
    OPENS_STORM = "storm"
    OPENS_LATE = "held_back"

    @property
    def opens(self) -> bool:
        """Whether a new group begins."""
        return self in (Way.OPENS_MANY, Way.OPENS_STORM, Way.OPENS_LATE)


def way(
    new: int, lately: int, *, late: int, window_open: bool, storm: bool = False, most: int = SINGLE_CARDS
) -> Way:
    """How to tell a person ``new`` things now.

    Args:
        new: how many.
        lately: how many single cards the person got in the last ``WINDOW``.
        late: how many of the new ones were held back.
        window_open: a summary of this person still takes in news.
        storm: so much is over the line that the data is in doubt.
        most: single cards a person gets in a window.
    """
    if window_open:
        return Way.JOINS
    if storm and new:
        return Way.OPENS_STORM
    if new + lately > most:
        return Way.OPENS_MANY
    return Way.OPENS_LATE if late > 1 else Way.SINGLE


def notify_works(
    conn: Connection,
    tellings: Sequence[Telling],
    now: datetime,
    most: int = SINGLE_CARDS,
    *,
    storm: bool = False,
) -> list[Work]:
    """Record what was decided to tell, and the sending of it: single cards, or a summary a person.

    ``storm``: what is told comes from a rule that is in one.
    """
    by_receiver: dict[str, list[Telling]] = {}
    for telling in tellings:
        by_receiver.setdefault(telling.receiver.open_id, []).append(telling)
    joinable = groups.joinable(conn, by_receiver, now)
    lately = groups.singles_since(conn, by_receiver, now - WINDOW)
    works: list[Work] = []
    for receiver, found in by_receiver.items():
        # A raise and a reminder are about what is known already: a summary that grows would hide them.
        apart = [item for item in found if item.notice.kind in (Kind.RAISED, Kind.REMINDER)]
        items = found
        if len(apart) <= most:
            works += _told(conn, receiver, apart, Way.SINGLE, None, now)
            items = [item for item in found if item not in apart]
        late, there = sum(item.late for item in items), joinable.get(receiver)
        chosen = way(
            len(items), lately.get(receiver, 0), late=late, window_open=there is not None, storm=storm,
            most=most,
        )  # fmt: skip
        works += _told(conn, receiver, items, chosen, there, now)
    return works


def _told(
    conn: Connection, receiver: str, items: Sequence[Telling], chosen: Way, there: Group | None, now: datetime
) -> list[Work]:
    if chosen is Way.SINGLE:
        new = told.add_notices(conn, [(item.alert, item.notice) for item in items], receiver, now)
        return [notify_work(receiver, each, holds) for each, holds in new.items()]
    group = there or groups.new_group(receiver, now, now + WINDOW)
    new = told.add_notices(conn, [(item.alert, item.notice) for item in items], receiver, now, group.id)
    if not new:
        return []
    if chosen.opens:
        groups.save_group(conn, group)
        return [send_work(group)]
    return [group_work(group, now)]


def notify_work(receiver: str, notice_id: str, holds: int = 0) -> Work:
    """The sending of one card, anew after each time it was held back; one at a time for each receiver."""
    name = f"notify:{notice_id}" + (f":{holds}" if holds else "")
    return Work("rules.notify", name, f"receiver:{receiver}", {"notice_id": notice_id})


def send_work(group: Group) -> Work:
    """The sending of a group's summary, after a beat in which more may come."""
    name = f"notify:{group.id}.{group.sends}"
    args = {"digest_id": group.id}
    return Work("rules.notify_digest", name, f"receiver:{group.receiver}", args, delay=GROUP_BEAT)


def group_work(group: Group, now: datetime) -> Work:
    """Bring a group's summary to what is: at most one work a beat, begun after it."""
    beat = int(now.timestamp() // GROUP_BEAT.total_seconds())
    name = f"refresh:{group.id}:{beat}"
    args = {"digest_id": group.id}
    return Work("rules.refresh_digest", name, f"receiver:{group.receiver}", args, delay=GROUP_BEAT)


def group_works(conn: Connection, alerts: Collection[Alert], now: datetime) -> list[Work]:
    """Bring every summary that holds one of these alerts to what is."""
    return [group_work(group, now) for group in groups.groups_of(conn, [alert.id for alert in alerts])]
