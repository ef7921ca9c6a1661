"""Whose a row of 考勤汇总 is: ours while it is what we wrote, a person's afterwards."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from payslip.attendance_marks import Marks
from payslip.documents import Month
from runtime.db import Database
from runtime.vault import Keys, Vault
from tests.payslip import rows_kit

pytestmark = pytest.mark.db

MONTH = Month("2026-03")
AT = datetime(2026, 4, 1, 1, tzinfo=UTC)


def test_rows_from_before_there_were_marks_are_ours(database: Database) -> None:
    """Nothing is known of them, so they are renewed as they were before, and known from then on."""
    marks = Marks(database, Vault(Keys({"k": b"1" * 32})))
    old = rows_kit.attendance(month=MONTH)
    new = {**old, "late": Decimal(3)}
    assert marks.take([new], [old], MONTH, AT) == [new]
    assert marks.take([new], [old | {"late": Decimal(2)}], MONTH, AT)[0]["source"] == "人工修改"
    assert marks.take([new | {"late": Decimal(4)}], [new], MONTH, AT)[0]["late"] == 4
