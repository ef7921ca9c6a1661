"""Tokens of the platforms: sealed at rest, refreshed once however many ask, kept before they are used."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.refusals import TokenRefused, Why, refusal
from bitable_sync.platforms.tables import credentials
from bitable_sync.platforms.tokens import Tokens, with_token
from payslip.rotate import rotate
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.errors import ConfigError, PermanentError, TransientError, UnknownOutcome
from runtime.vault import CannotOpen, Keys, Vault

pytestmark = pytest.mark.db
START = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
KEYS = {"app_key": "k-123456", "app_secret": "s-topsecret"}
DAY = 86_400


class Platform:
    """An authorisation server whose refresh token dies on use; counts what it was asked."""

    def __init__(self) -> None:
        self.refresh = "r0"
        self.asked: list[str] = []
        self.refuses: Exception | None = None
        self._lock = threading.Lock()

    def trade(self, token: str) -> Pair:
        """A new pair for the refresh token in force."""
        with self._lock:
            self.asked.append(token)
            if self.refuses is not None:
                raise self.refuses
            if token != self.refresh:
                raise TokenRefused("平台 refresh_token无效")
            number = len(self.asked)
            self.refresh = f"r{number}"
            return Pair(f"a{number}", self.refresh, DAY, 30 * DAY)


@pytest.fixture
def clock() -> ManualClock:
    """Morning in Shanghai."""
    return ManualClock(START)


@pytest.fixture
def store(database: Database, clock: ManualClock) -> Credentials:
    """One authorisation with a token for a day."""
    found = Credentials(database, Vault(Keys({"k1": b"1" * 32})), clock)
    found.enter("shop-a", "qianchuan", KEYS, Pair("a0", "r0", DAY, 30 * DAY))
    return found


def test_nothing_secret_stands_readable_in_the_database(database: Database, store: Credentials) -> None:
    """App secret and tokens are ciphertext; what is listed of them is none."""
    tokens = Pair("access-0123456789", "refresh-0123456789")
    store.enter("shop-z", "qianchuan", KEYS, tokens)
    with database.read() as conn:
        rows = str(conn.execute(sa.select(credentials)).all())
    shown = rows + repr(store.entries()) + repr(store.held("shop-z")) + repr(tokens)
    assert not [secret for secret in (*KEYS.values(), tokens.access, tokens.refresh) if secret in shown]
    assert (store.keys("shop-z", "qianchuan"), store.held("shop-z").access) == (KEYS, tokens.access)


def test_a_ciphertext_moved_to_another_shop_opens_nothing(database: Database, store: Credentials) -> None:
    """The name is authenticated with it."""
    store.enter("shop-b", "qianchuan", KEYS, None)
    with database.begin() as conn:
        sealed = conn.execute(
            sa.select(credentials.c.sealed_keys).where(credentials.c.name == "shop-a")
        ).scalar_one()
        conn.execute(credentials.update().where(credentials.c.name == "shop-b").values(sealed_keys=sealed))
    with pytest.raises(CannotOpen):
        store.keys("shop-b", "qianchuan")


def test_key_rotation_takes_credentials_along(database: Database, store: Credentials) -> None:
    """After a rotation the old key may go: tokens open with the new one alone."""
    done = rotate(database, Vault(Keys({"k2": b"2" * 32, "k1": b"1" * 32})))
    assert done.rotated["platform_credentials.sealed_keys"] == 1
    fresh = Credentials(database, Vault(Keys({"k2": b"2" * 32})), store.clock)
    assert (fresh.keys("shop-a", "qianchuan"), fresh.held("shop-a").access) == (KEYS, "a0")


def test_twenty_threads_of_two_processes_refresh_once(store: Credentials, clock: ManualClock) -> None:
    """The token is due; all begin at once; one asks the platform, all get the new token."""
    platform, gate = Platform(), threading.Barrier(20)
    # A process of its own has its own locks in memory; only what lies outside is shared.
    sides = [Tokens(store, "shop-a", platform.trade, pause=lambda _: None) for _ in range(2)]
    clock.advance(timedelta(hours=22))

    def ask(number: int) -> str:
        gate.wait()
        return sides[number % 2].token()

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(ask, range(20)))
    assert platform.asked == ["r0"]
    assert set(found) == {"a1"}
    assert store.held("shop-a").refresh == "r1"


def test_twenty_refused_threads_refresh_once(store: Credentials) -> None:
    """The platform refuses a token that should still live: whoever comes later takes the fresh one."""
    platform, gate = Platform(), threading.Barrier(20)
    tokens = Tokens(store, "shop-a", platform.trade, pause=lambda _: None)

    def call(token: str) -> str:
        if token == "a0":
            gate.wait()
            raise TokenRefused("平台 access_token无效")
        return token

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: with_token(tokens, call), range(20)))
    assert (platform.asked, set(found)) == (["r0"], {"a1"})


def test_each_renewal_uses_the_newest_refresh_token(store: Credentials, clock: ManualClock) -> None:
    """Three days: every refresh token is used once."""
    platform = Platform()
    for _ in range(3):
        clock.advance(timedelta(hours=22))
        Tokens(store, "shop-a", platform.trade).token()
    assert platform.asked == ["r0", "r1", "r2"]


def test_a_token_that_still_lives_is_used_while_the_platform_is_busy(
    store: Credentials, clock: ManualClock
) -> None:
    """Due is not dead: an outage of the authorisation server stops nothing before the token ends."""
    platform = Platform()
    platform.refuses = TransientError("busy")
    tokens = Tokens(store, "shop-a", platform.trade)
    clock.advance(timedelta(hours=22))
    assert tokens.token() == "a0"
    clock.advance(timedelta(hours=3))
    with pytest.raises(TransientError):
        tokens.token()


def test_a_lost_answer_is_asked_again(store: Credentials, clock: ManualClock) -> None:
    """Nobody knows whether the refresh token is dead; asking again tells."""
    platform = Platform()
    tokens = Tokens(store, "shop-a", platform.trade)
    clock.advance(timedelta(hours=25))
    platform.refuses = UnknownOutcome("cut")
    with pytest.raises(TransientError, match="没有回音"):
        tokens.token()
    platform.refuses = None
    assert tokens.token() == "a2"


def test_a_dead_authorisation_is_told_and_left_alone(store: Credentials, clock: ManualClock) -> None:
    """The refresh token is refused: a person is needed, and until then nobody asks again."""
    platform = Platform()
    platform.refresh = "somebody else's"
    tokens = Tokens(store, "shop-a", platform.trade)
    clock.advance(timedelta(hours=25))
    for _ in range(2):
        with pytest.raises(PermanentError, match="chorus shops add shop-a"):
            tokens.token()
    assert platform.asked == ["r0"]
    assert "重新授权" in store.entries()[0].problem
    store.enter("shop-a", "qianchuan", KEYS, Pair("n0", "somebody else's", DAY))
    assert (tokens.token(), store.entries()[0].problem) == ("n0", "")


def test_other_refusals_close_nothing(store: Credentials, clock: ManualClock) -> None:
    """A wrong clock refuses the refresh as well; it says nothing about the refresh token."""
    platform = Platform()
    platform.refuses = refusal("平台 40003", Why.CLOCK)
    tokens = Tokens(store, "shop-a", platform.trade)
    clock.advance(timedelta(hours=25))
    with pytest.raises(TransientError, match="NTP"):
        tokens.token()
    platform.refuses = None
    assert tokens.token() == "a2"


def test_a_token_without_a_known_life_is_used_until_it_is_refused(store: Credentials) -> None:
    """No expiry was entered: nothing is due; without a refresh token a refusal needs a person."""
    store.enter("shop-b", "jd", KEYS, Pair("x0"))
    tokens = Tokens(store, "shop-b", Platform().trade)
    assert tokens.token() == "x0"
    with pytest.raises(PermanentError, match="没有刷新令牌"):
        tokens.after("x0", TokenRefused("refused"))


def test_what_was_not_entered_is_named(store: Credentials) -> None:
    """Another kind, another name: the command to type stands in the sentence."""
    with pytest.raises(ConfigError, match="chorus shops add shop-x"):
        store.keys("shop-x", "jd")
    with pytest.raises(ConfigError, match="qianchuan"):
        store.keys("shop-a", "jd")
    store.enter("shop-c", "jd", KEYS, None)
    with pytest.raises(ConfigError, match="令牌"):
        store.held("shop-c")


@pytest.mark.process
def test_real_processes_refresh_once(store: Credentials, clock: ManualClock, tmp_path: Path) -> None:
    """Four processes begin together; the platform notes each refresh in a file of its own."""
    clock.advance(timedelta(hours=22))
    asked, program = tmp_path / "asked", tmp_path / "refresher.py"
    program.write_text(PROGRAM, "utf-8")
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, str(program), store.db.url, str(asked), clock.now().isoformat()]
    running = [
        subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    said = [each.communicate("go\n", timeout=60)[0].strip() for each in running]
    assert said == ["fresh"] * 4
    assert asked.read_text("utf-8") == "r0\n"


PROGRAM = """
import sys
from datetime import datetime
from bitable_sync.platforms.credentials import Credentials, Pair
from bitable_sync.platforms.tokens import Tokens
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.vault import Keys, Vault

url, asked, now = sys.argv[1:]

def trade(token):
    with open(asked, "a") as out:
        out.write(token + "\\n")
    return Pair("fresh", "r1", 86400)

store = Credentials(Database(url), Vault(Keys({"k1": b"1" * 32})), ManualClock(datetime.fromisoformat(now)))
tokens = Tokens(store, "shop-a", trade)
print("ready", flush=True)
sys.stdin.readline()
print(tokens.token(), flush=True)
"""
