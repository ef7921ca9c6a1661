"""Lets things go wrong in a running world, and mends them."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos import disk, machine_clock
from tests.chaos.schedule import Fault, Schedule
from tests.chaos.world import World

FULL = 16_384
"""Bytes beyond which nothing can be written while a disk is full: less than any file of ours has already."""

RETRIES = (1.0, 3.0, 8.0, 20.0)
"""Seconds before the platform brings an event again: its 15 s, 5 min, 1 h and 6 h, compressed as the day."""


@dataclass
class Faults:
    """A schedule being carried out.

    Args:
        world: what is broken.
        schedule: when and how.
    """

    world: World
    schedule: Schedule
    struck: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin the day of faults."""
        switches = {"duplicate": self.schedule.duplicate, "shuffle": self.schedule.shuffle}
        self.world.hands.post("events", retry_after=RETRIES, **switches)
        began = time.monotonic()
        for fault in self.schedule.faults:
            thread = threading.Thread(target=self._carry_out, args=(fault, began), name=f"fault-{fault.kind}")
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until the last fault is over, and mend everything."""
        for thread in self._threads:
            thread.join()
        self.mend()

    def mend(self) -> None:
        """Nothing is broken any more; what had been ordered and did not strike is withdrawn."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        world = self.world
        world.ground.exchange.mend()
        for instance in world.init.stages:
            world.bound_files(instance, -1)
            disk.free(world.init.stages[instance].folder)
            machine_clock.step(world.init.stages[instance].folder, 0)
        world.hands.delete("faults")

    def _carry_out(self, fault: Fault, began: float) -> None:
        if self._stop.wait(max(0.0, began + fault.at - time.monotonic())):
            return
        act: Callable[[Fault], bool] = getattr(self, fault.kind)
        try:
            (self.struck if act(fault) else self.missed).append(str(fault))
        except Exception as error:  # noqa: BLE001 - a fault that cannot be made is a fault of the campaign
            self.broken.append(f"{fault}: {type(error).__name__}: {error}")

    # --- the kinds ---

    def kill(self, fault: Fault) -> bool:
        """``kill -9``."""
        return self._signal(fault, signal.SIGKILL)

    def stall(self, fault: Fault) -> bool:
        """A process stands still: a disk that does not answer, a machine that is moved."""
        pid = self.world.victim(fault.target, fault.how)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._stop.wait(fault.seconds)
            os.kill(pid, signal.SIGCONT)
        return True

    def cut(self, fault: Fault) -> bool:
        """A line between two parts fails."""
        exchange = self.world.ground.exchange
        line = exchange.lines[fault.target]
        before = line.struck
        exchange.turn(fault.target, fault.how)
        self._stop.wait(fault.seconds)
        exchange.turn(fault.target, "open")
        return line.struck > before

    def refuse(self, fault: Fault) -> bool:
        """The other side answers with an error, or with nothing."""
        method, _, path = fault.target.partition(" ")
        order = {key: dict(value) if key == "headers" else value for key, value in fault.order}  # type: ignore[call-overload]
        times = int(fault.how.rstrip("×"))
        self.world.hands.post("faults", match={"method": method, "path": path}, times=times, **order)
        return True

    def platform_clock(self, fault: Fault) -> bool:
        """The platform's clock is wrong for a while; what it had planned for later comes now."""
        self.world.hands.post("clock", advance=float(fault.how))
        self._stop.wait(fault.seconds)
        self.world.hands.post("clock", advance=-float(fault.how))
        return True

    def clock_step(self, fault: Fault) -> bool:
        """The clock of an instance's machine is wrong for a while, and set right again."""
        if machine_clock.library() is None:
            return False
        folder = self.world.init.stages[fault.target].folder
        machine_clock.step(folder, int(fault.how))
        self._stop.wait(fault.seconds + machine_clock.FRESH)
        machine_clock.step(folder, 0)
        return True

    def disk_full(self, fault: Fault) -> bool:
        """No byte can be written to an instance's disk; where none can be mounted, no file can grow."""
        folder = self.world.init.stages[fault.target].folder
        if os.path.ismount(folder):
            disk.fill(folder)
            self._stop.wait(fault.seconds)
            disk.free(folder)
            return True
        self.world.bound_files(fault.target, FULL)
        self._stop.wait(fault.seconds)
        self.world.bound_files(fault.target, -1)
        return True

    def disk_slow(self, fault: Fault) -> bool:
        """A commit of somebody else takes so long."""
        path = self.world.init.stages[fault.target].folder / "var" / "chorus.db"
        line = sqlite3.connect(path, timeout=10, isolation_level=None)
        try:
            line.execute("BEGIN IMMEDIATE")
            self._stop.wait(fault.seconds)
            line.execute("ROLLBACK")
        finally:
            line.close()
        return True

    def sandbox_restart(self, _fault: Fault) -> bool:
        """The platform is away for a moment and comes back with its state."""
        with self.world.gate.closed():
            self.world.platform.restart_sandbox()
        return True

    def postgres_restart(self, fault: Fault) -> bool:
        """The database server ends, politely or not, and comes back."""
        postgres = self.world.ground.postgres
        if postgres is None:
            return False
        postgres.control("-m", fault.how, "restart")
        return True

    def _signal(self, fault: Fault, number: signal.Signals) -> bool:
        pid = self.world.victim(fault.target, fault.how)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False
