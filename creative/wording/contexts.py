"""When a suspicious word is harmless, or only has to be proven: rules about the sentence it stands in.

Each rule is a regular expression over one sentence in its plain reading, with the word marked:
``本店⟦最轻⟧的一款``. The clauses are those of 《广告绝对化用语执法指南》(市场监管总局公告 2023 年第 6 号,
2023-02-25): art. 5 names words that do not point at the goods, art. 6 words that do and are allowed. Whether
sources suffice follows 《广告引证内容执法指南》(2026): a niche, or a region below the province, saves no
ranking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from creative.wording.model import Verdict

OPEN, CLOSE = "⟦", "⟧"
"""Stand around the word in the sentence a rule reads."""

REACH = 80
"""Characters of the sentence that are read on either side of the word; keeps long texts linear."""

_GUIDE = "《广告绝对化用语执法指南》"
_OUTSIDE = (
    r"全国(?!包邮|联保|发货|配送|通用)|全网|全球(?!购|联保)|世界|行业|业内|业界|市场|同行|同类|同价位|同款|别家|其他|其它"
    r"|对手|国内|史上|销量|排名|排行"
)
_REGION = (
    "全国|中国|国内|大陆|全球|世界|亚洲|亚太|华东|华南|华北|华中|东北|西北|西南|北京|上海|天津|重庆|河北|山西|辽宁|吉林|黑龙江|江苏"
    "|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
_NARROW = (
    r"细分|小众|(?<!北京)(?<!上海)(?<!天津)(?<!重庆)(?<!城)(?<!上)(?<!超)市(?!场|占|面|售|值|监)"
    r"|[^自治专社景地赛大片]区(?!域|间|块|别|分)|县|镇|街道|商圈"
)
_PERIOD = r"(?:19|20)\d\d(?!\d)"
_SOURCE = r"来源|据|统计|调查|调研|报告|研究院|协会|咨询"
_UNITS = (
    r"(?:千克|公斤|毫克|克|斤|吨|毫升|升|千米|公里|厘米|毫米|微米|纳米|米|寸|英寸|平方米|平方|平|立方|度|摄氏度|秒|分钟|小时|天|周|年"
    r"|瓦|千瓦|伏|安|毫安时|转|帕|分贝|兆|流明|勒克斯|像素|帧|层|档|级|人|位|件|个|只|片|瓶|盒|包|袋|支|台|套|次|元|块|折|倍|码|号|期"
    r"|kg|mg|g|ml|l|km|cm|mm|um|nm|m|m2|°c|°|℃|s|ms|min|h|kw|w|v|mah|ah|a|rpm|mpa|kpa|pa|db|gb|tb|mb|g|mp|hz|khz|mhz|ghz"
    r"|lm|lx|k|p|in|n|nm|%|\"|'|r)(?![a-z])"
)
_NUMBER = r"-?\d[\d.,]*(?:\s*[-~至到]\s*-?\d[\d.,]*)?\s*[千万亿]?\s*"
_AMOUNT = rf"(?:{_NUMBER}{_UNITS}|\d+\s*[×x*:]\s*\d+)"
_FIBRES = (
    "棉|长绒棉|精梳棉|新疆棉|羊毛|羊绒|山羊绒|亚麻|苎麻|麻|桑蚕丝|蚕丝|真丝|聚酯纤维|涤纶|锦纶|腈纶|氨纶|粘纤|粘胶|莱赛尔|天丝|莫代尔"
    "|竹纤维|白鸭绒|白鹅绒|鸭绒|鹅绒|牛皮|头层牛皮|羊皮|实木|原木浆|木浆|竹浆|果汁|橙汁|苹果汁|阿拉比卡|生牛乳|牛乳|鲜奶|乳胶|可可脂|大豆油|橄榄油"
)
_USES = (
    "赏味|食用|饮用|品尝|品鉴|服用|使用|保存|储存|贮存|存放|冲泡|口感|观赏|观看|清洗|洗涤|安装|佩戴|种植|拍摄"
    "|入睡|浸泡|搭配|阅读|采摘|施肥|适用"
)
_MATTERS = "期限|期|温度|水温|时间|时机|时长|方法|方式|距离|季节|角度|条件|比例|环境|湿度|人群|建议|用量|量"
_EVENTS = (
    r"奥运会?|世锦赛|亚锦赛|欧锦赛|世界杯|亚洲杯|亚运会?|全运会|冬奥会?|大运会|锦标赛|联赛|公开赛|挑战赛|大奖赛|总决赛|邀请赛|大师赛|大赛"
    r"|马拉松|(?:(?:19|20)\d\d|第[^,。]{1,4}届)[^,。]{0,10}杯"
)
# What 第一 counts, and after which characters it is another word (第一口碑, 第一手机品牌).
_COUNTED = (
    "次(?!品)|步(?!行)|章|天(?!然|猫|花)|季|代(?!表|理|言)|页|层|排(?!名|行)|手(?!机|工|感)|眼|口(?!碑|感)|杯|课|批|届|期|行(?!业)"
    "|个(?!性)|件|关|部(?!落)|集(?!团)|站|句|年(?!货)|周|月(?!饼)|线|类|缕|份(?!额)|束|滴|堂|顿|餐|颗|条|组|场|轮|段|晚|夜|双|辆"
    "|单(?!品)|节(?!能)|支|瓶|包(?!包)|盒|袋|只|把|张|套|片|块|枚|首(?!选)|本|篇|幅|幕|声|株|朵|碗|粒|桶|站"
)
_DENIALS = (
    "不是|并非|不敢称|不说|不谈|没有|不求|不做|不必|无需|拒绝|不要|不追求|不承诺|不等于|谈不上|称不上"
    "|不轻信|别信"
)


@dataclass(frozen=True, slots=True)
class Context:
    """One rule.

    Args:
        key: named in the book.
        pattern: must be found in the marked sentence.
        reason, clause: Chinese, for the log.
        needs: further patterns that must be found in the sentence.
        bars: the rule does not hold when this is found in the sentence.
        sourced: the sentence or the evidence must name a source as well.
        outcome: what a hit becomes.
    """

    key: str
    pattern: str
    reason: str
    clause: str
    needs: tuple[str, ...] = ()
    bars: str = ""
    sourced: bool = False
    outcome: Verdict = Verdict.PASS

    def holds(self, sentence: str, *, sourced: bool) -> bool:
        """Whether the rule applies.

        Args:
            sentence: plain reading, the word between ``OPEN`` and ``CLOSE``.
            sourced: the evidence names an institution and a period.
        """
        return (
            re.search(self.pattern, sentence) is not None
            and all(re.search(each, sentence) for each in self.needs)
            and not (self.bars and re.search(self.bars, sentence))
            and (not self.sourced or sourced or re.search(_SOURCE, sentence) is not None)
        )


_OF_OURS = r"(?:的|里|中|内|旗下|家|目前|迄今|今年|历年|历来|产品|所有|各款|系列|款式){0,3}"
# 我们最专业 compares with others; only 我们最轻的一款 chooses among one's own goods.
_OWN = (
    rf"(?:本店|本品牌|本系列|同系列|历代产品|全系列|全系|全店|店内){_OF_OURS}⟦"
    rf"|(?:我们|我家|我司|自家|咱家|小店|本公司){_OF_OURS}⟦[^⟧]*⟧[一-龥]{{0,3}}的?(?:一|两|几|款|系列|单品|产品|新品|版)"
)

_RULES = (
    Context(
        "own",
        _OWN,
        "在自己的商品之间比较",
        _GUIDE + "第六条第一项",
        bars=_OUTSIDE + r"|⟧[^,。]{0,6}(?:品牌|店铺|厂家|公司|平台)",
    ),
    Context(
        "own_price",
        _OWN,
        "自己商品的价格比较，须有成交记录",
        "《规范促销行为暂行规定》",
        bars=_OUTSIDE,
        outcome=Verdict.EVIDENCE,
    ),
    Context(
        "service",
        r"(?:尽|用|以|怀着|付出)(?:我们|全力|到)?(?:的)?⟦[^⟧]*⟧[^,。]{0,4}"
        r"(?:努力|可能|诚意|热情|真心|耐心|善意|心意|服务(?!商|平台|器|站)|力量|态度|祝福)"
        r"|⟦[^⟧]*⟧[^,。]{0,2}的?(?:祝福|谢意|问候|歉意|敬意|祝愿)",
        "只说明服务态度或祝愿",
        _GUIDE + "第五条第一项",
        bars=_OUTSIDE,
    ),
    Context(
        "values",
        r"(?:顾客|客户|用户|会员|品质|质量|安全|健康|服务|诚信|信誉|生命|友谊|体验|口碑|环保|家人|孩子)⟦",
        "只说明经营理念",
        _GUIDE + "第五条第一项",
        bars=_OUTSIDE + r"|⟧的?(?:品牌|企业|公司|店|厂|商家|平台)",
    ),
    Context(
        "wish",
        r"(?:力争|争取|争当|争做|力求|追求|立志|致力于|目标(?:是|为|:)|努力(?:成为|做到|做|打造)|(?:梦想|希望|渴望)(?:成为|做到)"
        r"|愿景(?:是|为|:)|朝着|向着|愿(?:你|您|大家)|(?<!庆)祝(?:你|您|大家|愿))[^,。的]{0,12}⟦",
        "只说明追求的目标",
        _GUIDE + "第五条第二项",
        bars=r"已经|已成|荣获|连续|蝉联|领跑|就是|已是|终于|做到了|实现了",
    ),
    Context(
        "negated",
        rf"(?:{_DENIALS})(?:什么|所谓的?|任何|做)?[\"'“”‘’「」『』《》【】()\s]*⟦",
        "被否定，没有用来宣称商品",
        _GUIDE + "第五条第三项",
        bars=r"难道|谁说|岂|莫不|无不|没有不|没有之一|要不是|是不是|要不要|⟧[^。]{0,8}不(?:卖|做|上架|选|要|发|推)|不是[^⟦]{0,6}⟦[^⟧]*⟧[^,。]{0,4}(?:吗|么|\?)",
    ),
    Context(
        "spec",
        rf"⟦[^⟧]*⟧[^\d,。;!?的]{{0,8}}{_AMOUNT}|⟦[^⟧]*⟧[可直立再]?(?:省|减|返|抵|降|优惠|补贴|到手价?|仅|只要|¥)\s*¥?\d",
        "带数字和单位的参数",
        _GUIDE + "第五条第三项；数值须真实（《广告法》第十一条）",
        bars=_OUTSIDE + r"|⟧[^\d,。]{0,8}(?:品牌|厂家|厂商|平台|商家|店|企业|公司|基地|供应商)",
    ),
    Context(
        "spec_near",
        rf"⟦[^⟧]*⟧(?:处|部位|时)?(?:仅需|只需|仅|只要|只|可达|可|达|约|为|至|到|:)?\s*{_AMOUNT}",
        "带数字和单位的参数",
        _GUIDE + "第五条第三项；数值须真实（《广告法》第十一条）",
        bars=_OUTSIDE,
    ),
    Context(
        "order",
        "⟦",
        "表示时间、次序或数量范围",
        _GUIDE + "第五条第三项",
        bars=r"(?:全国|全网|全球|世界|中国|亚洲|行业|业内|国内|同行|同类|史上)[^,。]{0,4}⟦",
    ),
    Context(
        "ordinal",
        rf"⟦[^⟧]*⟧\s*(?:{_COUNTED})",
        "表示次序或时间",
        _GUIDE + "第五条第三项",
        bars=r"(?:全国|全网|全球|世界|中国|亚洲|行业|业内|国内|同行|同类|史上)[^,。]{0,4}⟦",
    ),
    Context(
        "person",
        r"⟦[^⟧]*⟧[一-龥]{0,2}的(?:[人你您他她]|妈妈|爸爸|父母|家人|自己|老师|朋友|爱人|孩子|时光|日子|青春|年华|一天|陪伴|夏天|冬天|季节|早晨|夜晚)"
        r"(?=们|里|吧|$|[^一-龥])",
        "说的是人和情感，不是商品",
        _GUIDE + "第五条第三项",
        bars=_OUTSIDE,
    ),
    Context(
        "usage",
        rf"⟦[^⟧]*⟧的?(?:{_USES}){{1,2}}的?(?:{_MATTERS})|⟦最好⟧(?:在|于|先|不要|别|提前|避免|每[天日周])",
        "使用方法、时间、存储的提示",
        _GUIDE + "第六条第二项",
    ),
    Context(
        "ranked",
        "⟦",
        "限定了时间和地域的事实，须有来源",
        _GUIDE + "第六条第六项、《广告引证内容执法指南》",
        needs=(_PERIOD, _REGION),
        bars=_NARROW + r"|史上|遥遥",
        sourced=True,
        outcome=Verdict.EVIDENCE,
    ),
    Context(
        "award",
        r"⟦[^⟧]*⟧[^,。!?;]{0,12}奖",
        "写明的奖项，须有获奖依据",
        _GUIDE + "第六条第五项",
        needs=(r"获|荣膺|摘得|斩获|(?:19|20)\d\d",),
        outcome=Verdict.EVIDENCE,
    ),
    Context(
        "event",
        rf"(?:{_EVENTS})[^,。]{{0,10}}⟦",
        "写明的赛事成绩",
        _GUIDE + "第六条第五项",
        bars=r"销量|销售|热销|人气|品类|类目|行业|好评",
    ),
    Context(
        "title",
        r"⟦[^⟧]*⟧(?:重点)?(?:风景名胜区|风景区|自然保护区|非物质文化遗产|非遗|森林公园|地质公园|湿地公园|旅游度假区|水利风景区|文化遗产|自然遗产"
        r"|实验室|工程中心|高新区|高新技术|经济技术开发区|专精特新|绿色工厂|农业产业化|龙头企业|博物馆|文物|示范区|示范基地|运动员|新区|水产健康养殖|地理标志)",
        "官方名称，须有依据",
        _GUIDE + "第六条第三项、第五项",
        outcome=Verdict.EVIDENCE,
    ),
    Context(
        "composition",
        rf"⟦[^⟧]*⟧\s*(?:纯|天然|新疆|优质|进口|精梳|全)?(?:{_FIBRES})|(?:{_FIBRES})(?:含量|占比|量)?[:\s]*⟦",
        "成分含量，须与标签一致",
        _GUIDE + "第五条第三项；GB/T 29862",
    ),
    Context(
        "window",
        r"\d{1,2}\s*[月./:点][^,。]{0,8}(?:至|到|-|–|—|~)[^,。]{0,8}\d",
        "写明了起止时间",
        "《规范促销行为暂行规定》",
        bars=r"\d[\d.]*\s*[-~至到]\s*\d[\d.]*\s*(?:元|折|块|倍|%)",
    ),
    Context(
        "terms",
        r"每人|每单|每户|限量|前\s*\d+\s*名|满\s*\d+",
        "写明了条件",
        "《规范促销行为暂行规定》",
    ),
    Context(
        "disclaimer",
        r"(?:不能|不可|不得|不)(?:代替|替代|用于|作为|具有|具备|涉及|宣称|包含|含)?(?:任何|疾病|药物|药品|预防|诊断|治疗|、|和|及|或|的)*⟦",
        "声明没有这样的功能",
        "《广告法》第十八条",
    ),
)

CONTEXTS: Mapping[str, Context] = {rule.key: rule for rule in _RULES}
"""All rules by their key."""
