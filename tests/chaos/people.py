"""People who do not give up: what fails is tapped, opened or asked for again, as a person would."""

from __future__ import annotations

import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, TypeVar

from sandbox.client import Control
from sandbox.office import Office, Seen
from sandbox.payday import REVIEW
from sandbox.payday_crowd import CrowdDay
from sandbox.payday_desk import state_of

T = TypeVar("T")
Someone = Mapping[str, Any]

LOOK = 0.25
"""Seconds between two looks at a screen."""
AGAIN = 1.0
"""Seconds a person waits before tapping once more."""
GOOD = (None, "success", "info")
MISHAPS = (OSError, HTTPException, urllib.error.URLError, LookupError, RuntimeError)
"""What a person's client or browser may meet while things fail; they try again."""


class StuckError(Exception):
    """Somebody waited in vain; the sentence says for what."""


@dataclass
class Gate:
    """Lets the sandbox be restarted between what people do, never in the middle of it.

    People's hands are not what is broken here: a cell that was typed is typed once.
    """

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _inside: int = 0
    _closed: bool = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """One act of a person."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody does anything meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


class Hands(Control):
    """The control plane as people use it: through the gate.

    Args:
        url: address of the sandbox.
        gate: of this world.
    """

    def __init__(self, url: str, gate: Gate) -> None:
        super().__init__(url)
        self._gate = gate

    def _send(self, method: str, url: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:  # type: ignore[override]
        with self._gate.open():
            return Control._send(method, url, body, headers)


@dataclass
class Patience:
    """How long people of one day wait for anything, and when they are told to go home."""

    seconds: float
    over: threading.Event = field(default_factory=threading.Event)

    def until(self, probe: Callable[[], T | None], what: str, every: float = LOOK) -> T:
        """Look until there is something.

        Raises:
            StuckError: not within the patience, or the day was called off.
        """
        deadline = time.monotonic() + self.seconds
        while True:
            found = probe()
            if found:
                return found
            if time.monotonic() > deadline:
                raise StuckError(f"{what}: not within {self.seconds:g} s")
            if self.over.wait(every):
                raise StuckError(f"{what}: the day was called off")


@dataclass
class Person:
    """Somebody at their Feishu client.

    Args:
        office: the company.
        who: as the control plane lists them.
        patience: of this day.
    """

    office: Office
    who: Someone
    patience: Patience

    @property
    def open_id(self) -> str:
        """Who this is."""
        return str(self.who["open_id"])

    def card(self, words: str) -> Seen:
        """The newest card with these words."""
        return self.patience.until(lambda: self._newest(words), f"{self.who['name']}'s card about {words}")

    def reads(self, about: str, words: str) -> Seen:
        """Wait until the newest card about something says ``words``."""

        def look() -> Seen | None:
            card = self._newest(about)
            return card if card is not None and words in card.text else None

        return self.patience.until(look, f"{self.who['name']}'s card about {about} says {words}")

    def tap(self, about: str, label: str) -> None:
        """Tap a button until the answer is good, or it has gone after a tap whose answer was lost."""
        tried = False

        def attempt() -> bool:
            nonlocal tried
            card = self._newest(about)
            if card is None or label not in card.buttons():
                return tried
            sent = self._touch(card, label)
            tried = tried or sent is not None
            return good(sent)

        self.patience.until(attempt, f"{self.who['name']} taps {label} about {about}", AGAIN)

    def submit(self, about: str, opener: str, done: tuple[str, ...], **typed: str) -> None:
        """Open a form, fill it in and send it, until the answer is good or the card says that it is done."""

        def attempt() -> bool:
            card = self._newest(about)
            if card is None:
                return False
            if any(word in card.text for word in done):
                return True
            if "提交" not in card.buttons():
                if opener in card.buttons():
                    self._touch(card, opener)
                card = self._newest(about)
            if card is None or "提交" not in card.buttons():
                return False
            sent = self._touch(card, "提交", typed)
            return sent is not None and (sent.get("toast") or {}).get("type") == "success"

        self.patience.until(attempt, f"{self.who['name']} submits {opener} about {about}", AGAIN)

    def _touch(self, card: Seen, label: str, typed: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """A tap; None when the card was drawn anew under the finger."""
        try:
            return self.office.tap(self.open_id, card.message_id, label, dict(typed) if typed else None)
        except RuntimeError:
            return None

    def _newest(self, words: str) -> Seen | None:
        found = [card for card in self.office.cards(self.open_id) if words in card.text]
        return found[-1] if found else None


def good(sent: Mapping[str, Any] | None) -> bool:
    """Whether the client showed an answer, and no bad news."""
    return sent is not None and sent["client_code"] == 0 and (sent.get("toast") or {}).get("type") in GOOD


@dataclass
class PatientDay(CrowdDay):
    """HR's pay day where any tap and any page may fail.

    Args:
        waits: of this day.
    """

    waits: Patience = field(kw_only=True)

    def reaches(self, *states: str, without: str = "") -> Seen:
        """Wait until the run's card is in one of these states and does not say ``without``."""

        def look() -> Seen | None:
            card = self.card()
            return card if state_of(card) in states and not (without and without in card.text) else None

        return self.waits.until(look, f"the run is {' or '.join(states)}")

    def tap(self, who: Someone, text: str) -> dict[str, Any]:
        """Tap until the answer is good, or the button has gone after a tap whose answer was lost."""
        tried: list[object] = []

        def attempt() -> bool:
            if text not in self.card().buttons():
                return bool(tried)
            try:
                sent = self.office.tap(str(who["open_id"]), self.run_message, text)
            except RuntimeError:
                return False
            tried.append(sent)
            return good(sent)

        self.waits.until(attempt, f"{who['name']} taps {text}", AGAIN)
        return {}

    def tap_once_ready(self, who: Someone, text: str, patience: float = 0.0) -> None:
        """As `tap`: what is not ready yet is bad news too."""
        del patience
        self.tap(who, text)

    def settle_all(self) -> int:
        """Settle every anomaly, whatever an answer says."""
        done: list[int] = []

        def attempt() -> bool:
            card = self.card()
            if state_of(card) != REVIEW:
                return True
            try:
                done.append(int(self._settle_one(self.hr, card)))
            except AssertionError:
                self.waits.over.wait(AGAIN)
            return False

        self.waits.until(attempt, "every anomaly is settled", 0.02)
        return sum(done)

    def submit(self) -> int:
        """HR submits, everybody asked signs; how many approvals there were."""
        self.tap(self.hr, "提交签批")
        run = f"{self.month}.1"
        self.waits.until(lambda: self._complete(self.forms(run)), f"the approvals of {run} are started")
        while waiting := self._waiting(run):
            for open_id in waiting:
                self.office.sign(open_id, comment="同意")
        return len(self.forms(run))

    def confirm(self, who: Someone) -> None:
        """An employee opens the payslip, signs in, gives a PIN and confirms, until HR reads that."""

        def attempt() -> bool:
            if self._confirmed(who):
                return True
            try:
                page = self.enter(who, self.link(who))
                if any(form.action.endswith("/confirm") for form in page.forms()):
                    self.browser(who).submit(page, "/confirm")
            except (*MISHAPS, AssertionError):
                self.browsers.pop(str(who["open_id"]), None)
            return self._confirmed(who)

        self.waits.until(attempt, f"{who['name']} confirms the payslip", AGAIN)

    def _confirmed(self, who: Someone) -> bool:
        rows = self.rows_of("工资条状态", 工号=str(who["employee_no"]))
        return any(row.get("状态") == "已确认" for row in rows)
