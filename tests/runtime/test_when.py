"""How the manifest writes times."""

from datetime import timedelta

import pytest

from runtime.when import Cron, Every, parse_age, parse_when


@pytest.mark.parametrize(
    ("text", "seconds"), [("every 5s", 5), ("every 10m", 600), ("every 2h", 7200), ("every 1d", 86400)]
)
def test_intervals(text: str, seconds: int) -> None:
    """Seconds, minutes, hours and days."""
    assert parse_when(text) == Every(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("weekday", "named"),
    [
        ("*", "*"),
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("6-7", "sat,sun"),
        ("mon-fri", "mon-fri"),
    ],
)
def test_weekdays_count_from_sunday_as_cron_does(weekday: str, named: str) -> None:
    """The scheduler's library counts from Monday, so numbers become names."""
    assert parse_when(f"0 9 * * {weekday}") == Cron("0", "9", "*", "*", named)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every",
        "every 0m",
        "every 5x",
        "5m",
        "* * *",
        "61 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
    ],
)
def test_anything_else_is_refused_with_what_is_expected(text: str) -> None:
    """The sentence says what would be right."""
    with pytest.raises(ValueError, match="expected"):
        parse_when(text)


@pytest.mark.parametrize("text", ["", "15", "m", "0m", "-5m", "5 minutes"])
def test_ages_need_a_number_and_a_unit(text: str) -> None:
    """`15` could be seconds or minutes; nobody guesses."""
    with pytest.raises(ValueError, match="expected a time span"):
        parse_age(text)
