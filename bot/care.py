"""Looking after the house: the morning's numbers, work that was given up, and what is kept too long.

One person is told, the administrator (CHORUS_ADMIN_OPEN_ID); without one nobody is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from bot.care_cards import RETRY, Counts, Day, Overdue, day_card, marker, parked_card
from bot.model import Tap, TapAnswer, Toast
from bot.tables import inbox, taps
from runtime import audit
from runtime.clock import SHANGHAI, day_of
from runtime.erasing import Personal
from runtime.errors import PermanentError
from runtime.feishu.quota import Quota
from runtime.ids import ChatId, WorkId
from runtime.keeping import Kept, months_before, prune
from runtime.parked import Parked, retry_parked
from runtime.tables import audit as trail
from runtime.tables import parked
from runtime.upkeep import BROKEN, Chore, last, note, note_chain
from runtime.work import Work

if TYPE_CHECKING:
    from bot.router import Router
    from runtime.engine import Engine
    from runtime.feishu.im import Im
    from runtime.floor import Floor
    from runtime.jobrun import JobRun
    from runtime.schedule import Scheduler

CHECK, KEEP, TELL = "care.day", "care.keep", "care.parked"
SCHEDULES: Final = {CHECK: ("self_check", "0 9 * * *"), KEEP: ("retention", "30 3 * * *")}
"""Job → its name in the manifest's ``schedules``, and when it happens if nothing is said there."""

GATHER: Final = timedelta(seconds=30)
"""Works parked within so long are told in one card."""

REPEAT: Final = timedelta(minutes=50)
"""So long a send may be repeated with its uuid."""

Counter = Callable[[Connection, datetime, datetime], Counts]
log = structlog.get_logger(__name__)


class Care:
    """The jobs of the worker.

    Args:
        floor: settings, manifest, clock, database, queue.
        im: sends the cards.
        counter: what red lines did between two moments.
        kept: of the features: what ends after its keeping time.
        gather: see `GATHER`.
    """

    def __init__(
        self, floor: Floor, im: Im, counter: Counter, kept: Sequence[Kept] = (), gather: timedelta = GATHER
    ) -> None:
        self.floor = floor
        self.im = im
        self._counter = counter
        self._kept = [*kept_here(floor.manifest.retention.event_days), *kept]
        self._gather = gather

    # --- the morning card ---

    def day(self, run: JobRun, args: Mapping[str, Any]) -> None:
        """Tell yesterday in numbers, once a day."""
        admin, fire = self.floor.settings.admin_open_id, datetime.fromisoformat(args["at"])
        day = day_of(fire) - timedelta(days=1)
        if admin is None or self._told(day):
            return
        run.deliver(
            "send",
            lambda: self._send(admin, day),
            lambda sent: self._note(day, sent),
            lookup=lambda: self._find(day, fire),
        )

    def _send(self, admin: str, day: date) -> dict[str, str]:
        card = day_card(self.numbers(day))
        sent = self.im.send_card(admin, card.data, uuid=f"{CHECK}:{day.isoformat()}")
        return {"message": sent.message_id, "chat": sent.chat_id}

    def _find(self, day: date, fire: datetime) -> dict[str, str] | None:
        """After a doubt: within the hour the uuid makes a repeat harmless, later the chat is searched."""
        newest = sa.select(trail.c.detail).where(trail.c.action == CHECK).order_by(trail.c.id.desc()).limit(1)
        with self.floor.db.read() as conn:
            last = conn.execute(newest).scalar()
        if self.floor.clock.now() - fire <= REPEAT or last is None:
            return None
        found = self.im.find_sent(ChatId(last["chat"]), marker(day), since=fire)
        return None if found is None else {"message": found.message_id, "chat": found.chat_id}

    def _told(self, day: date) -> bool:
        subject = sa.select(trail.c.id).where(trail.c.subject == f"day:{day.isoformat()}")
        with self.floor.db.read() as conn:
            return conn.execute(subject.where(trail.c.action == CHECK)).first() is not None

    def _note(self, day: date, sent: Mapping[str, str]) -> None:
        if self._told(day):
            return
        with self.floor.db.begin() as conn:
            audit.record(
                conn, at=self.floor.clock.now(), actor="system:care", action=CHECK, detail=dict(sent),
                subject=f"day:{day.isoformat()}", reason="told",
            )  # fmt: skip

    def numbers(self, day: date) -> Day:
        """Gather what a day was."""
        since = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
        until, quota = since + timedelta(days=1), self.floor.manifest.quota
        calls = Quota(self.floor.db, self.floor.clock).used()
        failed = inbox.c.state == "failed"

        def number(table: sa.Table, *only: sa.ColumnElement[bool]) -> int:
            query = sa.select(sa.func.count()).select_from(table).where(*only)
            return int(conn.execute(query).scalar_one())

        def during(moment: sa.ColumnElement[datetime]) -> tuple[sa.ColumnElement[bool], ...]:
            return moment >= since, moment < until

        with self.floor.db.read() as conn:
            given_up = number(inbox, failed, *during(inbox.c.handled_at))
            return Day(
                day=day,
                events=number(inbox, *during(inbox.c.received_at)),
                taps=number(taps, *during(taps.c.at)),
                failed=given_up + number(parked, *during(parked.c.at)),
                waiting=number(inbox, failed) + number(parked, parked.c.state == "waiting"),
                calls=calls,
                allowance=quota.monthly_calls,
                warn_from=int(quota.monthly_calls * quota.warn_at),
                head=str(audit.head(conn)),
                overdue=self._overdue(conn),
                counts=self._counter(conn, since, until),
            )  # fmt: skip

    def _overdue(self, conn: Connection) -> tuple[Overdue, ...]:
        """What of the installation's upkeep somebody should see to."""
        days, now = self.floor.manifest.retention.backup_days, self.floor.clock.now()
        backup, chain = last(conn, Chore.BACKUP), last(conn, Chore.CHAIN)
        old = days > 0 and (backup is None or now - backup.at > timedelta(days=days))
        broken = chain is not None and chain.reason == BROKEN
        wrong = ((old, Overdue.BACKUP), (broken, Overdue.CHAIN))
        return tuple(what for is_so, what in wrong if is_so)

    # --- work that was given up ---

    def parked(self, conn: Connection, work: Parked) -> None:
        """A work is being parked: have the administrator told, together with what follows within moments."""
        admin = self.floor.settings.admin_open_id
        if admin is None or work.job == TELL:
            return
        span = self._gather.total_seconds()
        window = int(self.floor.clock.now().timestamp() // span)
        put = Work(TELL, f"{TELL}:{window}", f"receiver:{admin}", {}, delay=self._gather)
        self.floor.queue.put(conn, put)

    def tell(self, run: JobRun, _args: Mapping[str, Any]) -> None:
        """Send one card of all works nobody was told of yet; each stands in one card only."""
        admin = self.floor.settings.admin_open_id
        fresh = parked.update().where(parked.c.card.is_(None), parked.c.state == "waiting")
        with self.floor.db.begin() as conn:
            conn.execute(fresh.values(card=str(run.id)))
            works = works_of(conn, str(run.id))
        if admin is not None and works:
            card = parked_card(works)
            run.attempt("send", lambda: str(self.im.send_card(admin, card.data, uuid=str(run.id)).message_id))

    # --- what is kept too long ---

    def keep(self, run: JobRun, _args: Mapping[str, Any]) -> None:
        """Delete what is past its keeping time, and look through the audit chain; both may be repeated."""
        del run
        db, now = self.floor.db, self.floor.clock.now()
        gone = {each.table.name: prune(db, each, now) for each in self._kept}
        cut = audit.cut(db, months_before(now, self.floor.manifest.retention.audit_months), now)
        while audit.delete_cut(db):
            pass
        deleted = {name: rows for name, rows in gone.items() if rows}
        found = audit.verify(db)
        with db.begin() as conn:
            note(
                conn, Chore.KEEPING, at=now, actor="system:care", reason="kept",
                detail={"audit": cut, **deleted},
            )  # fmt: skip
            note_chain(conn, found, at=now, actor="system:care")
        log.info("care.kept", audit=cut, **deleted)
        if found.fault is not None:
            log.error("care.chain_broken", fault=found.fault)


def works_of(conn: Connection, card: str) -> list[tuple[Parked, str]]:
    """The works one card tells of, each with its state."""
    rows = conn.execute(sa.select(parked).where(parked.c.card == card).order_by(parked.c.at, parked.c.id))
    return [(Parked(WorkId(r.id), r.job, r.lane, r.args, r.error, r.at), r.state) for r in rows]


def kept_here(days: int) -> list[Kept]:
    """Events that are done, and taps, which the platform repeats for seven hours at most."""
    age, done = timedelta(days=days), inbox.c.state.in_(("handled", "unhandled"))
    return [
        Kept(inbox, lambda now: sa.and_(done, inbox.c.received_at < now - age)),
        Kept(taps, lambda now: taps.c.at < now - age),
    ]


def personal_here() -> list[Personal]:
    """What the conversation keeps of a person; events that wait are handled first."""
    done = inbox.c.state != "new"
    return [
        Personal("taps and messages", taps, lambda who: taps.c.operator == who),
        Personal("events", inbox, lambda who: sa.and_(done, inbox.c.body.contains(who, autoescape=True))),
    ]


def register_worker(engine: Engine, scheduler: Scheduler, care: Care) -> None:
    """Register the jobs and their schedules."""
    engine.register(CHECK, care.day)
    engine.register(KEEP, care.keep)
    engine.register(TELL, care.tell)
    engine.on_parked(care.parked)
    for job, (name, usual) in SCHEDULES.items():
        scheduler.every(name, care.floor.manifest.schedules.get(name, usual), _tick(job))


def _tick(job: str) -> Callable[[datetime], Work]:
    return lambda at: Work(job, "", "", {"at": at.isoformat()})


def register_taps(router: Router, floor: Floor) -> None:
    """Let the administrator try a parked work again from its card."""

    def retry(conn: Connection, tap: Tap) -> TapAnswer:
        work, now = WorkId(str(tap.value.get("id"))), floor.clock.now()
        if tap.operator != floor.settings.admin_open_id:
            audit.record(
                conn, at=now, actor=tap.operator, action=f"tap.{RETRY}", subject=f"work:{work}",
                reason="not_the_administrator",
            )  # fmt: skip
            return TapAnswer(Toast("error", "只有管理员可以重试", "Only the administrator may try again"))
        toast = Toast("success", "已重新排队", "Queued again")
        try:
            retry_parked(conn, floor.queue, work, actor=tap.operator, at=now)
        except PermanentError:
            toast = Toast("info", "这个任务已不在等待", "This work does not wait any more")
        card = conn.execute(sa.select(parked.c.card).where(parked.c.id == work)).scalar()
        works = works_of(conn, card) if card is not None else []
        return TapAnswer(toast, parked_card(works).data if works else None)

    router.on_tap(RETRY, retry)
