"""Who signs what, and whether a signature counts. Pure.

A run is signed in parts: each department by a supervisor, the whole by HR head and finance head. A signature
counts for the very digest that stands in its approval form and for nothing else. The three who signed for a
department must be three people, and none of them the one who started the run. The platform skips a person who
passed before (``REMOVE_REPEAT``) and passes nodes by itself (``AUTO_PASS``), so PASS entries of people count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from payslip.model import EVERYONE
from runtime.errors import PermanentError
from runtime.feishu.approval_form import FormUnfit, entries, fill, number
from runtime.ids import OpenId

MERGED = "其他部门"
"""Departments too small to be summed without showing a person's pay are signed together."""

WIDGETS = ("run", "month", "part", "headcount", "total", "digest")
"""Custom ids of the widgets an approval form must have; ``link`` is filled where it exists."""


class CannotSign(PermanentError):  # noqa: N818 - a sentence for HR
    """Nobody fit to sign can be found; the sentence says what to enter where."""


class SignatureState(StrEnum):
    """What an approval says now."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class Payable:
    """What signing needs to know of one person of a run."""

    open_id: OpenId | None
    department: str
    supervisor: OpenId | None
    net: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run to be signed.

    Attributes:
        name: department, or `EVERYONE`.
        headcount: people in it.
        total: Σ net pay in yuan as the form shows it; 0 for so few people that it would be somebody's own pay
            (a correction of one person): the digest is what they sign.
        signers: open_ids by node of the approval (custom node ids).
    """

    name: str
    headcount: int
    total: Decimal
    signers: Mapping[str, OpenId]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a fetched approval means."""

    state: SignatureState
    signed: tuple[OpenId, ...] = ()
    reason: str = ""


def parts(
    people: Sequence[Payable], *, starter: OpenId, hr_head: OpenId, finance_head: OpenId, min_group: int
) -> list[Part]:
    """Divide a run for signing: departments first, the whole last.

    Args:
        people: everyone with computed pay.
        starter: who started the run; signs nothing.
        hr_head: signs the whole.
        finance_head: signs the whole after HR.
        min_group: the least headcount a sum may be shown for; smaller departments are signed together.

    Raises:
        CannotSign: two of the roles are one person, or a department has no supervisor left to sign.
    """
    if len({starter, hr_head, finance_head}) < 3:
        raise CannotSign(
            "发起人、人事负责人、财务负责人必须是三个人；请由另一位人事发起，或修改应用清单 payroll"
        )
    above = {person.open_id: person.supervisor for person in people if person.open_id}
    barred = {starter, hr_head, finance_head}
    found = [
        Part(name, len(group), _total(group, min_group), {"supervisor": _signer(name, group, above, barred)})
        for name, group in sorted(_groups(people, min_group).items())
    ]
    both = {"hr_head": hr_head, "finance": finance_head}
    whole = Part(EVERYONE, len(people), _total(people, min_group), both)
    return [*found, whole]


def _groups(people: Sequence[Payable], least: int) -> dict[str, list[Payable]]:
    groups: dict[str, list[Payable]] = {}
    for person in people:
        groups.setdefault(person.department or MERGED, []).append(person)
    small = [name for name, group in groups.items() if len(group) < least and len(groups) > 1]
    if not small:
        return groups
    merged = [person for name in small for person in groups.pop(name)]
    if len(merged) < least and groups:
        # Still too few to hide among themselves: the smallest department takes them in.
        host = min(groups, key=lambda name: (len(groups[name]), name))
        groups[host] += merged
    elif merged:
        groups[MERGED] = merged
    return groups


def _signer(
    name: str, group: Sequence[Payable], above: Mapping[OpenId, OpenId | None], barred: set[OpenId]
) -> OpenId:
    """The supervisor of most of the group; where that one may not sign, the nearest one above who may."""
    ranked = Counter(person.supervisor for person in group if person.supervisor)
    for candidate, _count in ranked.most_common():
        climbing: OpenId | None = candidate
        seen = set[OpenId]()
        while climbing is not None and climbing in barred and climbing not in seen:
            seen.add(climbing)
            climbing = above.get(climbing)
        if climbing is not None and climbing not in barred:
            return climbing
    raise CannotSign(f"“{name}”没有可以签批的主管：请在员工表填写主管（不能是发起人、人事或财务负责人）")


def _total(people: Sequence[Payable], least: int) -> Decimal:
    return sum((person.net for person in people), Decimal(0)) if len(people) >= least else Decimal(0)


def form(definition: Mapping[str, Any], values: Mapping[str, str | int | Decimal]) -> list[dict[str, Any]]:
    """The form of an approval, for a definition an administrator built.

    Args:
        definition: as read from Feishu (`form` is JSON text with the widgets).
        values: by custom widget id; those in `WIDGETS` are required, others are filled where they exist.

    Raises:
        CannotSign: the definition is not active, lacks a widget, or wants handwritten signatures.
    """
    try:
        return fill(definition, values, WIDGETS)
    except FormUnfit as unfit:
        raise CannotSign(str(unfit)) from unfit


def judge(instance: Mapping[str, Any], *, digest: str, total: Decimal, asked: Mapping[str, str]) -> Verdict:
    """What a freshly fetched approval means for a digest.

    Args:
        instance: as read from Feishu, never as told by an event.
        digest: what the run is now.
        total: what was put into the form, yuan.
        asked: who was asked, by node.
    """
    values = [str(item.get("value")) for item in entries(instance)]
    if digest not in values:
        return Verdict(SignatureState.REFUSED, reason="审批单里的数据摘要与本批次不一致")
    if total not in {number(value) for value in values}:
        return Verdict(SignatureState.REFUSED, reason="审批单里的合计与本批次不一致")
    status = str(instance.get("status"))
    if instance.get("reverted"):
        # A reverted approval still says APPROVED (facts: approval §1.5).
        return Verdict(SignatureState.REVERTED, reason="审批通过后被撤销")
    words = {"REJECTED": "审批被拒绝", "CANCELED": "审批被撤回", "DELETED": "审批被删除"}
    if status in words:
        return Verdict(SignatureState.REFUSED, reason=words[status])
    passed = _passed(instance)
    if status != "APPROVED":
        return Verdict(SignatureState.ASKED, passed)
    if len(passed) < len(asked):
        return Verdict(SignatureState.REFUSED, passed, f"应由 {len(asked)} 人签批，实际只有 {len(passed)} 人")
    return Verdict(SignatureState.APPROVED, passed)


def _passed(instance: Mapping[str, Any]) -> tuple[OpenId, ...]:
    """The distinct people who passed it themselves; automatic passes and skipped repeats do not count."""
    people = (
        OpenId(str(entry["open_id"]))
        for entry in instance.get("timeline") or ()
        if entry.get("type") == "PASS" and entry.get("open_id")
    )
    return tuple(dict.fromkeys(people))


def gate(signed: Mapping[str, Sequence[OpenId]], starter: OpenId) -> str | None:
    """Whether a run whose approvals all passed may go out: None, or why not.

    Args:
        signed: people with PASS by part, as fetched.
        starter: who started the run.
    """
    whole = set(signed.get(EVERYONE, ()))
    if len(whole) < 2:
        return "人事负责人和财务负责人必须是两个人分别签批"
    for part, people in sorted(signed.items()):
        three = whole | set(people)
        if starter in three:
            return f"“{part}”的签批人中有发起人自己"
        if part != EVERYONE and len(three) < 3:
            return f"“{part}”的主管、人事、财务不是三个不同的人"
    if len(signed) < 2:
        return "没有部门主管的签批"
    return None
