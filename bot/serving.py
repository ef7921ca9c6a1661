"""The HTTP server of the web process: how it listens and what a client may take of it.

Granian's own threads read requests and only whole header blocks reach ours, so clients that send headers
slowly cost a socket each and are cut off after `HEADER_SECONDS`. Bodies are read by one of our threads: a
proxy in front that buffers them (docs/DEPLOY.md) keeps slow senders away from those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from runtime.settings import Settings

THREADS: Final = 8
"""Of one worker process; measured best."""
HEADER_SECONDS: Final = 10
HEADER_BYTES: Final = 64 * 1024


def serve(target: str, settings: Settings, home: Path) -> None:
    """Serve a WSGI app until SIGTERM.

    Args:
        target: ``module:factory`` that makes the app, in the server's worker process.
        settings: host and port.
        home: folder the module is found in.
    """
    from granian import Granian  # noqa: PLC0415 - only the web process loads the server
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415
    from granian.http import HTTP1Settings  # noqa: PLC0415

    Granian(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        http=HTTPModes.http1,  # what proxies speak to us; fewer ways to misuse it than HTTP/2 has
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
        log_enabled=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        working_dir=home,
    ).serve()
