"""The five Bitable tables of images: what people ask for, and what brands, layouts and words are made of."""

from bitable_sync.spec import SYNC_ISSUE, FieldSpec, FormSpec, Kind, TableSpec, ViewSpec
from creative.studio.formats import FORMATS
from creative.wording.model import PACKS
from creative.wording.rows import WORDS, WORDS_TABLE

__all__ = [
    "ASSETS",
    "BRANDS",
    "FORMAT_NAMES",
    "REQUESTS",
    "REQUESTS_TABLE",
    "STATES",
    "TABLES",
    "TEMPLATES",
    "WORDS",
]

REQUESTS, BRANDS, TEMPLATES, ASSETS = "art_requests", "art_brands", "art_templates", "art_assets"

FORMAT_NAMES = tuple(each.name for each in FORMATS.values())
STYLES = (
    "极简", "高级", "清新", "科技", "国潮", "夏日", "圣诞", "春节", "双11", "森林", "居家", "运动", "甜美",
)  # fmt: skip
STATES = ("草稿", "待修改", "生成中", "待审", "已定稿", "已归档", "失败", "已取消")

ISSUE = FieldSpec(SYNC_ISSUE, "同步问题", Kind.TEXT, description="由 Chorus 填写：这一行哪里有问题")
CHECK = FieldSpec("check_result", "校验结果", Kind.TEXT, description="由 Chorus 填写：哪里不对，或已启用")

_ASKED = (
    "title", "requester", "designer", "brand", "product", "headline", "subline", "points", "price", "cta",
    "footnote", "evidence", "styles", "photos", "formats", "template", "variants", "deadline", "remark",
)  # fmt: skip

REQUESTS_TABLE = TableSpec(
    REQUESTS,
    "素材需求",
    (
        FieldSpec("title", "需求名称", Kind.TEXT, description="给自己看的名字，如“圣诞马克杯主推海报”"),
        FieldSpec(
            "status", "状态", Kind.SELECT, options=STATES, description="留空就会开始；“草稿”表示先放着"
        ),
        FieldSpec("note", "说明", Kind.TEXT, description="由 Chorus 填写：进展，或哪里需要修改"),
        FieldSpec("requester", "需求人", Kind.USER, description="收到样图卡片、可以定稿的人"),
        FieldSpec("designer", "设计师", Kind.USER, description="也会收到卡片，可以定稿和重做"),
        FieldSpec("brand", "品牌", Kind.TEXT, description="“品牌规范”表里的名称"),
        FieldSpec(
            "product", "商品", Kind.TEXT, description="如“陶瓷马克杯 350ml”；只用来生成场景，不会画成字"
        ),
        FieldSpec("headline", "主标题", Kind.TEXT, description="最多 40 字；想在哪里换行就按回车"),
        FieldSpec("subline", "副标题", Kind.TEXT),
        FieldSpec("points", "卖点", Kind.TEXT, description="每行一条，最多 4 条"),
        FieldSpec("price", "价格/利益点", Kind.TEXT, description="如“到手价 ¥89”“第二件半价”"),
        FieldSpec("cta", "行动按钮", Kind.TEXT, description="如“立即抢购”"),
        FieldSpec("footnote", "小字", Kind.TEXT, description="活动时间、数据来源等，会印在图上"),
        FieldSpec(
            "evidence",
            "依据",
            Kind.TEXT,
            description="数据、专利、奖项的出处：机构、范围、时间；文案需要依据时必填",
        ),
        FieldSpec("styles", "风格", Kind.MULTI_SELECT, options=STYLES, open_options=True),
        FieldSpec(
            "photos", "商品图", Kind.ATTACHMENT, description="JPG、PNG 或 WebP；白底图或透明图效果最好"
        ),
        FieldSpec("formats", "尺寸", Kind.MULTI_SELECT, options=FORMAT_NAMES),
        FieldSpec("template", "模板", Kind.TEXT, description="“模板”表里的名称；留空自动选"),
        FieldSpec("variants", "版数", Kind.NUMBER, formatter="0", description="1 到 6；留空按 4"),
        FieldSpec("deadline", "截止时间", Kind.DATETIME, formatter="yyyy/MM/dd HH:mm"),
        FieldSpec("remark", "备注", Kind.TEXT, description="对画面的要求，如“木桌、早晨的光”；会写进提示词"),
        FieldSpec("results", "成品图", Kind.ATTACHMENT, description="由 Chorus 添加；旧版本会保留"),
        FieldSpec(
            "layered", "分层文件", Kind.ATTACHMENT, description="由 Chorus 添加：PSD 和 SVG，可直接修改"
        ),
        FieldSpec("final", "设计定稿", Kind.ATTACHMENT, description="设计师改好的图放这里，定稿时用它代替"),
        FieldSpec("prompt", "提示词", Kind.TEXT, description="由 Chorus 填写：画面是怎么要来的"),
        FieldSpec("model", "模型", Kind.TEXT, description="由 Chorus 填写"),
        FieldSpec("cost", "费用", Kind.CURRENCY, description="由 Chorus 填写：到目前为止的生成费用（元）"),
        FieldSpec("version", "版本", Kind.NUMBER, formatter="0", description="由 Chorus 填写"),
        FieldSpec("wiki", "归档页", Kind.URL, description="由 Chorus 填写"),
        ISSUE,
    ),
    (),
    views=(ViewSpec("按状态", "kanban"), ViewSpec("成品画册", "gallery")),
    form=FormSpec(
        "提交素材需求",
        _ASKED,
        ("requester", "brand", "headline", "formats"),
        "填好后几分钟内，样图会发到飞书里。",
        shared=True,
    ),
)

BRANDS_TABLE = TableSpec(
    BRANDS,
    "品牌规范",
    (
        FieldSpec("name", "品牌", Kind.TEXT),
        FieldSpec("logo", "标志", Kind.ATTACHMENT, description="透明底 PNG；放在深色画面上的版本"),
        FieldSpec(
            "logo_dark", "标志（浅底用）", Kind.ATTACHMENT, description="透明底 PNG；留空则两种底都用“标志”"
        ),
        FieldSpec("primary", "主色", Kind.TEXT, description="如 #1F3A5F"),
        FieldSpec("secondary", "辅色", Kind.TEXT),
        FieldSpec("accent", "强调色", Kind.TEXT, description="价格、按钮用"),
        FieldSpec("ink", "深色文字", Kind.TEXT),
        FieldSpec("paper", "浅色文字", Kind.TEXT),
        FieldSpec("tone", "调性", Kind.TEXT, description="如“温暖、克制”；会写进提示词"),
        FieldSpec("wanted", "画面要有", Kind.TEXT),
        FieldSpec("unwanted", "画面不要有", Kind.TEXT),
        FieldSpec(
            "names", "专有名词", Kind.TEXT, description="品牌、型号、商标，用顿号分开；不按广告法词语检查"
        ),
        FieldSpec(
            "industries",
            "行业",
            Kind.MULTI_SELECT,
            options=tuple(PACKS),
            description="加上这些行业自己的广告法词语；留空按普通商品检查",
        ),
        FieldSpec(
            "safe", "留白", Kind.PERCENT, formatter="0%", description="文字离边缘的距离，占短边；留空按 5%"
        ),
        FieldSpec("owner", "负责人", Kind.USER, multiple=True, description="也可以定稿"),
        CHECK,
    ),
    ("name",),
)

TEMPLATES_TABLE = TableSpec(
    TEMPLATES,
    "模板",
    (
        FieldSpec("name", "模板", Kind.TEXT),
        FieldSpec("layout", "版式", Kind.TEXT, description="JSON；从自带的模板复制一份来改"),
        FieldSpec("enabled", "启用", Kind.CHECKBOX),
        CHECK,
    ),
    ("name",),
)

ASSETS_TABLE = TableSpec(
    ASSETS,
    "素材库",
    (
        FieldSpec("asset_id", "素材编号", Kind.TEXT),
        FieldSpec("title", "名称", Kind.TEXT),
        FieldSpec("file", "文件", Kind.ATTACHMENT),
        FieldSpec("format", "尺寸", Kind.TEXT),
        FieldSpec("shape", "版式", Kind.SELECT, options=("方图", "竖图", "长竖图", "横图", "横幅")),
        FieldSpec("brand", "品牌", Kind.TEXT),
        FieldSpec("product", "商品", Kind.TEXT),
        FieldSpec("tags", "标签", Kind.MULTI_SELECT, open_options=True),
        FieldSpec("text", "图上文字", Kind.TEXT),
        FieldSpec("wiki", "归档页", Kind.URL),
        FieldSpec("approver", "定稿人", Kind.USER),
        FieldSpec("at", "归档时间", Kind.DATETIME, formatter="yyyy/MM/dd HH:mm"),
        FieldSpec("model", "模型", Kind.TEXT),
        FieldSpec("digest", "提示词摘要", Kind.TEXT),
        FieldSpec("label", "标识", Kind.TEXT, description="写进文件的 AI 生成标识"),
        FieldSpec("sha256", "SHA-256", Kind.TEXT),
        FieldSpec("dhash", "感知哈希", Kind.TEXT),
        FieldSpec("similar", "相近素材", Kind.TEXT, description="由 Chorus 填写：可能重复，请人看一眼"),
    ),
    ("asset_id",),
)  # fmt: skip

TABLES: tuple[TableSpec, ...] = (
    REQUESTS_TABLE, BRANDS_TABLE, TEMPLATES_TABLE, WORDS_TABLE, ASSETS_TABLE,
)  # fmt: skip
