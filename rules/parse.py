"""A row of 预警规则 → a rule, or what is wrong with it in sentences. Pure.

Thresholds people write: a number (``3``, ``1,000``), a ratio (``1:3`` = one yuan in, three yuan out = 3), a
percentage (``15%`` = 0.15), another column (``安全库存``), or a share of one (``安全库存的 80%``,
``安全库存*0.8``).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from bitable_sync.cells import EMPTY, CellValue, Person, Unreadable
from rules.core import Core, of_several, of_single
from rules.expression import Expression, RefusedError, parse_expression
from rules.metrics import SAMPLE, Catalog, TableWords
from rules.model import (
    Action,
    Comparison,
    Fixed,
    Limit,
    Metric,
    OfField,
    Problem,
    Rule,
    Severity,
    Unit,
)
from rules.scope import parse_scope
from rules.specs import RULES_TABLE, SHOPS
from runtime.ids import RuleId

_NAMES = {field.key: field.name for field in RULES_TABLE.fields}
_RATIO = re.compile(r"^(\d+(?:\.\d+)?)\s*[:：]\s*(\d+(?:\.\d+)?)$")
_SHARE = re.compile(r"^(.+?)(?:\s*的\s*|\s*[*×xX]\s*)(\d+(?:\.\d+)?)\s*(%|％)?$")
_SPAN = re.compile(r"^(\d+(?:\.\d+)?)\s*(秒钟?|分钟?|小时|天|s|sec|m|min|h|d)$", re.IGNORECASE)
_SECONDS = {
    "秒": 1,
    "秒钟": 1,
    "s": 1,
    "sec": 1,
    "分": 60,
    "分钟": 60,
    "m": 60,
    "min": 60,
    "小时": 3600,
    "h": 3600,
    "天": 86400,
    "d": 86400,
}
_LONGEST = timedelta(days=7)
_THRESHOLD_EXAMPLE = "应写数字（3）、比例（1:3）、百分数（15%）或列名（安全库存、安全库存的 80%）"


@dataclass(frozen=True, slots=True)
class RuleText:
    """What stands in a rule row, as plain values; stored as JSON for each version of the rule.

    ``renamed``: (name, field key) of columns that the row calls by a name people gave them.
    """

    name: str = ""
    table: str = ""
    metric: str = ""
    comparison: str = ""
    threshold: str = ""
    scope: str = ""
    hold_for: str = ""
    recover: str = ""
    floor: str = ""
    severity: str = ""
    owner_field: str = ""
    cc: tuple[tuple[str, str], ...] = ()
    cc_may_act: bool = False
    actions: tuple[str, ...] = ()
    enabled: bool = False
    keep_for: str = ""
    covers: bool = False
    renamed: tuple[tuple[str, str], ...] = ()
    expression: str = ""
    sample: str = ""

    def calling(self, names: Mapping[str, str]) -> "RuleText":
        """The text with those of the new column names (name → field key) that it uses."""
        said = (
            self.metric, self.threshold, self.recover, self.scope, self.owner_field, self.expression,
        )  # fmt: skip
        used = ((name, key) for name, key in sorted(names.items()) if any(name in text for text in said))
        return replace(self, renamed=tuple(used))

    def to_json(self) -> dict[str, Any]:
        """A plain mapping for the database."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "RuleText":
        """The inverse of :meth:`to_json`."""
        people = tuple((str(who[0]), str(who[1])) for who in body.get("cc", ()))
        renamed = tuple((str(name), str(key)) for name, key in body.get("renamed", ()))
        more = {"cc": people, "actions": tuple(body.get("actions", ())), "renamed": renamed}
        return cls(**{**body, **more})


def read_row(values: Mapping[str, CellValue]) -> RuleText | list[Problem]:
    """Take the cells of a rule row; a cell that cannot be read at all is a problem named by its column."""
    problems = [
        Problem(_NAMES[key], f"这一格读不出来：{value.reason}")
        for key, value in values.items()
        if isinstance(value, Unreadable) and key in _NAMES and key not in {"check_result", "checked_at"}
    ]
    if problems:
        return problems
    people = values.get("cc", EMPTY)
    actions = values.get("actions", EMPTY)
    return RuleText(
        **{key: _plain(values.get(key, EMPTY)) for key in _TEXT_KEYS},
        cc=tuple((who.open_id, who.name) for who in people if isinstance(who, Person))
        if isinstance(people, tuple) else (),
        cc_may_act=values.get("cc_may_act") is True,
        actions=tuple(str(item) for item in actions) if isinstance(actions, tuple) else (),
        enabled=values.get("enabled") is True,
        covers=values.get("covers") is True,
        renamed=(),
    )  # fmt: skip


_TEXT_KEYS = ("name", "table", "metric", "comparison", "threshold", "scope", "hold_for", "recover", "floor",
              "severity", "owner_field", "expression", "sample", "keep_for")  # fmt: skip


def _plain(value: CellValue) -> str:
    if value is EMPTY:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value).strip()


@lru_cache(maxsize=1024)
def parse(rule_id: RuleId, text: RuleText, catalog: Catalog) -> Rule | list[Problem]:
    """Turn the text of a row into a rule; the same text is read once, however often rules are looked up.

    Args:
        rule_id: the record id of the row, so that renaming a rule keeps its alerts.
        text: what people wrote.
        catalog: the tables, columns and metrics that may be named.

    Returns:
        The rule, or every problem found (never an empty list), each naming the column and what is expected.
    """
    words = catalog.tables.get(text.table)
    if words is None:
        said = f"没有“{text.table}”这张表" if text.table else "还没有选数据表"
        return [Problem("数据表", f"{said}，可选：{'、'.join(catalog.tables)}")]
    words = words.also(text.renamed)
    found = _Reader(words)
    core = found.core(text)
    scope = parse_scope(text.scope, words)
    if isinstance(scope, list):
        found.problems.extend(scope)
        scope = ()
    hold_for = found.span(text.hold_for)
    keep_for = found.span(text.keep_for, "恢复持续")
    if text.covers and words.spec.key != SHOPS:
        found.say("合并同店预警", "只有“店铺日报”的规则能合并同店预警，请取消勾选")
    floor = found.floor(text.floor)
    sample = found.sample(text.sample)
    severity = found.severity(text.severity)
    owner_key = found.owner(text.owner_field)
    actions = found.actions(text.actions)
    if not text.name:
        found.say("规则名称", "请给规则起个名字，例如：抖音计划 ROI 低于 1:3")
    if found.problems or core is None:
        return found.problems
    cc = tuple(Person(open_id, name) for open_id, name in text.cc)
    return Rule(
        rule_id, text.name, words.spec.key, core.metric, core.comparison, core.limit, core.recover, scope,
        hold_for, floor, severity, owner_key, cc, text.cc_may_act, actions, text.enabled, sample=sample,
        condition=core.condition, keep_for=keep_for, covers=text.covers,
    )  # fmt: skip


class _Reader:
    """Reads one column after the other and collects what is wrong."""

    def __init__(self, words: TableWords) -> None:
        self.words = words
        self.problems: list[Problem] = []

    def say(self, column: str, sentence: str) -> None:
        self.problems.append(Problem(column, sentence))

    def core(self, text: RuleText) -> Core | None:
        """指标, 比较 and 阈值, or 表达式 in their place."""
        recover = self.limit("恢复阈值", text.recover) if text.recover else None
        if text.expression:
            return self.of_expression(text, recover)
        metric, limit = self.metric(text.metric), self.limit("阈值", text.threshold)
        comparison = self.comparison(text.comparison)
        if metric is None or limit is None or comparison is None:
            return None
        self.unit_fits(metric, limit)
        core = Core(metric, comparison, limit, recover)
        self.sides(core)
        return core

    def of_expression(self, text: RuleText, recover: Limit | None) -> Core | None:
        filled = {"指标": text.metric, "比较": text.comparison, "阈值": text.threshold}
        for column in (name for name, value in filled.items() if value):
            self.say(column, "已经写了“表达式”，两种写法只能用一种，请清空这一格或清空“表达式”")
        try:
            read: Expression = parse_expression(text.expression, self.words)
        except RefusedError as error:
            self.say("表达式", str(error))
            return None
        if read.single is not None:
            core = of_single(read.single, recover)
            self.sides(core)
            return core
        if text.recover:
            self.say("恢复阈值", "表达式里不止一个大小比较时没有恢复阈值，请清空这一格")
        return of_several(text.expression, read.truth)

    def metric(self, text: str) -> Metric | None:
        metric = self.words.metrics.get(text) or self.words.metrics.get(text.upper())
        if metric is None:
            said = f"“{self.words.spec.name}”没有指标“{text}”" if text else "还没有写指标"
            self.say("指标", f"{said}，可用的有：{'、'.join(self.words.metrics)}")
        return metric

    def comparison(self, text: str) -> Comparison | None:
        aliases = {
            "<": "低于",
            "小于": "低于",
            "<=": "低于或等于",
            ">": "高于",
            "大于": "高于",
            ">=": "高于或等于",
        }
        try:
            return Comparison(aliases.get(text, text))
        except ValueError:
            self.say("比较", f"请选择：{'、'.join(Comparison)}")
            return None

    def limit(self, column: str, text: str) -> Limit | None:
        if not text:
            self.say(column, f"是空的，{_THRESHOLD_EXAMPLE}")
            return None
        limit = parse_limit(text, self.words)
        if limit is None:
            columns = "、".join(self.words.numeric())
            self.say(column, f"看不懂“{text}”，{_THRESHOLD_EXAMPLE}；这张表的数字列有：{columns}")
        return limit

    def span(self, text: str, column: str = "持续时间") -> timedelta:
        span = parse_span(text)
        if span is None:
            self.say(column, f"看不懂“{text}”，应写时长，例如：10分钟、1小时；留空表示立即")
        elif span > _LONGEST:
            self.say(column, f"“{text}”太长，最多 7 天")
        return span or timedelta(0)

    def floor(self, text: str) -> Decimal | None:
        if not text:
            return None
        if "spend" not in {field.key for field in self.words.fields.values()}:
            self.say("消耗下限", f"“{self.words.spec.name}”没有“消耗”列，请清空这一格")
            return None
        value = _number(text)
        if value is None or value < 0:
            self.say("消耗下限", f"看不懂“{text}”，应写不小于 0 的数字，例如：500")
        return value

    def sample(self, text: str) -> Decimal | None:
        if not text:
            return None
        value = _number(text)
        if value is None or value < 0:
            name = SAMPLE[self.words.spec.key][1]
            self.say("最小样本", f"看不懂“{text}”，应写“{name}”至少是多少，例如：10")
        return value

    def severity(self, text: str) -> Severity:
        if text and text not in list(Severity):
            self.say("严重程度", f"请选择：{'、'.join(Severity)}")
            return Severity.WARNING
        return Severity(text) if text else Severity.WARNING

    def owner(self, text: str) -> str:
        name = text or "负责人"
        field = self.words.fields.get(name)
        if field is None or name not in self.words.people():
            people = "、".join(self.words.people())
            self.say("负责人字段", f"“{self.words.spec.name}”里没有人员列“{name}”，可用的有：{people}")
            return ""
        return field.key

    def actions(self, names: tuple[str, ...]) -> tuple[Action, ...]:
        allowed = {"plans": {Action.ADJUST, Action.PAUSE, Action.ACK}, "stock": {Action.RESTOCK, Action.ACK}}
        here = allowed.get(self.words.spec.key, {Action.ACK})
        chosen = []
        for name in names or (Action.ACK,):
            if name not in list(Action):
                self.say("动作", f"不认识“{name}”，可选：{'、'.join(Action)}")
            elif Action(name) not in here:
                fitting = "、".join(action for action in Action if action in here)
                self.say("动作", f"“{self.words.spec.name}”不能“{name}”，可选：{fitting}")
            else:
                chosen.append(Action(name))
        return tuple(chosen)

    def unit_fits(self, metric: Metric, limit: Limit) -> None:
        if not isinstance(limit, Fixed):
            return
        if (
            metric.unit is Unit.PERCENT
            and limit.value > 1
            and "%" not in limit.text
            and "％" not in limit.text
        ):
            self.say("阈值", f"“{metric.name}”是百分数，请写成“{limit.text}%”")
        if ":" in limit.text.replace("：", ":") and metric.unit is not Unit.RATIO:
            self.say("阈值", f"“{limit.text}”是投产比，只能用于 ROI；“{metric.name}”请写数字，例如：100")

    def sides(self, core: Core) -> None:
        limit, recover = core.limit, core.recover
        if not (isinstance(limit, Fixed) and isinstance(recover, Fixed)):
            return
        downwards = core.comparison.downwards
        wrong = recover.value < limit.value if downwards else recover.value > limit.value
        if wrong:
            side = "不低于" if downwards else "不高于"
            self.say("恢复阈值", f"“{recover.text}”应{side}阈值“{limit.text}”，否则一恢复又会告警")


def _number(text: str) -> Decimal | None:
    cleaned = text.replace(",", "").replace("，", "").strip().removeprefix("¥").removesuffix("元").strip()
    if not re.fullmatch(r"-?\d+(\.\d+)?", cleaned):
        return None
    try:
        return Decimal(cleaned)
    except InvalidOperation:
        return None


def parse_limit(text: str, words: TableWords) -> Limit | None:
    """Read a threshold; None when it is neither a number, a ratio, a percentage nor a numeric column."""
    text = text.strip()
    ratio = _RATIO.match(text)
    if ratio:
        put_in, out = Decimal(ratio[1]), Decimal(ratio[2])
        return Fixed(out / put_in, text) if put_in else None
    percent = _number(text.rstrip("%％")) if text.endswith(("%", "％")) else None
    if percent is not None:
        return Fixed(percent / 100, text)
    plain = _number(text)
    if plain is not None:
        return Fixed(plain, text)
    if text in words.numeric():
        return OfField(words.fields[text].key, text, Decimal(1), text)
    share = _SHARE.match(text)
    if share and share[1] in words.numeric():
        factor = Decimal(share[2]) / (100 if share[3] else 1)
        return OfField(words.fields[share[1]].key, share[1], factor, text) if factor else None
    return None


def parse_span(text: str) -> timedelta | None:
    """Read a duration such as 10分钟, 1.5小时, 2天; empty or 0 is no wait; None when it is not understood."""
    text = text.strip()
    if text in {"", "0", "立即"}:
        return timedelta(0)
    match = _SPAN.match(text)
    if match is None:
        return None
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2].lower()])
    except OverflowError:
        return timedelta.max  # a number nobody means; it is longer than anything allowed
