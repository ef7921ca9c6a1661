"""What the gateways share: the pace, and values of the wire that are exact or refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import responses

from bitable_sync.platforms.wire import Wire, cents, moment, number, whole, written
from runtime.errors import PermanentError

BASE = "https://x.example.com"


def paced(*paces: tuple[int, float]) -> tuple[Wire, list[float]]:
    """A wire that notes its waits instead of waiting."""
    waits: list[float] = []
    return Wire("平台", BASE, paces=paces, pause=waits.append), waits


def test_a_pace_is_kept_in_every_window() -> None:
    """Four at once, the next ones a second later, the seventh a minute after the first."""
    wire, waits = paced((4, 1.0), (6, 60.0))
    with responses.RequestsMock() as net:
        net.post(f"{BASE}/x", json={"code": 0})
        for _ in range(7):
            wire.call("POST", "/x")
    assert [round(wait, 1) for wait in waits] == [1.0, 1.0, 60.0]


def test_threads_share_a_pace() -> None:
    """Each takes a moment of its own: of eight at once, four wait."""
    wire, waits = paced((4, 1.0))
    with responses.RequestsMock() as net:
        net.post(f"{BASE}/x", json={"code": 0})
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: wire.call("POST", "/x"), range(8)))
    assert [round(wait, 1) for wait in waits] == [1.0] * 4


def test_fen_become_yuan_exactly_or_not_at_all() -> None:
    """One fen is 0.01; what is no whole number could be yuan already."""
    assert [cents(value) for value in (0, 1, 12345)] == [Decimal(0), Decimal("0.01"), Decimal("123.45")]
    for wrong in ("12345", 123.0, True, None):
        with pytest.raises(PermanentError, match="以分计"):
            cents(wrong)


def test_times_are_shanghais_wherever_we_are() -> None:
    """No offset on the wire; the year 1 and zeros are no time."""
    assert moment("2026-03-02 00:00:00") == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert moment("2026-03-02 00:00:00.0") == moment("2026-03-02 00:00:00")
    assert [moment(text) for text in ("", None, "0001-01-01 00:00:00", "0000-00-00 00:00:00")] == [None] * 4
    assert written(datetime(2026, 3, 1, 16, tzinfo=UTC)) == "2026-03-02 00:00:00"
    with pytest.raises(PermanentError, match="where a time belongs"):
        moment("yesterday")


def test_numbers_are_decimal_or_refused() -> None:
    """Texts and numbers alike; nothing infinite, nothing that only looks like one."""
    assert (number("99.90"), number(0), whole("7.0000"), whole("")) == (Decimal("99.90"), Decimal(0), 7, 0)
    for wrong in ("1e", "NaN", "Infinity", "十"):
        with pytest.raises(PermanentError):
            number(wrong)
