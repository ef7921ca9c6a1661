"""Must hold: nobody but its owner, with the PIN, sees a payslip; every attempt is written down.

And what somebody has who stole the database and the logs, but not the keys: nothing.
"""

import io
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from payslip import tables as t
from payslip.documents import EmployeeNo, RunId
from payslip.pin import LOCK_AT
from payslip.slip import SlipKey, open_slip
from runtime import log
from runtime.db import Database
from runtime.vault import CannotOpen
from sandbox.server import SandboxServer
from tests.payslip import kit
from tests.payslip.pages_kit import KEY, PIN, TENANT, Browser, House, csrf, slip, vault
from tests.support.leaks import assert_no_leak

pytestmark = pytest.mark.db
NET = "9,176.35"


@pytest.fixture
def house(database: Database, sandbox: SandboxServer) -> House:
    """Two colleagues: A looks, B has the payslip."""
    return House(database, sandbox)


@pytest.fixture
def a(house: House) -> Browser:
    """A's browser, signed in, with A's own PIN given."""
    return house.signed_in(house.people[0].open_id)


@pytest.fixture
def b_open_id(house: House) -> str:
    """B's account."""
    return str(house.people[1].open_id)


@pytest.fixture
def bs(house: House, b_open_id: str) -> str:
    """The token of B's payslip."""
    return house.add(slip(), b_open_id)


def test_bs_link_or_forwarded_card_shows_a_nothing(house: House, a: Browser, bs: str) -> None:
    """A sentence, the same as for a link that never was; B's payslip is not marked as read."""
    foreign, unknown = a.get(f"/pay/s/{bs}"), a.get("/pay/s/never-was")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text == unknown.text
    assert dict(foreign.headers) == dict(unknown.headers)
    assert NET not in foreign.text
    assert "王芳" not in foreign.text
    assert house.row(bs)["state"] == "sent"
    refused = house.audits("pay.slip_refused")
    assert [(row["actor"], row["reason"]) for row in refused] == [
        (house.people[0].open_id, "not_owner"),
        (house.people[0].open_id, "unknown"),
    ]
    assert refused[0]["subject"] == "slip:2026-10.1:E001"


@pytest.mark.parametrize("state", ["replaced", "recalled", "sealed", "disputed"])
def test_whatever_became_of_bs_payslip_a_reads_the_same(
    house: House, a: Browser, b_open_id: str, state: str
) -> None:
    """Not even that it was recalled, replaced or is about to come."""
    token = house.add(slip(), b_open_id, state=state)
    assert a.get(f"/pay/s/{token}").text == a.get("/pay/s/never-was").text


@pytest.mark.parametrize("path", ["/confirm", "/dispute", "/pdf"])
def test_a_decides_nothing_about_bs_payslip(house: House, a: Browser, bs: str, path: str) -> None:
    """With a form and CSRF token of A's own session."""
    form = {"csrf": csrf(a.get("/pay")), "digest": house.row(bs)["slip_digest"], "line": "提成", "text": "x"}
    assert a.post(f"/pay/s/{bs}{path}", form).status_code == 404
    row = house.row(bs)
    assert (row["state"], row["evidence"]) == ("sent", None)
    with house.db.read() as conn:
        assert conn.execute(sa.select(t.disputes)).first() is None


def test_a_changed_token_opens_nothing(house: House, a: Browser, bs: str) -> None:
    """One's own link with a letter changed, cut short, or made a path."""
    own = house.add(slip(kit.person(no="E002")), str(house.people[0].open_id))
    assert a.get(f"/pay/s/{own}").status_code == 200
    for changed in (own[:-1] + ("A" if own[-1] != "A" else "B"), own[:-1], own + "x", f"{own}/../{bs}"):
        assert a.get(f"/pay/s/{changed}").status_code == 404


def test_a_row_given_to_a_in_the_database_does_not_open(house: House, a: Browser, bs: str) -> None:
    """B's sealed payslip copied into a row of A's: the place does not fit."""
    own = house.add(slip(kit.person(no="E002")), str(house.people[0].open_id))
    with house.db.begin() as conn:
        conn.execute(
            t.slips.update().where(t.slips.c.token == own).values(sealed_slip=house.row(bs)["sealed_slip"])
        )
    answer = a.get(f"/pay/s/{own}")
    assert answer.status_code == 500
    assert NET not in answer.text


def test_bs_row_given_to_a_in_the_database_does_not_open(house: House, a: Browser, bs: str) -> None:
    """Whoever writes A's account into B's row changes who is asked for, not whom it was sealed for."""
    mine = str(house.people[0].open_id)
    with house.db.begin() as conn:
        conn.execute(t.slips.update().where(t.slips.c.token == bs).values(open_id=mine))
    answer = a.get(f"/pay/s/{bs}")
    assert answer.status_code == 500
    for text in (answer.text, a.get("/pay").text):
        assert NET not in text
    assert [row["reason"] for row in house.audits("pay.slip_unreadable")] == ["cannot_open"]


def test_a_stolen_session_without_the_pin_shows_nothing(house: House, b_open_id: str, bs: str) -> None:
    """B gave no PIN yet: the cookie leads to the PIN page. After the PIN the old copy is dead."""
    house.signed_in(b_open_id)
    b = house.signed_in(b_open_id, pin=None)
    thief = house.browser()
    thief.client.set_cookie("chorus_pay", b.cookie())
    for path in (f"/pay/s/{bs}", "/pay", f"/pay/s/{bs}/pdf?t=x"):
        assert thief.get(path).headers["Location"].startswith("/pay/pin?")
    assert b.give_pin(goal=f"/pay/s/{bs}").headers["Location"] == f"/pay/s/{bs}"
    assert NET in b.get(f"/pay/s/{bs}").text
    assert thief.get(f"/pay/s/{bs}").headers["Location"].startswith("/pay/sign-in")


def test_a_cookie_in_another_browser_is_no_session(house: House, b_open_id: str, bs: str) -> None:
    """Even one with a fresh PIN."""
    b = house.signed_in(b_open_id)
    thief = Browser(house, house.app.test_client(), agent="curl/8")
    thief.client.set_cookie("chorus_pay", b.cookie())
    assert thief.get(f"/pay/s/{bs}").headers["Location"].startswith("/pay/sign-in")


def test_a_replayed_callback_signs_nobody_in_as_b(house: House, b_open_id: str, bs: str) -> None:
    """B's callback address from a log: code and state are used, and belong to B's browser."""
    b = house.browser()
    callback = b.consent(b.begin(f"/pay/s/{bs}"), b_open_id)
    assert b.get(callback).status_code == 303
    thief = house.browser()
    thief.begin()
    assert thief.get(callback).status_code == 400
    code = parse_qs(urlsplit(callback).query)["code"][0]
    state = parse_qs(urlsplit(thief.begin()).query)["state"][0]
    assert thief.get(f"/pay/callback?code={code}&state={state}").status_code == 403
    assert thief.client.get_cookie("chorus_pay") is None
    assert [row["reason"] for row in house.audits("pay.sign_in_failed")] == ["stale", "refused"]


def test_bs_unused_callback_signs_in_only_the_browser_it_began_in(
    house: House, b_open_id: str, bs: str
) -> None:
    """Caught before B came back: code and state are B's and unused, and worth nothing elsewhere."""
    b, thief = house.browser(), house.browser()
    callback = b.consent(b.begin(f"/pay/s/{bs}"), b_open_id)
    thief.begin()  # so that the thief has a cookie of a sign-in under way too
    assert thief.get(callback).status_code == 400
    assert thief.client.get_cookie("chorus_pay") is None
    assert b.get(callback).status_code == 303


def test_a_stolen_unused_code_is_bound_to_bs_browser(house: House, b_open_id: str) -> None:
    """Caught before B used it: without the verifier of B's sign-in Feishu does not accept it."""
    b, thief = house.browser(), house.browser()
    code = parse_qs(urlsplit(b.consent(b.begin(), b_open_id)).query)["code"][0]
    state = parse_qs(urlsplit(thief.begin()).query)["state"][0]
    assert thief.get(f"/pay/callback?code={code}&state={state}").status_code == 403
    assert thief.client.get_cookie("chorus_pay") is None


def test_guessing_the_pin_locks_and_every_try_is_audited(house: House, b_open_id: str, bs: str) -> None:
    """A with B's unlocked phone: five guesses, then not even the right PIN opens."""
    house.signed_in(b_open_id)
    phone = house.signed_in(b_open_id, pin=None)
    form = {"csrf": csrf(phone.get("/pay/pin")), "goal": f"/pay/s/{bs}"}
    codes = [phone.post("/pay/pin", {**form, "pin": f"48097{n}"}).status_code for n in range(LOCK_AT)]
    assert codes == [403, 403, 403, 403, 429]
    assert phone.post("/pay/pin", {**form, "pin": PIN}).status_code == 429
    assert "暂时锁定" in phone.get("/pay/pin").text
    assert phone.get(f"/pay/s/{bs}").headers["Location"].startswith("/pay/pin?")
    tried = house.audits("pay.pin_tried")
    assert [row["reason"] for row in tried] == ["wrong"] * 4 + ["locked"] * 2
    assert {row["actor"] for row in tried} == {b_open_id}


def test_setting_a_pin_for_somebody_who_has_one_is_refused(house: House, b_open_id: str) -> None:
    """The first-visit form sent again by hand does not replace B's PIN."""
    house.signed_in(b_open_id)
    phone = house.signed_in(b_open_id, pin=None)
    form = {"csrf": csrf(phone.get("/pay/pin")), "pin": "739164", "again": "739164"}
    assert phone.post("/pay/pin/new", form).status_code == 409
    assert phone.post("/pay/pin/change", form).headers["Location"].startswith("/pay/pin?")
    assert phone.give_pin("739164").status_code == 403


def test_a_dump_of_the_database_and_the_log_opens_nothing(
    house: House, b_open_id: str, bs: str, tmp_path: Path
) -> None:
    """Everything that was done, searched for pay, account, PIN and cookies; and another key opens nothing."""
    stream = io.StringIO()
    log.configure("debug", stream, secrets=[])
    b = house.signed_in(b_open_id)
    b.get(f"/pay/s/{bs}")
    b.send(f"/pay/s/{bs}", f"/pay/s/{bs}/dispute", line="提成", text="提成应该是 1,234.56")
    b.send(f"/pay/s/{bs}", f"/pay/s/{bs}/pdf")
    b.get("/pay/s/never-was")
    dump = stream.getvalue() + _dump(house.db, tmp_path)
    amounts = ["9176.35", "10919.27", "8000.00", "2200.00", "866.40", "1312.00", "109192.70", "1234.56"]
    assert_no_leak(dump, secrets=["6214830000000000001", PIN, b.cookie(), "sandbox-secret"], amounts=amounts)
    stored = house.row(bs)["sealed_slip"]
    key = SlipKey(RunId("2026-10.1"), EmployeeNo("E001"), 1)
    with pytest.raises(CannotOpen):
        open_slip(vault(bytes(reversed(KEY))), TENANT, key, stored)
    assert open_slip(vault(), TENANT, key, stored).no == "E001"


def _dump(db: Database, folder: Path) -> str:
    """Every table as text, and on SQLite the raw bytes of the files, write-ahead log included."""
    found = []
    with db.read() as conn:
        for name in sa.inspect(conn).get_table_names():
            rows = conn.execute(sa.text(f'SELECT * FROM "{name}"'))  # noqa: S608 - names from the database
            found += [str(dict(row)) for row in rows.mappings()]
    for path in folder.rglob("chorus.db*"):
        found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def test_an_error_inside_a_page_tells_where_and_never_what(house: House, b_open_id: str, bs: str) -> None:
    """A payslip of a shape this version does not know: the log names the place, not the content."""
    stream = io.StringIO()
    log.configure("info", stream)
    place = ("slip", TENANT, "2026-10.1", "E001", "1", "1")
    with house.db.begin() as conn:
        odd = house.vault.seal_text('{"net": "9176.35", "schema_version": 9}', place)
        conn.execute(t.slips.update().values(sealed_slip=odd))
    answer = house.signed_in(b_open_id).get(f"/pay/s/{bs}")
    assert answer.status_code == 500
    assert "pay.page_failed" in stream.getvalue()
    assert_no_leak(stream.getvalue() + answer.text, amounts=["9176.35"])
