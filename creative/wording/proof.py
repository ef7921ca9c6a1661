"""Whether an evidence text names what a claim needs. Judges words, not truth: the documents stay with people.

《广告法》art. 11 wants data and quotations true, with their source, and their scope and validity where they
have any; 《广告引证内容执法指南》(2026) wants an institution that can be looked up: 权威机构 is none.
"""

from __future__ import annotations

import re

from creative.wording.model import Proof
from creative.wording.normalise import normalise

_KNOWN = (
    "欧睿|尼尔森|艾瑞|凯度|易观|弗若斯特|沙利文|中怡康|奥维|生意参谋|魔镜|蝉妈妈|罗兰贝格|通标|必维|莱茵"
    "|sgs|cti|euromonitor|nielsen|gfk|idc|tuv"
)
_BODY = re.compile(
    rf"({_KNOWN})|([一-龥a-z]{{1,20}}?)"
    r"(公司|集团|中心|协会|学会|商会|研究院|研究所|实验室|检验所|检测所|大学|学院|医院|总局|统计局|监管局|药监局|知识产权局|委员会|咨询|统计|传媒"
    r"|检测|检验|认证|数据|研究|调研|天猫|京东|抖音|淘宝|拼多多|机构|平台|人民政府|旅游部|科技部|农村部|信息化部|教育部|商务部|卫健委|发改委)"
)
# What is left of a name after these is its own part; nothing left means that nobody is named.
_NOBODY = re.compile(
    r"数据|来源|来自|根据|依据|证明|材料|出具|引证|某些?|有关|相关|权威|专业|知名|第三方|国际|国内|国家级?|独立|本|我|的|由|与|和|经|为|年|月|日|检测"
    r"|检验|调查|调研|研究|机构|部门|公司|平台|报告|编号|市场|行业|官方|统计|销量|销售|全国|中国"
)
_READ = 600
"""Characters that are looked at; evidence that long is refused anyway, and patterns stay quick."""
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_DAY = (
    r"(?:(?:20\d\d\s*[年./-]\s*)?\d{1,2}\s*[月./-]\s*\d{1,2}\s*(?:日|号)?|\d{1,2}\s*(?:日|号)"
    r"|\d{1,2}\s*[:点]\s*\d{0,2})"
)
_WINDOW = re.compile(
    rf"{_DAY}\s*(?:\d{{1,2}}\s*[:点]\s*\d{{0,2}})?\s*(?:至|到|-|–|—|~)+\s*(?:{_DAY}|\d{{1,2}})"
)
_AMOUNT = re.compile(r"¥\s*\d|\d[\d.,]*\s*(?:元|块)")
_NUMBER = re.compile(r"(?=[a-z0-9一-龥()\[\]〔〕.-]*\d{4})[a-z一-龥]+[\w()\[\]〔〕.-]{4,}|\d{8,}")
_STANDARD = re.compile(r"(?:gb|qb|ny|ls|sb|fz|hg|jb|yy|db\s*\d{2}|t)\s*(?:/\s*[tz])?\s*\d{2,6}")


def _names_body(text: str) -> bool:
    return any(match[1] or _NOBODY.sub("", match[2]) for match in _BODY.finditer(text))


def missing(evidence: str, proof: Proof) -> tuple[str, ...]:
    """What an evidence text still has to name.

    Args:
        evidence: as people wrote it; may be empty.
        proof: the kind of claim.

    Returns:
        Chinese names of the missing parts, empty when the text is enough. Only words are looked at.
    """
    text = normalise(evidence[:_READ]).plain
    wants: dict[str, object]
    if proof is Proof.WINDOW:
        wants = {"活动起止时间（如 11月1日0点–11月11日24点）": _WINDOW.search(text)}
    elif proof is Proof.PRICE:
        wants = {"成交日期（年份）": _DATE.search(text), "成交价格（元）": _AMOUNT.search(text)}
    elif proof is Proof.NUMBER:
        wants = {"证书、注册或批准文号": _NUMBER.search(text)}
    elif proof is Proof.STANDARD:
        wants = {"标准编号（如 GB/T 1535）": _STANDARD.search(text)}
    else:
        wants = {"出具机构的全名": _names_body(text), "数据的日期或期间（年份）": _DATE.search(text)}
    return tuple(name for name, found in wants.items() if not found)
