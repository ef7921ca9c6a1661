"""docs/BENCHMARKS.md: its sections are those that the benchmarks write, each with its command and its day."""

import re

from benchmarks.__main__ import LONG, PAGE, SUITE, page, sections


def test_the_page_is_what_the_benchmarks_write() -> None:
    """Sections stand in order, nothing stands beside them, and one that is written anew changes no other."""
    text = PAGE.read_text("utf-8")
    found = sections(text)
    assert page(found) == text
    commands = {title.partition("\n")[0]: command for command, title in (SUITE | LONG).items()}
    for title, body in found.items():
        assert f"`python -m benchmarks.{commands[title]}`" in body
        assert re.match(r"Taken on 20\d\d-\d\d-\d\d", body)


def test_every_benchmark_of_the_suite_has_a_section() -> None:
    """What is promised is measured; a pay day stands there in its long form."""
    found = set(sections(PAGE.read_text("utf-8")))
    missing = {each.partition("\n")[0] for each in SUITE.values()} - found
    assert missing <= {"(g) A pay day through every process"}
