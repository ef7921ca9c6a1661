"""The Bitable tables of pay: where inputs come together, what HR looks at, what Chorus reports.

All of them are private: their rows never stand readable in our own databases. 薪资核算 gets further
columns from 薪资结构 (one formula column per component); `payslip.structure` makes those.
"""

from bitable_sync.spec import SYNC_ISSUE, FieldSpec, FormSpec, Kind, TableSpec, ViewSpec

EMPLOYEES, ATTENDANCE, SCORES, COMMISSION, PLANS = (
    "pay_employees", "pay_attendance", "pay_scores", "pay_commission", "pay_plans",
)  # fmt: skip
DEDUCTIONS, ONE_OFFS, SOCIAL, TAX, PARAMS = (
    "pay_deductions", "pay_one_offs", "pay_social", "pay_tax", "pay_params",
)  # fmt: skip
STRUCTURE, PAYROLL, SLIPS, ANOMALIES = "pay_structure", "payroll", "pay_slips", "pay_anomalies"
OPENING = "pay_opening"

INPUT_TABLES = (
    EMPLOYEES, ATTENDANCE, SCORES, COMMISSION, PLANS, DEDUCTIONS, ONE_OFFS, SOCIAL, TAX, PARAMS, STRUCTURE,
    OPENING,
)  # fmt: skip
"""A change in any of these after a run was signed voids the signatures."""

FUNDS = ("养老", "失业", "工伤", "医疗", "生育", "大病", "公积金")
ROUNDINGS = ("四舍五入", "进位", "舍去")
CATEGORIES = ("应发", "税前扣减", "税后扣减", "参考")
COMMISSION_KINDS = ("固定比例", "分段阶梯", "全额阶梯", "ROI分成", "团队池")
ONE_OFF_KINDS = ("全年一次性奖金", "离职补偿", "补发", "税前扣款", "法院扣划", "损失赔偿")
DEDUCTION_ITEMS = (
    "子女教育", "3岁以下婴幼儿照护", "赡养老人", "继续教育", "首套房贷款利息", "住房租金", "个人养老金",
    "其他",
)  # fmt: skip
SLIP_STATES = ("待推送", "已推送", "已查看", "已确认", "有异议", "已撤回", "已更正", "推送失败")
ROW_STATES = ("待核算", "已核算", "不一致", "缺数据", "已签批", "已发放")

NO = FieldSpec("no", "工号", Kind.TEXT, description="人事编号，所有表用它对人")
NAME = FieldSpec("name", "姓名", Kind.TEXT)
MONTH = FieldSpec("month", "月份", Kind.TEXT, description="工资所属月，如 2026-10")
FROM = FieldSpec("start", "生效起", Kind.DATE)
TO = FieldSpec("end", "生效止", Kind.DATE, description="留空表示至今有效")
SOURCE = FieldSpec("source", "来源", Kind.TEXT, description="由 Chorus 填写：哪个接口或文件")
SOURCE_AT = FieldSpec("source_at", "采集时间", Kind.DATETIME, description="由 Chorus 填写")
ISSUE = FieldSpec(SYNC_ISSUE, "同步问题", Kind.TEXT, description="由 Chorus 填写：这一行哪里有问题")


def _number(key: str, name: str, description: str = "", formatter: str = "0.00") -> FieldSpec:
    return FieldSpec(key, name, Kind.NUMBER, description=description, formatter=formatter)


EMPLOYEES_TABLE = TableSpec(
    EMPLOYEES,
    "员工",
    (
        NO,
        NAME,
        FieldSpec("person", "飞书账号", Kind.USER, description="工资条推给谁；一人一个账号"),
        FieldSpec("department", "部门", Kind.TEXT),
        FieldSpec("supervisor", "主管", Kind.USER, description="部门工资的审批人"),
        FieldSpec("city", "城市", Kind.TEXT, description="决定社保、公积金和最低工资"),
        FieldSpec("join", "入职日期", Kind.DATE),
        FieldSpec("leave", "离职日期", Kind.DATE),
        _number("base_wage", "基本工资"),
        _number("post_wage", "岗位工资"),
        _number("merit_base", "绩效基数"),
        _number("social_base", "社保基数"),
        _number("fund_base", "公积金基数"),
        FieldSpec("fund_rate", "公积金比例", Kind.PERCENT, description="留空按方案", formatter="0.00%"),
        FieldSpec("base_from", "基数起月", Kind.TEXT, description="现在的基数从哪个月起用；空为 1 月"),
        FieldSpec("bank", "开户行", Kind.TEXT, description="支付宝账户填“支付宝”"),
        FieldSpec("account", "收款账号", Kind.TEXT, description="存成文本；19 位数字会丢精度"),
        FieldSpec("holder", "户名", Kind.TEXT),
        FieldSpec("first_job", "本年首次就业", Kind.CHECKBOX, description="2020 年第 13 号公告；员工声明"),
        FieldSpec("low_income", "上年收入不超6万", Kind.CHECKBOX, description="2020 年第 19 号公告"),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("no",),
    private=True,
)

ATTENDANCE_TABLE = TableSpec(
    ATTENDANCE,
    "考勤汇总",
    (
        NO,
        NAME,
        MONTH,
        _number("due_days", "应出勤天数"),
        _number("off_days", "未在职天数", "月中入职或离职：不在职的工作日"),
        _number("absent_days", "缺勤天数", "旷工"),
        _number("leave_days", "事假天数"),
        _number("sick_days", "病假天数"),
        _number("late", "迟到次数", formatter="0"),
        _number("overtime_workday", "工作日加班", "小时"),
        _number("overtime_restday", "休息日加班", "小时，未调休"),
        _number("overtime_holiday", "节假日加班", "小时"),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("no", "month"),
    private=True,
)

SCORES_TABLE = TableSpec(
    SCORES,
    "绩效评分",
    (
        NO,
        NAME,
        MONTH,
        _number("score", "评分", "0–120"),
        _number("factor", "绩效系数", "如 1.10；乘绩效基数"),
        FieldSpec("supervisor", "评分人", Kind.USER),
        FieldSpec("comment", "评语", Kind.TEXT),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("no", "month"),
    private=True,
    form=FormSpec(
        "绩效评分表",
        ("no", "month", "score", "factor", "comment"),
        ("no", "month", "factor"),
        description="给本部门员工评分；只有主管和人事可以填写",
        shared=False,
    ),
)

COMMISSION_TABLE = TableSpec(
    COMMISSION,
    "提成数据",
    (
        NO,
        NAME,
        MONTH,
        FieldSpec("plan", "提成方案", Kind.TEXT, description="提成标准里的方案名"),
        _number("base", "计提基数", "实收金额（元），不是 GMV"),
        _number("spend", "广告花费", "ROI分成用"),
        _number("target", "目标ROI", "ROI分成用，如 4 表示 1:4"),
        _number("pool", "团队池", "团队池用，整池金额"),
        _number("coefficient", "个人系数", "团队池用"),
        _number("clawback", "退款扣回", "正数，冲减本月提成"),
        FieldSpec("refers", "对应月份", Kind.TEXT, description="扣回对应的原提成月份"),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("no", "month", "plan"),
    private=True,
)

PLANS_TABLE = TableSpec(
    PLANS,
    "提成标准",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        FieldSpec("plan", "提成方案", Kind.TEXT),
        FieldSpec("kind", "方式", Kind.SELECT, options=COMMISSION_KINDS),
        _number("above", "档位下限", "不含"),
        _number("upto", "档位上限", "含；留空表示以上"),
        FieldSpec("rate", "比例", Kind.PERCENT, formatter="0.00%"),
        FROM,
        TO,
        ISSUE,
    ),
    ("row",),
    private=True,
)

DEDUCTIONS_TABLE = TableSpec(
    DEDUCTIONS,
    "专项附加扣除",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        NO,
        NAME,
        FieldSpec("item", "项目", Kind.SELECT, options=DEDUCTION_ITEMS),
        _number("monthly", "每月金额"),
        FieldSpec("start", "扣除起月", Kind.TEXT, description="如 2026-01"),
        FieldSpec("end", "扣除止月", Kind.TEXT, description="留空表示至年末"),
        FieldSpec("declared", "申报月份", Kind.TEXT, description="扣缴端从哪个月起有这条，如 2026-06"),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("row",),
    private=True,
)

ONE_OFFS_TABLE = TableSpec(
    ONE_OFFS,
    "一次性项目",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        NO,
        NAME,
        MONTH,
        FieldSpec("kind", "类型", Kind.SELECT, options=ONE_OFF_KINDS),
        _number("amount", "金额", "正数"),
        FieldSpec("separate", "单独计税", Kind.CHECKBOX, description="全年一次性奖金用；一年一次"),
        FieldSpec("note", "说明", Kind.TEXT),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("row",),
    private=True,
)

SOCIAL_TABLE = TableSpec(
    SOCIAL,
    "社保公积金方案",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        FieldSpec("city", "城市", Kind.TEXT),
        FieldSpec("fund", "险种", Kind.SELECT, options=FUNDS),
        FieldSpec("employee_rate", "个人比例", Kind.PERCENT, formatter="0.00%"),
        FieldSpec("employer_rate", "单位比例", Kind.PERCENT, formatter="0.00%"),
        _number("floor", "基数下限"),
        _number("cap", "基数上限"),
        _number("employee_fixed", "个人加额"),
        _number("employer_fixed", "单位加额"),
        _number("unit", "舍入单位", "0.01 到分，0.1 到角，1 到元"),
        FieldSpec("rounding", "舍入方式", Kind.SELECT, options=ROUNDINGS),
        _number("cutoff_day", "截止日", "当月几日前入职才缴；留空表示都缴", formatter="0"),
        FROM,
        TO,
        FieldSpec("basis", "依据", Kind.TEXT),
        ISSUE,
    ),
    ("row",),
    private=True,
)

TAX_TABLE = TableSpec(
    TAX,
    "税率表",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        FieldSpec("table", "表", Kind.SELECT, options=("年度", "按月换算")),
        _number("upto", "级距上限", "含；留空表示以上"),
        FieldSpec("rate", "税率", Kind.PERCENT, formatter="0%"),
        _number("quick", "速算扣除数"),
        FROM,
        TO,
        FieldSpec("basis", "依据", Kind.TEXT),
        ISSUE,
    ),
    ("row",),
    private=True,
)

PARAMS_TABLE = TableSpec(
    PARAMS,
    "薪酬参数",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        FieldSpec("name", "参数", Kind.TEXT, description="公式里可以用 [参数名]"),
        FieldSpec("city", "城市", Kind.TEXT, description="留空表示全公司"),
        _number("value", "值", formatter="0.0000"),
        FROM,
        TO,
        FieldSpec("basis", "依据", Kind.TEXT),
        ISSUE,
    ),
    ("row",),
    private=True,
)

STRUCTURE_TABLE = TableSpec(
    STRUCTURE,
    "薪资结构",
    (
        FieldSpec("name", "组件", Kind.TEXT),
        FieldSpec("category", "类别", Kind.SELECT, options=CATEGORIES),
        FieldSpec("formula", "公式", Kind.TEXT, description="如 ROUND([绩效基数]*[绩效系数],2)"),
        _number("order", "顺序", formatter="0"),
        FieldSpec("taxable", "计税", Kind.CHECKBOX),
        FieldSpec("minimum_wage", "计入最低工资", Kind.CHECKBOX),
        FieldSpec("enabled", "启用", Kind.CHECKBOX),
        FieldSpec("check_result", "校验结果", Kind.TEXT, description="由 Chorus 填写"),
        ISSUE,
    ),
    ("name",),
    private=True,
)

OPENING_TABLE = TableSpec(
    OPENING,
    "期初累计",
    (
        NO,
        NAME,
        FieldSpec("through", "截至月份", Kind.TEXT, description="发放月，含；如 2026-09"),
        _number("income", "累计收入", "当年在本公司的工资薪金收入，个税扣缴端“累计收入”"),
        _number("exempt", "累计免税收入"),
        _number("special", "累计专项扣除", "个人社保公积金"),
        _number("withheld", "累计已预扣税额", "实际已扣缴，不含单独计税的年终奖"),
        FieldSpec("bonus_used", "年终奖已单独计税", Kind.CHECKBOX),
        SOURCE,
        SOURCE_AT,
        ISSUE,
    ),
    ("no",),
    private=True,
)
"""What was paid and withheld in this tax year before Chorus paid: without it the first tax would be wrong."""

FIELD_COLUMNS: tuple[tuple[str, str], ...] = (
    ("base_wage", "基本工资"),
    ("post_wage", "岗位工资"),
    ("merit_base", "绩效基数"),
    ("factor", "绩效系数"),
    ("commission", "提成金额"),
    ("due_days", "应出勤天数"),
    ("off_days", "未在职天数"),
    ("absent_days", "缺勤天数"),
    ("leave_days", "事假天数"),
    ("sick_days", "病假天数"),
    ("late", "迟到次数"),
    ("overtime_workday", "工作日加班"),
    ("overtime_restday", "休息日加班"),
    ("overtime_holiday", "节假日加班"),
)
"""Input columns of 薪资核算: key and the name formulas use. Parameters that formulas use get one as well."""

PAYROLL_TABLE = TableSpec(
    PAYROLL,
    "薪资核算",
    (
        NO,
        NAME,
        MONTH,
        FieldSpec("department", "部门", Kind.TEXT),
        *(_number(key, name, formatter="0.00") for key, name in FIELD_COLUMNS),
        _number("one_off", "一次性项目", "由 Chorus 计算"),
        _number("gross", "应发合计", "由 Chorus 计算"),
        _number("social", "社保公积金（个人）", "由 Chorus 计算"),
        _number("tax", "个人所得税", "由 Chorus 计算"),
        _number("aftertax", "税后扣款", "由 Chorus 计算"),
        _number("net", "实发工资", "由 Chorus 计算"),
        _number("employer", "单位成本", "由 Chorus 计算：单位承担的社保公积金"),
        FieldSpec("state", "状态", Kind.SELECT, options=ROW_STATES),
        FieldSpec("verdict", "核对结果", Kind.TEXT, description="由 Chorus 填写：与表格公式的核对"),
        FieldSpec("computed_at", "核算时间", Kind.DATETIME),
        ISSUE,
    ),
    ("no", "month"),
    private=True,
    grows=True,
    views=(ViewSpec("按部门"),),
)

SLIPS_TABLE = TableSpec(
    SLIPS,
    "工资条状态",
    (
        NO,
        NAME,
        MONTH,
        _number("version", "版本", formatter="0"),
        FieldSpec("state", "状态", Kind.SELECT, options=SLIP_STATES),
        FieldSpec("sent_at", "推送时间", Kind.DATETIME),
        FieldSpec("read_at", "查看时间", Kind.DATETIME),
        FieldSpec("confirmed_at", "确认时间", Kind.DATETIME),
        FieldSpec("note", "说明", Kind.TEXT),
    ),
    ("no", "month", "version"),
    private=True,
)

ANOMALIES_TABLE = TableSpec(
    ANOMALIES,
    "薪酬异常",
    (
        FieldSpec("row", "编号", Kind.TEXT),
        FieldSpec("run", "批次", Kind.TEXT),
        NO,
        NAME,
        FieldSpec("kind", "类型", Kind.TEXT),
        FieldSpec("sentence", "说明", Kind.TEXT),
        FieldSpec("settled_by", "处理人", Kind.TEXT),
        FieldSpec("settled_at", "处理时间", Kind.DATETIME),
        FieldSpec("reason", "处理理由", Kind.TEXT),
    ),
    ("row",),
    private=True,
)

TABLES: tuple[TableSpec, ...] = (
    EMPLOYEES_TABLE, ATTENDANCE_TABLE, SCORES_TABLE, COMMISSION_TABLE, PLANS_TABLE, DEDUCTIONS_TABLE,
    ONE_OFFS_TABLE, SOCIAL_TABLE, TAX_TABLE, PARAMS_TABLE, STRUCTURE_TABLE, PAYROLL_TABLE, SLIPS_TABLE,
    ANOMALIES_TABLE, OPENING_TABLE,
)  # fmt: skip
