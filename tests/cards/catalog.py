"""Every card the product can send, written to ``docs/cards`` for the sandbox's gallery.

``python -m tests.cards.catalog`` writes the files anew. They are built by the product's own builders from
fixed data, so the same code gives the same bytes; a test fails when they no longer say what the code says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.cards import alerts, art, house, pay, talk
from tests.cards.shown import Shown

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "cards"


def everything() -> list[Shown]:
    """All entries in the order of the gallery."""
    return [*alerts.cards(), *pay.cards(), *art.cards(), *talk.cards(), *house.cards()]


def built() -> Mapping[str, str]:
    """The files as they should be: name to content."""
    return {
        f"{shown.key}.json": json.dumps(shown.to_json(order), ensure_ascii=False, indent=1) + "\n"
        for order, shown in enumerate(everything())
    }


def write() -> None:
    """Write the files, and remove those of cards that no longer exist."""
    FOLDER.mkdir(exist_ok=True)
    wanted = built()
    for old in FOLDER.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, content in wanted.items():
        (FOLDER / name).write_text(content, "utf-8")


if __name__ == "__main__":
    write()
