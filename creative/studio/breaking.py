"""Where a Chinese line may end. Pure; widths come in as a function.

Rules of 避头尾 after GB/T 15834-2011 and W3C Requirements for Chinese Text Layout (clreq, 2023), lists as in
Unicode line breaking classes CL, EX, NS, OP. Pillow's own ``wrap`` breaks at spaces only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

NO_START: Final = frozenset(
    "!%),.:;?]}¢°·ˇ―‖’”…‰′″›℃、。〃〉》」』】〕〗〞︶︺︾﹀﹄！＂％＇），．：；？］｀｜｝～—–-+＋™®©"
)
"""Never first in a line."""

NO_END: Final = frozenset("$(£¥‘“〈《「『【〔〖〝＄（［｛￡￥#＃@№")
"""Never last in a line."""

SEPARATORS: Final = "｜|·"
"""Between points set in one line; nothing is left of them where the line breaks."""

UNITS: Final = (
    "元|块|万|亿|件|折|天|年|月|日|号|点|分钟|分|秒|小时|个|款|只|片|袋|瓶|盒|包|支|套|双|条|台|人|位|次|倍|米|寸|英寸|"
    "斤|克|千克|升|毫升|毫米|厘米|岁|层|级|核|期|码|色|重|合一"
)
"""What stays with the number before it."""

WORDS: Final = (
    "会员|新品|新款|限时|限量|限定|现货|包邮|免邮|顺丰|满减|立减|直降|秒杀|折扣|优惠|优惠券|红包|赠品|加赠|买赠|到手|到手价|"
    "原价|特价|秋冬|春夏|春季|夏季|秋季|冬季|圣诞|元旦|春节|新年|新春|年货|年终|年中|中秋|国庆|端午|七夕|女神节|"
    "好物|好物节|礼盒|礼物|手工|陶瓷|不锈钢|纯棉|羊毛|羊绒|真丝|亚麻|牛仔|卫衣|衬衫|外套|连衣裙|羽绒服|马克杯|保温杯|"
    "精华|面霜|面膜|口红|香水|香薰|洗衣液|洗发水|敏感肌|玻尿酸|氨基酸|胶原|保湿|补水|美白|清洁|滋润|修护|"
    "温暖|舒适|柔软|轻盈|透气|防水|防晒|防滑|保暖|加绒|加厚|静音|降噪|充电|续航|蓝牙|智能|家用|便携|大容量|"
    "退货|退换|无理由|正品|保修|质保|售后|客服|预约|抢购|购买|立即|马上|全场|部分|地区|除外|活动|时间|页面|为准|"
    "我们|你们|他们|自己|一样|也有|没有|可以|不用|不掉|生活|时刻|每天|今天|明天|冬天|夏天|家人|宝贝|妈妈|孩子"
)
"""Words that are not torn where another way to break costs little; shop copy uses these again and again."""

_WORD: Final = re.compile("|".join(sorted(WORDS.split("|"), key=len, reverse=True)))

_TOKEN: Final = re.compile(
    rf"[￥¥$]?\d[\d,.:/×xX*~\-]*(?: ?[A-Za-z%％℃°‰+]+| ?(?:{UNITS}))?"
    r"|[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f&'’./+\-]*"
    r"|——|……|\s+|.",
    re.DOTALL,
)

MID_CLAUSE: Final = 0.05
"""Cost of a line that ends inside a clause, on the scale of squared shares of slack."""

Measure = Callable[[str], float]
"""Width of a text in ems."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is never split: ``text``, its width in ems, and the width of a space before it (0 without)."""

    text: str
    width: float
    space: float


def split(text: str) -> list[str]:
    """Cut one paragraph into units that must not be broken, spaces as units of their own.

    >>> split("限时￥1,999起，买2件打8折！")
    ['限', '时', '￥1,999', '起，', '买', '2件', '打', '8折！']
    """
    units: list[str] = []
    for found in _TOKEN.finditer(text):
        unit = found.group()
        spaced = len(units) > 1 and units[-1].isspace()
        before = units[-2] if spaced else units[-1] if units and not units[-1].isspace() else ""
        if before and not unit.isspace() and _glued(before, unit, spaced=spaced):
            space = units.pop() if spaced else ""
            units[-1] += space + unit
        else:
            units.append(unit)
    return units


def _glued(before: str, unit: str, *, spaced: bool) -> bool:
    """Whether two units must share a line. A separator between spaces may go: it vanishes at a line's end."""
    if spaced and (unit in SEPARATORS or before in SEPARATORS):
        return False
    return unit[0] in NO_START or before[-1] in NO_END


def tokens(text: str, measure: Measure, widest: float) -> list[Token]:
    """The units of a paragraph with their widths; one wider than ``widest`` ems falls into characters."""
    made: list[Token] = []
    space = 0.0
    for unit in split(text):
        if unit.isspace():
            space = measure(" ")
            continue
        parts = [unit] if measure(unit) <= widest else list(unit)
        for part in parts:
            made.append(Token(part, measure(part), space))
            space = 0.0
    return made


def _between_clauses(before: Token, after: Token) -> bool:
    """Whether a reader pauses here: at a space the writer typed or after punctuation."""
    return after.space > 0 or before.text[-1] in "，。！？；：、,!?;|｜/"


def clauses(made: Sequence[Token]) -> list[Token]:
    """The tokens joined so that lines end only where a reader pauses."""
    joined: list[Token] = []
    for token in made:
        if joined and not _between_clauses(joined[-1], token):
            last = joined[-1]
            joined[-1] = Token(last.text + token.text, last.width + token.width, last.space)
        else:
            joined.append(token)
    return joined


def words(made: Sequence[Token]) -> list[Token]:
    """The tokens joined so that no known word is torn.

    >>> [token.text for token in words(tokens("满50，会员再享", len, 9))]
    ['满', '50，', '会员', '再', '享']
    """
    text = "".join(token.text for token in made)
    inside = {at for found in _WORD.finditer(text) for at in range(found.start() + 1, found.end())}
    joined: list[Token] = []
    at = 0
    for token in made:
        if joined and at in inside and not token.space:
            last = joined[-1]
            joined[-1] = Token(last.text + token.text, last.width + token.width, last.space)
        else:
            joined.append(token)
        at += len(token.text)
    return joined


def _widow(line: Sequence[Token]) -> bool:
    return sum(len(token.text) for token in line) < 2


def lines(made: Sequence[Token], width: float, count: int) -> list[list[Token]] | None:
    """Break into exactly ``count`` lines of at most ``width`` ems, as even as can be; None if impossible.

    The sum of squared slack, a penalty for a break inside a clause and one for a last line of a single
    character is made least over all ways to break (dynamic programming as in Knuth and Plass 1981).
    """
    total = len(made)
    if count < 1 or count > max(1, total):
        return None
    infinite = float("inf")
    best: list[list[tuple[float, int]]] = [[(infinite, -1)] * (total + 1) for _ in range(count + 1)]
    best[0][0] = (0.0, -1)
    for row in range(1, count + 1):
        for end in range(row, total + 1):
            best[row][end] = _best_start(made, best[row - 1], end, width, last=row == count)
    if best[count][total][0] == infinite:
        return None
    broken: list[list[Token]] = []
    end = total
    for row in range(count, 0, -1):
        start = best[row][end][1]
        broken.append(list(made[start:end]))
        end = start
    return broken[::-1]


def _best_start(
    made: Sequence[Token], before: Sequence[tuple[float, int]], end: int, width: float, *, last: bool
) -> tuple[float, int]:
    """The cheapest start of a line that ends before token ``end``: (cost so far, start)."""
    found, used = (float("inf"), -1), 0.0
    for start in range(end - 1, -1, -1):
        used += made[start].width + (made[start + 1].space if start + 1 < end else 0.0)
        if used > width + 1e-6:
            break
        cost = before[start][0] + ((width - used) / width) ** 2
        if start:
            cost += 0.0 if _between_clauses(made[start - 1], made[start]) else MID_CLAUSE
            cost += 1.0 if last and _widow(made[start:end]) else 0.0
        if cost < found[0]:
            found = (cost, start)
    return found


def text_of(line: Sequence[Token]) -> str:
    """The characters of a line, without spaces and separators at its ends."""
    text = "".join((" " if token.space and index else "") + token.text for index, token in enumerate(line))
    return text.strip(SEPARATORS + " ") or text


def wrap(made: Sequence[Token], width: float, most: int) -> list[str] | None:
    """Break a paragraph into as few lines as fit, evened out; None when more than ``most`` are needed."""
    if not made:
        return [""]
    need = _greedy(made, width)
    if need is None or need > most:
        return None
    broken = lines(made, width, need)
    return [text_of(line) for line in broken] if broken else None


def _greedy(made: Sequence[Token], width: float) -> int | None:
    """The fewest lines that hold the tokens, or None when one of them is wider than a line."""
    count, used = 1, 0.0
    for index, token in enumerate(made):
        if token.width > width + 1e-6:
            return None
        need = token.width + (token.space if index and used else 0.0)
        if used and used + need > width + 1e-6:
            count, used = count + 1, token.width
        else:
            used += need
    return count
