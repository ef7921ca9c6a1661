"""The supervisor keeps children running, ends them together, and takes them along when it is killed."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import metrics
from tests.support.wait import until

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "programs" / "parent.py"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a supervisor with some kinds of children; it is killed afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def run(*kinds: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, str(PROGRAM), str(tmp_path), *kinds]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (tmp_path / "log").open("w") as log:
            running.append(subprocess.Popen(argv, cwd=ROOT, env=env, stderr=log, stdin=subprocess.DEVNULL))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


def pids(tmp_path: Path, count: int) -> list[int]:
    """Wait until so many children have told their process ids."""
    path = tmp_path / "pids"

    def read() -> list[int]:
        found = [int(line) for line in path.read_text().split()] if path.exists() else []
        return found if len(found) >= count else []

    return until(read, timeout=20, what=f"{count} children")


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_was_killed_is_started_again(start: Start, tmp_path: Path) -> None:
    """Within moments there is another one."""
    start("good")
    (first,) = pids(tmp_path, 1)
    os.kill(first, signal.SIGKILL)
    second = pids(tmp_path, 2)[1]
    assert second != first
    assert alive(second)


def test_a_full_disk_does_not_end_the_supervision(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the count of restarts nor the log can be written: the child is started again all the same."""
    monkeypatch.setenv(metrics.VARIABLE, str(tmp_path))
    supervisor = start("good")
    (first,) = pids(tmp_path, 1)
    _, most = resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(supervisor.pid, resource.RLIMIT_FSIZE, (4096, most))  # less than a file of counts has
    os.kill(first, signal.SIGKILL)
    until(lambda: children(supervisor.pid) - {first}, timeout=20, what="another child")
    assert supervisor.poll() is None


def children(pid: int) -> set[int]:
    """Process ids of who was started by a process and lives."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(each) for each in listed if alive(int(each))}


def test_a_child_that_keeps_dying_is_started_ever_more_slowly(start: Start, tmp_path: Path) -> None:
    """The waits double: a broken installation does not burn the machine."""
    process = start("crash")
    crashes = tmp_path / "crashes"
    until(lambda: crashes.exists() and len(crashes.read_text().split()) >= 3, timeout=20, what="three deaths")
    process.terminate()
    process.wait(timeout=10)
    log = (tmp_path / "log").read_text()
    assert '"again_in": 0.1' in log
    assert '"again_in": 0.2' in log


def test_a_reload_begins_the_named_children_anew_and_no_other(start: Start, tmp_path: Path) -> None:
    """It may finish as at the end and is back at once, without being taken for a death."""
    process = start("good", "stubborn")
    before = pids(tmp_path, 2)
    process.send_signal(signal.SIGHUP)
    after = pids(tmp_path, 3)
    assert (tmp_path / "bye").exists()
    assert sum(alive(pid) for pid in before) == 1
    assert alive(after[2])
    assert "child_ended" not in (tmp_path / "log").read_text()


def test_sigterm_reaches_the_children_and_they_may_finish(start: Start, tmp_path: Path) -> None:
    """The child's own handler runs, and the supervisor ends with 0."""
    process = start("good")
    (child,) = pids(tmp_path, 1)
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert (tmp_path / "bye").exists()
    assert not alive(child)


def test_a_signal_may_come_at_any_line_of_the_wait() -> None:
    """A handler that needs a lock of the code it interrupts would hold the process up for good."""
    program = Path(__file__).parent / "programs" / "struck.py"
    told = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=30, check=True)
    assert int(told.stdout) > 5


def test_a_stubborn_child_is_killed_after_the_grace_time(start: Start, tmp_path: Path) -> None:
    """Nothing is left behind; the exit code says that force was needed."""
    process = start("stubborn")
    (child,) = pids(tmp_path, 1)
    process.terminate()
    assert process.wait(timeout=10) == 1
    assert not alive(child)


def test_children_die_with_a_killed_parent(start: Start, tmp_path: Path) -> None:
    """No worker survives its supervisor, whatever kills it."""
    process = start("good", "stubborn")
    children = pids(tmp_path, 2)
    process.kill()
    until(lambda: not any(alive(child) for child in children), timeout=10, what="the children's end")
