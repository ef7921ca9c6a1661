"""What costs whoever asks nothing must not cost us: refusals, sign-ins, pages, forms, addresses."""

import json

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from bot.webhook import TOLD_A_MINUTE
from payslip.pages_desk import A_MINUTE, DOORS, FORM_BYTES
from runtime import tables
from tests.access.world import AGENT, NOW, TOKEN, World, open_id, visit
from tests.bot.platform import APP_ID, Sender, post

pytestmark = pytest.mark.db


def asks(world: World, path: str, address: str = "203.0.113.7") -> TestResponse:
    """Somebody who is not signed in asks for a page, through our proxy."""
    return world.app.test_client().get(path, headers={"X-Forwarded-For": address})


def audits(world: World) -> int:
    """How many rows the audit trail has."""
    with world.db.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(tables.audit)).scalar_one())


def test_refusals_are_counted_and_only_now_and_then_written_down(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thousand forged envelopes: ten lines in the log, another ten a minute later, nothing stored."""
    rows = audits(world)
    for _ in range(1000):
        assert post(world.app, b"{}", {}).status_code == 401
    assert capsys.readouterr().out.count("webhook.refused") == TOLD_A_MINUTE
    world.floor.clock.advance(61)  # type: ignore[attr-defined]
    for _ in range(100):
        post(world.app, b"{}", {})
    assert capsys.readouterr().out.count("webhook.refused") == TOLD_A_MINUTE
    assert audits(world) == rows


@pytest.mark.parametrize(("feature", "most"), [("pay", DOORS), ("cockpit", 30)])
def test_sign_ins_of_one_address_end_and_others_go_on(world: World, feature: str, most: int) -> None:
    """Beginning or failing one more is 429, leaves no row, and is over after a minute."""
    callback = f"/{feature}/callback?state=x&code=y"
    codes = [asks(world, callback).status_code for _ in range(most + 5)]
    assert codes == [400] * most + [429] * 5
    rows = audits(world)
    assert asks(world, callback).status_code == 429
    assert asks(world, f"/{feature}/sign-in").status_code == 429
    assert audits(world) == rows
    assert asks(world, f"/{feature}/sign-in", "203.0.113.8").status_code == 302
    world.floor.clock.advance(61)  # type: ignore[attr-defined]
    assert asks(world, f"/{feature}/sign-in").status_code == 302


def test_a_forged_forwarded_address_is_the_proxys_word_or_nothing(world: World) -> None:
    """Only the last entry counts, and only from a near proxy: writing others in front gains nothing."""
    codes = {asks(world, "/cockpit/sign-in", f"198.51.100.{n}, 203.0.113.9").status_code for n in range(40)}
    assert codes == {302, 429}


def test_pages_of_one_session_are_paced(world: World) -> None:
    """A script with somebody's cookie reads no more than two pages a second."""
    who = visit(world, "employee", "pay")
    codes = [who.ask("GET", "/pay") for _ in range(A_MINUTE + 5)]
    assert codes == ["200"] * A_MINUTE + ["429"] * 5
    assert visit(world, "operator", "pay").ask("GET", "/pay") == "200"


def test_bodies_are_bounded_by_what_they_are_for(world: World) -> None:
    """A form has a few kilobytes, an event eight megabytes; more is 413 and not read."""
    who = visit(world, "employee", "pay")
    assert who.ask("POST", f"/pay/s/{TOKEN}/dispute", line="提成", text="x" * FORM_BYTES) == "413"
    assert visit(world, "admin", "cockpit").ask("POST", "/cockpit/sign-out", more="x" * 5000) == "413"
    assert post(world.app, b"x" * (8 * 1024 * 1024 + 1), {}).status_code == 413


@pytest.mark.parametrize("path", ["/pay/s/a%00b", "/pay/d/%00", "/cockpit/shop?shop=a%00b", "/%00"])
def test_an_address_with_a_nul_is_refused(world: World, path: str) -> None:
    """PostgreSQL would fail on it; also for who is signed in."""
    for feature in ("pay", "cockpit"):
        assert visit(world, "admin", feature).ask("GET", path) == "400"


@pytest.mark.parametrize(
    "path", ["/pay/assets/../pages.py", "/pay/assets/..%2fpages.py", "/cockpit/assets/%2e%2e/desk.py",
    "/pay/assets/pay.css%2f.."]
)  # fmt: skip
def test_no_path_leads_out_of_the_assets(world: World, path: str) -> None:
    """Whatever a path spells, it names one of the few files or nothing."""
    answer = world.app.test_client().get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_no_header_is_written_by_who_asks(world: World) -> None:
    """Line breaks in goals, tokens and names of files end in no header of the answer."""
    who = world.app.test_client()
    for path in (
        "/pay/sign-in?goal=/pay%0d%0aSet-Cookie:%20a=b",
        "/pay/s/x%0d%0aSet-Cookie:%20a=b",
        "/cockpit/shop?shop=%0d%0aX:y",
    ):
        answer = who.get(path, headers={"User-Agent": AGENT})
        assert answer.status_code in {302, 303}
        assert "a=b" not in answer.headers.get("Set-Cookie", "")
        assert not any("\r" in value or "\n" in value for value in answer.headers.values())


@pytest.mark.parametrize("feature", ["pay", "cockpit"])
def test_cookies_are_for_our_host_and_no_script(world: World, feature: str) -> None:
    """No script reads them, no other host gets them, no foreign form sends them."""
    answer = world.app.test_client().get(f"/{feature}/sign-in")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_a_tap_of_odd_texts_is_answered_and_kept(world: World) -> None:
    """Halves of surrogate pairs, NUL and a name of a megabyte in a card's value: a polite answer, one row."""
    sender = Sender(NOW, app_id=APP_ID, ascii=True)
    for value in (
        {"a": "pay.close", "id": "\ud800\0"},
        {"a": "x\ud800\0" * 100_000},
        '{"a":"pay.close","id":"\\ud800"}',
    ):
        answer = sender.post(world.app, sender.tap(value, operator=open_id("hr")))
        assert answer.status_code == 200
        assert json.loads(answer.data)["toast"]["type"] in {"error", "warning"}
    with world.db.read() as conn:
        rows = conn.execute(sa.text("SELECT action FROM taps")).scalars().all()
    assert len(rows) == 3
    assert max(map(len, rows)) <= 128


@pytest.mark.parametrize("depth", [9, 200, 900, 5000])
def test_a_tap_or_event_nested_without_end_is_no_fault_of_ours(world: World, depth: int) -> None:
    """Whoever holds the key and nests values is refused or stored, and never makes a 5xx."""
    text = json.dumps({"a": "alert.ack"})[:-1] + ', "id": ' + "[" * depth + "]" * depth + "}"
    sender = Sender(NOW, app_id=APP_ID)
    envelope = sender.tap({})
    envelope["event"]["action"]["value"] = text
    assert sender.post(world.app, envelope).status_code < 500
