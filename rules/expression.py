"""The column 表达式: conditions that experts write in the names of the data table's columns.

    ROI < 3 and 消耗 > 500
    可用库存 < 安全库存 * 0.8
    成交金额 < 均值7日(成交金额) * 0.7 且 平台 = "抖音"

Python's own grammar reads it (``ast``), and only what is listed here passes: comparisons, ``and or not``,
``+ - * /``, numbers, words in quotes for = and !=, ``min max abs``, names of columns and metrics, and figures
of former days. Nothing is ever executed: the result is a tree (``tree.py``). Length, depth and number of
parts are bounded, so nothing a person can write takes long.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from bitable_sync.spec import FieldSpec, Kind
from rules.metrics import FIGURES, SPANS, TableWords, past
from rules.model import Metric
from rules.tree import (
    LARGEST,
    All,
    Arith,
    Compare,
    Condition,
    Const,
    Either,
    Extreme,
    Is,
    Number,
    Operator,
    Ratio,
    Tree,
    Truth,
    below,
    columns,
    degree,
    folded,
    size_of,
)

LONGEST, MOST_PARTS, DEEPEST, STEEPEST = 500, 80, 20, 8
EXAMPLE = "例如：ROI < 3 and 消耗 > 500"
_WORDS = (Kind.TEXT, Kind.SELECT)
_SIGNS: Mapping[type[ast.cmpop], Operator] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
_OPPOSITE: Mapping[Operator, Operator] = {
    "<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "==",
}  # fmt: skip
_ARITH: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_MARKS = str.maketrans("“”‘’【】", "\"\"''[]")
_SET_APART = re.compile(r"(\"[^\"]*\"|'[^']*'|\[[^\[\]]*\])")
_PERCENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*%")
_GLUED = re.compile(
    r"(?i)((?:(?<![\w.])\d[\d_.]*|\.\d[\d_]*)(?:e[+-]?\d+)?j?)(?=and|or|not|in|is|if|else|for)"
)
"""A number that runs into a word, ``3and``: Python reads it and warns on the screen of whoever started us."""
_OTHER_BASE = re.compile(r"(?i)(?<![\w.])0[xob]")
_CHINESE = (
    ("×", "*"), ("÷", "/"), ("≤", "<="), ("≥", ">="), ("≠|<>", "!="), (r"(?<![<>=!])=(?!=)", "=="),
    (r"(?:(?<=[\s)])|^)(?:并且|且)(?=[\s(]|$)", "and"), (r"(?:(?<=[\s)])|^)(?:或者|或)(?=[\s(]|$)", "or"),
)  # fmt: skip


class RefusedError(ValueError):
    """An expression that cannot be taken; the message is a Chinese sentence for 校验结果."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression says.

    Attributes:
        truth: the condition.
        single: the one comparison of numbers it consists of, with its sides as they were written; None when
        it
            is more than that.
    """

    truth: Truth
    single: Single | None


@dataclass(frozen=True, slots=True)
class Single:
    """One comparison by size. ``metric`` is set when its left side is the bare name of one."""

    compare: Compare
    left: str
    right: str
    metric: Metric | None


def parse_expression(text: str, words: TableWords) -> Expression:
    """Read an expression.

    Args:
        text: what stands in the cell.
        words: the columns and metrics that may be named.

    Raises:
        RefusedError: it is not understood or not allowed; says what is wrong and what can be written.
    """
    if len(text) > LONGEST:
        _refuse(f"太长了，最多 {LONGEST} 个字，请拆成几条规则")
    if "\\" in text:
        _refuse(f"不能有反斜杠，{EXAMPLE}")
    source, names = _plain(text)
    try:
        root = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        _refuse(f"看不懂，请检查括号、运算符和引号，{EXAMPLE}。{_BRACKETS}")
    _bounded(root)
    reader = _Reader(words, source, names)
    truth = reader.truth(root, negated=False)
    if not columns(truth) and not _about_words(truth):
        _refuse(f"没有用到任何列，{EXAMPLE}")
    return Expression(truth, reader.single(root, truth))


def _refuse(sentence: str) -> NoReturn:
    raise RefusedError(sentence)


_BRACKETS = "列名里有空格、括号、符号或以数字开头时，请写在方括号里，例如 [近 7 日销量]"


def _plain(text: str) -> tuple[str, dict[str, str]]:
    """Python's spelling of what people type, and which column each stand-in for ``[…]`` means."""
    names: dict[str, str] = {}
    parts = _SET_APART.split(" ".join(text.translate(_MARKS).split()))
    for place, part in enumerate(parts):
        if part.startswith("[") and place % 2:
            stand_in = f"_column{len(names)}_"
            names[stand_in], parts[place] = part[1:-1].strip(), f" {stand_in} "
        elif place % 2 == 0:
            parts[place] = _in_python(part)
    return "".join(parts).strip(), names


def _in_python(part: str) -> str:
    part = unicodedata.normalize("NFKC", part)
    for pattern, sign in _CHINESE:
        part = re.sub(pattern, sign, part)
    if _OTHER_BASE.search(part):
        _refuse(f"以 0x、0b 或 0o 开头的不是普通的数字，{EXAMPLE}")
    part = _PERCENT.sub(lambda share: format(Decimal(share[1]) / 100, "f"), part)
    return _GLUED.sub(r"\1 ", part)


def _about_words(tree: Tree) -> bool:
    return isinstance(tree, Is) or any(_about_words(part) for part in below(tree))


def _bounded(root: ast.expr) -> None:
    """Refuse what is larger or deeper than people write."""
    parts, level = 0, [root]
    for _ in range(DEEPEST):
        parts += len(level)
        level = [part for node in level for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        if not level:
            break
    else:
        _refuse(f"括号套得太深，最多 {DEEPEST} 层，请拆成几条规则")
    if parts > MOST_PARTS:
        _refuse(f"太复杂了，最多 {MOST_PARTS} 个部分，请拆成几条规则")


def _known(name: str) -> str:
    return unicodedata.normalize("NFKC", name)  # as Python's parser spells names


@dataclass
class _Reader:
    """Turns nodes of Python's grammar into the tree, or refuses them in a sentence."""

    words: TableWords
    source: str
    names: Mapping[str, str]
    metrics: dict[str, Metric] = field(init=False)
    columns: dict[str, FieldSpec] = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = {_known(name): metric for name, metric in self.words.metrics.items()}
        self.columns = {_known(name): spec for name, spec in self.words.fields.items()}

    # --- conditions ---

    def truth(self, node: ast.expr, *, negated: bool) -> Truth:
        """A condition; ``not`` is moved inwards, which changes nothing, also where something is unknown."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.truth(node.operand, negated=not negated)
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.truth(part, negated=negated) for part in node.values)
            return All(parts) if isinstance(node.op, ast.And) is not negated else Either(parts)
        if isinstance(node, ast.Compare):
            return self.comparison(node, negated=negated)
        raise RefusedError(f"“{self.text(node)}”不是条件，条件要有比较，{EXAMPLE}")

    def comparison(self, node: ast.Compare, *, negated: bool) -> Truth:
        sides = [node.left, *node.comparators]
        parts = tuple(
            self.pair(left, op, right, negated=negated)
            for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
        )
        if len(parts) == 1:
            return parts[0]
        return Either(parts) if negated else All(parts)

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr, *, negated: bool) -> Truth:
        sign = _SIGNS.get(type(op))
        if sign is None:
            raise RefusedError(f"不能用 in 或 is，比较只有 < <= > >= = !=，{EXAMPLE}")
        sign = _OPPOSITE[sign] if negated else sign
        for one, other in ((left, right), (right, left)):
            if isinstance(other, ast.Constant) and isinstance(other.value, str):
                return self.word(one, sign, other.value)
        return Compare(sign, self.number(left), self.number(right))

    def word(self, node: ast.expr, sign: Operator, wanted: str) -> Truth:
        """A column of words against a word."""
        name = self.name(node) if isinstance(node, ast.Name) else ""
        spec = self.columns.get(_known(name))
        if spec is None or spec.kind not in _WORDS:
            fitting = "、".join(each.name for each in self.words.fields.values() if each.kind in _WORDS)
            raise RefusedError(f"引号里的文字只能和文字列比较，“{self.text(node)}”不是；文字列有：{fitting}")
        if sign not in {"==", "!="}:
            raise RefusedError(f'“{name}”是文字，只能用 = 或 !=，例如：{name} = "{wanted or "…"}"')
        if spec.options and wanted not in spec.options:
            raise RefusedError(f"“{name}”没有选项“{wanted}”，可选：{'、'.join(spec.options)}")
        operator = "=" if sign == "==" else "≠"
        return Is(Condition(spec.key, name, operator, (wanted,), None), strict=True)

    # --- numbers ---

    def number(self, node: ast.expr) -> Number:
        """A number; products of many columns are refused, so that no result is beyond what doubles hold."""
        made = self.part(node)
        if degree(made) > STEEPEST:
            raise RefusedError(f"“{self.text(node)}”里乘除连得太多，最多 {STEEPEST} 个")
        return made

    def part(self, node: ast.expr) -> Number:
        match node:
            case ast.Constant(value):
                return self.constant(node, value)
            case ast.Name():
                return self.column(node)
            case ast.UnaryOp(ast.USub(), operand):
                return folded(Arith("-", Const(Decimal(0)), self.part(operand)))
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.part(operand)
            case ast.BinOp(left, op, right) if type(op) in _ARITH:
                return self.arith(_ARITH[type(op)], left, right)
            case ast.Call():
                return self.call(node)
        raise RefusedError(
            f"不能写“{self.text(node)}”，只能用列名、数字、+ - * /、min、max、abs 和比较，{EXAMPLE}"
        )

    def constant(self, node: ast.expr, value: object) -> Number:
        said = self.text(node)
        if isinstance(value, bool) or not isinstance(value, int | float) or not re.fullmatch(r"[\d.]+", said):
            raise RefusedError(f"“{said}”不是普通的数字，请写成 500、0.8 或 30%")
        number = Decimal(said)
        if number.adjusted() >= LARGEST or len(said) > 2 * LARGEST:
            raise RefusedError(f"数字“{said[:20]}”太长，最多 {LARGEST} 位")
        return Const(number)

    def arith(self, op: str, left: ast.expr, right: ast.expr) -> Number:
        one, other = self.part(left), self.part(right)
        if op == "/":
            if other == Const(Decimal(0)):
                raise RefusedError("不能除以 0")
            return folded(Ratio(one, other, f"{self.text(right)} 为 0，无法计算"))
        return folded(Arith("+" if op == "+" else "-" if op == "-" else "*", one, other))

    def call(self, node: ast.Call) -> Number:
        """min, max, abs, and the figures of former days."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        plain = not node.keywords and not any(isinstance(each, ast.Starred) for each in node.args)
        span = next((each for each in SPANS if _known(each.call) == name), None)
        if span is not None and plain and len(node.args) == 1:
            return self.former(node.args[0], span.call)
        if name in {"min", "max"} and plain and len(node.args) > 1:
            return Extreme(name == "max", tuple(self.part(each) for each in node.args))
        if name == "abs" and plain and len(node.args) == 1:
            return size_of(self.part(node.args[0]))
        calls = "、".join(f"{each.call}(列名)" for each in SPANS)
        raise RefusedError(
            f"不能用“{self.text(node)}”，可用的函数：min(a, b)、max(a, b)、abs(a)、{calls}。{_BRACKETS}"
        )

    def former(self, node: ast.expr, call: str) -> Number:
        """The figure of former days of a column."""
        table = self.words.spec.key
        name = self.name(node) if isinstance(node, ast.Name) else ""
        spec = self.columns.get(_known(name))
        if spec is None or spec.key not in FIGURES[table]:
            keys = [each.name for each in self.words.spec.fields if each.key in FIGURES[table]]
            said = f"只能用于：{'、'.join(keys)}" if keys else f"不能用于“{self.words.spec.name}”"
            raise RefusedError(f"“{call}”{said}，因为别的列没有保存往日的数")
        return past(table, spec.key, name, next(each for each in SPANS if each.call == call))

    def column(self, node: ast.Name) -> Number:
        name = self.name(node)
        metric = self.metric(name)
        if metric is not None:
            return metric.value
        if _known(name) in self.columns:
            raise RefusedError(f'“{name}”不是数字列，只能和引号里的文字比较，例如：平台 = "抖音"')
        known = "、".join(self.words.metrics)
        raise RefusedError(
            f"“{self.words.spec.name}”里没有“{name}”，可用的有：{known}。{_BRACKETS}；文字请加引号"
        )

    def metric(self, name: str) -> Metric | None:
        return self.metrics.get(_known(name)) or self.metrics.get(_known(name).upper())

    def name(self, node: ast.Name) -> str:
        return self.names.get(node.id, node.id)

    # --- the single comparison ---

    def single(self, root: ast.expr, truth: Truth) -> Single | None:
        """The comparison by size that is the whole expression, turned so that a column stands on the left."""
        while isinstance(root, ast.UnaryOp):
            root = root.operand
        if not isinstance(root, ast.Compare) or not isinstance(truth, Compare) or truth.op in {"==", "!="}:
            return None
        left, right = root.left, root.comparators[0]
        if isinstance(truth.left, Const):
            turned: Mapping[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
            truth, left, right = Compare(turned[truth.op], truth.right, truth.left), right, left
        metric = self.metric(self.name(left)) if isinstance(left, ast.Name) else None
        return Single(truth, self.text(left), self.text(right), metric)

    def text(self, node: ast.expr) -> str:
        """What stands there, with the columns' own names."""
        found = ast.get_source_segment(self.source, node) or ""
        for stand_in, name in self.names.items():
            found = found.replace(stand_in, f"[{name}]")
        found = " ".join(found.split())
        return found if len(found) <= 60 else f"{found[:59]}…"
