"""The parent of the product's processes: starts them, starts them again, stops them together.

Children die with the parent, whatever kills it: a second `serve` never meets a worker left from the first.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from runtime import metrics

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
HEALTHY_AFTER = 60.0
"""Seconds of life after which a child's earlier deaths are forgotten."""

PR_SET_PDEATHSIG = 1

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running.

    Args:
        name: for the log.
        argv: command line.
        env: added to this process's environment.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    next_start: float = 0.0


class Supervisor:
    """Keeps children running until told to stop.

    Args:
        children: what to run.
        grace: seconds between SIGTERM and SIGKILL when stopping; the worker drains in it.
        first_wait: seconds before the first restart; doubles with every early death up to 30 s.
    """

    def __init__(
        self, children: Sequence[Child], *, grace: float = 25.0, first_wait: float = FIRST_WAIT
    ) -> None:
        self._running = [_Running(child) for child in children]
        self._grace = grace
        self._first_wait = first_wait
        self._stop = threading.Event()

    def stop(self, *_signal: object) -> None:
        """Ask `run` to end; usable as a signal handler."""
        self._stop.set()

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or `stop`; must be called from the main thread of the process.

        Returns:
            0 when every child ended by itself within the grace time, 1 when one had to be killed.
        """
        previous = {number: signal.signal(number, self.stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._stop.is_set():
                for running in self._running:
                    self._look_after(running)
                self._stop.wait(0.1)
            return self._stop_all()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _look_after(self, running: _Running) -> None:
        now = time.monotonic()
        if running.process is None:
            if now >= running.next_start:
                self._start(running)
            return
        code = running.process.poll()
        if code is None:
            return
        lived = now - running.started
        running.deaths = 1 if lived >= HEALTHY_AFTER else running.deaths + 1
        wait = min(LONGEST_WAIT, self._first_wait * 2 ** (running.deaths - 1))
        running.process = None
        running.next_start = now + wait
        metrics.count("chorus_restarts_total", child=running.child.name)
        log.error(
            "supervise.child_ended", child=running.child.name, code=code, lived=round(lived, 1), again_in=wait
        )

    def _start(self, running: _Running) -> None:
        # preexec_fn is safe here: this process has no other thread that could hold a lock while forking.
        running.process = subprocess.Popen(  # noqa: S603 - our own command lines
            list(running.child.argv),
            env={**os.environ, **running.child.env},
            preexec_fn=die_with_parent(os.getpid()),  # noqa: PLW1509
        )
        running.started = time.monotonic()
        log.info("supervise.child_started", child=running.child.name, pid=running.process.pid)

    def _stop_all(self) -> int:
        alive = [(r.child.name, r.process) for r in self._running if r.process is not None]
        for _, process in alive:
            process.terminate()
        deadline = time.monotonic() + self._grace
        killed = 0
        for name, process in alive:
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
                log.warning("supervise.child_killed", child=name, grace=self._grace)
        log.info("supervise.stopped", killed=killed)
        return 1 if killed else 0


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> Callable[[], None]:
    """Return a function that, called in a new child, makes the kernel kill it when its parent dies.

    SIGKILL and not SIGTERM: nothing acknowledged is lost by it, and a worker that drains on while a new one
    has started would perform the same works twice. On systems other than Linux it does nothing.

    Args:
        parent: process id of the parent; when it is gone already, the child ends at once.
        number: the signal.
    """
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def call() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return call
