"""A person's browser without a screen: follows redirects, keeps cookies, fills in forms, consents.

Opening a page of the product leads through the sandbox's consent page, where the person is chosen, and back.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import CookieJar

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Feishu Sandbox"
CONSENT = "/open-apis/authen/v1/authorize"
FIELDS = ("input", "textarea", "select")


@dataclass
class Form:
    """A form of a page: where it goes, what it holds before anybody fills it in, what its buttons say."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What the browser shows now."""

    url: str
    status: int
    raw: bytes
    headers: Message

    @property
    def html(self) -> str:
        """The source of the page."""
        return self.raw.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """What a person reads, blanks drawn together."""
        reader = _Reader()
        reader.feed(self.html)
        return " ".join(" ".join(reader.words).split())

    def forms(self) -> list[Form]:
        """The forms of the page in order."""
        reader = _Reader()
        reader.feed(self.html)
        return reader.forms

    def form(self, wanted: str) -> Form:
        """The one form whose button says this, or that is sent to a path ending so.

        Raises:
            LookupError: none or several; it names what there is instead.
        """
        found = [f for f in self.forms() if wanted in f.label or f.action.endswith(wanted)]
        if len(found) != 1:
            there = [(form.label, form.action) for form in self.forms()]
            raise LookupError(f"{len(found)} forms are {wanted!r}, there are {there} on {self.url}")
        return found[0]


class _Reader(HTMLParser):
    """Collects words and forms."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._hidden = 0
        self._button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if tag in ("script", "style"):
            self._hidden += 1
        elif tag == "form":
            self._form = Form(have.get("action", ""), have.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "button":
            self._button = True
        if self._form is not None and have.get("name") and tag in (*FIELDS, "button"):
            self._form.names.add(have["name"])
            if tag == "input" and have.get("type") not in ("checkbox", "radio", "submit"):
                self._form.values[have["name"]] = have.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden -= 1
        elif tag == "form":
            self._form = None
        elif tag == "button":
            self._button = False

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.words.append(data)
        if self._button and self._form is not None:
            self._form.label += data.strip()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by hand, so that every step is seen."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Follow nothing."""
        return


class Browser:
    """One person's browser.

    Args:
        open_id: as whom to consent when the platform asks.
    """

    def __init__(self, open_id: str) -> None:
        self.open_id = open_id
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(_Stay, urllib.request.HTTPCookieProcessor(self.cookies))

    def open(self, url: str) -> Page:
        """Go to an address; a consent page on the way is answered as this person."""
        page = self.look(url)
        if urllib.parse.urlsplit(page.url).path == CONSENT:
            page = self._follow(page.url, {"open_id": self.open_id})
        return page

    def look(self, url: str) -> Page:
        """Go to an address and stop where the platform asks who this is."""
        return self._follow(url, None)

    def submit(self, page: Page, wanted: str, **filled: str) -> Page:
        """Fill in the form whose button says ``wanted`` (or that goes to a path ending so) and send it.

        Raises:
            LookupError: no such form, or a field it does not have.
        """
        form = page.form(wanted)
        strange = set(filled) - form.names
        if strange:
            raise LookupError(f"the form has no field {sorted(strange)}; it has {sorted(form.names)}")
        return self._follow(urllib.parse.urljoin(page.url, form.action), {**form.values, **filled})

    def _follow(self, url: str, body: dict[str, str] | None) -> Page:
        for _ in range(10):
            page = self._send(url, body)
            target = page.headers.get("Location")
            if page.status not in (301, 302, 303, 307) or target is None:
                return page
            url, body = urllib.parse.urljoin(url, target), None
        raise LookupError(f"too many redirects, the last one to {url}")

    def _send(self, url: str, body: dict[str, str] | None) -> Page:
        raw = None if body is None else urllib.parse.urlencode(body).encode()
        request = urllib.request.Request(url, raw, {"User-Agent": AGENT})  # noqa: S310  # loopback
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Page(url, answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Page(url, refusal.code, refusal.read(), refusal.headers)


def card_links(card: object) -> Iterator[str]:
    """The addresses that the buttons of a card open."""
    if isinstance(card, dict):
        if card.get("type") == "open_url":
            yield str(card.get("default_url") or card.get("pc_url") or "")
        for child in card.values():
            yield from card_links(child)
    elif isinstance(card, list):
        for child in card:
            yield from card_links(child)
