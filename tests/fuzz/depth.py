"""How deep the inputs of a target get: which lines of the functions it is for they run.

A million inputs that all end at the first check prove little. `python -m tests.fuzz --depth` prints, for a
small share of the same inputs, what was reached of each file and what was not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from inspect import CO_NEWLOCALS
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.runner import Target, number

ROOT = Path(__file__).resolve().parent.parent.parent
FILES: dict[str, tuple[str, ...]] = {
    "envelope": ("bot/envelope.py",),
    "webhook": ("bot/webhook.py",),
    "card": ("rules/actions.py", "rules/handling.py", "payslip/actions.py", "creative/actions.py"),
    "formula": (
        "payslip/formula_parse.py", "payslip/formula_value.py", "payslip/formula_print.py",
        "payslip/second/reader.py",
    ),
    "expression": ("rules/parse.py", "rules/expression.py", "rules/compiled.py", "rules/scope.py"),
    "excel": (
        "payslip/sheets.py", "payslip/sheets_xlsx.py", "payslip/imports.py", "payslip/imports_columns.py",
        "payslip/imports_values.py", "runtime/archive.py",
    ),
}  # fmt: skip
"""What each target is for."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What was run of one file.

    Attributes:
        file: its path in the project.
        lines: of its functions, without what runs at import.
        missed: those of them that no input ran.
    """

    file: str
    lines: frozenset[int]
    missed: frozenset[int]

    @property
    def share(self) -> float:
        """How much was run, 0 to 1."""
        return 1 - len(self.missed) / len(self.lines)

    def __str__(self) -> str:
        missed = ", ".join(map(str, sorted(self.missed))) or "—"
        return f"  {self.file:<32}{self.share:4.0%} of {len(self.lines):>4} lines; not reached: {missed}"


def depth(target: Target, count: int, seed: str) -> list[Depth]:
    """Run a target's inputs and say what they reached of the files it is for."""
    wanted = {str(ROOT / name): name for name in FILES[target.name]}
    ran: dict[str, set[int]] = {path: set() for path in wanted}
    for place in range(count):
        given = number(target, seed, place)
        with traced(ran), suppress(Exception):  # what crashes is the fuzzer's to tell
            target.run(given)
    return [_depth(path, name, ran[path]) for path, name in wanted.items()]


def _depth(path: str, name: str, ran: set[int]) -> Depth:
    lines = frozenset(_lines(compile(Path(path).read_text("utf-8"), path, "exec"), top=True))
    return Depth(name, lines, lines - ran)


def _lines(code: CodeType, *, top: bool = False) -> Iterator[int]:
    """Lines of functions: modules and classes run at import, and `__init__` before the first input."""
    body = not top and code.co_flags & CO_NEWLOCALS and code.co_name != "__init__"
    if body:
        yield from {line for _, _, line in code.co_lines() if line and line != code.co_firstlineno}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _lines(each)


@contextmanager
def traced(ran: dict[str, set[int]]) -> Iterator[None]:
    """Note every line of these files that this thread runs. Python drops a tracer in which recursion ends."""

    def within(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            ran[frame.f_code.co_filename].add(frame.f_lineno)
        return within

    def entered(frame: FrameType, _event: str, _arg: Any) -> Any:
        return within if frame.f_code.co_filename in ran else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield
    finally:
        sys.settrace(before)


def told(found: Sequence[Depth]) -> str:
    """One line a file."""
    return "\n".join(map(str, found)) + "\n"
