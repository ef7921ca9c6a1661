"""docs/ACCESS.md is true: every address and every action, tried as everybody; none is missing from it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.world import DISPUTE, FILE, PEOPLE, TOKEN, VISITORS, World, visit

pytestmark = pytest.mark.db

PAGE = (Path(__file__).parents[2] / "docs" / "ACCESS.md").read_text(encoding="utf-8")
GIVEN = {
    "<token>": TOKEN, "<dispute_id>": DISPUTE, "<file_id>": FILE, "<view>": "home",
    "<path:rest>": "elsewhere",
}  # fmt: skip
NO = re.compile("不能处理|不能操作|只有|发给别人")


def table(heading: str) -> dict[str, list[str]]:
    """First column → the others, of the table under a heading."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip().strip("`") for cell in line.strip("| ").split("|")]
        for line in part.splitlines()
        if line.startswith("|")
    ]
    assert len({len(row) for row in rows}) == 1, "a row of the table has too few or too many cells"
    return {row[0]: row[1:] for row in rows[2:]}


PAGES, TAPS = table("Addresses"), table("Taps")


def asked(world: World) -> Iterator[tuple[str, str, str]]:
    """(method and rule, method, path) of everything the app answers; the webhook's stand in front of it."""
    for rule in world.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
            path = rule.rule.replace("<name>", "pay.css" if rule.rule.startswith("/pay") else "cockpit.css")
            for name, value in GIVEN.items():
                path = path.replace(name, value)
            yield f"{method} {rule.rule}", method, path


def test_every_address_stands_in_the_table_and_nothing_else(world: World) -> None:
    """Who adds a page says who may open it."""
    webhook = {"POST /webhook/event", "POST /webhook/card"}
    assert {name for name, *_ in asked(world)} | webhook == set(PAGES)


def test_every_address_answers_everybody_as_the_table_says(world: World) -> None:
    """Each cell: a fresh browser of that visitor, a valid token in the form."""
    found = {
        name: [
            visit(world, who, "cockpit" if "/cockpit" in path else "pay").ask(method, path)
            for who in VISITORS
        ]
        for name, method, path in asked(world)
    }
    assert found == {name: cells for name, cells in PAGES.items() if "/webhook/" not in name}


def test_a_form_without_its_token_changes_nothing(world: World) -> None:
    """Also the owner's, with session and PIN: 403, and what is stored is what was."""
    forms = [path for _, method, path in asked(world) if method == "POST"]
    assert len(forms) >= 8
    for path in forms:
        who = visit(world, "employee", "cockpit" if "/cockpit" in path else "pay")
        with world.db.read() as conn:
            before = world.print(conn)
        assert who.ask("POST", path, csrf="") == "403", path
        with world.db.read() as conn:
            assert world.print(conn) == before, path


@pytest.mark.parametrize("path", ["/webhook/event", "/webhook/card"])
def test_the_webhook_asks_for_a_signature_and_nothing_else(world: World, path: str) -> None:
    """401 for everybody who does not hold the Encrypt Key, with whatever cookie."""
    for who in VISITORS:
        assert visit(world, who, "pay").ask("POST", path) == "401"


def test_every_action_stands_in_the_table_and_nothing_else(world: World) -> None:
    """Who adds a button says who may press it."""
    assert set(world.router.actions) == set(TAPS)


@pytest.mark.parametrize("action", list(TAPS))
def test_an_action_is_refused_to_all_but_those_of_the_table(world: World, action: str) -> None:
    """Refused: a sentence, no card, nothing stored but the audit row. Each role on the newest card."""
    for role, expected in zip(PEOPLE, TAPS[action], strict=True):
        answer, changed = world.answer(world.tap(role, action))
        refused = answer.toast is not None and NO.search(answer.toast.zh) is not None
        assert ("no" if refused else "yes") == expected, (role, answer.toast)
        if refused:
            assert (changed, answer.card) == (False, None), role


NO_ID = {"group.page", "group.ack", "pay.start"}
"""Without a thing of their own these are about the person's own alerts, or a month."""


@pytest.mark.parametrize("action", [each for each in TAPS if each not in NO_ID])
def test_no_id_of_a_card_is_believed(world: World, action: str) -> None:
    """A thing that is not there, or no id at all: nobody learns or changes anything by it."""
    for role in PEOPLE:
        for forged in ("al_x", "", None, 7, ["al_1"], {"id": "al_1"}):
            answer, changed = world.answer(world.tap(role, action, value={"id": forged}))
            assert (changed, answer.card) == (False, None), (role, forged)
            assert answer.toast is not None


@pytest.mark.parametrize("number", [2**64, -1, 10**40, 1.5, "1", None, [1], True])
@pytest.mark.parametrize(("action", "name"), [("group.page", "p"), ("art.choose", "n"), ("pay.close", "t")])
def test_no_number_of_a_card_is_too_odd(world: World, action: str, name: str, number: object) -> None:
    """What no database keeps and no set holds is answered like any other (by fuzzing)."""
    for role in ("operator", "hr"):
        answer, _ = world.answer(world.tap(role, action, value={name: number}))
        assert answer.toast is not None or answer.card is not None
