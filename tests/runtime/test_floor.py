"""The floor opens as one piece, and processes import only what they need."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.clock import ManualClock, SystemClock
from runtime.db import migrate
from runtime.errors import ConfigError
from runtime.floor import open_floor
from runtime.settings import Settings, load_settings
from runtime.work import Work

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation in a folder of its own."""
    return load_settings(
        feishu_app_id="cli_a",
        feishu_app_secret="secret-value",
        feishu_encrypt_key="key-value",
        var_dir=tmp_path / "var",
        database_url=f"sqlite:///{tmp_path}/var/chorus.db",
        mirror_url=f"sqlite:///{tmp_path}/var/mirror.db",
        manifest=ROOT / "feishu_app.yaml",
    )


def test_the_floor_opens_databases_queue_and_manifest(settings: Settings, tmp_path: Path) -> None:
    """After `migrate`, everything is there to be used, and two files lie under var."""
    migrate(settings.database_url)
    clock = ManualClock(SystemClock().now())
    floor = open_floor(settings, clock)
    with floor.db.begin() as conn:
        floor.queue.put(conn, Work("note", "x", "l", {}))
    assert floor.queue.backlog() == 1
    assert floor.clock is clock
    assert floor.manifest.name == "经营助手"
    floor.close()
    assert {path.name for path in (tmp_path / "var").glob("*.db")} == {"chorus.db", "mirror.db"}


def test_two_floors_in_one_process_do_not_know_of_each_other(tmp_path: Path, settings: Settings) -> None:
    """There is no hidden global state: work put on one is not seen on the other."""
    other = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path}/b.db", "mirror_url": f"sqlite:///{tmp_path}/bm.db"}
    )
    floors = []
    for one in (settings, other):
        migrate(one.database_url)
        floors.append(open_floor(one))
    with floors[0].db.begin() as conn:
        floors[0].queue.put(conn, Work("note", "x", "l", {}))
    assert [floor.queue.backlog() for floor in floors] == [1, 0]
    for floor in floors:
        floor.close()


def test_a_wrong_manifest_stops_the_start_with_its_sentence(settings: Settings, tmp_path: Path) -> None:
    """The process ends before it listens, and says why."""
    missing = settings.model_copy(update={"manifest": tmp_path / "none.yaml"})
    with pytest.raises(ConfigError, match="does not exist"):
        open_floor(missing)


@pytest.mark.process
def test_the_web_process_does_not_load_what_only_the_worker_needs() -> None:
    """Opening the floor imports neither the engine's library nor the scheduler, Alembic or the SDK."""
    code = (
        "import sys, runtime.floor, runtime.health, runtime.log, runtime.supervise;"
        "heavy = {'dbos', 'apscheduler', 'alembic', 'lark_oapi', 'prometheus_client'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.process
def test_the_engines_library_has_two_doors() -> None:
    """Only `engine` and `lanes` import it, so that it can be replaced in two files."""
    users = {
        str(path.relative_to(ROOT))
        for package in ("runtime", "bot", "bitable_sync", "rules", "payslip", "creative")
        for path in (ROOT / package).rglob("*.py")
        if any(line.startswith(("import dbos", "from dbos")) for line in path.read_text("utf-8").splitlines())
    }
    assert users == {"runtime/engine.py", "runtime/lanes.py"}
