"""The page of what the sandbox answers is the routes' own page."""

from pathlib import Path

from sandbox.coverage import coverage

PAGE = Path(__file__).parents[2] / "docs" / "sandbox-coverage.md"


def test_the_page_equals_the_routes() -> None:
    """docs/sandbox-coverage.md is what the routes say now; else: python -m sandbox --coverage > that file."""
    assert PAGE.read_text("utf-8") == coverage()
