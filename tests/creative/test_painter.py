"""Painter processes: a hostile picture costs a painter and nothing else."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from creative.painter import MEMORY, Painter, PaintingError
from tests.support.wait import until


def whoami() -> int:
    """The painter's process."""
    return os.getpid()


def die() -> None:
    """What a decoder's crash does to its process."""
    os.kill(os.getpid(), signal.SIGSEGV)


def die_when(flag: str, begun: str) -> None:
    """Crash once a neighbour is at work."""
    Path(begun).write_text("here")
    _until_there(flag)
    die()


def wait_for(flag: str, begun: str) -> int:
    """Work that is under way while the neighbour crashes."""
    _until_there(begun)
    Path(flag).write_text("here")
    _until_there(f"{flag}.dead")
    return os.getpid()


def hang() -> None:
    """A picture that is never finished."""
    threading.Event().wait(60)


def swallow(size: int) -> int:
    """Ask for memory."""
    return len(bytearray(size))


def wrong() -> None:
    """A fault of the task's own."""
    raise ValueError("no such layout")


def unsendable() -> object:
    """A result that cannot pass between processes."""
    return threading.Lock()


def die_once(flag: str) -> str:
    """Killed from outside in the middle, as the kernel does when the machine is out of memory."""
    if Path(flag).exists():
        return "painted"
    Path(flag).write_text("here")
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


def _until_there(path: str) -> None:
    while not Path(path).exists():
        threading.Event().wait(0.01)


@pytest.fixture
def painters() -> Iterator[Painter]:
    """Two painters with little patience."""
    made = Painter(2, longest=20, memory=MEMORY)
    yield made
    made.close()


def alive(pid: int) -> bool:
    """Whether a process runs still; a zombie does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_who_kills_its_painter_is_told_and_others_paint_on(painters: Painter) -> None:
    with pytest.raises(PaintingError, match="程序两次中断"):
        painters.run(die)
    assert painters.run(whoami) != os.getpid()


def test_who_is_killed_by_chance_is_painted_at_the_second_try(painters: Painter, tmp_path: Path) -> None:
    assert painters.run(die_once, str(tmp_path / "flag")) == "painted"


def test_a_neighbour_of_a_crash_notices_nothing(painters: Painter, tmp_path: Path) -> None:
    """Both are at work when one crashes; the other one goes on in its process and is painted once."""
    files = (str(tmp_path / "flag"), str(tmp_path / "begun"))
    with ThreadPoolExecutor(2) as threads:
        innocent = threads.submit(painters.run, wait_for, *files)
        guilty = threads.submit(painters.run, die_when, *files)
        with pytest.raises(PaintingError, match="程序两次中断"):
            guilty.result(timeout=60)
        Path(f"{files[0]}.dead").write_text("here")
        assert innocent.result(timeout=60) != os.getpid()


def test_a_task_that_takes_too_long_ends_and_waiting_does_not_count() -> None:
    """Two that hang, one painter: each is given its whole time, then its painter is killed."""
    painter = Painter(1, longest=30)
    try:
        first = painter.run(whoami)
        painter._longest = 1.0
        began = time.monotonic()
        with ThreadPoolExecutor(2) as threads:
            for each in [threads.submit(painter.run, hang) for _ in range(2)]:
                with pytest.raises(PaintingError, match="超过 1 秒"):
                    each.result(timeout=60)
        assert time.monotonic() - began >= 2.0
        assert not alive(first)
        painter._longest = 30
        assert painter.run(whoami) != first
    finally:
        painter.close()


def test_memory_is_bounded_and_the_painter_lives_on() -> None:
    painter = Painter(1, memory=2 * 1024**3)
    try:
        before = painter.run(whoami)
        with pytest.raises(PaintingError, match="内存不够"):
            painter.run(swallow, 3 * 1024**3)
        assert painter.run(swallow, 1024) == 1024
        assert painter.run(whoami) == before
    finally:
        painter.close()


def test_warm_painters_are_used_for_the_first_pictures(painters: Painter) -> None:
    """Both were started and idle; the next two tasks get them."""
    painters.warm(whoami)
    until(lambda: len(painters._idle) == 2, timeout=60, what="both are warm")
    with ThreadPoolExecutor(2) as threads:
        pids = list(threads.map(lambda _: painters.run(whoami), range(2)))
    assert set(pids) <= {each.process.pid for each in painters._idle}
    assert len(painters._idle) == 2


def test_a_fault_of_the_task_itself_comes_back_as_it_is(painters: Painter) -> None:
    with pytest.raises(ValueError, match="no such layout") as caught:
        painters.run(wrong)
    assert any("test_painter.py" in note for note in caught.value.__notes__)
    with pytest.raises(TypeError, match="unsendable gave cannot pass"):
        painters.run(unsendable)


def test_painters_are_renewed_and_nobody_waits_for_ever() -> None:
    """More tasks than a painter may do, from many threads at once."""
    painter = Painter(1, longest=20, renew=3)
    try:
        with ThreadPoolExecutor(4) as threads:
            pids = list(threads.map(lambda _: painter.run(whoami), range(8)))
        assert len(set(pids)) == 3
        until(lambda: sum(map(alive, set(pids))) == 1, what="the old painters have ended")
    finally:
        painter.close()
    until(lambda: not any(map(alive, pids)), what="the last painter has ended")


PARENT = """
import sys, os
from creative.painter import Painter
from tests.creative.test_painter import whoami, hang
if __name__ == "__main__":
    painter = Painter(1)
    print(painter.run(whoami), flush=True)
    painter.run(hang)
"""


def test_a_painter_does_not_outlive_the_worker(tmp_path: Path) -> None:
    """The worker is killed in the middle of a picture."""
    script = tmp_path / "worker.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": str(root)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=env)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    began = time.monotonic()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not alive(pid), timeout=20, what="the painter has ended")
    assert time.monotonic() - began < 20
