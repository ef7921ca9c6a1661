"""Painter processes: pixels are worked on beside the worker, never in it.

A hostile file or a huge canvas costs a painter, not red lines and pay; and two cores paint at once.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from runtime.errors import PermanentError, TransientError

P = ParamSpec("P")
T = TypeVar("T")

MEMORY = 4 * 1024**3
"""Bytes of address space a painter may have; a bomb that slipped through ends one painter with it."""
LONGEST = 180.0
"""Seconds one task may take."""
TASKS_EACH = 200
"""A painter is replaced after so many tasks, so that fragmented memory goes back."""


class PaintingError(PermanentError):
    """A picture killed its painter twice, or took too long; the sentence is for the row."""


class Painter:
    """A pool of painter processes; begun by ``warm``, or with the first task.

    Args:
        processes: how many paint at once.
    """

    def __init__(self, processes: int = 2) -> None:
        self._processes = processes
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def run(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a module-level function in a painter and wait for what it returns.

        Raises:
            PaintingError: the painter died of it twice, or it took too long.
            Exception: whatever the task raised.
        """
        for attempt in (1, 2):
            pool = self._open()
            try:
                return pool.submit(task, *args, **kwargs).result(timeout=LONGEST)
            except BrokenProcessPool:
                # Everybody whose task was in this pool comes here, so each may be innocent once.
                self._drop(pool)
                if attempt == 2:
                    raise PaintingError(
                        "处理这张图片时程序两次中断，可能是文件有问题；请换一张再试"
                    ) from None
            except TookTooLong:
                self._drop(pool)
                raise PaintingError(f"处理这张图片超过 {LONGEST:.0f} 秒；请换一张小一些的再试") from None
            except RuntimeError as error:  # the pool was dropped between open and submit
                if "shutdown" not in str(error) or attempt == 2:
                    raise
        raise TransientError("The painters were being replaced; the work is tried again.")

    def warm(self, task: Callable[[], object]) -> None:
        """Start the painters and let each run a module-level function, so that the first picture waits less.

        Returns at once; what goes wrong is met again, and told, by the first picture.
        """
        pool = self._open()
        for _ in range(self._processes):
            pool.submit(task)

    def close(self) -> None:
        """End the painters."""
        if self._pool is not None:
            self._drop(self._pool)

    def _open(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._processes, mp_context=multiprocessing.get_context("spawn"),
                    initializer=_begin, initargs=(os.getpid(),), max_tasks_per_child=TASKS_EACH,
                )  # fmt: skip
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - 3.11 has no public way to kill
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(parent: int) -> None:
    """What a painter does first: bound its memory, and watch that it does not outlive the worker.

    A death signal of the kernel would not do: it comes when the *thread* that started the painter ends.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(5)  # people wait for taps and alerts, not for pictures
    threading.Thread(target=_watch, args=(parent,), name="watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
