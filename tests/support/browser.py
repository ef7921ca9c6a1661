"""People at their screens: each has a window of their own inside Feishu, all in one Chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from sandbox.chromium import PATIENCE, feishu

expect.set_options(timeout=PATIENCE)


class Seat:
    """One person's window: the web client of the sandbox, and what opens from it.

    Args:
        context: cookies of this person alone.
        url: address of the sandbox.
        person: as the sandbox lists people: ``open_id``, ``name``.

    ``errors`` holds what scripts threw and what the browser refused (a blocked script, a missing file).
    """

    def __init__(self, context: BrowserContext, url: str, person: dict[str, Any]) -> None:
        self.context = context
        self.url = url
        self.name: str = person["name"]
        self.open_id: str = person["open_id"]
        self.errors: list[str] = []
        context.on("console", self._said)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page: Page = context.new_page()

    @classmethod
    @contextmanager
    def taken(cls, browser: Browser, url: str, person: dict[str, Any], **size: int) -> Iterator[Self]:
        """A seat for a block; ``width`` and ``height`` in CSS pixels."""
        context = feishu(browser, **size)
        try:
            yield cls(context, url, person)
        finally:
            context.close()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def opens(self, tab: str = "chats", **where: str) -> Page:
        """Go to a tab of the client: chats, tasks, bases (``table``, ``form``) or wiki (``node``)."""
        asked = "&".join(f"{name}={value}" for name, value in {"tab": tab, **where}.items())
        self.page.goto(f"{self.url}/people/{self.open_id}?{asked}")
        return self.page

    def turns(self, tab: str) -> None:
        """Tap a tab of the rail."""
        self.page.locator(f'a[data-tab="{tab}"]').click()

    def card(self, *words: str) -> Locator:
        """The newest message in the open chat that says all of this."""
        found = self.page.locator(".msg")
        for each in words:
            found = found.filter(has_text=each)
        return found.last

    def taps(self, card: Locator, label: str) -> None:
        """Tap a button of a card, however long a card drawn anew keeps it from being tapped."""
        card.get_by_role("button", name=label, exact=True).click()

    def agrees(self) -> None:
        """Say yes to the question that a button asks first."""
        self.page.locator("#ask").get_by_role("button", name="确定").click()

    def is_told(self, words: str) -> None:
        """A short message at the top says so."""
        expect(self.page.locator("#toast")).to_contain_text(words)
