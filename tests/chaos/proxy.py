"""A line that can be cut: a loopback proxy between the product and one thing it depends on.

One thread carries all lines. A mode set while bytes are on their way meets them where they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

Upstream = tuple[str, int] | Path
"""Host and port, or the path of a Unix socket."""

MODES = ("open", "cut", "hang", "lose", "slow")
"""``cut``: every connection is reset, old and new. ``hang``: nothing passes, nothing is closed. ``lose``:
what is asked arrives, the answer is lost and the connection reset. ``slow``: a piece takes `SLOW` s more."""

SLOW = 0.25
PIECE = 65_536
RESET = struct.pack("ii", 1, 0)


class LineCut(Exception):  # noqa: N818 - not an error of ours
    """This connection ends here."""


@dataclass
class Line:
    """One listening port and what stands behind it.

    Args:
        name: of the dependency.
        port: to listen on, on loopback.
        upstreams: where connections go, in turn; one that refuses is passed over, as by a load balancer.
    """

    name: str
    port: int
    upstreams: Sequence[Upstream]
    mode: str = "open"
    carried: int = 0
    struck: int = 0
    _turn: itertools.count[int] = field(default_factory=itertools.count)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _thaw: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> asyncio.Server:
        """Begin to listen."""
        self._thaw.set()
        return await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def turn(self, mode: str) -> None:
        """Change the mode; called in the loop's thread."""
        self.mode = mode
        if mode == "hang":
            self._thaw.clear()
        else:
            self._thaw.set()
        if mode == "cut":
            for writer in list(self._writers):
                self._reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.carried += 1
        self._writers.add(writer)
        above: asyncio.StreamWriter | None = None
        try:
            await self._pass(answer=False)
            answers, above = await self._connect()
            self._writers.add(above)
            ways = (self._pump(reader, above, answer=False), self._pump(answers, writer, answer=True))
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            if any(isinstance(each, OSError | LineCut) for each in outcomes):
                raise LineCut
        except (LineCut, OSError):
            self._reset(writer)
            if above is not None:
                self._reset(above)
        finally:
            for each in (writer, above):
                if each is not None:
                    self._writers.discard(each)
                    each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for place in range(len(self.upstreams)):
            upstream = self.upstreams[(first + place) % len(self.upstreams)]
            with contextlib.suppress(OSError):
                if isinstance(upstream, Path):
                    return await asyncio.open_unix_connection(upstream)
                return await asyncio.open_connection(*upstream)
        raise LineCut

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answer: bool
    ) -> None:
        while data := await reader.read(PIECE):
            await self._pass(answer=answer)
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _pass(self, *, answer: bool) -> None:
        """Let a piece pass as the mode has it."""
        if self.mode == "open":
            return
        self.struck += 1
        if self.mode == "cut" or (self.mode == "lose" and answer):
            raise LineCut
        if self.mode == "slow":
            await asyncio.sleep(SLOW)
        await self._thaw.wait()

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        line = writer.get_extra_info("socket")
        if line is not None and line.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()


class Exchange:
    """All lines of a world, carried by one thread.

    Args:
        lines: not yet served.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = {line.name: line for line in lines}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)
        self._up = threading.Event()
        self._failed: BaseException | None = None

    def start(self) -> None:
        """Listen on every port.

        Raises:
            OSError: a port is taken.
        """
        self._thread.start()
        self._up.wait(10)
        if self._failed is not None:
            raise self._failed

    def turn(self, name: str, mode: str) -> None:
        """Change the mode of a line; it holds when this returns.

        Raises:
            ValueError: no such mode.
        """
        if mode not in MODES:
            raise ValueError(f"a line has the modes {', '.join(MODES)}, not {mode!r}")
        asyncio.run_coroutine_threadsafe(self._turn(name, mode), self._loop).result(10)

    def mend(self) -> None:
        """Open every line."""
        for name in self.lines:
            self.turn(name, "open")

    def stop(self) -> None:
        """Stop listening and reset what is open."""
        for name in self.lines:
            self.turn(name, "cut")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _turn(self, name: str, mode: str) -> None:
        self.lines[name].turn(mode)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            for line in self.lines.values():
                self._servers.append(self._loop.run_until_complete(line.serve()))
        except OSError as taken:
            self._failed = taken
        self._up.set()
        if self._failed is None:
            self._loop.run_forever()
        for server in self._servers:
            server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
