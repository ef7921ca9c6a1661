"""The tenant token: fetched once, renewed early, never in a stampede."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import ManualClock
from runtime.feishu.errors import Unreachable
from runtime.feishu.tokens import TenantTokens


class Issuer:
    """Hands out numbered tokens and can be made slow or broken."""

    def __init__(self, lifetime: int = 7200) -> None:
        self.lifetime = lifetime
        self.issued = 0
        self.before: Callable[[], None] = lambda: None

    def __call__(self) -> tuple[str, int]:
        """Issue one token."""
        self.before()
        self.issued += 1
        return f"t-{self.issued}", self.lifetime


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))


def test_twenty_cold_threads_make_one_fetch(clock: ManualClock) -> None:
    """All threads that find no token wait for the one that fetches."""
    issuer = Issuer()
    together = threading.Barrier(20)
    tokens = TenantTokens(issuer, clock)

    def ask(_: int) -> str:
        together.wait()
        return tokens.get()

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(20))) == {"t-1"}
    assert issuer.issued == 1


def test_renewed_when_less_than_half_an_hour_is_left(clock: ManualClock) -> None:
    """The platform gives a new token from then on; before it would only repeat the old one."""
    issuer = Issuer()
    tokens = TenantTokens(issuer, clock)
    tokens.get()
    clock.advance(timedelta(minutes=89))
    assert tokens.get() == "t-1"
    clock.advance(timedelta(minutes=2))
    assert tokens.get() == "t-2"


def test_renewal_lets_the_others_go_on(clock: ManualClock) -> None:
    """While one thread renews, the others use the token that is still valid, without waiting."""
    issuer = Issuer()
    tokens = TenantTokens(issuer, clock)
    tokens.get()
    clock.advance(timedelta(minutes=95))
    entered, finish = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        assert finish.wait(5)

    issuer.before = slow
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(tokens.get)
        assert entered.wait(5)
        assert [tokens.get() for _ in range(5)] == ["t-1"] * 5
        finish.set()
        assert renewing.result(5) == "t-2"
    assert tokens.get() == "t-2"


def test_a_failed_renewal_keeps_the_valid_token(clock: ManualClock) -> None:
    """As long as the old token is accepted, a failing renewal stops nobody; after that it does."""
    issuer = Issuer()
    tokens = TenantTokens(issuer, clock)
    tokens.get()

    def broken() -> None:
        raise Unreachable("No connection.")

    issuer.before = broken
    clock.advance(timedelta(minutes=100))
    assert tokens.get() == "t-1"
    clock.advance(timedelta(minutes=30))
    with pytest.raises(Unreachable):
        tokens.get()


def test_a_refused_token_is_forgotten_once(clock: ManualClock) -> None:
    """Ten threads reporting the same stale token cause one fetch, and never throw away its successor."""
    issuer = Issuer()
    tokens = TenantTokens(issuer, clock)
    stale = tokens.get()
    tokens.refuse(stale)
    assert tokens.get() == "t-2"
    for _ in range(9):
        tokens.refuse(stale)
        assert tokens.get() == "t-2"


def test_a_short_lived_token_is_not_fetched_every_time(clock: ManualClock) -> None:
    """A lifetime under half an hour is used for its first half."""
    issuer = Issuer(lifetime=600)
    tokens = TenantTokens(issuer, clock)
    assert {tokens.get() for _ in range(10)} == {"t-1"}
    clock.advance(301)
    assert tokens.get() == "t-2"
