"""Painter processes: pixels are worked on beside the worker, never in it.

A hostile file or a huge canvas costs a painter, not red lines and pay; and two cores paint at once. Each
painter is a process with a pipe of its own, so that one that dies takes no neighbour along. A pool of the
standard library would not do: all its tasks fail when one process dies, and in 3.11 it may not notice a death
(a process that is started while the manager computes what to wait for) or stop starting processes
(python/cpython#115634).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, TypeVar, cast

from runtime.errors import PermanentError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY = 4 * 1024**3
"""Bytes of address space a painter may have; a bomb that slipped through ends one painter with it."""
LONGEST = 180.0
"""Seconds one task may take."""
RENEW = 200
"""Tasks after which a painter is replaced, so that fragmented memory goes back."""
GOODBYE = 5.0
"""Seconds a painter without work may take to end."""

DIED = "处理这张图片时程序两次中断，可能是文件有问题；请换一张再试"
SLOW = "处理这张图片超过 {seconds:.0f} 秒；请换一张小一些的再试"
HUGE = "处理这张图片时内存不够；请换一张小一些的再试"


class PaintingError(PermanentError):
    """A picture killed its painter twice, took too long or needed too much memory; a sentence for the row."""


class _Died(Exception):  # noqa: N818 - it names what happened
    """The process ended in the middle of a task."""


@dataclass(slots=True)
class _Process:
    """One painter; ``done`` counts its tasks."""

    process: SpawnProcess
    line: Connection
    done: int = 0

    def close(self, seconds: float = GOODBYE) -> None:
        """Let it go home, or kill it."""
        self.line.close()
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class Painter:
    """A few painter processes; each is begun by ``warm``, or when it is first needed.

    Args:
        processes: how many paint at once; further tasks wait, and their waiting does not count.
        longest: seconds one task may take.
        memory: bytes of address space a painter may have.
        renew: tasks after which a painter is replaced.
    """

    def __init__(
        self, processes: int = 2, *, longest: float = LONGEST, memory: int = MEMORY, renew: int = RENEW
    ) -> None:
        self._processes, self._longest, self._memory, self._renew = processes, longest, memory, renew
        self._free = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[_Process] = []

    def run(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a module-level function in a painter and wait for what it returns.

        Raises:
            PaintingError: the painter died of it twice (once may be the kernel, out of memory), it took too
                long, or it needed too much memory.
            Exception: whatever the task raised, with the painter's traceback as a note.
        """
        with self._free:
            for _attempt in range(2):
                painter = self._take()
                try:
                    good, value = self._ask(painter, (task, args, kwargs))
                except _Died:
                    painter.close(0)
                    continue
                except TimeoutError:
                    painter.close(0)
                    raise PaintingError(SLOW.format(seconds=self._longest)) from None
                self._give_back(painter)
                if good:
                    return cast(T, value)
                raise PaintingError(HUGE) if isinstance(value, MemoryError) else value
        raise PaintingError(DIED)

    def warm(self, task: Callable[[], object]) -> None:
        """Start the painters and let each run a module-level function, so that the first picture waits less.

        Returns at once; what goes wrong is met again, and told, by the first picture.
        """
        for _ in range(self._processes):
            threading.Thread(target=self._warm, args=(task,), name="painter-warm", daemon=True).start()

    def _warm(self, task: Callable[[], object]) -> None:
        with contextlib.suppress(Exception):
            self.run(task)

    def close(self) -> None:
        """End the painters that have nothing to do; the others end with their task or with this process."""
        with self._lock:
            idle, self._idle = self._idle, []
        for painter in idle:
            painter.close()

    def _ask(self, painter: _Process, order: tuple[Any, ...]) -> tuple[bool, Any]:
        try:
            painter.line.send(order)
            if not painter.line.poll(self._longest):
                raise TimeoutError
            answer: tuple[bool, Any] = painter.line.recv()
        except (EOFError, ConnectionError):
            raise _Died from None
        painter.done += 1
        return answer

    def _take(self) -> _Process:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            ours, theirs = multiprocessing.Pipe()
            spawned = multiprocessing.get_context("spawn").Process(
                target=_serve, args=(theirs, os.getpid(), self._memory), name="painter", daemon=True
            )
            spawned.start()
            theirs.close()  # so that the line ends when the painter does
            return _Process(spawned, ours)

    def _give_back(self, painter: _Process) -> None:
        if painter.done >= self._renew:
            painter.close()
            return
        with self._lock:
            self._idle.append(painter)


def _serve(line: Connection, parent: int, memory: int) -> None:
    """A painter's life: bound its memory, watch that it does not outlive the worker, do what is asked."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which ends us
    os.nice(5)  # people wait for taps and alerts, not for pictures
    threading.Thread(target=_watch, args=(parent,), name="watch", daemon=True).start()
    while True:
        try:
            task, args, kwargs = line.recv()
        except EOFError:
            return
        _answer(line, task, args, kwargs)


def _answer(line: Connection, task: Callable[..., Any], args: Any, kwargs: Any) -> None:
    try:
        answer: tuple[bool, Any] = (True, task(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - it is raised again where the task was asked for
        error.add_note(traceback.format_exc())
        answer = (False, error)
    try:
        line.send(answer)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        line.send((False, TypeError(f"What {task.__name__} gave cannot pass between processes: {error}")))


def _watch(parent: int) -> None:
    """A death signal of the kernel would not do: it comes when the *thread* that started us ends."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
