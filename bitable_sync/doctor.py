"""What is wrong with this installation, each with the next step to take. Every check is pure over its inputs.

``examine`` gathers the inputs and runs them all; one that cannot be gathered is a finding itself and stops
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from bitable_sync import probe
from bitable_sync.access import FULL, Todo
from bitable_sync.context import Sync
from bitable_sync.drift import Finding
from bitable_sync.rights import odd_tables, strangers
from bitable_sync.setup import Setup
from bitable_sync.setup_plan import Live, Step
from runtime.errors import ChorusError
from runtime.manifest import Manifest
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.feishu import Feishu
    from runtime.floor import Floor

SKEW = 60.0  # seconds of clock difference from which on signatures of partners begin to fail
BITABLE_EVENTS = "drive.file.bitable_"
EVENT_SCOPES = ("bitable:app", "drive:drive", "base:record:read")


class Level(Enum):
    """How bad: OK, WARN (works, look at it soon) or FAIL (something does not work)."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, what was found (a sentence), what to do next (empty if nothing)."""

    level: Level
    name: str
    sentence: str
    next_step: str = ""


def exit_code(checks: Iterable[Check]) -> int:
    """0 when nothing fails (warnings included), 1 otherwise."""
    return int(any(check.level is Level.FAIL for check in checks))


def examine(floor: Floor, feishu: Feishu, sync: Sync, setup: Setup) -> list[Check]:
    """Run every check; never raises for what it finds."""
    settings, manifest = floor.settings, floor.manifest
    checks = check_keys(settings, {table for each in manifest.connections for table in each.fed})
    credentials = _gather("凭证", lambda: [check_bot(feishu.auth.bot_info().name)])
    checks += credentials
    checks.append(check_clock(probe.clock_skew(settings.feishu_base_url, floor.clock.now())))
    checks.append(check_quota(feishu.quota.used(), manifest.quota.monthly_calls, manifest.quota.warn_at))
    if exit_code(credentials):
        return checks  # without credentials the rest would only repeat it
    checks += _gather(
        "权限", lambda: check_scopes(manifest, feishu.auth.scopes("tenant"), feishu.auth.scopes("user"))
    )
    checks += _gather("多维表格", lambda: _base(setup))
    checks += _gather("数据表结构", lambda: _schema(sync))
    return checks


def check_keys(settings: Settings, fed: Collection[str] = ()) -> list[Check]:
    """Keys that must or should be set; ``fed`` are tables that connections of the manifest feed."""
    checks: list[Check] = []
    if settings.feishu_encrypt_key is None:
        step = "在飞书开放平台「事件与回调 → 加密策略」设置 Encrypt Key，并写入 FEISHU_ENCRYPT_KEY"
        checks.append(Check(Level.FAIL, "密钥", "没有设置 Encrypt Key，任何人都能伪造事件", step))
    if settings.feishu_verification_token is None:
        step = "把「加密策略」中的 Verification Token 写入 FEISHU_VERIFICATION_TOKEN"
        checks.append(Check(Level.WARN, "密钥", "没有设置 Verification Token", step))
    gateways = {
        "CHORUS_ADS_ACCESS_TOKEN": ("plans", settings.ads_access_token),
        "CHORUS_SHOP_ACCESS_TOKEN": ("shops", settings.shop_access_token),
        "CHORUS_ERP_ACCESS_TOKEN": ("stock", settings.erp_access_token),
    }
    missing = [name for name, (table, token) in gateways.items() if token is None and table not in fed]
    if missing:
        sentence = f"没有设置 {'、'.join(missing)}，对应平台的数据不会更新"
        checks.append(
            Check(
                Level.WARN, "密钥", sentence, "需要这些平台时再设置，或在 feishu_app.yaml 的 connections 接入"
            )
        )
    return checks or [Check(Level.OK, "密钥", "所需密钥都已设置")]


def check_bot(name: str) -> Check:
    """The app answers with its bot: id and secret are right."""
    return Check(Level.OK, "凭证", f"应用凭证有效，机器人「{name}」")


def check_scopes(manifest: Manifest, tenant: Mapping[str, bool], user: Mapping[str, bool]) -> list[Check]:
    """Permissions the manifest wants against those granted, and the one that keeps table events silent."""
    missing = [scope for scope in manifest.wanted_scopes if not tenant.get(scope)]
    checks: list[Check] = []
    if missing:
        step = "在飞书开放平台「权限管理」开通并发布新版本，由管理员审核"
        checks.append(Check(Level.FAIL, "权限", f"缺少权限：{'、'.join(missing)}", step))
    wants_events = any(event.startswith(BITABLE_EVENTS) for event in manifest.events)
    if wants_events and user and not any(user.get(scope) for scope in EVENT_SCOPES):
        sentence = "多维表格事件还需要以用户身份开通 bitable:app，否则订阅成功却收不到事件"
        checks.append(
            Check(Level.FAIL, "权限", sentence, "在「权限管理」为用户身份开通 bitable:app 并发布版本")
        )
    return checks or [Check(Level.OK, "权限", f"清单中的 {len(manifest.wanted_scopes)} 项权限都已开通")]


def check_plan(steps: Sequence[Step]) -> list[Check]:
    """What setup would do, as findings: missing tables, columns, options, roles, a lost subscription."""
    if not steps:
        return [Check(Level.OK, "多维表格", "表、列、视图、角色和事件订阅都已就绪")]
    checks = []
    for step in steps:
        what = "" if step.do == "blocked" else "运行 chorus setup"
        level = (
            Level.FAIL
            if step.do in {"base", "share", "table", "field", "subscribe", "blocked"}
            else Level.WARN
        )
        checks.append(Check(level, "多维表格", f"待办：{step.line}", what))
    return checks


def check_access(todos: Sequence[Todo]) -> list[Check]:
    """Whether people can open the base and edit in it: what setup cannot settle by itself."""
    found = [
        Check(Level.FAIL if todo.closed else Level.WARN, "访问权限", todo.sentence, todo.next_step)
        for todo in todos
    ]
    return found or [Check(Level.OK, "访问权限", "有人能打开多维表格，每个角色都有成员")]


def check_private(setup: Setup, live: Live) -> list[Check]:
    """Whether private tables are shut: permissions on, every role as the manifest says, none beside them."""
    name, bound, roles = "隐私权限", setup.bound(), setup.manifest.roles
    private = [spec for spec in setup.specs if spec.private and spec.key in bound.tables]
    if not private:
        return []
    if not live.advanced:
        sentence = f"没有开启高级权限，能打开表格的人都看得到 {private[0].name} 等 {len(private)} 张私密表"
        return [Check(Level.FAIL, name, sentence, "运行 chorus setup")]
    have = {str(role.get("role_name")): role for role in live.roles}
    keys = {spec.key for spec in private}
    odd = [
        one
        for role in roles
        if role.name in have
        for one in odd_tables(role, have[role.name], setup.specs, bound.tables, bound.fields)
        if one.table in keys
    ]
    checks = [Check(Level.FAIL, name, one.sentence, "运行 chorus setup，按应用清单恢复") for one in odd]
    step = "在多维表格的「高级权限」里收回，或把这个角色写进 feishu_app.yaml"
    checks += [
        Check(Level.FAIL, name, one, step) for one in strangers(roles, live.roles, setup.specs, bound.tables)
    ]
    step = "在表单的「分享」里关闭分享"
    checks += [
        Check(Level.FAIL, name, f"私密表「{table.name}」的表单“{form.get('name')}”对外开放，谁都能填写", step)
        for table in live.tables
        if table.table_id in {bound.tables[key] for key in keys}
        for form in table.forms.values()
        if form.get("shared")
    ]
    managers = sum(perm == FULL for perm in (live.access.shared or {}).values())
    told = f"{len(private)} 张私密表、{len(roles)} 个角色的权限都与清单一致"
    return checks or [Check(Level.OK, name, f"{told}；另有 {managers} 人可管理整个表格，不受角色限制")]


def check_findings(findings: Sequence[Finding]) -> list[Check]:
    """Open problems of the tables: drift, conflicts, rows that vanished."""
    levels = {"drift": Level.FAIL, "mass_delete": Level.FAIL, "conflict": Level.WARN}
    found = [
        Check(levels.get(f.kind, Level.WARN), "数据表结构", f.sentence, f"自 {f.since:%Y-%m-%d %H:%M} UTC 起")
        for f in findings
    ]
    return found or [Check(Level.OK, "数据表结构", "所有列都在，没有冲突的行")]


def check_quota(used: int, allowance: int, warn_at: float) -> Check:
    """Calls of this month against the plan's allowance."""
    sentence = f"本月已用 {used} / {allowance} 次接口调用（{used / allowance:.0%}）"
    if used >= allowance:
        then = "升级飞书套餐后运行 chorus resume；或把 quota.monthly_calls 改为实际额度"
        return Check(Level.FAIL, "调用额度", sentence, then)
    if used >= allowance * warn_at:
        return Check(Level.WARN, "调用额度", sentence, "放慢 schedules，或升级飞书套餐")
    return Check(Level.OK, "调用额度", sentence)


def check_clock(skew: float | None) -> Check:
    """Our clock against Feishu's."""
    if skew is None:
        return Check(Level.WARN, "时钟", "飞书没有回答时间，无法核对本机时钟", "确认能访问 FEISHU_BASE_URL")
    if abs(skew) > SKEW:
        step = "打开系统的网络校时（NTP）"
        return Check(Level.FAIL, "时钟", f"本机时钟与飞书相差 {skew:.0f} 秒，签名会失效", step)
    return Check(Level.OK, "时钟", f"与飞书相差 {abs(skew):.0f} 秒")


# --- gathering ---


def _base(setup: Setup) -> list[Check]:
    live = setup.look()
    checks = check_plan(setup.plan(live))
    if live.app_token is None:
        return checks
    return checks + check_access(setup.outstanding(live)) + check_private(setup, live)


def _schema(sync: Sync) -> list[Check]:
    for spec in sync.specs:
        if sync.bindings.get(spec.key) is not None:
            sync.bindings.refresh(spec.key)
    return check_findings(sync.bindings.findings.all())


def _gather(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    try:
        return look()
    except ChorusError as error:
        return [Check(Level.FAIL, name, str(error), "按上面的说明处理后重新运行 chorus doctor")]
