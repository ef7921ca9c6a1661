"""What `make mutate` takes out: the guards of docs/INVARIANTS.md, each with the test that must notice.

Where a rule has several guards that stand alone (a card, a purchase, a budget, a payslip …), each has an
entry, and the test is one that nothing else protects from failing.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTRACTS = "import contracts"
"""Instead of a test: `lint-imports`."""


@dataclass(frozen=True)
class Mutation:
    """A guard and what must notice that it is gone.

    Attributes:
        invariant: its number.
        guard: what is taken out, in words.
        file: where it stands.
        old: the text, which stands there once.
        new: what takes its place.
        test: the test, as pytest names it, or `CONTRACTS`.
    """

    invariant: int
    guard: str
    file: str
    old: str
    new: str
    test: str
