"""What `chorus demo --once` says in the end, and with which exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.demo import play
from sandbox.office import Watch
from sandbox.scenes import Script, check


class Short(Script):
    """A day of two scenes.

    Args:
        stock: what the second finds; it wants 40.
    """

    def __init__(self, stock: int) -> None:
        super().__init__()
        self._stock = stock

    def play(self) -> bool:
        """Play it."""
        return self.perform((("the shop opens", lambda: "open at nine"), ("goods are counted", self._count)))

    def _count(self) -> str:
        check(self._stock == 40, f"{self._stock} are there")
        return "all there"


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on the screen, without the frames of tables."""
    lines = capsys.readouterr().out.splitlines()
    return [" ".join(line.replace("│", " ").split()) for line in lines]


def test_all_scenes_passed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 0, a table a part, a line a scene, and how many passed."""
    assert play({"Morning": Short(40), "Evening": Short(40)}, Watch(), tmp_path) == 0
    lines = printed(capsys)
    assert {"Morning", "Evening"} <= set(lines)
    assert sum(line.startswith("goods are counted all there") for line in lines) == 2
    assert sum(line.endswith("pass") for line in lines) == 4
    assert any(line.startswith("4 of 4 scenes passed in") for line in lines)


def test_a_scene_that_fails_fails_the_day(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1; the parts after it are played all the same; its line says FAIL and what went wrong."""
    assert play({"Morning": Short(39), "Evening": Short(40)}, Watch(), tmp_path) == 1
    lines = printed(capsys)
    (failed,) = [line for line in lines if line.endswith("FAIL")]
    assert failed.startswith("goods are counted AssertionError: 39 are there")
    assert sum(line.endswith("pass") for line in lines) == 3
    assert any(line.startswith("3 of 4 scenes passed in") for line in lines)
