"""Who signs what, and when a signature counts: for these very bytes, by three people, none the starter."""

import json
from decimal import Decimal
from typing import Any

import pytest

from payslip.model import EVERYONE
from payslip.signing import (
    MERGED,
    WIDGETS,
    CannotSign,
    Part,
    Payable,
    SignatureState,
    form,
    gate,
    judge,
    parts,
)
from runtime.ids import OpenId
from tests.payslip.people import FINANCE_HEAD, HR, HR_HEAD

CEO, LEAD, DIGEST = OpenId("ou_ceo"), OpenId("ou_lead"), "d" * 64


def people(department: str, count: int, supervisor: OpenId | None, *, first: int = 0) -> list[Payable]:
    return [
        Payable(OpenId(f"ou_{department}{n}"), department, supervisor, Decimal("1000.10"))
        for n in range(first, first + count)
    ]


def divide(everyone: list[Payable], *, least: int = 3) -> dict[str, Part]:
    found = parts(everyone, starter=HR, hr_head=HR_HEAD, finance_head=FINANCE_HEAD, min_group=least)
    return {part.name: part for part in found}


def test_each_department_and_the_whole_are_signed() -> None:
    found = divide([*people("运营", 4, LEAD), *people("客服", 3, CEO)])
    assert {name: part.headcount for name, part in found.items()} == {"运营": 4, "客服": 3, EVERYONE: 7}
    assert found["运营"].total == Decimal("4000.40")
    assert found["运营"].signers == {"supervisor": LEAD}
    assert found[EVERYONE].signers == {"hr_head": HR_HEAD, "finance": FINANCE_HEAD}


def test_a_sum_never_shows_one_persons_pay() -> None:
    found = divide([*people("运营", 5, LEAD), *people("总经办", 1, CEO), *people("法务", 1, CEO)])
    assert all(part.headcount >= 3 for part in found.values())
    assert found["运营"].headcount == 7
    three_small = divide([*people("运营", 5, LEAD), *people("甲", 2, CEO), *people("乙", 1, CEO)])
    assert three_small[MERGED].headcount == 3
    assert "甲" not in three_small


def test_the_correction_of_one_person_is_signed_without_a_sum() -> None:
    """The only sum would be that person's pay; the digest is signed all the same."""
    found = divide(people("运营", 1, LEAD))
    assert {name: (part.headcount, part.total) for name, part in found.items()} == {
        "运营": (1, Decimal(0)), EVERYONE: (1, Decimal(0)),
    }  # fmt: skip


def test_hr_and_finance_and_the_starter_sign_for_no_department() -> None:
    staff = [
        Payable(HR_HEAD, "人事", CEO, Decimal(1)), Payable(HR, "人事", HR_HEAD, Decimal(1)),
        Payable(OpenId("ou_x"), "人事", HR_HEAD, Decimal(1)), *people("运营", 3, HR, first=10),
    ]  # fmt: skip
    found = divide(staff)
    assert found["人事"].signers == {"supervisor": CEO}
    assert found["运营"].signers == {"supervisor": CEO}  # starter → HR head → CEO


def test_without_anybody_to_sign_the_sentence_says_what_to_fill_in() -> None:
    with pytest.raises(CannotSign, match=r"客服.*员工表填写主管"):
        divide(people("客服", 3, None))
    with pytest.raises(CannotSign, match="三个人"):
        parts(people("客服", 3, CEO), starter=HR, hr_head=HR, finance_head=FINANCE_HEAD, min_group=3)


# --- the form ---


def definition(**changes: Any) -> dict[str, Any]:
    kinds = {"headcount": "number", "total": "amount"}
    widgets = [
        {"id": f"w{n}", "custom_id": name, "type": kinds.get(name, "input")} for n, name in enumerate(WIDGETS)
    ]
    return {"approval_name": "部门工资", "status": "ACTIVE", "form": json.dumps(widgets)} | changes


VALUES = {
    "run": "2026-10.1", "month": "2026-10", "part": "运营", "headcount": 4, "total": Decimal("4000.40"),
    "digest": DIGEST, "link": "不在表单里",
}  # fmt: skip


def test_the_form_is_filled_by_custom_id_and_holds_no_more() -> None:
    items = form(definition(), VALUES)
    assert [item["value"] for item in items] == ["2026-10.1", "2026-10", "运营", 4.0, 4000.40, DIGEST]
    assert items[4] == {"id": "w4", "type": "amount", "value": 4000.40, "currency": "CNY"}


def test_a_definition_that_does_not_fit_is_refused_with_what_to_do() -> None:
    with pytest.raises(CannotSign, match="没有启用"):
        form(definition(status="INACTIVE"), VALUES)
    bare = json.dumps([{"id": "w0", "custom_id": "run", "type": "input"}])
    with pytest.raises(CannotSign, match="digest"):
        form(definition(form=bare), VALUES)


# --- judging ---


def instance(
    status: str = "APPROVED", *, signed: tuple[str, ...] = (LEAD,), **changes: Any
) -> dict[str, Any]:
    items = [{"id": "w5", "value": DIGEST}, {"id": "w4", "value": 4000.4}]
    timeline = [{"type": "START", "open_id": HR}] + [{"type": "PASS", "open_id": who} for who in signed]
    return {"status": status, "reverted": False, "form": json.dumps(items), "timeline": timeline} | changes


def verdict(found: dict[str, Any], asked: dict[str, str] | None = None) -> Any:
    return judge(found, digest=DIGEST, total=Decimal("4000.40"), asked=asked or {"supervisor": LEAD})


def test_an_approval_counts_for_its_digest_and_total_only() -> None:
    assert verdict(instance()).state is SignatureState.APPROVED
    other = json.dumps([{"id": "w5", "value": "e" * 64}, {"id": "w4", "value": 4000.4}])
    assert "摘要" in verdict(instance(form=other)).reason
    more = json.dumps([{"id": "w5", "value": DIGEST}, {"id": "w4", "value": 4000.41}])
    assert "合计" in verdict(instance(form=more)).reason
    for broken in ("", "null", "{", '{"a":1}'):
        assert verdict(instance(form=broken)).state is SignatureState.REFUSED


def test_an_approved_approval_that_was_reverted_does_not_count() -> None:
    assert verdict(instance(reverted=True)).state is SignatureState.REVERTED


@pytest.mark.parametrize("status", ["REJECTED", "CANCELED", "DELETED"])
def test_anything_but_approved_is_refused(status: str) -> None:
    assert verdict(instance(status)).state is SignatureState.REFUSED


def test_waiting_is_not_approved() -> None:
    assert verdict(instance("PENDING", signed=())).state is SignatureState.ASKED


def test_nodes_that_passed_by_themselves_are_no_people() -> None:
    asked = {"hr_head": HR_HEAD, "finance": FINANCE_HEAD}
    skipped = [{"type": "PASS", "open_id": HR_HEAD}, {"type": "REMOVE_REPEAT", "open_id": HR_HEAD}]
    found = verdict(instance(timeline=skipped), asked)
    assert found.state is SignatureState.REFUSED
    assert "2 人" in found.reason
    auto = [{"type": "AUTO_PASS", "open_id": HR_HEAD}, {"type": "PASS", "open_id": FINANCE_HEAD}]
    assert verdict(instance(timeline=auto), asked).state is SignatureState.REFUSED


def test_the_gate_wants_three_people_and_not_the_starter() -> None:
    whole = [HR_HEAD, FINANCE_HEAD]
    assert gate({EVERYONE: whole, "运营": [LEAD]}, HR) is None
    assert "三个不同的人" in str(gate({EVERYONE: whole, "运营": [HR_HEAD]}, HR))
    assert "发起人" in str(gate({EVERYONE: whole, "运营": [HR]}, HR))
    assert "两个人" in str(gate({EVERYONE: [HR_HEAD], "运营": [LEAD]}, HR))
    assert "主管" in str(gate({EVERYONE: whole}, HR))
