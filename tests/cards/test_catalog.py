"""Every card in every state: fresh in docs/cards, acceptable to the platform, in both languages."""

import json
from typing import Any

import pytest

from bot.card_rules import MAX_BYTES, check
from creative.model import State as ArtState
from payslip.model import RunState
from payslip.uploads_model import UploadState
from rules.model import State
from tests.cards.catalog import FOLDER, built, everything

SHOWN = {shown.key: shown for shown in everything()}
CARDS = sorted(key for key, shown in SHOWN.items() if shown.card is not None)


def texts(node: Any) -> list[dict[str, Any]]:
    """Every text object of a card that has languages."""
    if isinstance(node, dict):
        here = [node["i18n_content"]] if "i18n_content" in node else []
        return here + [found for value in node.values() for found in texts(value)]
    return [found for item in node for found in texts(item)] if isinstance(node, (list, tuple)) else []


def test_the_files_are_what_the_builders_make() -> None:
    """docs/cards holds exactly these cards; else: python -m tests.cards.catalog."""
    there = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.json")}
    wanted = built()
    assert sorted(there) == sorted(wanted)
    assert [name for name in wanted if there[name] != wanted[name]] == []


def test_names_are_unique() -> None:
    """A key is an address of the gallery, so no two cards have the same."""
    assert len(SHOWN) == len(everything())


@pytest.mark.parametrize("key", CARDS)
def test_the_platform_takes_it(key: str) -> None:
    """Each passes the platform's schema, and stays far under the 30 KB of a message."""
    card = SHOWN[key].card
    assert card is not None
    check(card.data)
    assert len(json.dumps(card.data, ensure_ascii=False).encode()) < MAX_BYTES / 2


@pytest.mark.parametrize("key", CARDS)
def test_it_is_said_in_both_languages(key: str) -> None:
    """The line of the chat list is there in Chinese and English, and no text is empty in one of them."""
    card = SHOWN[key].card
    assert card is not None
    spoken = texts(card.data)
    assert all(pair["zh_cn"].strip() and pair["en_us"].strip() for pair in spoken)
    assert set(card.data["config"]["summary"]["i18n_content"]) == {"zh_cn", "en_us"}


@pytest.mark.parametrize("key", CARDS)
def test_at_most_one_button_is_filled_where_a_person_decides(key: str) -> None:
    """What to do next is seen at a glance: outside forms at most one button stands out."""
    card = SHOWN[key].card
    assert card is not None
    outside = [part for part in card.data["body"]["elements"] if part["tag"] != "form"]
    assert json.dumps(outside).count('"primary_filled"') <= 1


def test_every_state_is_shown() -> None:
    """Nobody adds a state and forgets how its card looks."""
    words = json.dumps([dict(shown.card.data) for shown in SHOWN.values() if shown.card], ensure_ascii=False)
    assert {f"pay-{state.value}" for state in RunState} <= set(SHOWN)
    assert {f"file-{state.value}" for state in UploadState} <= set(SHOWN)
    assert all(f'"{state.value}"' in words for state in ArtState)
    shown = (State.FIRING, State.ACKED, State.UNKNOWN, State.RESOLVED)
    assert all(f'"{word}"' in words for word in ("告警中", "处理中", "无法判断", "已恢复", "已关闭"))
    assert len(shown) + 2 == len(State)  # 正常 and 观察中 have no card
