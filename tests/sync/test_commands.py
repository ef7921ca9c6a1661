"""The commands setup and doctor, as a person runs them: against the sandbox, as processes of their own."""

import shutil
from collections.abc import Iterator

import pytest

from sandbox.office import Office
from sandbox.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sandbox with the tiny company and a product that was never set up."""
    folder = tmp_path_factory.mktemp("commands")
    made = Stage(folder, company="tiny")
    made.open()
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_setup_lets_the_administrator_in_and_doctor_takes_deletes(stage: Stage) -> None:
    """Setup shares, and names what is left; deletes beyond the guard are taken at a person's word."""
    planned = stage.run("setup", "--dry-run")
    assert "共享给管理员" in planned
    assert "新增角色「主管」（可编辑：绩效评分）" in planned
    printed = stage.setup()
    assert "done  把多维表格共享给管理员" in printed
    (left,) = [line for line in printed.splitlines() if line.startswith("  still for you")]
    assert "「人事」「财务」" in left
    assert "还没有成员" in left
    assert "还没有任何人能打开" not in printed
    office = Office(stage.control)
    admin = stage.env["CHORUS_ADMIN_OPEN_ID"]
    name = "预警规则"
    made = [office.add(admin, name) for _ in range(12)]
    first = stage.run("doctor", "--accept-deletes", "rules")
    assert "rules: 0 deleted rows" in first
    assert "12 rows remain" in first
    for record_id in made:
        office.delete(admin, name, record_id)
    assert "rules: 12 deleted rows are forgotten here too; 0 rows remain" in stage.run(
        "doctor", "--accept-deletes", "rules"
    )
    assert "expected one of rules" in stage.run("doctor", "--accept-deletes", "rulez", check=False)
