"""What may stand in the manifest: its keys, their types, and what each one decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.manifest_values import Age, EventType, Key, Member, PersonId, PushTime, Scope, Text, When, Yuan

FEISHU_TASKS_SCOPE = "task:task:write"
"""Asked for only where ``tasks.feishu`` is on."""


class Strict(BaseModel):
    """A part of the manifest: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BaseManifest(Strict):
    """The Bitable base.

    Attributes:
        name: as people see it.
        time_zone: of times in its rows.
        tables: other names for tables, by table key.
    """

    name: Text
    time_zone: Text = "Asia/Shanghai"
    tables: dict[Key, Text] = {}


class QuotaManifest(Strict):
    """The tenant's allowance of API calls.

    Attributes:
        monthly_calls: how many a month, from the Feishu admin console > Billing.
        warn_at: share of it at which the administrator is warned.
    """

    monthly_calls: Annotated[int, Field(ge=1)] = 10000
    warn_at: Annotated[float, Field(gt=0, le=1)] = 0.8


class LimitsManifest(Strict):
    """Guards against bad data.

    Attributes:
        mass_delete: more rows or ad plans than this vanishing at once stay until a person confirms.
        max_age: how old data of a connection may be to decide anything, by table key, e.g. `15m`.
        single_cards: so many alerts of one person in five minutes are cards of their own; more are a summary.
        confirm_above: a rule switched on that hits so many objects tells nobody for a quarter of an hour,
            unless who switched it on confirms it.
    """

    mass_delete: Annotated[int, Field(ge=1)] = 10
    single_cards: Annotated[int, Field(ge=1, le=100)] = 5
    confirm_above: Annotated[int, Field(ge=2)] = 30
    max_age: dict[Key, Age] = {}


class MetricsManifest(Strict):
    """Figures over time: what stands in the tables dashboards are built on, and when effects are looked at.

    Attributes:
        days: how many days 经营日汇总 keeps (a row a day, platform and shop; mind your plan's rows a table).
        hour_days: how many days 经营时段 keeps (a row an hour and platform); its figures are kept for nine.
        effect_hours: how many hours after an action its alert's metric is looked at again.
    """

    days: Annotated[int, Field(ge=1, le=400)] = 400
    hour_days: Annotated[int, Field(ge=1, le=9)] = 8
    effect_hours: Annotated[int, Field(ge=1, le=72)] = 4


class RetentionManifest(Strict):
    """How long what is kept is kept. A daily job deletes what is older, little by little.

    Attributes:
        payslip_months: pay runs with their payslips; the law asks for two years (工资支付暂行规定 §6).
        audit_months: the audit trail; at least as long as payslips, which it explains.
        event_days: events and taps that were handled.
        notice_days: who was told what of an alert that is over.
        backup_days: how old the newest backup may be before doctor and the morning card say so; 0 = backups
            are made by other means.
    """

    payslip_months: Annotated[int, Field(ge=24)] = 36
    audit_months: Annotated[int, Field(ge=24)] = 36
    event_days: Annotated[int, Field(ge=2)] = 14
    notice_days: Annotated[int, Field(ge=14)] = 180
    backup_days: Annotated[int, Field(ge=0)] = 2

    @model_validator(mode="after")
    def _trail_outlives_pay(self) -> Self:
        if self.audit_months < self.payslip_months:
            raise ValueError("audit_months must not be less than payslip_months, which it explains")
        return self


class RoleManifest(Strict):
    """A role of the base: what its members may do with each table (by table key), and who they are.

    A table that is not named is not to be seen. `columns` narrows a table that is named: what may be done
    with single columns (by column key), `add` being filled in a new row and not changed afterwards. Members
    are open_ids of people or open_department_ids; who else was put into the role in Feishu stays.

    Attributes:
        name: as people see it.
        tables: what may be done with a table, by table key: none, read, edit.
        columns: narrower for single columns, by table key and column key: none, read, add, edit.
        members: people (`ou_…`) and departments (`od-…`) that setup puts into it.
    """

    name: Text
    tables: dict[Key, Literal["none", "read", "edit"]] = {}
    columns: dict[Key, dict[Key, Literal["none", "read", "add", "edit"]]] = {}
    members: Annotated[tuple[Member, ...], Field(strict=False)] = ()


class ApprovalManifest(Strict):
    """A Feishu approval.

    Attributes:
        name: for people.
        code: from the address of its editing page, once it exists; without one that approval is off.
    """

    name: Text
    code: Text | None = None


class TasksManifest(Strict):
    """Feishu Tasks (飞书任务), besides the table 处理任务, which is always there.

    Attributes:
        feishu: every action of red lines also appears as a Feishu task of who asked for it, followed by those
            who were told of the alert, and is completed when the action ends. Needs the permission
            task:task:write. Switched off again, tasks that are open stay as they are.
    """

    feishu: bool = False


class PayrollManifest(Strict):
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


class ProviderManifest(Strict):
    """An image model. The key stands in the environment: ``CHORUS_IMAGE_KEY_<NAME>``.

    Attributes:
        name: ours; ``ark``, ``qwen`` and ``openai`` bring everything else along.
        kind: the dialect it speaks; the name's if left out.
        base_url: with the version segment, e.g. https://ark.cn-beijing.volces.com/api/v3.
        model: the provider's id of the model.
        price: yuan for a picture, in quotes ("0.25").
        quality: ``low``, ``medium``, ``high`` (OpenAI only).
    """

    name: Key
    kind: Literal["openai", "ark", "qwen"] | None = None
    base_url: Text | None = None
    model: Text | None = None
    price: Yuan | None = None
    quality: Text | None = None


class ImageBudget(Strict):
    """Yuan that may be spent on generated pictures; a picture beyond it is painted here instead.

    Attributes:
        day: by everybody in a day.
        requester_day: by one requester in a day.
        request: on one request.
    """

    day: Yuan = "100"
    requester_day: Yuan = "40"
    request: Yuan = "20"


class CreativeManifest(Strict):
    """Images. All of it may be left out; then backgrounds are painted without a model, at no cost.

    Attributes:
        providers: image models in the order they are asked; the next one stands in when one is out.
        budget: what may be spent.
        mark: the visible sign on pictures with a generated background; "" leaves it off.
        label_producer: the provider's code in the hidden sign, 27 characters, given by the authority.
        wiki_space: id of the wiki space finished material is archived in; "" = no page, only the table.
        wiki_parent: page of that space under which pages are made; "" = at the top.
        site: address of your Feishu as people see it, e.g. https://yourcompany.feishu.cn; for links to pages
            and tables.
    """

    providers: Annotated[tuple[ProviderManifest, ...], Field(strict=False)] = ()
    budget: ImageBudget = ImageBudget()
    mark: str = "AI生成"
    label_producer: Annotated[str, Field(pattern=r"^[0-9A-Z]*$")] = ""
    wiki_space: str = ""
    wiki_parent: str = ""
    site: Annotated[str, Field(pattern=r"^(https?://[^\s/]+/?)?$")] = ""


USUAL_FEEDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("taobao", "jd", "doudian"), ("shops",)),
    **dict.fromkeys(("taobao_ads", "jd_ads", "qianchuan", "qianchuan_uni"), ("plans",)),
    **dict.fromkeys(("jushuitan", "wdt_flagship"), ("stock", "purchases")),
    "wdt_enterprise": ("stock",),
}
"""What a kind of connection feeds when the manifest does not say; files and databases have no usual."""


class ConnectionManifest(Strict):
    """A shop, advertising account, ERP, folder or database that numbers come from.

    Its credentials are entered with `chorus shops add <name>` and stand sealed in the database.

    Attributes:
        name: ours; names its credentials too.
        kind: of platform.
        shop: as people call it; the same at every connection of the shop.
        feeds: which tables it fills, and whether it takes purchase orders; the kind's usual if left out.
        credential: name of the authorisation to use, when several connections share one.
        options: settings of the kind, see `docs/GATEWAYS.md`.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
    kind: Literal[
        "taobao", "taobao_ads", "jd", "jd_ads", "doudian", "qianchuan", "qianchuan_uni", "jushuitan",
        "wdt_flagship", "wdt_enterprise", "folder", "sql",
    ]  # fmt: skip
    shop: Text | None = None
    feeds: Annotated[tuple[Literal["shops", "plans", "stock", "purchases"], ...], Field(strict=False)] = ()
    credential: Text | None = None
    options: dict[Key, Text] = {}

    @property
    def fed(self) -> tuple[str, ...]:
        """What it feeds: as written, or what its kind usually does."""
        return self.feeds or USUAL_FEEDS.get(self.kind, ())

    @model_validator(mode="after")
    def _feeds_something(self) -> Self:
        if not self.fed:
            msg = f"connection {self.name}: say under feeds what it brings: shops, plans, stock"
            raise ValueError(msg)
        return self


class CockpitManifest(Strict):
    """The cockpit: who may look, besides the administrator.

    Attributes:
        viewers: open_ids of people and open_department_ids; whoever is in a department below counts too.
    """

    viewers: Annotated[tuple[Member, ...], Field(strict=False)] = ()


class Manifest(Strict):
    """The whole manifest.

    Attributes:
        name: of the app, as people see it in Feishu.
        connection: how events reach us: by a public address, or over a long connection.
        scopes: permissions the app needs.
        events: events it subscribes to.
        callbacks: what Feishu asks and waits for.
        base: the Bitable base.
        schedules: when work happens by itself: `every 10m`, or a cron line in Asia/Shanghai.
        quota: the monthly allowance of API calls.
        limits: guards against bad data.
        metrics: figures over time.
        retention: how long what is kept is kept.
        roles: roles of the base.
        approvals: Feishu approvals, by our key.
        tasks: Feishu tasks.
        payroll: pay.
        creative: images.
        cockpit: the page with the company's figures.
        connections: shops, advertising accounts, ERPs, folders and databases.
    """

    name: Text
    connection: Literal["webhook", "websocket"] = "webhook"
    scopes: Annotated[tuple[Scope, ...], Field(strict=False)] = ()
    events: Annotated[tuple[EventType, ...], Field(strict=False)] = ()
    callbacks: Annotated[tuple[EventType, ...], Field(strict=False)] = ()
    base: BaseManifest
    schedules: dict[Key, When] = {}
    quota: QuotaManifest = QuotaManifest()
    limits: LimitsManifest = LimitsManifest()
    metrics: MetricsManifest = MetricsManifest()
    retention: RetentionManifest = RetentionManifest()
    roles: Annotated[tuple[RoleManifest, ...], Field(strict=False)] = ()
    approvals: dict[Key, ApprovalManifest] = {}
    tasks: TasksManifest = TasksManifest()
    payroll: PayrollManifest = PayrollManifest()
    creative: CreativeManifest = CreativeManifest()
    cockpit: CockpitManifest = CockpitManifest()
    connections: Annotated[tuple[ConnectionManifest, ...], Field(strict=False)] = ()

    @property
    def wanted_scopes(self) -> tuple[str, ...]:
        """The scopes, with those that something switched on needs besides."""
        more = (FEISHU_TASKS_SCOPE,) if self.tasks.feishu else ()
        return tuple(dict.fromkeys((*self.scopes, *more)))

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [each.name for each in self.connections]
        twice = sorted(
            {name for name in names if names.count(name) > 1} | set(names) & {"ads", "shop", "erp"}
        )
        if twice:
            msg = f"connections: {', '.join(twice)} stands twice (ads, shop and erp are the environment's)"
            raise ValueError(msg)
        return self
