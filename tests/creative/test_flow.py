"""From a row of the form to the wiki."""

import pytest

from tests.creative.stage import Studio

pytestmark = pytest.mark.db


def test_a_form_becomes_variants(calm: Studio) -> None:
    """A form becomes files, a card and a sentence."""
    record = calm.ask()
    print(calm.cell(record, "说明"), calm.results(record)[0][0], calm.troubles(), calm.reasons(record))
    print(calm.cards(calm.operator)[-1])
