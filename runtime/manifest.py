"""The manifest, feishu_app.yaml: what the app is, as far as Feishu and people must know it. No secrets.

Every mistake becomes a sentence with file, line, key and what is expected, so that nobody has to read this
module to write that file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from runtime.errors import ConfigError
from runtime.when import parse_age, parse_when

Place = tuple[str | int, ...]
EXPECTED = {
    "string_type": "a text (put quotes around it)",
    "string_too_short": "a text that is not empty",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "tuple_type": "a list (lines starting with `-`)",
    "int_type": "a whole number",
    "float_type": "a number",
}


class ManifestError(ConfigError):
    """The manifest is missing or wrong; the message names file, line, key and what is expected."""


def _scope(value: str) -> str:
    if not re.fullmatch(r"[a-z_]+(:[a-z0-9_.\-]+)+", value):
        msg = f'expected a permission such as "im:message:send_as_bot", not "{value}"'
        raise ValueError(msg)
    return value


def _event(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", value):
        msg = f'expected an event type such as "im.message.receive_v1", not "{value}"'
        raise ValueError(msg)
    return value


def _when(value: str) -> str:
    parse_when(value)
    return value


def _age(value: str) -> str:
    parse_age(value)
    return value


def _member(value: str) -> str:
    if not re.fullmatch(r"(ou_|od-|od_)[A-Za-z0-9_\-]+", value):
        msg = f'expected a person (open_id "ou_…") or a department (open_department_id "od-…"), not "{value}"'
        raise ValueError(msg)
    return value


def _person(value: str) -> str:
    if not re.fullmatch(r"ou_[A-Za-z0-9_\-]+", value):
        msg = f'expected a person\'s open_id such as "ou_84aad35d084aa403a838cf73ee18467", not "{value}"'
        raise ValueError(msg)
    return value


def _time_of_day(value: str) -> str:
    if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        msg = f'expected a time of day in quotes such as "10:00", not "{value}"'
        raise ValueError(msg)
    return value


Scope = Annotated[str, AfterValidator(_scope)]
PersonId = Annotated[str, AfterValidator(_person)]
PushTime = Annotated[str, AfterValidator(_time_of_day)]
Member = Annotated[str, AfterValidator(_member)]
EventType = Annotated[str, AfterValidator(_event)]
When = Annotated[str, AfterValidator(_when)]
Age = Annotated[str, AfterValidator(_age)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BaseManifest(_Strict):
    """The Bitable base: its name, its time zone, and other Chinese names for tables (by table key)."""

    name: Text
    time_zone: Text = "Asia/Shanghai"
    tables: dict[Key, Text] = {}


class QuotaManifest(_Strict):
    """The tenant's monthly allowance of API calls, and the share of it at which to warn."""

    monthly_calls: Annotated[int, Field(ge=1)] = 10000
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8


class LimitsManifest(_Strict):
    """Guards: rows that may vanish at once without a person's word, and how old a table's data may be."""

    mass_delete: Annotated[int, Field(ge=1)] = 10
    max_age: dict[Key, Age] = {}


class RoleManifest(_Strict):
    """A role of the base: what its members may do with each table (by table key), and who they are.

    A table that is not named is not to be seen. `columns` narrows a table that is named: what may be done
    with single columns (by column key), `add` being filled in a new row and not changed afterwards. Members
    are open_ids of people or open_department_ids; who else was put into the role in Feishu stays.
    """

    name: Text
    tables: dict[Key, Literal["none", "read", "edit"]] = {}
    columns: dict[Key, dict[Key, Literal["none", "read", "add", "edit"]]] = {}
    members: Annotated[tuple[Member, ...], Field(strict=False)] = ()


class ApprovalManifest(_Strict):
    """A Feishu approval: its name for people, and the code the console shows once it exists."""

    name: Text
    code: Text | None = None


class PayrollManifest(_Strict):
    """Pay: who may do what in the product itself, and the company's habits. All of it may be left out.

    Attributes:
        company: name on payslips; the app's name if left out.
        tenant: a word of your own that is sealed into every payslip and must then never change.
        hr: who may start and lead runs; the HR head may as well.
        hr_head: signs the whole run, before finance.
        finance: who may download payout files; the finance head may as well.
        finance_head: signs the whole run, after HR.
        pay_day: day of the following month on which money goes out.
        change_warn: share of change against last month that somebody must look at, 0.3 = 30 %.
        min_group: departments with fewer people are signed together, so that no sum shows one person's pay.
        slip_deadline_days: how long an employee may look at a payslip before it counts as seen.
        reminder_hours: how many hours after the push those who have not looked are reminded.
        attendance_operator: administrator whose saved report decides the columns of Feishu attendance; left
            out, attendance is typed or imported.
        push_time: when payslips go out on the day they are sealed, in the base's time zone; "" = at once.
    """

    company: Text | None = None
    tenant: Text | None = None
    hr: Annotated[tuple[PersonId, ...], Field(strict=False)] = ()
    hr_head: PersonId | None = None
    finance: Annotated[tuple[PersonId, ...], Field(strict=False)] = ()
    finance_head: PersonId | None = None
    pay_day: Annotated[int, Field(ge=1, le=28)] = 10
    change_warn: Annotated[float, Field(gt=0, le=10)] = 0.3
    min_group: Annotated[int, Field(ge=1)] = 3
    slip_deadline_days: Annotated[int, Field(ge=1, le=90)] = 5
    reminder_hours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = (24, 72)
    attendance_operator: PersonId | None = None
    push_time: PushTime = ""

    @model_validator(mode="after")
    def _two_heads(self) -> Self:
        if self.hr_head is not None and self.hr_head == self.finance_head:
            msg = "hr_head and finance_head are one person; a run needs two signatures, so name two people"
            raise ValueError(msg)
        return self

    @property
    def used(self) -> bool:
        """Whether this installation pays people: somebody is named."""
        return bool(self.hr or self.hr_head or self.finance_head or self.finance)


class Manifest(_Strict):
    """The whole manifest."""

    name: Text
    connection: Literal["webhook", "websocket"] = "webhook"
    scopes: Annotated[tuple[Scope, ...], Field(strict=False)] = ()
    events: Annotated[tuple[EventType, ...], Field(strict=False)] = ()
    callbacks: Annotated[tuple[EventType, ...], Field(strict=False)] = ()
    base: BaseManifest
    schedules: dict[Key, When] = {}
    quota: QuotaManifest = QuotaManifest()
    limits: LimitsManifest = LimitsManifest()
    roles: Annotated[tuple[RoleManifest, ...], Field(strict=False)] = ()
    approvals: dict[Key, ApprovalManifest] = {}
    payroll: PayrollManifest = PayrollManifest()


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest.

    Args:
        path: the YAML file.

    Raises:
        ManifestError: a line for each mistake: file, line, key, what is expected.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        msg = (
            f"{path} does not exist. Copy the example feishu_app.yaml, or set CHORUS_MANIFEST to where it is."
        )
        raise ManifestError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path} is not UTF-8 text; save it as UTF-8."
        raise ManifestError(msg) from None
    root = _compose(path, text)
    lines = dict(_places(root, ()))
    problems = list(_repeated_keys(root))
    try:
        manifest = Manifest.model_validate(_construct(root))
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [
            (_line(lines, p["loc"]), _sentence(p["loc"], p["type"], p["msg"], p["input"])) for p in found
        ]
    if problems:
        raise ManifestError("\n".join(f"{path}, line {line}: {what}" for line, what in sorted(problems)))
    return manifest


def _compose(path: Path, text: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "it cannot be read"
        msg = f"{path}, line {line}: this is not YAML: {problem}. Check indentation, quotes and tabs here."
        raise ManifestError(msg) from None
    if not isinstance(node, yaml.MappingNode):
        msg = f"{path}, line 1: expected keys with values, starting with `name:`."
        raise ManifestError(msg)
    return node


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _places(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _places(value, (*place, str(key.value)))
            # The key's own line is where the eye should go.
            yield (*place, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _places(item, (*place, index))


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[int, str]]:
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in seen:
                yield line, f"`{key.value}` stands twice, first in line {seen[str(key.value)]}; keep one."
            seen.setdefault(str(key.value), line)
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    for child in children:
        yield from _repeated_keys(child)


def _line(lines: Mapping[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _sentence(place: Place, kind: str, message: str, value: object) -> str:
    # pydantic adds "[key]" when the key itself is wrong.
    name = ".".join(str(part) for part in place if part != "[key]")
    if kind == "missing":
        return f"`{name}` is missing; it is required."
    if kind == "extra_forbidden":
        return _unknown_key(place, name)
    if kind == "value_error":
        return f"`{name}`: {message.removeprefix('Value error, ')}."
    if kind == "string_pattern_mismatch":
        return f"`{name}`: expected a short name in lower case such as `pull_ads`, not `{value}`."
    expected = (message[0].lower() + message[1:]).removeprefix("input should be ").replace("'", '"')
    return f"`{name}`: expected {EXPECTED.get(kind, expected)}, not {_short(value)}."


def _unknown_key(place: Place, name: str) -> str:
    key = str(place[-1])
    if re.search(r"secret|password|token|encrypt_key", key):
        return f"`{name}` does not belong here: secrets are set in the environment, never in this file."
    model = _model_at(place[:-1])
    near = difflib.get_close_matches(key, list(model.model_fields), n=1) if model else []
    known = ", ".join(model.model_fields) if model else ""
    return f"`{name}` is not known; " + (
        f"did you mean `{near[0]}`?" if near else f"expected one of {known}."
    )


def _model_at(place: Place) -> type[_Strict] | None:
    names = [str(part) for part in place if not isinstance(part, int)]
    if not names:
        return Manifest
    sections: dict[str, type[_Strict]] = {
        "base": BaseManifest,
        "quota": QuotaManifest,
        "limits": LimitsManifest,
        "roles": RoleManifest,
        "approvals": ApprovalManifest,
        "payroll": PayrollManifest,
    }
    return sections.get(names[0])


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list | tuple):
        return "a list"
    return f'"{str(value)[:40]}"'
