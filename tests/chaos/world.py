"""One day's world: a copy of the ground, its processes, and somebody who starts again what ended."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.client import until
from sandbox.stage import Stage, answers
from tests.chaos import disk, machine_clock
from tests.chaos.ground import Ground
from tests.chaos.people import Gate, Hands
from tests.scenario import support_kill as support
from tests.scenario.ledger import Ledger

STARTING = 90
"""Seconds a world may take until it is ready."""
RESTART = 1.0
"""Seconds after which the machine's init starts a server that ended; docs/DEPLOY.md says two."""


@dataclass
class Init:
    """Keeps a server of each instance running, as systemd does.

    Args:
        stages: the instances.
    """

    stages: dict[str, Stage]
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    starts: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every server, then watch them."""
        for name in self.stages:
            self._begin(name)
        self._thread = threading.Thread(target=self._watch, name="init")
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; the servers go on."""
        self._stop.set()
        self._thread.join()

    def _begin(self, name: str) -> None:
        stage = self.stages[name]
        self.servers[name] = stage.start([*stage.command, "serve"], "serve")
        self.starts += 1

    def _watch(self) -> None:
        ended: dict[str, float] = {}
        while not self._stop.wait(0.1):
            for name, server in self.servers.items():
                if server.poll() is None:
                    continue
                since = ended.setdefault(name, time.monotonic())
                if time.monotonic() - since >= RESTART:
                    del ended[name]
                    self._begin(name)


@dataclass
class World:
    """A copied company with the product beside it.

    Args:
        ground: what it is a copy of.
        folder: where it lives.
        name: of its database.
    """

    ground: Ground
    folder: Path
    name: str
    gate: Gate = field(default_factory=Gate)

    @contextlib.contextmanager
    def running(self) -> Iterator[World]:
        """The world with everything started and ready; ended afterwards."""
        self.platform, stages = self.ground.copied(self.folder, self.name)
        self.init = Init(dict(zip(self.ground.instances, stages, strict=True)))
        self.ground.exchange.mend()
        try:
            self.platform.resume()
            self.hands = Hands(self.platform.sandbox_url, self.gate)
            # What is pushed while instances start would be tried again after the platform's 15 s, 5 min …
            self.hands.post("events", retry_after=[1.0] * STARTING)
            self.init.start()
            self.ledger = Ledger(self.ground.address(self.folder, self.name))
            until(self.ready, STARTING, "every instance is ready")
            until(lambda: not self.hands.get("deliveries")["pending"], STARTING, "no event waits")
            yield self
        finally:
            self._end(stages)

    def _end(self, stages: list[Stage]) -> None:
        with contextlib.suppress(AttributeError):
            self.init.stop()
            self.ledger.close()
        for name in self.init.servers:
            for pid in self.family(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        machine_clock.tidy()
        for stage in (*stages, self.platform):
            stage.stop()
        for name, stage in self.init.stages.items():
            if os.path.ismount(stage.folder):
                shutil.copytree(stage.folder, self.folder / f"{name}.kept", dirs_exist_ok=True)
                disk.unmount(stage.folder)

    def ready(self) -> bool:
        """Whether every instance says so."""
        return all(answers(stage.url + "/readyz") for stage in self.init.stages.values())

    def family(self, instance: str) -> list[int]:
        """The processes of an instance, the supervisor first."""
        server = self.init.servers[instance]
        return [server.pid, *support.family(server.pid)] if server.poll() is None else []

    def victim(self, instance: str, role: str) -> int | None:
        """The process of a role, if it lives now; a painter is any process below the worker."""
        server = self.init.servers[instance]
        if server.poll() is not None:
            return None
        if role == "all":
            return server.pid
        people = support.family(server.pid)
        named = "chorus-web" if role.startswith("web") else "chorus-worker"
        head = next((pid for pid, called in people.items() if called == named), None)
        if head is None or role in ("web", "worker"):
            return head
        return next(iter(support.family(head)), None)

    def bound_files(self, instance: str, size: int) -> None:
        """Let no process of an instance write beyond this many bytes of any file; -1 lifts it again."""
        for pid in self.family(instance):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size < 0 else size, most))

    def logs(self) -> str:
        """Everything the product has said."""
        paths = [stage.folder / "serve.log" for stage in self.init.stages.values()]
        return "\n".join(path.read_text("utf-8", "replace") for path in paths if path.exists())
