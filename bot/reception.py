"""Receive what was verified: an event becomes an inbox row, a tap is decided and answered.

Shared by the webhook and the long connection, so both behave the same. Nothing here calls outside.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from bot import card_rules, sentences
from bot.envelope import Refused
from bot.inbox import Inbox
from bot.model import Event, Tap, TapAnswer, Toast
from bot.router import Router
from bot.tables import taps
from bot.tickets import Late, Overloaded
from bot.writer import GroupWriter
from runtime import audit, metrics
from runtime.clock import Clock
from runtime.db import Database
from runtime.log import bind

_log = structlog.get_logger("bot.reception")


class Reception:
    """Makes envelopes durable and answers taps.

    Args:
        db: The durable database.
        router: Who decides taps.
        clock: Tells when something was received.
        writer: Through which everything is written.
    """

    def __init__(self, db: Database, router: Router, clock: Clock, writer: GroupWriter) -> None:
        self._db = db
        self._router = router
        self._clock = clock
        self._writer = writer
        self._inbox = Inbox(db)
        self._once = db.insert(taps).on_conflict_do_nothing().returning(taps.c.id)

    def event(self, event: Event) -> None:
        """Store an event durably; the second delivery of the same event changes nothing.

        Raises:
            Overloaded: Not stored; the platform should send it again.
            Late: Perhaps stored; sending it again does no harm.
        """
        self._writer.append(self._inbox.bulk, self._row(event))

    async def event_arrived(self, event: Event) -> None:
        """Do as `event` without a thread that waits."""
        await self._writer.appended(self._inbox.bulk, self._row(event))

    def _row(self, event: Event) -> str:
        _log.debug("event.received", trace=event.id, type=event.type)
        return self._inbox.row(event, self._clock.now())

    def tap(self, tap: Tap) -> dict[str, Any]:
        """Decide a tap and give back the answer's JSON; a person always gets a polite answer.

        Raises:
            Refused: ``replayed`` when this tap was already decided.
        """
        try:
            answer, fault = self._writer.submit(lambda conn: self._decide(conn, tap))
        except Exception as error:  # noqa: BLE001 - a waiting person gets an answer whatever happens
            answer, fault = _polite(error)
        return self._told(tap, answer, fault)

    async def tap_arrived(self, tap: Tap) -> dict[str, Any]:
        """Do as `tap` without a thread that waits."""
        try:
            answer, fault = await self._writer.submitted(lambda conn: self._decide(conn, tap))
        except Exception as error:  # noqa: BLE001 - as above
            answer, fault = _polite(error)
        return self._told(tap, answer, fault)

    def _told(self, tap: Tap, answer: TapAnswer, fault: Exception | None) -> dict[str, Any]:
        if (
            fault is not None
        ):  # written here, not in the one thread everybody waits for: a traceback takes long
            _log.error("tap.failed", event_id=tap.id, action=tap.action, exc_info=fault)
        self._count(tap, answer)
        return self._answer(tap, answer)

    def _decide(self, conn: Connection, tap: Tap) -> tuple[TapAnswer, Exception | None]:
        """Run the handler in the transaction that records the tap; its failure undoes only its own writes."""
        now = self._clock.now()
        handler = self._router.tap_handler(tap.action)
        record = {"id": tap.id, "at": now, "operator": tap.operator, "action": tap.action, "answer": {}}
        if conn.execute(self._once, record).first() is None:
            raise Refused("replayed")
        if handler is None:
            _log.warning("tap.unhandled", event_id=tap.id, hint=sentences.no_tap_handler(tap.action))
            return self._note(conn, tap, now, TapAnswer(sentences.UNKNOWN_ACTION), "unknown_action"), None
        try:
            with conn.begin_nested(), bind(trace=tap.id):
                answer = handler(conn, tap)
        except Exception as error:  # noqa: BLE001 - any fault of a feature ends here, undone and logged
            return self._note(conn, tap, now, TapAnswer(sentences.SORRY), "handler_failed"), error
        return self._note(conn, tap, now, answer, None), None

    @staticmethod
    def _note(conn: Connection, tap: Tap, now: datetime, answer: TapAnswer, reason: str | None) -> TapAnswer:
        """Remember what was answered; a tap that decided nothing leaves an audit row of ours."""
        toast = answer.toast
        said = {"toast": toast.kind if toast else None, "zh": toast.zh if toast else None}
        conn.execute(
            taps.update().where(taps.c.id == tap.id).values(answer={**said, "card": answer.card is not None})
        )
        if reason is not None:
            subject = f"message:{tap.message_id}"
            audit.record(
                conn, at=now, actor=tap.operator, action=f"tap.{tap.action}", subject=subject, reason=reason
            )
        return answer

    def _count(self, tap: Tap, answer: TapAnswer) -> None:
        """Count by action (ours only: labels must not grow with what old cards carry) and toast."""
        action = tap.action if self._router.tap_handler(tap.action) else "unknown"
        outcome = answer.toast.kind if answer.toast else "silent"
        metrics.count("chorus_taps_total", action=action, outcome=outcome)

    @staticmethod
    def _answer(tap: Tap, answer: TapAnswer) -> dict[str, Any]:
        card = answer.card
        if card is not None:
            try:
                card_rules.check(card)
            except card_rules.CardInvalid as fault:
                # The decision is durable; a card the platform would refuse must not hide that from the
                # person.
                _log.error("tap.card_invalid", event_id=tap.id, action=tap.action, fault=str(fault))
                card = None
        return tap_response(answer.toast, card)


def _polite(error: Exception) -> tuple[TapAnswer, Exception | None]:
    """What a person is told when the decision did not come; a replay is refused as it is."""
    if isinstance(error, Refused):
        raise error
    if isinstance(error, Overloaded):
        return TapAnswer(sentences.BUSY), None
    if isinstance(error, Late):
        return TapAnswer(sentences.LATE), None
    return TapAnswer(sentences.SORRY), error


def refused_envelope(reason: str) -> None:
    """Count a request that was not accepted."""
    metrics.count("chorus_events_total", type="-", outcome=f"refused_{reason}")


def tap_response(toast: Toast | None, card: Mapping[str, Any] | None) -> dict[str, Any]:
    """Build the JSON a card callback is answered with ; ``{}`` keeps the card.

    Wire: Feishu docs "卡片回传交互回调".
    """
    response: dict[str, Any] = {}
    if toast is not None:
        i18n = {"zh_cn": toast.zh, "en_us": toast.en}
        response["toast"] = {"type": toast.kind, "content": toast.zh, "i18n": i18n}
    if card is not None:
        response["card"] = {"type": "raw", "data": card}
    return response
