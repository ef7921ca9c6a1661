"""What is blocked, what needs proof, what passes: the verdict on real sentences."""

import pytest

from creative.wording.book import builtin_book
from creative.wording.check import check
from creative.wording.model import Pack, Report, Verdict

BOOK = builtin_book()
SOURCE = "数据来源：欧睿国际，2025年1–12月，中国大陆线上渠道"


def judge(
    text: str, *packs: Pack, evidence: str = "", channels: tuple[str, ...] = (), names: tuple[str, ...] = ()
) -> Report:
    """One text as a headline."""
    book = builtin_book(packs)
    return check({"points": text}, book, evidence=evidence, channels=channels, names=names)


BLOCKED = {
    "绝对化用语": (
        "最佳", "最好", "最优", "最强", "最先进", "最高级", "最低的价格", "最安全", "最有效", "顶级",
        "顶尖", "极品", "国家级",
        "世界级", "全球级", "宇宙级", "至尊", "巅峰", "王牌", "无敌", "史无前例", "前无古人", "万能",
        "100%有效", "绝对", "永久",
        "采用最佳面料", "最舒服的沙发", "最显瘦", "全球最大", "独一无二的设计", "绝对正品", "永久保修",
        "最大品牌", "国家级品质",
        "冰箱中的最佳选择", "百分百有效", "最佳使用体验",
    ),
    "排名用语": (
        "第一", "第一品牌", "全国第一", "销量第一", "TOP1", "NO.1", "销冠", "遥遥领先", "全网第一", "冠军",
        "冠军品质",
        "第一名", "品类冠军", "行业第一", "top 1", "连续三年销量第一", "全网销量NO.1", "中国第一个品牌",
        "2025年成都销量第一",
        "据统计2025年广州市销量第一", "据欧睿国际2025年上海市浦东新区销量第一", "全国质量第一", "销量最多",
        "全国最早的品牌",
    ),
    "价格与促销": ("全网最低", "史上最低", "最低价", "最便宜", "亏本", "跳楼价", "全网最低价", "全场最低价"),
    "诱导与催促": ("免费领", "点击领奖", "再不抢就没了", "万人疯抢", "错过等一年"),
    "不公平条款": (
        "最终解释权归本店所有", "本活动最终解释权归商家所有", "解释权归品牌所有", "本店保留最终解释权",
        "一经售出概不退换",
    ),
    "权威与认证": ("国家免检", "特供", "专供", "驰名商标", "国家领导人推荐", "人民币图样", "专家推荐",
    "国宴专用"),
    "国家标志": ("印有国徽", "国旗款"),
    "医疗用语": (
        "治疗", "治愈", "根治", "消炎", "抗癌", "降血糖", "降血压", "降血脂", "无副作用", "药到病除",
        "处方", "疗效显著",
        "3天见效", "七天见效", "治疗失眠", "减肥神器",
    ),
    "化妆品用语": ("药妆", "医学护肤", "祛疤", "生发液", "7天美白", "七天美白", "换肤", "28天祛斑"),
    "食品用语": ("零添加", "100%无添加", "婴儿首选", "代替母乳"),
    "贬低他人": ("吊打大牌", "完爆同行", "碾压同价位"),
    "迷信": ("招财", "转运", "开光", "辟邪", "招财手串"),
    "低俗赌博暴力": ("一夜情", "赌博"),
    "歧视": ("女人就该瘦", "乡巴佬"),
}  # fmt: skip


@pytest.mark.parametrize(("category", "text"), [(c, t) for c, texts in BLOCKED.items() for t in texts])
def test_forbidden_words_block(category: str, text: str) -> None:
    """Every seed word blocks alone and in a sentence, under its own category and with clause and advice."""
    report = judge(text)
    assert report.verdict is Verdict.BLOCK
    assert category in {each.category for each in report.findings}
    assert all(each.clause and each.suggestion for each in report.findings)


NEED_PROOF = (
    "最新", "最受欢迎", "极致工艺", "首选", "首创", "独家", "唯一", "领先", "原价199", "划线价", "限时特惠",
    "专利", "检测报告",
    "助眠", "排毒", "抗氧化", "增强免疫", "国家级风景名胜区", "国家级非遗", "国家级非物质文化遗产技艺",
    "最低消费", "100%正品",
    "抗菌", "中国质量认证", "好评率99%", "荣获2025年红点最佳设计奖", "据欧睿国际统计，2025年中国销量第一",
    "TOP10", "特级面料", "世界级文化遗产", "仅此一天", "本店最低价", "行业首创",
)  # fmt: skip


@pytest.mark.parametrize("text", NEED_PROOF)
def test_claims_that_can_be_proven_need_evidence(text: str) -> None:
    """They neither pass nor block; without a proof the report says what the proof has to name."""
    report = judge(text)
    assert report.verdict is Verdict.EVIDENCE
    assert all(each.missing for each in report.findings)


HARMLESS = (
    # the list of the specification
    "最近", "最后", "最终", "最初", "最多可用3张", "最少", "最晚", "最早", "最高人民法院", "第一时间",
    "第一次", "第一步", "第一章",
    "第一天", "第一季", "一站式", "一体化", "一键", "一次性", "极光", "极简", "积极", "北极", "南极",
    "顶部", "屋顶", "顶级域名",
    "绝对值", "绝对压强", "首页", "首付", "首先", "首次", "唯一标识", "特级初榨橄榄油", "一级大豆油",
    "100%棉", "最佳赏味期",
    "最佳食用温度", "尽最大努力", "2024年巴黎奥运会乒乓球冠军同款",
    # the same in sentences
    "最近上新 秋冬必备", "最后三天", "第一次露营就带它", "第一时间发货", "每天第一杯咖啡",
    "尽最大努力为您服务", "100%新疆棉",
    "面料：棉100%", "最佳赏味期6个月", "最佳食用温度 4-8℃", "国际转运仓发货", "最大承重150kg",
    "最高转速 12000 转/分",
    "最薄处仅3mm", "最高可减500元", "最快30分钟充满", "最小识别0.01mm", "最长续航：48小时", "万能胶",
    "本店最受欢迎的一款", "这是我们最轻的一款", "本品牌最大的一次升级", "同系列最薄",
    "不是最好，只是更合适", "没有最好，只有更好",
    "我们不说“最好”", "力争成为行业第一", "追求极致", "顾客第一", "安全第一，品质为本",
    "本品不能代替药物，不具有疾病预防、治疗功能",
    "学生发货快", "好处方便看得见", "11月1日–11月11日限时特惠", "舒适之极，品质保证", "舒适之极 品质保证",
    "节能环保 本店包邮", "钟南山院士", "致以最诚挚的祝福", "第 一 步", "登顶，级别更高", "打开光源",
    "活力满满的一天", "品质生活从这里开始", "全国包邮", "百万能量", "最高分辨率 3840×2160", "最高省 300",
    "含棉量100%", "内增高运动鞋", "延时摄影",
    "长靴包过膝盖", "免费送货上门", "打开运费险", "市场价值", "奥运冠军代言", "世锦赛冠军同款",
    "让妈妈最开心",
    "国家一级能效", "第一支口红", "最热的夏天", "最大码 3XL", "献给最爱的妈妈", "做最好的自己",
    "最高可享12期免息", "最低到手价99",
    "不追求最低价", "我们追求最好", "以最真诚的态度服务", "用最好的服务回报您",
)  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_words_pass(text: str) -> None:
    """No false alarm: forbidden words sit inside harmless ones, and sentences change a meaning."""
    report = judge(text)
    assert report.verdict is Verdict.PASS, [each.quote for each in report.findings]
    assert not report.findings


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("最佳赏味期6个月", "第六条第二项"),
        ("尽最大努力", "第五条第一项"),
        ("力争行业第一", "第五条第二项"),
        ("本店最轻的一款", "第六条第一项"),
        ("特级初榨橄榄油", "第六条第三项"),
        ("第24届冬奥会冠军推荐", "第六条第五项"),
        ("100%棉", "第五条第三项"),
    ],
)
def test_a_word_that_passes_is_logged_with_its_clause(text: str, clause: str) -> None:
    """An auditor can read why a suspicious word passed, and where it stood."""
    report = judge(text)
    assert report.verdict is Verdict.PASS
    (exemption,) = report.exemptions
    assert clause in exemption.clause
    assert exemption.reason
    assert text[exemption.start : exemption.end] == exemption.quote


@pytest.mark.parametrize(
    ("harmless", "harmful"),
    [
        ("不是最好", "没有人说不是，最好"),
        ("本店最轻的一款", "本店出品。最轻的一款"),
        ("本店最好的一款", "我们是最好的品牌"),
        ("力争第一", "力争上游！已是第一"),
        ("最大承重150kg", "最大承重惊人。150kg"),
        ("本店最受欢迎的一款", "本店是全国最好的一款"),
        ("巴黎奥运会冠军", "奥运会同款面料。冠军品质"),
        ("不是最好", "难道不是最好？"),
        ("尽最大努力", "最大程度去污，最大品牌"),
        ("追求极致", "力争上游，荣获全国第一"),
        ("不能代替治疗", "不能错过的治疗神器"),
        ("不是最好", "不是最好的我们不卖"),
        ("不是最好", "是不是最好？"),
        ("追求最好", "追求品质的最好选择"),
        ("愿您收到最好的祝福", "庆祝销量第一"),
        ("最大容量500ml", "最大品牌 100 年"),
        ("质量第一", "质量第一的品牌"),
        ("最多可叠加3张", "全球最多人用"),
        ("2024年汤姆斯杯冠军", "保温杯冠军"),
        ("最早明天送达", "中国最早的茶"),
        ("每天第一口", "第一口碑"),
        ("第一手资料", "第一手机品牌"),
        ("第一单立减10元", "第一单品"),
        ("献给最好的你", "最好的人气单品"),
        ("献给最好的孩子们", "最好的孩子学习桌"),
        ("最爱的人", "最强人体工学椅"),
        ("我们最轻的一款", "我们最专业"),
        ("最好在饭后服用", "最好用的锅"),
    ],
)
def test_an_exemption_holds_in_its_own_sentence_only(harmless: str, harmful: str) -> None:
    """The same words, told apart by a full stop or a changed relation, no longer excuse."""
    assert judge(harmless).verdict is Verdict.PASS
    assert judge(harmful).verdict is Verdict.BLOCK


def test_a_line_break_is_layout_in_a_headline_and_an_end_in_points() -> None:
    """Operators break headlines where they look good; each selling point is a sentence of its own."""
    assert check({"headline": "力争成为\n行业第一"}, BOOK).passed
    assert not check({"points": "力争上游\n行业第一"}, BOOK).passed


def test_a_price_range_is_no_period() -> None:
    """限时 wants dates; 9.9-19.9 元 are none."""
    assert judge("11.1-11.11 限时特惠").passed
    assert judge("限时特惠 9.9-19.9元").verdict is Verdict.EVIDENCE


def test_a_harmless_text_explains_only_what_lies_inside_it() -> None:
    """第一次 is harmless, but it does not excuse the 全国第一 it overlaps."""
    report = judge("全国第一次日达")
    assert [each.quote for each in report.findings] == ["全国第一"]


def test_every_finding_has_its_own_place_in_the_original() -> None:
    """Positions count the original's characters, also behind emoji, full width and line breaks."""
    text = "🎉ＡＢ 好物\n全国 第一，Ｎｏ．１，最🔥佳"
    report = judge(text)
    assert [each.quote for each in report.findings] == ["全国 第一", "Ｎｏ．１", "最🔥佳"]
    assert all(text[each.start : each.end] == each.quote for each in report.findings)
    assert [(each.line, each.column) for each in report.findings] == [(2, 1), (2, 7), (2, 12)]


def test_findings_name_their_field_and_the_worst_decides() -> None:
    """Everything that becomes pixels is looked at."""
    report = check({"headline": "首创工艺", "cta": "点击领奖", "footnote": ""}, BOOK)
    assert [(each.field, each.verdict) for each in report.findings] == [
        ("headline", Verdict.EVIDENCE),
        ("cta", Verdict.BLOCK),
    ]
    assert report.verdict is Verdict.BLOCK
    assert not report.passed


def test_no_texts_pass() -> None:
    """Nothing to draw is nothing to forbid."""
    assert check({}, BOOK).passed
    assert check({"headline": ""}, BOOK).passed


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("行业首创", SOURCE),
        ("最受欢迎", "来源：艾瑞咨询《2025 家居报告》"),
        ("据欧睿国际统计，2025年中国销量第一", SOURCE),
        ("2025年全国销量第一", SOURCE),
        ("专利技术", "发明专利 ZL202010123456.7"),
        ("助眠枕", "国食健注G20230001"),
        ("原价199元", "2025年10月成交价 199 元"),
        ("限时特惠", "活动时间：11月1日至11月11日"),
        ("特级面料", "执行标准 GB/T 1535"),
        ("抗菌面料", "广东省微生物分析检测中心，2025年3月"),
        ("国家级非遗", "国家文化和旅游部，2021年公布"),
    ],
)
def test_evidence_satisfies_a_claim_and_becomes_a_footnote(text: str, evidence: str) -> None:
    """The finding stays in the report, the verdict is pass, and the proof must stand beside the claim."""
    report = judge(text, evidence=evidence)
    assert report.verdict is Verdict.PASS, report.findings
    assert any(each.satisfied and each.verdict is Verdict.EVIDENCE for each in report.findings)
    assert report.footnote == evidence


@pytest.mark.parametrize(
    ("text", "evidence", "lacks"),
    [
        ("首创", "2025年数据", "机构"),
        ("首创", "欧睿国际", "日期"),
        ("首创", "权威机构2025年调查", "机构"),
        ("首创", "某研究院 2025", "机构"),
        ("首创", "第三方检测机构，2025年", "机构"),
        ("首创", "有来源", "机构"),
        ("首创", "欧睿国际，近一年", "日期"),
        ("专利", "已获专利", "文号"),
        ("限时", "活动到12月结束", "起止时间"),
        ("原价199元", "2025年成交", "价格"),
    ],
)
def test_evidence_that_names_too_little_is_told_what_it_lacks(text: str, evidence: str, lacks: str) -> None:
    """`An authoritative body` is no institution, `the last year` no period."""
    report = judge(text, evidence=evidence)
    assert report.verdict is Verdict.EVIDENCE
    assert any(lacks in part for each in report.findings for part in each.missing)
    assert report.footnote == ""


def test_evidence_does_not_help_against_a_block() -> None:
    """最佳 cannot be proven; an unlimited ranking neither."""
    assert judge("最佳面料", evidence=SOURCE).verdict is Verdict.BLOCK
    assert judge("销量第一", evidence=SOURCE).verdict is Verdict.BLOCK


def test_evidence_is_checked_as_it_becomes_pixels_too() -> None:
    """A forbidden word in the footnote is forbidden."""
    report = judge("行业首创", evidence=SOURCE + "，最佳品质")
    assert [(e.field, e.quote) for e in report.findings if e.verdict is Verdict.BLOCK] == [
        ("evidence", "最佳")
    ]


def test_a_footnote_that_stands_there_already_is_not_asked_for_again() -> None:
    """The same text, written by hand into the footnote, is enough."""
    report = check({"headline": "行业首创", "footnote": f"＊{SOURCE}"}, BOOK, evidence=SOURCE)
    assert report.passed
    assert report.footnote == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("最生活毛巾", "最生活"),
        ("极品飞侠联名", "极品飞侠"),
        ("第一稻田大米", "第一稻田"),
        ("國家級寶貝", "国家级宝贝"),
    ],
)
def test_names_of_brands_and_models_pass(text: str, name: str) -> None:
    """A name the caller allows explains the word in it, but nowhere else in the text."""
    assert judge(text).verdict is Verdict.BLOCK
    assert judge(text, names=(name,)).verdict is Verdict.PASS
    assert judge(f"{text}，全国第一", names=(name,)).verdict is Verdict.BLOCK


def test_a_name_that_is_itself_a_forbidden_word_needs_its_trademark() -> None:
    """永久 is a brand of bicycles; as a name it has to be shown to be one. A single character is no name."""
    report = judge("永久自行车", names=("永久",))
    assert report.verdict is Verdict.EVIDENCE
    assert judge("永久自行车", names=("永久",), evidence="商标注册号 第12345678号").passed
    assert judge("最佳", names=("最",)).verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    ("pack", "text", "without", "within"),
    [
        (Pack.COSMETICS, "美白精华", Verdict.PASS, Verdict.EVIDENCE),
        (Pack.COSMETICS, "防晒霜", Verdict.PASS, Verdict.EVIDENCE),
        (Pack.COSMETICS, "细胞再生", Verdict.PASS, Verdict.BLOCK),
        (Pack.FOOD, "0糖0脂", Verdict.PASS, Verdict.EVIDENCE),
        (Pack.FOOD, "纯天然", Verdict.EVIDENCE, Verdict.BLOCK),
        (Pack.HEALTH, "预防疾病，本品不能代替药物", Verdict.BLOCK, Verdict.BLOCK),
        (Pack.EDUCATION, "押题班", Verdict.PASS, Verdict.BLOCK),
        (Pack.FINANCE, "年化8%", Verdict.PASS, Verdict.BLOCK),
        (Pack.FINANCE, "保本", Verdict.PASS, Verdict.BLOCK),
        (Pack.PROPERTY, "5分钟直达地铁", Verdict.PASS, Verdict.BLOCK),
        (Pack.PROPERTY, "升值空间大", Verdict.PASS, Verdict.BLOCK),
        (Pack.MEDICAL, "治疗鼻炎", Verdict.BLOCK, Verdict.EVIDENCE),
        (Pack.MEDICAL, "有效率98%", Verdict.PASS, Verdict.BLOCK),
    ],
)
def test_an_industry_has_rules_of_its_own(pack: Pack, text: str, without: Verdict, within: Verdict) -> None:
    """Sun cream is not an umbrella: the same word is judged by the goods it stands for."""
    assert judge(text).verdict is without
    assert judge(text, pack).verdict is within


def test_health_food_prints_its_warning() -> None:
    """广告法 art. 18: 本品不能代替药物 has to stand there; its absence has a finding without a quote."""
    report = judge("每天一粒", Pack.HEALTH)
    assert [(each.word, each.quote) for each in report.findings] == [("本品不能代替药物", "")]
    assert judge("每天一粒\n本品不能代替药物", Pack.HEALTH).passed


def test_a_channel_adds_its_own_words() -> None:
    """秒杀 is ordinary on Taobao and suppressed on 小红书; several channels count together."""
    assert judge("今日秒杀").passed
    assert judge("今日秒杀", channels=("小红书",)).verdict is Verdict.BLOCK
    assert check({"cta": "今日秒杀"}, BOOK, channels=("抖音", "小红书")).verdict is Verdict.BLOCK
    assert judge("仅此一天").verdict is Verdict.EVIDENCE
    assert judge("仅此一天", channels=("小红书",)).verdict is Verdict.BLOCK


def test_the_same_question_gets_the_same_answer() -> None:
    """Deterministic, and the version stands in the report."""
    first, second = (check({"headline": "全国第一 最佳 首创"}, BOOK) for _ in range(2))
    assert first == second
    assert first.version == BOOK.version
