"""Signing in with Feishu: the platform's side over the wire, and the flow that binds a browser to it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa

from bot.signin import LIFE, is_local
from payslip import tables as t
from runtime.db import Database
from runtime.feishu.errors import Rejected, Unreachable
from runtime.feishu.signin import SignIn, accounts_url, new_pkce
from sandbox.server import SandboxServer
from tests.payslip.pages_kit import TENANT, House

pytestmark = pytest.mark.db
ROOT = Path(__file__).resolve().parents[2]
HOME = "http://127.0.0.1:8460/pay/callback"


@pytest.fixture
def house(database: Database, sandbox: SandboxServer) -> House:
    """Pages whose people sign in at the sandbox."""
    return House(database, sandbox)


@pytest.fixture
def sign_in(sandbox: SandboxServer) -> Iterator[SignIn]:
    """The platform's side alone."""
    made = SignIn(sandbox.url, TENANT, "sandbox-secret")
    yield made
    made.close()


def code(sandbox: SandboxServer, **bound: str) -> str:
    """A code as if the first person had consented."""
    who = next(iter(sandbox.world.people))
    body = {"open_id": who, "redirect_uri": HOME, **bound}
    answer = requests.post(f"{sandbox.url}/_sandbox/act/consent", json=body, timeout=5)
    found: str = answer.json()["data"]["code"]
    return found


# --- the platform's side ---


def test_a_code_gives_the_person(sandbox: SandboxServer, sign_in: SignIn) -> None:
    """Token and user info, with the PKCE proof the challenge asked for."""
    proof = new_pkce()
    bound = {"code_challenge": proof.challenge, "code_challenge_method": "S256"}
    who = sign_in.person(code(sandbox, **bound), HOME, proof.verifier)
    person = next(iter(sandbox.world.people.values()))
    assert (who.open_id, who.name) == (person.open_id, person.name)


def test_a_code_of_another_challenge_or_used_is_refused(sandbox: SandboxServer, sign_in: SignIn) -> None:
    """20049 without the proof, 20065 the second time, 20003 for an invented one; no secret in the words."""
    proof = new_pkce()
    bound = {"code_challenge": proof.challenge, "code_challenge_method": "S256"}
    with pytest.raises(Rejected) as unproven:
        sign_in.person(code(sandbox, **bound), HOME, new_pkce().verifier)
    assert unproven.value.code == 20049
    good = code(sandbox)
    sign_in.person(good, HOME, proof.verifier)
    with pytest.raises(Rejected) as again:
        sign_in.person(good, HOME, proof.verifier)
    assert again.value.code == 20065
    assert "sandbox-secret" not in str(again.value)
    with pytest.raises(Rejected):
        sign_in.person("invented", HOME, proof.verifier)


def test_a_wrong_secret_says_what_an_administrator_must_do(sandbox: SandboxServer) -> None:
    """The sentence names the variable, not its value."""
    with pytest.raises(Rejected) as refused:
        SignIn(sandbox.url, TENANT, "wrong-secret").person(code(sandbox), HOME, new_pkce().verifier)
    assert "FEISHU_APP_SECRET" in str(refused.value)
    assert "wrong-secret" not in str(refused.value)


def test_no_connection_is_told_from_a_refusal() -> None:
    """Nobody listens there: the person may try again; the code and the secret are not in the words."""
    with pytest.raises(Unreachable) as lost:
        SignIn("http://127.0.0.1:9", TENANT, "sandbox-secret").person("c0de-1", HOME, new_pkce().verifier)
    assert "sandbox-secret" not in str(lost.value)
    assert "c0de-1" not in str(lost.value)


def test_people_sign_in_at_the_accounts_host_of_their_platform() -> None:
    """Feishu and Lark have one beside the API's; a private installation does not."""
    assert accounts_url("https://open.feishu.cn") == "https://accounts.feishu.cn"
    assert accounts_url("https://open.larksuite.com") == "https://accounts.larksuite.com"
    assert accounts_url("http://127.0.0.1:9001") == "http://127.0.0.1:9001"
    address = urlsplit(SignIn("https://open.feishu.cn", TENANT, "s").authorize_url(HOME, "st", "ch"))
    assert (address.hostname, address.path) == ("accounts.feishu.cn", "/open-apis/authen/v1/authorize")
    asked = parse_qs(address.query)
    assert asked["redirect_uri"] == [HOME]
    assert asked["code_challenge_method"] == ["S256"]


def test_every_attempt_counts_against_the_month(sandbox: SandboxServer) -> None:
    """Two calls a sign-in."""
    counted: list[str] = []
    SignIn(sandbox.url, TENANT, "sandbox-secret", count=counted.append).person(
        code(sandbox), HOME, new_pkce().verifier
    )
    assert counted == ["POST /oauth/v3/token", "GET /open-apis/authen/v1/user_info"]


def test_the_web_process_pays_for_nothing_it_rarely_needs() -> None:
    """Importing the pages loads neither SDK, nor PDF libraries, nor password hash, nor engine."""
    program = (
        "import sys, json; import payslip.pages; "
        "print(json.dumps([m for m in ('lark_oapi','fpdf','pikepdf','argon2','dbos') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


# --- the flow ---


def test_signing_in_leads_to_where_one_wanted_to_go(house: House) -> None:
    """Consent at the platform, then a session and the goal; the cookie is out of reach for scripts."""
    who = house.people[0]
    browser = house.browser()
    answer = browser.sign_in(who.open_id, "/pay/s/some-token")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/pay/s/some-token")
    cookie = next(each for each in answer.headers.getlist("Set-Cookie") if each.startswith("chorus_pay="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert [row["actor"] for row in house.audits("pay.signed_in")] == [who.open_id]


def test_behind_https_cookies_are_bound_to_the_host(database: Database, sandbox: SandboxServer) -> None:
    """Secure, no Domain, and the prefix that makes browsers insist on both."""
    house = House(database, sandbox, public_url="https://chorus.example.com")
    requests.post(
        f"{sandbox.url}/_sandbox/redirect_uris",
        json={"uris": ["https://chorus.example.com/pay/callback"]},
        timeout=5,
    )
    browser = house.browser()
    authorize = browser.get("/pay/sign-in", base_url="https://chorus.example.com")
    target = browser.consent(authorize.headers["Location"], house.people[0].open_id)
    answer = browser.get(target, base_url="https://chorus.example.com")
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-chorus_pay="))
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/pay", "//evil.example", "/\\evil.example", "/pay/../webhook/event", "/other",
        "/pay//evil.example", "/payroll", "javascript:alert(1)", "/pay/%2f%2fevil.example", "/pay\r\nX: y",
        "/pay/" + "a" * 400, "",
    ],
)  # fmt: skip
def test_a_goal_is_a_page_of_ours_or_nothing(house: House, goal: str) -> None:
    """No address of somebody else, in any spelling, is gone to after signing in."""
    assert not is_local(goal, "/pay")
    assert house.browser().sign_in(house.people[0].open_id, goal).headers["Location"] == "/pay"


def test_refusing_consent_is_a_sentence(house: House) -> None:
    """Feishu sends the person back without a code; nobody is signed in."""
    browser = house.browser()
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    answer = browser.get(f"/pay/callback?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "取消了授权" in answer.text
    assert browser.client.get_cookie("chorus_pay") is None
    assert [row["reason"] for row in house.audits("pay.sign_in_failed")] == ["denied"]


def test_a_callback_works_once(house: House) -> None:
    """The same address again is stale, though the browser is the same."""
    browser = house.browser()
    callback = browser.consent(browser.begin(), house.people[0].open_id)
    assert browser.get(callback).status_code == 303
    assert browser.get(callback).status_code == 400
    assert [row["reason"] for row in house.audits("pay.sign_in_failed")] == ["stale"]


def test_a_callback_of_another_browser_signs_nobody_in(house: House) -> None:
    """Somebody else's callback address, sent to a victim or stolen from a log, is worth nothing."""
    thief, victim = house.browser(), house.browser()
    victim.begin()
    callback = thief.consent(thief.begin(), house.people[0].open_id)
    answer = victim.get(callback)
    assert answer.status_code == 400
    assert victim.client.get_cookie("chorus_pay") is None


def test_an_old_sign_in_is_over(house: House) -> None:
    """After ten minutes the state is not accepted any more."""
    browser = house.browser()
    callback = browser.consent(browser.begin(), house.people[0].open_id)
    house.clock.advance(LIFE.total_seconds() + 1)
    assert browser.get(callback).status_code == 400


@pytest.mark.parametrize("state", ["", "invented"])
def test_an_invented_state_is_refused_before_feishu_is_asked(house: House, state: str) -> None:
    """The code is not even tried."""
    browser = house.browser()
    browser.begin()
    assert browser.get(f"/pay/callback?code=anything&state={state}").status_code == 400
    tokens = requests.get(
        f"{house.sandbox.url}/_sandbox/requests", params={"path": "token"}, timeout=5
    ).json()
    assert tokens["data"]["requests"] == []


def test_what_is_stored_of_a_sign_in_finishes_none(house: House) -> None:
    """Neither state nor browser cookie stands in the database."""
    browser = house.browser()
    state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
    with house.db.read() as conn:
        stored = str([dict(row) for row in conn.execute(sa.select(t.sign_ins)).mappings()])
    assert state not in stored
    assert browser.cookie("chorus_signin") not in stored


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("html", "/oauth/v3/token"),
        ("drop_after", "/oauth/v3/token"),
        ("status", "/oauth/v3/token"),
        ("html", "/open-apis/authen/v1/user_info"),
    ],
)
def test_a_platform_that_fails_is_told_as_such(house: House, kind: str, path: str) -> None:
    """Garbage, no answer, an internal error: 503 and a way to try again, and nobody is signed in."""
    browser = house.browser()
    callback = browser.consent(browser.begin(), house.people[0].open_id)
    order = {"kind": kind, "match": {"path": path}, "times": 1, "code": 20050}
    requests.post(f"{house.sandbox.url}/_sandbox/faults", json=order, timeout=5)
    answer = browser.get(callback)
    assert answer.status_code == 503, answer.text
    assert "重新登录" in answer.text
    assert browser.client.get_cookie("chorus_pay") is None
    assert [row["reason"] for row in house.audits("pay.sign_in_failed")] == ["unavailable"]
