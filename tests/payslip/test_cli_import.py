"""`chorus payroll import` against the sandbox: what stands in Bitable, and that errors change nothing."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import app
from payslip.sheets import LARGEST_FILE
from runtime.db import Database
from runtime.tables import audit
from tests.payslip.desk import pay_desk
from tests.payslip.imports_kit import EMPLOYEES, NEW, SCORES, xlsx
from tests.payslip.paid import OLD
from tests.sync.conftest import Stage

pytestmark = pytest.mark.db


class Importer:
    """An operator beside a base with every table of pay."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.folder = folder
        settings = stage.floor.settings
        (folder / "app.yaml").write_text("name: 经营助手\nbase: {name: 经营数据}\n", "utf-8")
        self.env = {
            "FEISHU_APP_ID": settings.feishu_app_id,
            "FEISHU_APP_SECRET": "sandbox-secret",
            "FEISHU_ENCRYPT_KEY": "sandbox-encrypt-key",
            "FEISHU_BASE_URL": settings.feishu_base_url,
            "DATABASE_URL": settings.database_url,
            "CHORUS_MIRROR_URL": f"sqlite:///{folder / 'operator.db'}",
            "CHORUS_VAR_DIR": str(folder),
            "CHORUS_MANIFEST": str(folder / "app.yaml"),
            "CHORUS_PAY_KEYS": f"old:{base64.b64encode(OLD).decode()}",
        }

    def file(self, name: str, *rows: tuple[Any, ...]) -> str:
        """A workbook on disk."""
        path = self.folder / name
        path.write_bytes(xlsx(rows))
        return str(path)

    def types(self, path: str, kind: str, *more: str, month: str = "2026-10") -> Result:
        """Run the command."""
        words = ["payroll", "import", path, "--kind", kind, "--month", month, *more]
        done = CliRunner().invoke(app.main, words, env=self.env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What stands in Bitable, read by the other side."""
        self.stage.sync.puller.pull(table)
        return [dict(row.values) for row in self.stage.sync.mirror.rows(table)]


@pytest.fixture
def importer(sandbox: Any, database: Database, tmp_path: Path) -> Iterator[Importer]:
    """A base with one employee, E003."""
    with pay_desk(sandbox, database, tmp_path) as stage:
        made = Importer(stage, tmp_path)
        done = made.types(made.file("员工.xlsx", EMPLOYEES, NEW), "员工")
        assert done.exit_code == 0, done.output
        yield made


def test_a_file_becomes_rows_with_their_source(importer: Importer) -> None:
    """The employee with the 19 digits, where it came from, and an audit row; no figures are shown."""
    (row,) = importer.rows("pay_employees")
    assert (row["no"], row["account"], row["source"]) == ("E003", "6214830000000000003", "文件 员工.xlsx")
    done = importer.types(importer.file("评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 1.13)), "pay_scores")
    assert done.exit_code == 0, done.output
    assert "绩效评分: 1 new, 0 changed, 0 as they are." in done.stdout
    assert "1.13" not in done.output
    (score,) = importer.rows("pay_scores")
    assert str(score["factor"]) == "1.13"
    with importer.stage.floor.db.read() as conn:
        noted = conn.execute(audit.select().where(audit.c.action == "payroll.import")).all()
    assert [(each.subject, each.detail) for each in noted] == [
        ("table:pay_employees", {"rows": 1}),
        ("table:pay_scores", {"rows": 1}),
    ]


def test_a_dry_run_changes_nothing(importer: Importer) -> None:
    """Everything is said, nothing is written."""
    path = importer.file("评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 1.1))
    done = importer.types(path, "绩效评分", "--dry-run")
    assert done.exit_code == 0
    assert "1 new" in done.stdout
    assert "row 2  E003 赵六  new" in done.stdout
    assert importer.rows("pay_scores") == []


def test_the_same_file_again_changes_nothing_and_a_changed_one_only_that(importer: Importer) -> None:
    """Idempotent by content; the columns that differ are named."""
    importer.types(importer.file("评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 1.1)), "绩效评分")
    again = importer.types(str(importer.folder / "评分.xlsx"), "绩效评分")
    assert "0 new, 0 changed, 1 as they are" in again.stdout
    done = importer.types(importer.file("评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 0.9)), "绩效评分")
    assert "row 2  E003 赵六  绩效系数" in done.stdout
    (row,) = importer.rows("pay_scores")
    assert str(row["factor"]) == "0.9"


def test_one_fault_keeps_everything_out(importer: Importer) -> None:
    """Row and column of the fault, a count, exit code 1; the good row is not imported either."""
    path = importer.file(
        "评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 1.1), ("E404", "无名", "2026-10", 1)
    )
    done = importer.types(path, "绩效评分")
    assert done.exit_code == 1
    assert "第 3 行“工号”：E404 在员工表中没有" in done.output
    assert "1 faults; nothing was imported" in done.output
    assert importer.rows("pay_scores") == []


def test_columns_with_other_names_are_told_by_mapping(importer: Importer) -> None:
    """By the table's name or key for the column; an unknown one is refused with the names there are."""
    path = importer.file("评分.xlsx", ("工号", "姓名", "打分结果"), ("E003", "赵六", 1.1))
    assert importer.types(path, "绩效评分").exit_code == 1
    wrong = importer.types(path, "绩效评分", "--mapping", "工龄=打分结果")
    assert wrong.exit_code == 1
    assert "绩效系数" in wrong.output
    assert importer.rows("pay_scores") == []
    done = importer.types(path, "绩效评分", "--mapping", "绩效系数=打分结果", "--dry-run")
    assert done.exit_code == 0, done.output
    assert importer.types(path, "绩效评分", "--mapping", "factor=打分结果").exit_code == 0
    assert len(importer.rows("pay_scores")) == 1


@pytest.mark.parametrize(
    ("kind", "month", "said"),
    [
        ("税率表", "2026-10", "不能导入“税率表”，可以导入：员工"),
        ("绩效评分", "October", "is no month"),
        ("绩效评分", "2026-09", "这次导入的是 2026-09"),
    ],
)
def test_a_wrong_wish_is_a_sentence(importer: Importer, kind: str, month: str, said: str) -> None:
    """No such table, no such month, a file of another month."""
    path = importer.file("评分.xlsx", SCORES, ("E003", "赵六", "2026-10", 1.1))
    done = importer.types(path, kind, month=month)
    assert done.exit_code == 1
    assert said in done.output


def test_a_huge_file_is_refused_without_being_read_whole(importer: Importer) -> None:
    """100 MB of nothing: a sentence, no traceback."""
    path = importer.folder / "大.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE * 5)
    done = importer.types(str(path), "绩效评分")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "MB" in done.output
