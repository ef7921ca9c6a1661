"""What `chorus doctor` says of pay: keys, people, approvals; each with a next step."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bitable_sync.context import build_sync
from bitable_sync.doctor import Check, Level
from payslip import tables as t
from payslip.deps import COMPANY, DEPARTMENT
from payslip.doctor import check_definition, examine
from payslip.specs import PAYROLL
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.manifest import ApprovalManifest, Manifest, PayrollManifest
from runtime.vault import Keys, Vault
from sandbox.approval_state import PAYROLL_COMPANY_CODE, PAYROLL_DEPARTMENT_CODE
from tests.payslip.desk import pay_desk
from tests.sync.conftest import Stage

KEYS = {"k1": bytes(32)}
CODES = {
    DEPARTMENT: ApprovalManifest(name="部门", code=PAYROLL_DEPARTMENT_CODE),
    COMPANY: ApprovalManifest(name="公司", code=PAYROLL_COMPANY_CODE),
}


@pytest.fixture
def desk(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Stage]:
    """The base with the pay tables, and a manifest that names people and approvals."""
    with pay_desk(sandbox, database, tmp_path) as stage:
        people = [person.open_id for person in sandbox.world.people.values()]
        pay = PayrollManifest(
            hr=(people[1],), hr_head=people[2], finance_head=people[3], finance=(people[4],)
        )
        sync = build_sync(stage.floor, stage.feishu, stage.sync.specs, Vault(Keys(KEYS)))
        yield with_manifest(replace(stage, sync=sync), payroll=pay, approvals=CODES)


def with_manifest(stage: Stage, **changes: Any) -> Stage:
    """The same stage under a changed manifest."""
    manifest: Manifest = stage.floor.manifest.model_copy(update=changes)
    return replace(stage, floor=replace(stage.floor, manifest=manifest))


def look(stage: Stage, vault: Vault | None) -> dict[str, list[Check]]:
    """The checks by name."""
    found: dict[str, list[Check]] = {}
    for check in examine(stage.floor, stage.feishu, stage.sync, vault):
        found.setdefault(check.name, []).append(check)
    assert all(
        check.next_step for checks in found.values() for check in checks if check.level is not Level.OK
    )
    return found


def payroll(stage: Stage, **changes: Any) -> Stage:
    """The same stage with other people."""
    return with_manifest(stage, payroll=stage.floor.manifest.payroll.model_copy(update=changes))


def test_all_is_well(desk: Stage) -> None:
    """Keys, people and both approvals are in order."""
    found = look(desk, Vault(Keys(KEYS)))
    assert {check.level for checks in found.values() for check in checks} == {Level.OK}
    assert sorted(found) == ["薪酬人员", "薪酬审批", "薪酬密钥"]
    assert len(found["薪酬审批"]) == 2


def test_no_key(desk: Stage) -> None:
    """Without a key pay is off: a failure where people are named, else only something to know."""
    (check,) = look(desk, None)["薪酬密钥"]
    assert check.level is Level.FAIL
    assert "new-key" in check.next_step
    (check,) = look(with_manifest(desk, payroll=PayrollManifest()), None)["薪酬密钥"]
    assert check.level is Level.WARN


def test_a_key_that_is_missing(desk: Stage) -> None:
    """Something sealed under a key that is not here any more is found without opening its content."""
    vault = Vault(Keys(KEYS))
    now = SystemClock().now()
    sealed = Vault(Keys({"old": secrets.token_bytes(32)})).seal_text("x", ("a",))
    with desk.floor.db.begin() as conn:
        for number, content in enumerate((vault.seal_text("x", ("a",)), sealed)):
            conn.execute(
                t.payouts.insert().values(
                    id=f"p{number}",
                    run_id="r",
                    template="cmb",
                    file_name="f",
                    rows=1,
                    sealed_file=content,
                    at=now,
                )
            )
    (check,) = look(desk, vault)["薪酬密钥"]
    assert check.level is Level.FAIL
    assert "pay_payouts.sealed_file" in check.sentence
    assert "old" in check.sentence
    desk.sync.mirror.put(PAYROLL, {"rec1": {"no": "E001", "month": "2026-10"}}, seen_at=now)
    other = build_sync(desk.floor, desk.feishu, desk.sync.specs, Vault(Keys({"k2": bytes([1] * 32)})))
    found = look(replace(desk, sync=other), vault)["薪酬密钥"]
    assert any("薪资核算" in each.sentence for each in found)


def test_nobody_named(desk: Stage) -> None:
    """An installation that pays nobody gets one line."""
    found = look(with_manifest(desk, payroll=PayrollManifest()), Vault(Keys(KEYS)))
    assert [check.level for check in found["薪酬"]] == [Level.WARN]
    assert "薪酬审批" not in found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hr_head": None}, "payroll.hr_head"),
        ({"finance_head": None}, "payroll.finance_head"),
        ({"hr": ()}, "没有人能发起"),
        ({"finance": ("ou_nobody",)}, "ou_nobody"),
    ],
)
def test_people_who_are_missing(desk: Stage, changes: dict[str, Any], words: str) -> None:
    """A role of pay that nobody fills, or somebody the app cannot find, is a failure."""
    (check,) = look(payroll(desk, **changes), Vault(Keys(KEYS)))["薪酬人员"]
    assert check.level is Level.FAIL
    assert words in check.sentence


def test_a_head_who_left(desk: Stage) -> None:
    """Who has resigned cannot sign."""
    person = desk.sandbox.world.people[desk.floor.manifest.payroll.hr_head]
    person.resigned = True
    (check,) = look(desk, Vault(Keys(KEYS)))["薪酬人员"]
    assert "已离职" in check.sentence


def test_an_approval_without_code(desk: Stage) -> None:
    """Without the console's code a run cannot be signed."""
    stage = with_manifest(desk, approvals={DEPARTMENT: CODES[DEPARTMENT]})
    levels = [check.level for check in look(stage, Vault(Keys(KEYS)))["薪酬审批"]]
    assert levels == [Level.OK, Level.FAIL]


def test_an_unknown_code_stops_nothing_else(desk: Stage) -> None:
    """What Feishu refuses is a finding; the other approval is looked at all the same."""
    wrong = {**CODES, DEPARTMENT: ApprovalManifest(name="x", code="NOT-THERE")}
    found = look(with_manifest(desk, approvals=wrong), Vault(Keys(KEYS)))["薪酬审批"]
    assert [check.level for check in found] == [Level.FAIL, Level.OK]


def change(known: Any, place: int, **changes: Any) -> None:
    """Give a definition a changed node; nodes are shared between companies."""
    known.nodes[place] = replace(known.nodes[place], **changes)


def definition(desk: Stage) -> dict[str, Any]:
    """The company's approval as Feishu gives it."""
    return desk.feishu.approval.get_definition(PAYROLL_COMPANY_CODE)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: setattr(d, "status", "INACTIVE"), "没有启用"),
        (lambda d: d.widgets.pop(5), "缺少控件 digest"),
        (lambda d: d.widgets[4].update(type="input"), "的控件 total 类型不对"),
        (
            lambda d: d.widgets.append(
                {"id": "w9", "custom_id": "why", "name": "事由", "type": "input", "required": True}
            ),
            "还有必填控件 事由",
        ),
        (lambda d: d.nodes.pop(0), "缺少节点 hr_head"),
        (lambda d: d.nodes.reverse(), "节点顺序应为 hr_head、finance"),
        (lambda d: change(d, 0, approvers=(("Supervisor", "1"),)), "hr_head 不是发起人自选"),
        (lambda d: change(d, 1, signature=True), "finance 要手写签名"),
    ],
)
def test_a_form_that_does_not_fit(desk: Stage, spoil: Any, words: str) -> None:
    """What an administrator changed in the console is named, with what to click."""
    spoil(desk.sandbox.world.approval.definitions[PAYROLL_COMPANY_CODE])
    found = check_definition(COMPANY, definition(desk))
    assert [check.level for check in found] == [Level.FAIL]
    assert words in found[0].sentence
    assert found[0].next_step
