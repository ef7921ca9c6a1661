"""The files the cockpit's browser gets: what is not ours is unchanged and named with its licence."""

import hashlib

import pytest

from rules.cockpit.desk import ASSETS
from rules.cockpit.pages import PARTS

VENDORED = {
    "uplot.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.mark.parametrize("name", VENDORED)
def test_a_library_is_as_it_was_published(name: str) -> None:
    """Nobody edits it by accident, and the page that says where it came from names it."""
    assert hashlib.sha256((ASSETS.folder / name).read_bytes()).hexdigest() == VENDORED[name]
    assert f"`{name}`" in (ASSETS.folder / "VENDORED.md").read_text("utf-8")
    assert "MIT License" in (ASSETS.folder / "uplot.LICENSE.md").read_text("utf-8")


def test_every_part_has_a_template_and_every_template_a_use() -> None:
    """No page asks for what is not there, and nothing lies about unused."""
    shared = {"base", "page", "sentence", "macros", "sku_rows"}
    there = {path.stem.removeprefix("cockpit_") for path in ASSETS.folder.glob("cockpit_*.html")}
    assert there == shared | {part for parts in PARTS.values() for part in parts}


def test_our_script_asks_nobody_else() -> None:
    """No address of another host stands in what we wrote for the browser."""
    for name in ("cockpit.js", "cockpit.css"):
        assert "//" not in "".join(
            line.partition(" // ")[0]
            for line in (ASSETS.folder / name).read_text("utf-8").splitlines()
            if not line.lstrip().startswith("//")
        )
    assert set(ASSETS.names) == {
        path.name for path in ASSETS.folder.iterdir() if path.suffix in {".js", ".css"}
    }
