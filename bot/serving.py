"""The HTTP server of the web process: how it listens, what a client may take of it, how it leaves.

Granian's own threads read requests and only whole header blocks reach our loop, so clients that send headers
slowly cost a socket each and are cut off after `HEADER_SECONDS`; bodies are the part of `bot.acceptor`.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Final

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from bot.acceptor import LEAVE
from runtime.settings import Settings

HEADER_SECONDS: Final = 10
HEADER_BYTES: Final = 64 * 1024
CONNECTIONS: Final = 8192
"""Clients that may be connected; the server stops taking more until some have left."""
LAST_SECONDS: Final = 15
"""Requests under way when listening ends may take so long; then the process is killed."""


def serve(target: str, settings: Settings, home: Path) -> None:
    """Serve an app until SIGTERM; then be not ready for `settings.leave_seconds`, and finish what began.

    Args:
        target: ``module:factory`` that makes the `Acceptor`, in the server's worker process.
        settings: host, port and how long a load balancer needs to notice.
        home: folder the module is found in.
    """
    server = Leaving(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        loop=Loops.uvloop,
        factory=True,
        workers=1,
        backpressure=CONNECTIONS,
        websockets=False,
        http=HTTPModes.http1,  # what proxies speak to us; fewer ways to misuse it than HTTP/2 has
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
        log_enabled=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=LAST_SECONDS,
        working_dir=home,
    )
    server.notice = settings.leave_seconds
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a client is a file; the usual limit is 1,024
    server.serve()


class Leaving(MPServer):
    """A server that says so before it goes.

    Attributes:
        notice: seconds in which it answers everything, but calls itself not ready.
    """

    notice: float = 0.0

    def shutdown(self, exit_code: int = 0) -> None:
        """Tell the worker process, wait, then stop as usual."""
        if self.interrupt_signal and self.notice > 0:
            for worker in self.wrks:
                if worker.inner.is_alive():
                    os.kill(worker.inner.pid, LEAVE)
            time.sleep(self.notice)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]
