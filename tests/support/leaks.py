"""One question asked everywhere: did anything get out that must not?"""

from collections.abc import Iterable


def assert_no_leak(text: str, secrets: Iterable[str] = (), amounts: Iterable[str] = ()) -> None:
    """Fail when a log, an answer or a stored row shows a secret or an amount of pay.

    Args:
        text: everything the other side could see.
        secrets: credential values.
        amounts: amounts as written, e.g. `"12345.67"`; their other spellings (`12,345.67`, `1234567` cents)
            are looked for too.
    """
    for secret in secrets:
        assert secret not in text, f"a secret leaked ({secret[:3]}…, {len(secret)} characters)"
    for amount in amounts:
        for spelling in _spellings(amount):
            assert spelling not in text, f"an amount leaked (spelled like {'#' * len(spelling)})"


def _spellings(amount: str) -> set[str]:
    whole, _, fraction = amount.partition(".")
    grouped = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    spellings = {amount, grouped}
    if fraction:
        spellings.add(whole + fraction.ljust(2, "0")[:2])
    return spellings
