"""What people write wrongly into the tables they configure by: a sentence in that row, all else goes on.

All cases stand in `WRONG`; those of 预警规则 in `tests/rules/test_wrong_rules.py`, those of the manifest in
`tests/runtime/bad_manifests`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bitable_sync.cells import EMPTY, Unreadable
from bitable_sync.mirror import Row
from bitable_sync.spec import Specs, TableSpec
from creative.shelf import check_rows
from creative.specs import BRANDS, TEMPLATES, WORDS
from creative.specs import TABLES as ART
from creative.wording.rows import parse_rows
from payslip.specs import STRUCTURE
from payslip.specs import TABLES as PAY
from payslip.structure import read_row
from rules.allowance import most_alone, read_allowance
from rules.duty import Roster, read_shift
from rules.model import Action, State
from rules.settings_rows import faults
from rules.silence import read_silence
from rules.specs import ALLOWANCES, DUTY, PLANS, SILENCES
from rules.specs import TABLES as RED
from runtime.db import Database
from runtime.ids import RecordId
from tests.rules.kit import LI, ROI_RULE, START, WANG, House, plan
from tests.rules.stage import Scene, open_scene
from tests.support.company import shown
from tests.support.wait import until

D = Decimal
HOUR = timedelta(hours=1)
SPECS = Specs((*RED, *ART, *PAY))
Case = tuple[str, dict[str, Any], str]


def odd(name: str) -> Unreadable:
    """A cell of a retyped column."""
    return Unreadable(f"“{name}”应为别的类型，现在是附件")


SILENCE = {"reason": "盘点", "until": START + HOUR}
QUIET = {"name": "夜里", "role": "免打扰", "start": D(22), "end": D(8)}
DUTY_MAN = {"name": "值班", "role": "值班", "people": (WANG,)}
ALLOWED = {"name": "组长", "people": (WANG,), "budget": D(5000), "pieces": D(100)}
BRAND = {"name": "悦然", "primary": "#1F3A5F"}
WORD = {"word": "遥遥领先", "verdict": "禁用", "enabled": True}
PART = {
    "name": "高温补贴", "category": "应发", "formula": "[应出勤天数]*10", "order": D(10), "taxable": True,
    "minimum_wage": False, "enabled": True,
}  # fmt: skip

WRONG: list[Case] = [
    (SILENCES, {**SILENCE, "until": EMPTY}, "还没有填“结束”：没有结束时间的静默不生效"),
    (SILENCES, {**SILENCE, "until": odd("结束")}, "“结束”应为别的类型，现在是附件。这一行暂不生效"),
    (SILENCES, {**SILENCE, "start": START + 2 * HOUR}, "“结束”不晚于“开始”，这一行不会生效"),
    (SILENCES, {**SILENCE, "start": START + HOUR}, "“结束”不晚于“开始”"),
    (SILENCES, {**SILENCE, "start": odd("开始")}, "“开始”读不出来"),
    (SILENCES, {**SILENCE, "rule": "ROI低于3"}, "没有叫“ROI低于3”的规则，这一行不会生效。现有：ROI 低于 1:3"),
    (SILENCES, {**SILENCE, "rule": odd("规则")}, "“规则”读不出来"),
    (SILENCES, {**SILENCE, "objects": "夏季新品"}, "“夏季新品”在数据表里找不到，请写编号或完整的名称"),
    (SILENCES, {**SILENCE, "objects": "1001、1009，1010"}, "“1009、1010”在数据表里找不到"),
    (SILENCES, {**SILENCE, "objects": odd("对象")}, "“对象”读不出来"),
    (SILENCES, {**SILENCE, "people": odd("不通知谁")}, "“不通知谁”读不出来"),
    (DUTY, {**QUIET, "role": EMPTY}, "请选择“用途”：工作时间、免打扰、值班、经理、数据连接。这一行暂不生效"),
    (DUTY, {**QUIET, "role": "休息"}, "请选择“用途”"),
    (DUTY, {**QUIET, "role": odd("用途")}, "请选择“用途”"),
    (DUTY, {**QUIET, "start": EMPTY}, "“从几点”还空着：两格都填，或都留空表示全天。这一行暂不生效"),
    (DUTY, {**QUIET, "end": EMPTY}, "“到几点”还空着"),
    (DUTY, {**QUIET, "start": D(25)}, "“从几点”应在 0 到 24 之间，现在是 25"),
    (DUTY, {**QUIET, "end": D("-1")}, "“到几点”应在 0 到 24 之间，现在是 -1"),
    (DUTY, {**QUIET, "start": odd("从几点")}, "“从几点”读不出来"),
    (DUTY, {**QUIET, "end": D(22)}, "“从几点”和“到几点”一样，全天请把两格都清空"),
    (DUTY, {**QUIET, "days": odd("星期")}, "“星期”读不出来"),
    (DUTY, {**DUTY_MAN, "people": EMPTY}, "“值班”要填“人员”，现在没有人会收到"),
    (DUTY, {**DUTY_MAN, "role": "经理", "people": EMPTY}, "“经理”要填“人员”"),
    (DUTY, {**DUTY_MAN, "role": "数据连接", "people": odd("人员")}, "“人员”读不出来"),
    (DUTY, {**DUTY_MAN, "start": D(99), "end": D(8)}, "现在是 99。先按全天算"),
    (DUTY, {**DUTY_MAN, "role": "工作时间"}, "“工作时间”对所有人一样，“人员”没有作用，请清空"),
    (DUTY, {**DUTY_MAN, "connection": "jd"}, "“连接”只用于“数据连接”，这一行里没有作用，请清空"),
    (DUTY, {**DUTY_MAN, "role": "数据连接", "connection": "jd、京东"}, "没有叫“京东”的平台连接"),
    (DUTY, {**DUTY_MAN, "role": "数据连接", "connection": odd("连接")}, "“连接”读不出来"),
    (DUTY, {**DUTY_MAN, "table": "订单"}, "没有“订单”这张表，先按全部数据表算。可选：计划日报"),
    (ALLOWANCES, {**ALLOWED, "budget": D(-1)},
     "“日预算上限”不能小于 0，现在是 -1。在改正之前按 0 算：每一次都要审批"),
    (ALLOWANCES, {**ALLOWED, "budget": odd("日预算上限")}, "“日预算上限”读不出来"),
    (ALLOWANCES, {**ALLOWED, "pieces": D(-5)}, "“补货上限”不能小于 0"),
    (ALLOWANCES, {**ALLOWED, "pieces": D("2.5")}, "“补货上限”应是整数件，现在是 2.5"),
    (ALLOWANCES, {**ALLOWED, "pieces": odd("补货上限")}, "“补货上限”读不出来"),
    (ALLOWANCES, {**ALLOWED, "people": odd("人员")}, "“人员”读不出来"),
    (ALLOWANCES, {"name": "所有人"}, "两个上限都空着，这一行不限制任何事；要全部审批请填 0"),
    (BRANDS, {**BRAND, "name": EMPTY}, "“品牌”不能为空"),
    (BRANDS, {**BRAND, "primary": "深蓝"}, "“主色”要写成 #RRGGBB，如 #1F3A5F，现在是“深蓝”"),
    (BRANDS, {**BRAND, "accent": "#12345"}, "“强调色”要写成 #RRGGBB"),
    (BRANDS, {**BRAND, "safe": D("0.5")}, "“留白”要在 2% 到 20% 之间，现在是 50%"),
    (BRANDS, {**BRAND, "safe": odd("留白")}, "“留白”读不出来"),
    (BRANDS, {**BRAND, "primary": odd("主色")}, "“主色”读不出来"),
    (TEMPLATES, {"name": EMPTY, "layout": "{}", "enabled": True}, "“模板”不能为空"),
    (TEMPLATES, {"name": "竖图", "layout": "不是 JSON", "enabled": True}, "JSON"),
    (TEMPLATES, {"name": "竖图", "layout": "[]", "enabled": True}, ""),
    (WORDS, {**WORD, "word": EMPTY}, "还没有填“词”，请写一个词"),
    (WORDS, {**WORD, "word": "！！"}, "“！！”里没有文字，请写一个词"),
    (WORDS, {**WORD, "word": "美"}, "只有一个字，会误伤很多文案"),
    (WORDS, {**WORD, "word": "一" * 31}, "“词”有 31 字，请只写词本身，最多 30 字"),
    (WORDS, {**WORD, "verdict": EMPTY}, "请在“判定”选一个：禁用、需证明、放行"),
    (WORDS, {**WORD, "contexts": "遥遥"}, "例外语境“遥遥”会让这个词永远放行"),
    (WORDS, {**WORD, "word": odd("词")}, "“词”读不出来"),
    (STRUCTURE, {**PART, "name": EMPTY}, "请填写“组件”"),
    (STRUCTURE, {**PART, "name": "高温[补贴]"}, "不能有方括号"),
    (STRUCTURE, {**PART, "category": "福利"}, "请选择“类别”"),
    (STRUCTURE, {**PART, "formula": "[应出勤天数]*"}, ""),
    (STRUCTURE, {**PART, "formula": odd("公式")}, "“公式”"),
]  # fmt: skip


def row(table: str, cells: Mapping[str, Any], number: int = 0) -> Row:
    """A row of a table as the mirror gives it."""
    spec: TableSpec = SPECS.table(table)
    return Row(
        table, RecordId(f"rec_{number:03}"), {f.key: cells.get(f.key, EMPTY) for f in spec.fields}, START
    )


def sentences(table: str, cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the rows of a table are told, in their order."""
    rows = [row(table, each, number) for number, each in enumerate(cells)]
    if table in (SILENCES, DUTY, ALLOWANCES):
        found = faults(
            table, rows, rules={ROI_RULE.name}, known=lambda part: part in {"1001", "夏季新品1001"},
            connections={"jd"},
        )  # fmt: skip
        return [found[each.record_id] for each in rows]
    if table in (BRANDS, TEMPLATES):
        checked = {each.record_id: each for each in check_rows(table, rows)}
        return ["" if checked[each.record_id].good else checked[each.record_id].sentence for each in rows]
    if table == WORDS:
        problems = parse_rows([each.values for each in rows])[1]
        return ["；".join(problems.get(number, ())) for number in range(len(rows))]
    read = [read_row(each) for each in rows]
    return [each if isinstance(each, str) else "" for each in read]


GOOD: Mapping[str, dict[str, Any]] = {
    SILENCES: {**SILENCE, "rule": ROI_RULE.name, "objects": "1001"}, DUTY: QUIET, ALLOWANCES: ALLOWED,
    BRANDS: BRAND, WORDS: WORD, STRUCTURE: PART,
}  # fmt: skip


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_each_is_told_in_its_row(number: int) -> None:
    """A sentence that names the column and says what to do."""
    table, cells, sentence = WRONG[number]
    [said] = sentences(table, [cells])
    assert said, (table, cells)
    assert sentence in said


def test_there_are_enough_and_of_every_table() -> None:
    """Forty of the issue, and no table forgotten."""
    assert len(WRONG) >= 40
    assert {table for table, _, _ in WRONG} == {*GOOD, TEMPLATES}


@pytest.mark.parametrize("table", list(GOOD))
def test_the_good_row_beside_them_is_told_nothing(table: str) -> None:
    """All wrong rows and one good one in the same table: the good one holds."""
    wrong = [cells for each, cells, _ in WRONG if each == table and cells.get("people") != (WANG,)]
    said = sentences(table, [GOOD[table], *wrong])
    assert said[0] == ""
    assert all(said[1:])


def test_two_rows_for_one_person_are_told_and_the_stricter_counts() -> None:
    """Whoever reads the table must not guess."""
    twice = [ALLOWED, {**ALLOWED, "budget": D(100)}, {"budget": D(5)}, {"budget": D(9)}]
    said = sentences(ALLOWANCES, twice)
    assert (said[0], said[2]) == ("", "")
    assert said[1] == "王芳 在另一行已经有额度，两行里更严的算数，请合并"
    assert said[3].startswith("“人员”留空（其他所有人） 在另一行已经有额度")
    read = [read_allowance(row(ALLOWANCES, each).values) for each in twice]
    assert most_alone(read, WANG.open_id, Action.ADJUST) == 100


def test_a_blank_line_is_no_mistake() -> None:
    """Somebody has just begun to write."""
    for table in (SILENCES, DUTY, ALLOWANCES):
        assert sentences(table, [{}]) == [""]


@pytest.mark.parametrize("number", [n for n, case in enumerate(WRONG) if case[0] == SILENCES])
def test_a_wrong_silence_silences_nobody_it_should_not(number: int) -> None:
    """What cannot be read could have meant less; only a named object that is misspelt leaves the others."""
    silence = read_silence(row(SILENCES, WRONG[number][1]).values)
    if silence is None:
        return
    named = bool(silence.objects) or bool(silence.rule)
    assert named or silence.start is not None, "it holds for everything from now on"
    assert silence.start is None or silence.start >= silence.until or named


@pytest.mark.parametrize("number", [n for n, case in enumerate(WRONG) if case[0] == DUTY])
def test_a_wrong_shift_makes_nobody_deaf(number: int) -> None:
    """No hours that cannot be used are quiet hours."""
    shift = read_shift(row(DUTY, WRONG[number][1]).values)
    if "一样" in WRONG[number][2]:
        return  # twenty-four hours are what stands there
    roster = Roster([shift] if shift else [])
    noon = START + 3 * HOUR
    assert not roster.quiet(LI.open_id, noon)


@pytest.mark.parametrize("number", [n for n, case in enumerate(WRONG) if case[0] == ALLOWANCES])
def test_a_wrong_allowance_is_never_a_wider_one(number: int) -> None:
    """At most what stands in the row, zero where nothing can be read."""
    _, cells, said = WRONG[number]
    read = read_allowance(row(ALLOWANCES, cells).values)
    for key, action in (("budget", Action.ADJUST), ("pieces", Action.RESTOCK)):
        value = cells.get(key, EMPTY)
        if value is not EMPTY:
            most = value if isinstance(value, Decimal) and value >= 0 else D(0)
            assert read.most[action] == most, said


@pytest.mark.db
def test_alerts_go_on_beside_every_wrong_row(database: Database, tmp_path: Path) -> None:
    """All wrong silences, shifts and allowances at once: the alert fires and its owner is told."""
    house = House(database, tmp_path)
    for table in (SILENCES, DUTY, ALLOWANCES):
        wrong = [cells for each, cells, sentence in WRONG if each == table and "一样" not in sentence]
        readable = [{k: v for k, v in cells.items() if not isinstance(v, Unreadable)} for cells in wrong]
        kept = [cells for cells, whole in zip(readable, wrong, strict=True) if cells == whole]
        house.put(table, {f"rec_{n}": cells for n, cells in enumerate(kept)})
    house.write_rule()
    house.put(PLANS, {"rec_2001": plan("2001")})
    house.checker.scan()
    assert house.alert(object_id="2001").state is State.FIRING
    assert [notice.receiver for notice in house.notices()] == [WANG.open_id]
    house.close()


@pytest.mark.db
def test_the_row_says_it_and_falls_silent_when_it_is_right(
    sandbox: Any, database: Database, tmp_path: Path
) -> None:
    """In the base itself: each of the three tables, and the good row beside it stays empty."""
    scene = open_scene(sandbox, database, tmp_path)
    (duty,) = scene.add("duty", {"说明": "夜里", "用途": "免打扰", "从几点": 25, "到几点": 8})
    scene.add("duty", {"说明": "夜里", "用途": "免打扰", "从几点": 22, "到几点": 8})
    scene.add("silences", {"原因": "盘点"})
    scene.add("allowances", {"说明": "所有人", "日预算上限": -1})
    until(_says(scene, "duty", 0, "应在 0 到 24 之间"), timeout=20, what="the row of duty")
    until(_says(scene, "silences", 0, "没有结束时间的静默不生效"), timeout=20, what="the row of silences")
    until(_says(scene, "allowances", 0, "每一次都要审批"), timeout=20, what="the row of allowances")
    scene.edit("duty", duty, 从几点=21)
    until(lambda: not _said(scene, "duty", 0), timeout=20, what="the sentence is gone")
    assert _said(scene, "duty", 1) == ""
    scene.engine.close()
    scene.feishu.close()
    scene.floor.mirror.close()


def _said(scene: Scene, table: str, number: int) -> str:
    return shown(scene.rows(table)[number]["fields"].get("校验结果"))


def _says(scene: Scene, table: str, number: int, sentence: str) -> Callable[[], bool]:
    return lambda: sentence in _said(scene, table, number)
