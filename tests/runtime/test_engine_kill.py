"""What a kill costs: nothing is lost, what was recorded is not repeated, the dead are inherited."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.db import Database
from runtime.parked import list_parked
from runtime.work import Work, WorkQueue
from tests.support.wait import until

pytestmark = [pytest.mark.db, pytest.mark.process]

PROGRAM = Path(__file__).parent / "programs" / "worker.py"
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(database: Database, tmp_path: Path) -> Iterator[Start]:
    """Start a worker process by its instance name and wait until it performs; all are killed afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def run(instance: str) -> subprocess.Popen[bytes]:
        ready = tmp_path / f"ready-{instance}"
        ready.unlink(missing_ok=True)
        argv = [sys.executable, str(PROGRAM), database.url, instance, str(tmp_path)]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(argv, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
        running.append(process)
        until(ready.exists, timeout=30, what=f"worker {instance}")
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process as a power cut would."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def lines(path: Path) -> list[str]:
    """Return the lines of a file that may not exist yet."""
    return path.read_text("utf-8").split() if path.exists() else []


@pytest.mark.kill
def test_no_work_is_lost_by_kills_at_any_moment(
    database: Database, queue: WorkQueue, start: Start, tmp_path: Path
) -> None:
    """Sixty works, two kills on the way: each is done, and at most the busy ones of a kill are done twice."""
    with database.begin() as conn:
        queue.put(conn, *[Work("note", f"n{n}", f"lane-{n % 20}", {"n": n}) for n in range(60)])
    notes = tmp_path / "notes"
    for reached in (10, 30):
        worker = start("w1")
        until(lambda reached=reached: len(lines(notes)) >= reached, timeout=30, what=f"{reached} works")
        kill(worker)
    start("w1")
    until(lambda: queue.backlog() == 0, timeout=40, what="an empty backlog")
    counts = Counter(lines(notes))
    assert set(counts) == {str(n) for n in range(60)}
    assert sum(counts.values()) - 60 <= 2 * 16
    assert list_parked(database) == []


def test_an_order_placed_just_before_the_kill_is_found_and_not_placed_again(
    database: Database, queue: WorkQueue, start: Start, tmp_path: Path
) -> None:
    """Killed between the effect and its record, the work looks the order up after the restart."""
    (tmp_path / "hang").touch()
    worker = start("w1")
    with database.begin() as conn:
        queue.put(conn, Work("order", "po:1", "erp", {"id": "po-1"}))
    until(lambda: lines(tmp_path / "orders"), timeout=20, what="the order at the other side")
    kill(worker)
    (tmp_path / "hang").unlink()
    start("w1")
    until(lambda: lines(tmp_path / "done") == ["po-1"], timeout=20, what="the end of the work")
    assert lines(tmp_path / "orders") == ["po-1"]


def test_a_live_worker_adopts_the_work_of_a_dead_one(
    database: Database, queue: WorkQueue, start: Start, tmp_path: Path
) -> None:
    """Two workers, one killed in the middle of a work: the other goes on from the last recorded step."""
    (tmp_path / "hang").touch()
    first = start("w1")
    with database.begin() as conn:
        queue.put(conn, Work("hang", "h1", "l", {"n": 1}), Work("note", "behind", "l", {"n": "behind"}))
    until((tmp_path / "hanging-w1").exists, timeout=20, what="the first worker hanging")
    start("w2")
    kill(first)
    (tmp_path / "hang").unlink()
    until(
        lambda: lines(tmp_path / "notes") == ["w2:1", "behind"],
        timeout=30,
        what="the heir finishing in order",
    )
    assert lines(tmp_path / "firsts") == ["w1"]
    until(lambda: queue.backlog() == 0, what="an empty backlog")


def test_two_workers_share_the_work_and_keep_the_order_of_lanes(
    database: Database, queue: WorkQueue, start: Start, tmp_path: Path
) -> None:
    """Whichever worker takes them, works run once each; on PostgreSQL, made for several workers, in order.

    On SQLite the engine's library looks and takes in two statements, so two workers may overtake each other.
    """
    start("w1")
    start("w2")
    with database.begin() as conn:
        queue.put(conn, *[Work("note", f"a{n}", "lane", {"n": n}) for n in range(12)])
    until(lambda: queue.backlog() == 0, timeout=30, what="an empty backlog")
    done = lines(tmp_path / "notes")
    assert sorted(done, key=int) == [str(n) for n in range(12)]
    if database.dialect == "postgresql":
        assert done == sorted(done, key=int)
