"""Pictures of the documentation: the browser is found or missed in a sentence, pictures stay small."""

import io
import random

import pytest
from PIL import Image

from sandbox.chromium import NAMES, NoBrowserError, find, small


def test_a_machine_without_chromium_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """The sentence names the variable and the package."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoBrowserError, match="set CHROMIUM to its path"):
        find()


def test_a_wrong_path_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Whoever set the variable sees what it holds."""
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nothing"))
    with pytest.raises(NoBrowserError, match=r"CHROMIUM=.*nothing cannot be run"):
        find()


def test_what_the_variable_names_comes_before_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A browser of one's own is taken, though another one is installed."""
    for name in (NAMES[0], "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert find() == str(tmp_path / NAMES[0])
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "mine"))
    assert find() == str(tmp_path / "mine")


def test_a_picture_gets_as_few_colours_as_it_takes() -> None:
    """Noise does not fit with 256 colours; it is still a picture of the same size."""
    chance = random.Random(1)
    noise = Image.frombytes("RGB", (300, 200), chance.randbytes(300 * 200 * 3))
    raw = io.BytesIO()
    noise.save(raw, "PNG")
    data = small(raw.getvalue(), 50_000)
    assert len(data) <= 50_000
    assert Image.open(io.BytesIO(data)).size == (300, 200)
    plain = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(plain, "PNG")
    assert len(small(plain.getvalue())) < 1000
