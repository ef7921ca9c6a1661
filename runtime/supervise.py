"""The parent of the product's processes: starts them, starts them again, stops them together.

Children are forked, not started anew: what the parent has imported they need not import, so a server listens
a second sooner and a killed one is back at once. The parent must have no second thread when it forks.
Children die with the parent, whatever kills it: a second `serve` never meets a worker left from the first.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import structlog

from runtime import metrics
from runtime.signals import SignalQueue

GRACE = 25.0
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
HEALTHY_AFTER = 60.0
"""Seconds of life after which a child's earlier deaths are forgotten."""

STOP = "stop"
RELOAD = "reload"
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15

_FORK = multiprocessing.get_context("fork")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running.

    Args:
        name: for the log and, as ``chorus-<name>``, for ``ps -e`` and ``pkill``.
        run: what the process does; when it returns or raises, the process has ended.
    """

    name: str
    run: Callable[[], None]


@dataclass(slots=True)
class _Running:
    child: Child
    process: BaseProcess | None = None
    started: float = 0.0
    deaths: int = 0
    next_start: float = 0.0
    leave_by: float | None = None


class Supervisor:
    """Keeps children running until told to stop.

    Args:
        children: what to run.
        grace: seconds between SIGTERM and SIGKILL when stopping; the worker drains in it.
        first_wait: seconds before the first restart; doubles with every early death up to 30 s.
        reload: called on SIGHUP; gives the names of the children that are to begin anew, e.g. because of
            what they read when they start.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        grace: float = GRACE,
        first_wait: float = FIRST_WAIT,
        reload: Callable[[], Collection[str]] | None = None,
    ) -> None:
        self._running = [_Running(child) for child in children]
        self._grace = grace
        self._first_wait = first_wait
        self._reload = reload
        self._told = SignalQueue()

    def ask_reload(self, *_signal: object) -> None:
        """Ask `run` to have children begin anew; usable as a signal handler."""
        self._told.put(RELOAD)

    def stop(self, *_signal: object) -> None:
        """Ask `run` to end; usable as a signal handler."""
        self._told.put(STOP)

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or `stop`; must be called from the main thread of the process.

        Returns:
            0 when every child ended by itself within the grace time, 1 when one had to be killed.
        """
        handlers = dict.fromkeys((signal.SIGTERM, signal.SIGINT), self.stop)
        if self._reload is not None and not os.isatty(0):  # a terminal that closes says SIGHUP as well
            handlers[signal.SIGHUP] = self.ask_reload
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            word = self._told.get(0)
            while word != STOP:
                if word == RELOAD:
                    self._renew()
                for running in self._running:
                    self._try_to_look_after(running)
                word = self._told.get(0.1)
            return self._stop_all()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _renew(self) -> None:
        """Let the children that `reload` names leave as they do at the end, and start them at once."""
        if self._reload is None:
            return
        names = self._reload()
        for running in self._running:
            if running.child.name in names and running.process is not None:
                running.process.terminate()
                running.leave_by = time.monotonic() + self._grace

    def _try_to_look_after(self, running: _Running) -> None:
        """Look after one child; a machine that has no room for it now is asked again later.

        Nothing that goes wrong here may end the supervision: the others would run on with nobody to restart
        them, and whatever restarts us would see us alive.
        """
        try:
            self._look_after(running)
        except OSError as error:
            running.next_start = time.monotonic() + LONGEST_WAIT / 10
            log.error("supervise.failed", child=running.child.name, error=str(error))

    def _look_after(self, running: _Running) -> None:
        now = time.monotonic()
        if running.process is None:
            if now >= running.next_start:
                self._start(running)
            return
        code = running.process.exitcode
        if code is None:
            if running.leave_by is not None and now > running.leave_by:
                running.process.kill()
            return
        if running.leave_by is not None:
            running.leave_by = None
            self._start(running)
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
        process = _FORK.Process(
            target=_live, args=(running.child, os.getpid()), name=running.child.name, daemon=False
        )
        process.start()
        running.process, running.started = process, time.monotonic()
        log.info("supervise.child_started", child=running.child.name, pid=process.pid)

    def _stop_all(self) -> int:
        alive = [(r.child.name, r.process) for r in self._running if r.process is not None]
        for _, process in alive:
            process.terminate()
        deadline = time.monotonic() + self._grace
        killed = 0
        for name, process in alive:
            # Not join(timeout): it watches a pipe that a child which becomes another program closes early.
            while process.exitcode is None and time.monotonic() < deadline:
                time.sleep(0.02)
            if process.exitcode is None:
                process.kill()
                process.join()
                killed += 1
                log.warning("supervise.child_killed", child=name, grace=self._grace)
        log.info("supervise.stopped", killed=killed)
        return 1 if killed else 0


def _live(child: Child, parent: int) -> None:
    """Be a child: forget the parent's signal handlers, take a name, do the work."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, f"chorus-{child.name}"[:15].encode(), 0, 0, 0)
    child.run()


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
