"""What of pay is not in order, each with the next step: keys, people, the forms of the approvals.

Beside `bitable_sync.doctor`, which looks at the roles of the pay tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bitable_sync.doctor import Check, Level
from payslip import tables as t
from payslip.deps import COMPANY, DEPARTMENT
from payslip.signing import WIDGETS
from runtime.errors import ChorusError
from runtime.feishu.errors import FeishuError
from runtime.ids import OpenId
from runtime.vault import CannotOpen, Sealed, Vault

if TYPE_CHECKING:
    from bitable_sync.context import Sync
    from runtime.feishu import Feishu
    from runtime.floor import Floor
    from runtime.manifest import PayrollManifest

NAME = "薪酬"
NODES: Mapping[str, tuple[str, ...]] = {DEPARTMENT: ("supervisor",), COMPANY: ("hr_head", "finance")}
"""Custom ids of the nodes each approval must have, in this order; the starter chooses who stands there."""
KINDS: Mapping[str, tuple[str, ...]] = {
    key: ("number", "amount") if key in ("headcount", "total") else ("input", "textarea")
    for key in (*WIDGETS, "link")
}
"""Types a widget may have."""


def examine(floor: Floor, feishu: Feishu, sync: Sync, vault: Vault | None) -> list[Check]:
    """Run every check of pay; never raises for what it finds."""
    pay = floor.manifest.payroll
    checks = _gather("密钥", lambda: check_keys(floor, sync, vault))
    if not pay.used:
        step = "要发工资时，在 feishu_app.yaml 的 payroll 写上 hr、hr_head、finance_head"
        return [*checks, Check(Level.WARN, NAME, "还没有指定人事和财务，没有人能发起算薪", step)]
    checks += _gather("人员", lambda: check_people(pay, feishu))
    for key in (DEPARTMENT, COMPANY):
        approval = floor.manifest.approvals.get(key)
        code = approval.code if approval else None
        checks += _gather("审批", lambda key=key, code=code: _approval(feishu, key, code))  # type: ignore[misc]
    return checks


# --- keys ---


def check_keys(floor: Floor, sync: Sync, vault: Vault | None) -> list[Check]:
    """Whether a key is set, and opens everything that lies sealed in our databases."""
    name = f"{NAME}密钥"
    if vault is None:
        level = Level.FAIL if floor.manifest.payroll.used else Level.WARN
        step = "运行 chorus payroll new-key，把结果写入 CHORUS_PAY_KEYS（另存一份到安全的地方）"
        return [Check(level, name, "没有设置 CHORUS_PAY_KEYS，薪酬功能关闭，薪酬表不读也不写", step)]
    step = "把缺少的密钥加回 CHORUS_PAY_KEYS（旧的放后面）；密钥丢失的内容无法恢复"
    faults = [*_unopened(floor, vault), *_unopened_rows(sync)]
    checks = [Check(Level.FAIL, name, fault, step) for fault in dict.fromkeys(faults)]
    return checks or [Check(Level.OK, name, "密钥能打开数据库里所有封存的内容")]


def _unopened(floor: Floor, vault: Vault) -> Iterator[str]:
    """One sealed thing of each column and key: unwrapping its data key proves the key without its content."""
    for table, column in _sealed_columns():
        for stored in _one_of_each_key(floor, table, column):
            try:
                vault.rewrap(Sealed.from_text(stored))
            except CannotOpen as error:
                yield f"{table.name}.{column.name}：{error}"


def _sealed_columns() -> list[tuple[sa.Table, sa.Column[Any]]]:
    found = [each for each in vars(t).values() if isinstance(each, sa.Table)]
    return [(table, column) for table in found for column in table.c if column.name.startswith("sealed")]


def _one_of_each_key(floor: Floor, table: sa.Table, column: sa.Column[Any]) -> list[str]:
    # "1.<key id>.…": only the beginning of each is read, then one whole value for each key.
    start = sa.func.substr(column, 1, 40)
    keys = list(table.primary_key)
    query = sa.select(start.label("start"), *keys).where(column.is_not(None))
    first: dict[str, tuple[Any, ...]] = {}
    with floor.db.read() as conn:
        for row in conn.execute(query):
            first.setdefault(str(row.start).split(".")[1] if "." in row.start else "", tuple(row)[1:])
        return [
            str(conn.execute(sa.select(column).where(sa.tuple_(*keys) == sa.tuple_(*found))).scalar_one())
            for found in first.values()
        ]


def _unopened_rows(sync: Sync) -> Iterator[str]:
    for spec in sync.specs:
        first = sync.mirror.first(spec.key) if spec.private else None
        if first is not None:
            try:
                sync.mirror.get(spec.key, first)
            except CannotOpen as error:
                yield str(error)


# --- people ---


def check_people(pay: PayrollManifest, feishu: Feishu) -> list[Check]:
    """Whether the roles of pay are filled with people who exist and whom the app can see."""
    name = f"{NAME}人员"
    checks = [
        Check(
            Level.FAIL,
            name,
            f"没有指定 payroll.{key}，工资无法签批",
            "在 feishu_app.yaml 写上这个人的 open_id",
        )
        for key, value in (("hr_head", pay.hr_head), ("finance_head", pay.finance_head))
        if value is None
    ]
    starters = set(pay.hr) - {pay.hr_head, pay.finance_head}
    if not starters:
        step = "在 payroll.hr 写上另一位人事：发起人不能签批自己发起的工资"
        checks.append(Check(Level.FAIL, name, "除了负责人没有别的人事，没有人能发起要三人签批的工资", step))
    named = dict.fromkeys(
        who for who in (*pay.hr, pay.hr_head, *pay.finance, pay.finance_head, pay.attendance_operator) if who
    )
    for who in named:
        fault = _person_fault(feishu, who)
        if fault:
            step = "核对 feishu_app.yaml 里的 open_id（每个应用不同），并把此人放进应用的通讯录权限范围"
            checks.append(Check(Level.FAIL, name, f"payroll 里的 {who} {fault}", step))
    return checks or [Check(Level.OK, name, f"payroll 里的 {len(named)} 个人都在通讯录里，负责人是两个人")]


def _person_fault(feishu: Feishu, open_id: str) -> str:
    try:
        user = feishu.contact.get_user(OpenId(open_id))
    except FeishuError as error:
        return f"查不到：{error.sentence}"
    status = user.get("status") or {}
    return "已离职或已冻结" if status.get("is_resigned") or status.get("is_frozen") else ""


# --- approvals ---


def _approval(feishu: Feishu, key: str, code: str | None) -> list[Check]:
    if code is None:
        step = f"在飞书审批后台建好表单（要求见 feishu_app.yaml），把编码写入 approvals.{key}.code"
        return [Check(Level.FAIL, f"{NAME}审批", f"没有设置 approvals.{key}.code，工资无法签批", step)]
    return check_definition(key, feishu.approval.get_definition(code))


def check_definition(key: str, definition: Mapping[str, Any]) -> list[Check]:
    """Whether an approval is active and has the widgets and nodes pay needs.

    Args:
        key: which of the two.
        definition: as Feishu gives it (facts: approval §1.3).
    """
    title = f"{NAME}审批"
    name = f"“{definition.get('approval_name') or key}”"
    faults = [*_status_faults(definition), *_widget_faults(definition), *_node_faults(key, definition)]
    return [Check(Level.FAIL, title, f"审批{name}{what}", step) for what, step in faults] or [
        Check(Level.OK, title, f"审批{name}已启用，控件和节点齐全")
    ]


def _status_faults(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if definition.get("status") != "ACTIVE":
        yield "没有启用", "在飞书审批后台启用它"


def _widget_faults(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        items = json.loads(str(definition.get("form") or "[]"))
    except ValueError:
        items = []
    found = {str(item.get("custom_id")): item for item in items if isinstance(item, Mapping)}
    missing = [key for key in WIDGETS if key not in found]
    if missing:
        step = "在审批编辑页地址后加 &devMode=on，把控件的自定义编号设成这些名字"
        yield f"缺少控件 {'、'.join(missing)}", step
    wrong = [key for key, kinds in KINDS.items() if key in found and found[key].get("type") not in kinds]
    if wrong:
        yield f"的控件 {'、'.join(wrong)} 类型不对", "headcount、total 用数字控件，其他用单行文本"
    more = [str(i.get("name")) for k, i in found.items() if k not in KINDS and i.get("required")]
    if more:
        yield f"还有必填控件 {'、'.join(more)}，Chorus 不会填写", "删除这些控件，或取消必填"


def _node_faults(key: str, definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    nodes = {str(node.get("custom_node_id")): node for node in definition.get("node_list") or ()}
    wanted = NODES[key]
    missing = [node for node in wanted if node not in nodes]
    if missing:
        step = "在审批流程设计里（地址加 &devMode=on）把节点的自定义编号设成这些名字"
        yield f"缺少节点 {'、'.join(missing)}", step
    there = [node for node in wanted if node in nodes]
    order = [node for node in nodes if node in wanted]
    if not missing and order != list(wanted):
        yield f"的节点顺序应为 {'、'.join(wanted)}", "在审批流程设计里调整顺序"
    fixed = [node for node in there if not nodes[node].get("need_approver")]
    if fixed:
        yield f"的节点 {'、'.join(fixed)} 不是发起人自选", "把审批人改成“发起人自选”"
    by_hand = [node for node in there if nodes[node].get("require_signature")]
    if by_hand:
        yield f"的节点 {'、'.join(by_hand)} 要手写签名", "关闭这个节点的手写签名"


def _gather(what: str, look: Callable[[], list[Check]]) -> list[Check]:
    try:
        return look()
    except ChorusError as error:
        step = "按上面的说明处理后重新运行 chorus doctor"
        return [Check(Level.FAIL, f"{NAME}{what}", str(error), step)]
