"""The eleven Bitable tables of the red lines: what people edit, what gateways fill, what Chorus reports.

Formula columns (ROI, 可售, 可用库存, 成交跌幅) are for people's eyes; rules compute the same numbers from the
input columns, because change events never carry formula values (Feishu docs: bitable_record_changed_v1).
"""

from bitable_sync.platforms.facts import Can
from bitable_sync.spec import SYNC_ISSUE, FieldSpec, Kind, TableSpec

RULES, PLANS, STOCK, SHOPS, ALERTS, TASKS = "rules", "plans", "stock", "shops", "alerts", "tasks"
ALLOWANCES, SILENCES, DUTY = "allowances", "silences", "duty"
DAY_TOTALS, HOUR_TOTALS = "day_totals", "hour_totals"

DATA_TABLES = (PLANS, STOCK, SHOPS)

COMPARISONS = ("低于", "低于或等于", "高于", "高于或等于")
SEVERITIES = ("提醒", "警告", "严重")
ACTIONS = ("调整预算", "紧急补货", "暂停计划", "知道了")
STATES = ("观察中", "告警中", "处理中", "恢复中", "无法判断", "已恢复")
TASK_STATES = ("待审批", "排队中", "执行中", "已完成", "失败")
TASK_KINDS = ("调整预算", "紧急补货", "暂停计划")
DUTIES = ("工作时间", "免打扰", "值班", "经理", "数据连接")
WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
TABLE_KEYS = {"计划日报": PLANS, "商品库存": STOCK, "店铺日报": SHOPS}
"""What people pick in 数据表 → table key."""
GONE = "平台已删除"
SOURCE = "source"
"""Key of the column of every data table that names the connection a row's numbers came from."""
PLAN_STATES = ("投放中", "已暂停", "预算耗尽", "审核中", "已结束", GONE)
PLATFORMS = ("抖音", "淘宝", "京东", "拼多多")

OWNER = FieldSpec(
    "owner", "负责人", Kind.USER, multiple=True, description="预警卡片发给谁；由人维护，系统不会改"
)
SUPERVISOR = FieldSpec(
    "supervisor", "主管", Kind.USER, multiple=True, description="也可以处理预警的人；由人维护"
)
ISSUE = FieldSpec(SYNC_ISSUE, "同步问题", Kind.TEXT, description="由 Chorus 填写：这一行哪里有问题")
SYNCED_AT = FieldSpec("synced_at", "数据时间", Kind.DATETIME, description="平台数据最近一次写入的时间")

CAME_FROM = FieldSpec(
    SOURCE, "数据来源", Kind.TEXT, description="由 Chorus 填写：这一行的数字来自哪个平台连接；人填的行留空"
)

CHECK = FieldSpec("check_result", "校验结果", Kind.TEXT, description="由 Chorus 填写：这一行哪里不对")

RULES_TABLE = TableSpec(
    RULES,
    "预警规则",
    (
        FieldSpec("name", "规则名称", Kind.TEXT),
        FieldSpec("table", "数据表", Kind.SELECT, options=tuple(TABLE_KEYS)),
        FieldSpec(
            "metric", "指标", Kind.TEXT, description="如 ROI、可用库存、成交跌幅，或数据表里的数字列名"
        ),
        FieldSpec("comparison", "比较", Kind.SELECT, options=COMPARISONS),
        FieldSpec(
            "threshold", "阈值", Kind.TEXT, description="3、1:3（投 1 产 3）、15%、安全库存、安全库存的 80%"
        ),
        FieldSpec(
            "expression",
            "表达式",
            Kind.TEXT,
            description="给熟手用，代替指标、比较、阈值：ROI < 3 and 消耗 > 500",
        ),
        FieldSpec("scope", "范围", Kind.TEXT, description="平台=抖音 且 状态=投放中；留空表示全部"),
        FieldSpec(
            "hold_for", "持续时间", Kind.TEXT, description="越线多久才告警：10分钟、1小时；留空表示立即"
        ),
        FieldSpec(
            "recover", "恢复阈值", Kind.TEXT, description="回到哪里才算恢复；留空时自动取阈值的 110% 或 90%"
        ),
        FieldSpec("keep_for", "恢复持续", Kind.TEXT, description="恢复多久才算结束：10分钟；留空表示立即"),
        FieldSpec("floor", "消耗下限", Kind.NUMBER, description="消耗不到这个数（元）时不判断；留空表示不限"),
        FieldSpec(
            "sample",
            "最小样本",
            Kind.NUMBER,
            description="订单数（商品库存：近7日销量）不到这个数时不判断；留空表示不限",
        ),
        FieldSpec("severity", "严重程度", Kind.SELECT, options=SEVERITIES),
        FieldSpec(
            "owner_field", "负责人字段", Kind.TEXT, description="数据表里哪一列是负责人；留空表示“负责人”"
        ),
        FieldSpec("cc", "抄送", Kind.USER, multiple=True),
        FieldSpec("cc_may_act", "抄送可处理", Kind.CHECKBOX, description="勾选后抄送的人也能点处理按钮"),
        FieldSpec("actions", "动作", Kind.MULTI_SELECT, options=ACTIONS),
        FieldSpec(
            "covers",
            "合并同店预警",
            Kind.CHECKBOX,
            description="只用于店铺日报：店铺越线期间，它的计划和 SKU 不再单独通知",
        ),
        FieldSpec("enabled", "启用", Kind.CHECKBOX),
        FieldSpec(
            "check_result", "校验结果", Kind.TEXT, description="由 Chorus 填写：哪里不对，或会触发多少对象"
        ),
        FieldSpec("checked_at", "最近检查", Kind.DATETIME, description="由 Chorus 填写"),
    ),
    ("name",),
)

PLANS_TABLE = TableSpec(
    PLANS,
    "计划日报",
    (
        FieldSpec("plan_id", "计划ID", Kind.TEXT, description="平台的计划编号，存成文本以免丢位数"),
        FieldSpec("name", "计划名称", Kind.TEXT),
        FieldSpec("platform", "平台", Kind.SELECT, options=PLATFORMS),
        FieldSpec("shop", "店铺", Kind.TEXT),
        FieldSpec("status", "状态", Kind.SELECT, options=PLAN_STATES),
        FieldSpec("budget", "日预算", Kind.CURRENCY),
        FieldSpec("spend", "消耗", Kind.CURRENCY),
        FieldSpec("gmv", "成交金额", Kind.CURRENCY),
        FieldSpec("orders", "成交订单数", Kind.NUMBER),
        FieldSpec("roi", "ROI", Kind.FORMULA, formula="{gmv}/{spend}", formatter="0.00"),
        FieldSpec(
            "can",
            "可操作",
            Kind.SELECT,
            options=tuple(can.value for can in Can),
            description="由 Chorus 填写：卡片上能改这个计划的什么；其余请到广告平台后台",
        ),
        OWNER,
        SUPERVISOR,
        SYNCED_AT,
        CAME_FROM,
        ISSUE,
    ),
    ("plan_id",),
)

STOCK_TABLE = TableSpec(
    STOCK,
    "商品库存",
    (
        FieldSpec("sku", "SKU编码", Kind.TEXT),
        FieldSpec("name", "商品名称", Kind.TEXT),
        FieldSpec("shop", "店铺", Kind.TEXT),
        FieldSpec("qty", "库存", Kind.NUMBER),
        FieldSpec("locked", "锁定", Kind.NUMBER, description="已被订单和拣货占用"),
        FieldSpec("on_way", "在途", Kind.NUMBER, description="已采购未入库"),
        FieldSpec("safety", "安全库存", Kind.NUMBER, description="来自 ERP 的库存下限"),
        FieldSpec("most", "库存上限", Kind.NUMBER, description="来自 ERP"),
        FieldSpec(
            "sales_7d",
            "近7日销量",
            Kind.NUMBER,
            description="用来算可售天数和补货建议；ERP 或导入的数据里有就自动填，没有就由人维护",
        ),
        FieldSpec(
            "lead_days", "到货天数", Kind.NUMBER, description="下单到入库；留空按 7 天；数据里没有时由人维护"
        ),
        FieldSpec(
            "pack",
            "箱规",
            Kind.NUMBER,
            description="一箱几件，补货建议按整箱；留空按 1 件；数据里没有时由人维护",
        ),
        FieldSpec("sellable", "可售", Kind.FORMULA, formula="{qty}-{locked}", formatter="0"),
        FieldSpec("available", "可用库存", Kind.FORMULA, formula="{qty}-{locked}+{on_way}", formatter="0"),
        OWNER,
        SUPERVISOR,
        SYNCED_AT,
        CAME_FROM,
        ISSUE,
    ),
    ("sku",),
)

SHOPS_TABLE = TableSpec(
    SHOPS,
    "店铺日报",
    (
        FieldSpec("shop_id", "店铺ID", Kind.TEXT),
        FieldSpec("name", "店铺", Kind.TEXT),
        FieldSpec("platform", "平台", Kind.SELECT, options=PLATFORMS),
        FieldSpec("gmv", "今日成交金额", Kind.CURRENCY),
        FieldSpec("orders", "今日订单数", Kind.NUMBER),
        FieldSpec("gmv_base", "昨日同时段成交金额", Kind.CURRENCY),
        FieldSpec(
            "drop",
            "成交跌幅",
            Kind.FORMULA,
            formula="({gmv_base}-{gmv})/{gmv_base}",
            formatter="0.00%",
        ),
        OWNER,
        SUPERVISOR,
        SYNCED_AT,
        CAME_FROM,
        ISSUE,
    ),
    ("shop_id",),
)

ALERTS_TABLE = TableSpec(
    ALERTS,
    "预警看板",
    (
        FieldSpec("alert_id", "预警编号", Kind.TEXT),
        FieldSpec("title", "对象", Kind.TEXT),
        FieldSpec("rule", "规则", Kind.TEXT),
        FieldSpec("state", "状态", Kind.SELECT, options=STATES),
        FieldSpec("severity", "严重程度", Kind.SELECT, options=SEVERITIES),
        FieldSpec("value", "当前值", Kind.TEXT),
        FieldSpec("limit", "阈值", Kind.TEXT),
        FieldSpec("sentence", "说明", Kind.TEXT),
        FieldSpec("owner", "负责人", Kind.USER, multiple=True),
        FieldSpec("fired_at", "告警时间", Kind.DATETIME),
        FieldSpec("acked_by", "处理人", Kind.USER, multiple=True),
        FieldSpec("resolved_at", "恢复时间", Kind.DATETIME),
        FieldSpec("episode", "第几次", Kind.NUMBER),
    ),
    ("alert_id",),
)

TASKS_TABLE = TableSpec(
    TASKS,
    "处理任务",
    (
        FieldSpec("task_id", "任务编号", Kind.TEXT),
        FieldSpec("kind", "动作", Kind.SELECT, options=TASK_KINDS),
        FieldSpec("title", "对象", Kind.TEXT),
        FieldSpec("state", "状态", Kind.SELECT, options=TASK_STATES),
        FieldSpec("amount", "提交值", Kind.TEXT),
        FieldSpec("before", "执行前", Kind.TEXT),
        FieldSpec("after", "执行后", Kind.TEXT),
        FieldSpec("asked_by", "提交人", Kind.USER, multiple=True),
        FieldSpec("asked_at", "提交时间", Kind.DATETIME),
        FieldSpec("done_at", "完成时间", Kind.DATETIME),
        FieldSpec("result", "结果", Kind.TEXT),
        FieldSpec("effect", "效果", Kind.TEXT, description="由 Chorus 填写：处理时和几小时后的指标"),
        FieldSpec("alert_id", "预警编号", Kind.TEXT),
    ),
    ("task_id",),
)

ALLOWANCES_TABLE = TableSpec(
    ALLOWANCES,
    "审批额度",
    (
        FieldSpec("name", "说明", Kind.TEXT, description="如：投放组长、其他所有人"),
        FieldSpec("people", "人员", Kind.USER, multiple=True, description="留空表示没有单独写一行的所有人"),
        FieldSpec(
            "budget",
            "日预算上限",
            Kind.NUMBER,
            description="调高后超过这个数（元）要审批；留空不用审批",
        ),
        FieldSpec("pieces", "补货上限", Kind.NUMBER, description="超过这个件数要审批；留空不用审批"),
        CHECK,
    ),
    ("name",),
)

SILENCES_TABLE = TableSpec(
    SILENCES,
    "预警静默",
    (
        FieldSpec("reason", "原因", Kind.TEXT, description="如：双 11 盘点、直播间改版"),
        FieldSpec("rule", "规则", Kind.TEXT, description="规则名称；留空表示所有规则"),
        FieldSpec("objects", "对象", Kind.TEXT, description="编号或名称，多个用顿号隔开；留空表示所有对象"),
        FieldSpec("people", "不通知谁", Kind.USER, multiple=True, description="留空表示谁都不通知"),
        FieldSpec("start", "开始", Kind.DATETIME, description="留空表示立即"),
        FieldSpec("until", "结束", Kind.DATETIME, description="必填：没有结束时间的静默不生效"),
        FieldSpec("who", "设置人", Kind.USER, multiple=True),
        CHECK,
    ),
    ("reason",),
)

DUTY_TABLE = TableSpec(
    DUTY,
    "值班与时段",
    (
        FieldSpec("name", "说明", Kind.TEXT),
        FieldSpec("role", "用途", Kind.SELECT, options=DUTIES),
        FieldSpec("people", "人员", Kind.USER, multiple=True, description="免打扰：留空表示所有人"),
        FieldSpec("days", "星期", Kind.MULTI_SELECT, options=WEEKDAYS, description="留空表示每天"),
        FieldSpec("start", "从几点", Kind.NUMBER, description="0 到 24，如 9 或 9.5；两格都留空表示全天"),
        FieldSpec("end", "到几点", Kind.NUMBER, description="比“从几点”小就是第二天，如 22 到 8"),
        FieldSpec("table", "数据表", Kind.SELECT, options=tuple(TABLE_KEYS), description="留空表示全部"),
        FieldSpec(
            "connection",
            "连接",
            Kind.TEXT,
            description="只用于“数据连接”：平台连接的名称，如 jd，多个用顿号隔开；留空表示其余的连接",
        ),
        CHECK,
    ),
    ("name",),
)

DAY_TOTALS_TABLE = TableSpec(
    DAY_TOTALS,
    "经营日汇总",
    (
        FieldSpec("id", "编号", Kind.TEXT, description="整张表由 Chorus 填写，给仪表盘用"),
        FieldSpec("day", "日期", Kind.DATE),
        FieldSpec("platform", "平台", Kind.SELECT, options=PLATFORMS, open_options=True),
        FieldSpec("shop", "店铺", Kind.TEXT),
        FieldSpec("gmv", "成交金额", Kind.CURRENCY, description="店铺平台的成交；空着表示没有取到，不是 0"),
        FieldSpec("orders", "订单数", Kind.NUMBER),
        FieldSpec("spend", "广告消耗", Kind.CURRENCY),
        FieldSpec("ad_gmv", "广告成交", Kind.CURRENCY, description="广告平台归给计划的成交"),
        FieldSpec("roi", "ROI", Kind.NUMBER, formatter="0.00", description="广告成交 ÷ 广告消耗"),
        FieldSpec("low", "库存告急数", Kind.NUMBER, description="库存不分平台，单独一行"),
        SYNCED_AT,
    ),
    ("id",),
)

HOUR_TOTALS_TABLE = TableSpec(
    HOUR_TOTALS,
    "经营时段",
    (
        FieldSpec("id", "编号", Kind.TEXT, description="整张表由 Chorus 填写，给仪表盘用"),
        FieldSpec("at", "时段", Kind.DATETIME, description="这一小时的开始"),
        FieldSpec("platform", "平台", Kind.SELECT, options=PLATFORMS, open_options=True),
        FieldSpec("gmv", "当日累计成交", Kind.CURRENCY, description="到这一小时最后一次取数为止"),
        FieldSpec("orders", "当日累计订单", Kind.NUMBER),
        FieldSpec("spend", "当日累计消耗", Kind.CURRENCY),
        FieldSpec("ad_gmv", "当日累计广告成交", Kind.CURRENCY),
        FieldSpec("roi", "当日 ROI", Kind.NUMBER, formatter="0.00"),
        FieldSpec("gmv_hour", "本时段成交", Kind.CURRENCY, description="上一小时没有取到数时空着"),
        FieldSpec("spend_hour", "本时段消耗", Kind.CURRENCY, description="上一小时没有取到数时空着"),
        SYNCED_AT,
    ),
    ("id",),
)

TABLES: tuple[TableSpec, ...] = (
    RULES_TABLE,
    PLANS_TABLE,
    STOCK_TABLE,
    SHOPS_TABLE,
    ALERTS_TABLE,
    TASKS_TABLE,
    ALLOWANCES_TABLE,
    SILENCES_TABLE,
    DUTY_TABLE,
    DAY_TOTALS_TABLE,
    HOUR_TOTALS_TABLE,
)
