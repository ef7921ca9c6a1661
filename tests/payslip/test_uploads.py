"""HR sends a file to the bot: what the card says, what a tap does, what stands in Bitable afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from payslip import tables as t
from payslip.sheets import LARGEST_FILE
from payslip.uploads import apply_work, check_work
from payslip.uploads_model import Upload
from runtime.db import Database
from runtime.ids import MessageId, OpenId
from runtime.tables import audit, parked
from tests.contract.kit import calls
from tests.payslip.imports_kit import xlsx
from tests.payslip.stage import MONTH
from tests.payslip.uploads_kit import HEAD, Desk, open_desk, options, shown, texts, toast
from tests.support.leaks import assert_no_leak

pytestmark = [pytest.mark.db, pytest.mark.timeout(180)]

FACTOR, ACCOUNT = 1.2345, "6214830000000000003"


@pytest.fixture
def desk(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Desk]:
    """Six people with scores of 1.1 for October."""
    with open_desk(sandbox, database, tmp_path) as made:
        yield made


def test_a_file_is_checked_shown_and_imported(desk: Desk, tmp_path: Path) -> None:
    """Two rows differ, one does not; nothing is written before the tap, everything after it, once."""
    people = list(desk.payday.sandbox.world.people.values())
    data = desk.scores(FACTOR, 0.9, 1.1)
    sent = desk.send("十月评分.xlsx", data)
    card = desk.card(sent)
    assert all(
        said in card for said in ("十月评分.xlsx", "绩效评分", "可以导入", "0 行", "2 行", "1 行", '"导入"')
    )
    assert set(desk.factors().values()) == {"1.1"}
    row = desk.upload(sent)
    assert (row.kind, row.month, row.digest) == ("绩效评分", MONTH, hashlib.sha256(data).hexdigest())
    assert row.digest[:8] in card

    answer = desk.tap(sent, "apply")
    assert "正在导入" in toast(answer)
    assert "正在写入表格" in texts(answer.card)
    assert (
        desk.factors() | {people[0].employee_no: str(FACTOR), people[1].employee_no: "0.9"} == desk.factors()
    )
    assert sorted(desk.factors().values()) == sorted([str(FACTOR), "0.9", *["1.1"] * 4])
    written = desk.payday.row("pay_scores", 工号=people[0].employee_no)
    assert written is not None
    assert shown(written["fields"]["来源"]) == "文件 十月评分.xlsx"
    assert written["fields"]["采集时间"] > 0
    assert "已导入 2 行" in desk.card(sent)
    assert '"导入"' not in desk.card(sent)
    assert [(each.actor, each.reason, each.detail["rows"]) for each in _imports(desk)] == [
        (desk.hr.open_id, "imported", 2)
    ]
    assert "已经导入过" in toast(desk.tap(sent, "again"))
    _nothing_shows_figures(desk, tmp_path, str(FACTOR))


def _imports(desk: Desk) -> list[Any]:
    return [each for each in desk.payday.stored(audit) if each.action == "payroll.import"]


def _nothing_shows_figures(desk: Desk, folder: Path, *figures: str) -> None:
    """Neither messages of the bot nor our databases (works, audit, mirror…) hold what the file says."""
    im = desk.payday.sandbox.world.im
    said = [each.content for each in im.messages.values() if each.sender_type == "app"]
    assert_no_leak("\n".join(said), secrets=figures)
    if desk.payday.floor.db.dialect == "sqlite":
        for file in sorted(folder.glob("*.db*")):
            assert_no_leak(file.read_bytes().decode("utf-8", "replace"), secrets=figures)


def test_faults_are_listed_and_nothing_is_imported(desk: Desk) -> None:
    """Ten in words with row and column, then how many more; no button; mended in the table it goes on."""
    stranger = ("E404", "无名", MONTH, 1)
    sent = desk.send("评分.xlsx", xlsx([HEAD, *[(*stranger[:3], f"x{n}") for n in range(12)]]))
    card = desk.card(sent)
    assert card.count("- 第 ") == 10 * 3  # plain, Chinese, English
    assert "第 2 行“绩效系数”" in card
    assert "还有 14 处" in card  # each row has an unknown number, too
    assert '"导入"' not in card
    assert "现在不能导入" in toast(desk.tap(sent, "apply"))

    good = desk.send("评分2.xlsx", xlsx([HEAD, stranger]))
    assert "第 2 行“工号”" in desk.card(good)
    assert "员工表中没有" in desk.card(good)
    desk.payday.add("pay_employees", {"工号": "E404", "姓名": "无名"}, quiet=True)
    answer = desk.tap(good, "again")
    assert "正在核对" in texts(answer.card)
    assert "可以导入" in desk.card(good)
    assert len(desk.factors()) == 6
    desk.tap(good, "apply")
    assert desk.factors()["E404"] == "1"


def test_only_the_sender_who_may_run_pay_decides(desk: Desk) -> None:
    """Others are told so; an old card decides nothing and is refreshed; a second tap imports nothing more."""
    desk.send("评分.xlsx", desk.scores(FACTOR), desk.worker)
    assert desk.told(desk.worker) == ["收到文件了，但只有人事可以用文件导入薪酬数据。"]
    assert desk.payday.stored(t.uploads) == []
    sent, boss = desk.send("评分.xlsx", desk.scores(FACTOR)), desk.payday.person("总经办")
    assert "只有人事" in toast(desk.tap(sent, "apply", desk.worker))
    assert "只有发送文件的人" in toast(desk.tap(sent, "apply", boss))
    refused = [each.actor for each in desk.payday.stored(audit) if each.reason == "refused"]
    assert refused == [desk.worker.open_id, boss.open_id]
    old = desk.upload(sent).turn - 1
    answer = desk.tap(sent, "apply", t=old)
    assert "不是最新" in toast(answer)
    assert '"导入"' in texts(answer.card)
    assert "找不到" in toast(desk.payday.tap(desk.hr, "pay.upload_apply", {"id": "om_x", "t": 1}))
    assert set(desk.factors().values()) == {"1.1"}
    turn = desk.upload(sent).turn
    desk.tap(sent, "apply")
    assert "不是最新" in toast(desk.tap(sent, "apply", t=turn))
    assert len(_imports(desk)) == 1


def test_another_content_under_the_same_message_is_not_imported(desk: Desk) -> None:
    """What was shown is what is imported: the digest decides."""
    sent = desk.send("评分.xlsx", desk.scores(0.9))
    blobs = desk.payday.sandbox.world.im.blobs
    key = desk.upload(sent).file_key
    blobs[key] = replace(blobs[key], data=desk.scores(5))
    desk.tap(sent, "apply")
    assert "文件变了" in desk.card(sent)
    assert set(desk.factors().values()) == {"1.1"}
    assert [each.reason for each in _imports(desk)] == ["not_imported"]


def test_a_table_that_changed_meanwhile_gets_all_rows_or_none(desk: Desk) -> None:
    """A second row of the same person and month appears before the tap: the other row stays out, too."""
    first, second = list(desk.payday.sandbox.world.people.values())[:2]
    sent = desk.send("评分.xlsx", desk.scores(0.9, 0.8))
    twin = {"工号": second.employee_no, "姓名": second.name, "月份": MONTH, "绩效系数": 1.1}
    desk.payday.add("pay_scores", twin, quiet=True)
    desk.tap(sent, "apply")
    card = desk.card(sent)
    assert "只保留一行" in card
    assert second.employee_no in card
    assert desk.factors()[first.employee_no] == "1.1"
    assert [each.reason for each in _imports(desk)] == ["not_imported"]


def test_a_lost_answer_imports_no_row_twice(desk: Desk) -> None:
    """The write happened, its answer got lost: new rows are looked up, not sent again."""
    people = list(desk.payday.sandbox.world.people.values())
    rows = [(each.employee_no, each.name, "2026-09", 0.5) for each in people]
    sent = desk.send("2026年9月评分.xlsx", xlsx([HEAD, *rows]))
    desk.payday.sandbox.world.control.faults.order(
        {"kind": "drop_after", "match": {"path": "*/records/batch_create"}, "times": 1}
    )
    desk.tap(sent, "apply")
    assert "已导入 6 行" in desk.card(sent)
    assert (
        len([each for each in desk.payday.rows("pay_scores") if shown(each["fields"]["月份"]) == "2026-09"])
        == 6
    )


def test_a_file_that_is_too_large_is_refused_before_it_is_read(desk: Desk) -> None:
    """The card says what to do; no more than the limit ever came in."""
    sent = desk.send("大.xlsx", bytes(LARGEST_FILE + 1))
    assert "超过 20 MB" in desk.card(sent)
    assert '"name": "kind"' not in desk.card(sent)
    assert desk.upload(sent).digest is None


def test_a_recalled_file_and_one_that_is_no_list(desk: Desk) -> None:
    """In words, and nothing is parked."""
    sent = desk.send("评分.xlsx", desk.scores(0.9))
    desk.payday.sandbox.world.im.messages[sent].deleted = True
    desk.tap(sent, "apply")
    assert "可能已撤回" in desk.card(sent)
    broken = desk.send("坏.xlsx", b"no workbook")
    assert "不是 Excel 文件" in desk.card(broken)
    desk.send("照片.png", b"x")
    assert desk.told(desk.hr) == ["我只能导入 .xlsx 和 .csv 文件，请另存后重新发送。"]
    assert desk.payday.stored(parked) == []


def test_table_and_month_can_be_changed_in_the_card(desk: Desk) -> None:
    """A list nobody can place asks; each choice is a new look, with the figures of that table and month."""
    people = list(desk.payday.sandbox.world.people.values())
    rows = "\n".join(f"{each.employee_no},{each.name},0.7" for each in people)
    sent = desk.send("名单.csv", f"工号,姓名,甲\n{rows}\n".encode())
    assert "认不出" in desk.card(sent)
    assert "绩效评分" in options(desk.card(sent), "kind")
    desk.tap(sent, "kind", option="绩效评分")
    assert "缺少这一列" in desk.card(sent)
    assert "请从列表里选" in toast(desk.tap(sent, "kind", option="薪资核算"))

    again = desk.send("绩效.csv", f"工号,姓名,绩效系数\n{rows}\n".encode())
    now = desk.payday.floor.clock.now()
    assert (
        desk.upload(again).month
        == f"{now.year if now.month > 1 else now.year - 1}-{(now.month - 2) % 12 + 1:02d}"
    )
    desk.tap(again, "month", option="2026-08")
    assert desk.upload(again).month == "2026-08"
    assert "6 行" in desk.card(again)
    assert "看不懂" in toast(desk.tap(again, "month", option="八月"))
    desk.tap(again, "apply")
    assert desk.factors("2026-08") == {each.employee_no: "0.7" for each in people}


def test_the_word_as_an_answer_to_a_file(desk: Desk) -> None:
    """导入 with table and month makes a new card; without a file it says how; others are told who may."""
    sent = desk.send("绩效.xlsx", desk.scores(0.9))
    first = desk.upload(sent).card_id
    desk.say("导入 绩效评分 2026-09", reply_to=sent)
    row = desk.upload(sent)
    assert (row.month, row.card_id != first) == ("2026-09", True)
    assert "是 2026-10，这次导入的是 2026-09" in desk.card(sent)
    desk.say("导入")
    desk.say("导入 乱写", reply_to=sent)
    desk.say("导入", who=desk.worker, reply_to=sent)
    assert [each.startswith("请把 .xlsx") for each in desk.told(desk.hr)] == [True, True]
    assert desk.told(desk.worker) == ["只有人事可以导入薪酬数据。"]


def test_an_account_in_the_wrong_column_is_repeated_nowhere(desk: Desk, tmp_path: Path) -> None:
    """People exchange columns, or send a list without column names: neither shows an account or a figure."""
    person = desk.worker
    rows = [HEAD, (ACCOUNT, person.name, MONTH, 1), (person.employee_no, ACCOUNT, MONTH, 1)]
    desk.send("评分.xlsx", xlsx(rows))
    desk.send(
        "员工.csv", f"{person.employee_no},{person.name},{ACCOUNT},8123.45,8123.45\n1,2,3,4,5\n".encode()
    )
    cards = [desk.card(row.id) for row in desk.payday.stored(t.uploads)]
    assert "第 2 行“工号”：这个值" in cards[0]
    assert person.employee_no in cards[0]
    _nothing_shows_figures(desk, tmp_path, "8123.45", "8,123.45", "812345", ACCOUNT)
    assert_no_leak(str([desk.payday.stored(t.uploads), desk.payday.stored(audit)]), secrets=[ACCOUNT, "8123"])


def test_an_open_run_takes_the_rows_over_and_a_signed_one_loses_its_signatures(desk: Desk) -> None:
    """Our own writes make no change events, so the import itself tells the runs."""
    payday, worker = desk.payday, desk.worker
    payday.tap(desk.hr, "pay.start", {"m": MONTH})
    payday.wait("calculated", "reviewed")
    payday.idle()
    before = payday.row("payroll", 工号=worker.employee_no)
    assert before is not None
    sent = desk.send("评分.xlsx", desk.scores(*[0.9] * 6))
    desk.tap(sent, "apply")
    after = payday.row("payroll", 工号=worker.employee_no)
    assert after is not None
    assert str(after["fields"]["绩效系数"]) == "0.9"
    assert after["fields"]["实发工资"] != before["fields"]["实发工资"]
    for each in payday.stored(t.anomalies):
        payday.tap(
            desk.hr, "pay.settle", payday.value(no=each.employee_no, k=_name(each.kind)), reason_0="已核对"
        )
    payday.idle()
    payday.tap(desk.hr, "pay.sign", payday.value())
    payday.wait("signing")
    payday.idle()
    again = desk.send("评分.xlsx", desk.scores(*[0.8] * 6))
    desk.tap(again, "apply")
    assert payday.run().state not in ("signing", "approved")
    assert "绩效评分" in payday.run().note


def _name(kind: str) -> str:
    from payslip.model import AnomalyKind  # noqa: PLC0415

    return AnomalyKind(kind).name


def test_works_and_logs_carry_ids_only(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The queue's arguments are the message and the turn; nothing of the file's name or content is logged."""
    upload = Upload(MessageId("om_1"), "file_1", "张三 8123.45.xlsx", OpenId("ou_hr"), turn=2)
    for work in (check_work(upload), apply_work(upload)):
        assert work.args == {"upload": "om_1", "turn": 2}
        assert work.id == f"{work.job}:om_1:2"
    sent = desk.send("张三 8123.45.xlsx", desk.scores(FACTOR))
    desk.tap(sent, "apply")
    assert "已导入 1 行" in desk.card(sent)
    assert_no_leak(capsys.readouterr().out, secrets=["8123.45", str(FACTOR)])
    asked = calls(desk.payday.sandbox, "/resources/")
    assert [each["query"] for each in asked] == [{"type": "file"}] * 2  # once to look, once to import
