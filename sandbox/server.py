"""The HTTP server: real sockets, keep-alive, one thread a connection."""

import contextlib
import socket
import sys
import threading
import traceback

from sandbox.dispatch import CutLineError, Dispatcher, run_after
from sandbox.kernel import Reply, World
from sandbox.wire import JSON_TYPE, BrokenRequestError, cut, read_request, write_reply


class SandboxServer:
    """A sandbox on a port of its own.

    Args:
        port: TCP port; 0 picks a free one.
        host: address to listen on.
        company: which company to found: demo, tiny or empty.
        seed: seed of ids and numbers.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1", company: str = "tiny", seed: int = 1) -> None:
        self.world = World()
        self.world.reset(company, seed)
        self._dispatcher = Dispatcher(self.world)
        self._socket = socket.create_server((host, port), backlog=512)
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        shown = "127.0.0.1" if host in ("0.0.0.0", "") else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self.world.base_url = self.url
        self._thread = threading.Thread(target=self._accept, name="sandbox-accept", daemon=True)

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and close every connection."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.world.close()
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def wait(self) -> None:
        """Block until the server stops, or until a signal's handler raises."""
        while self._thread.is_alive():
            self._thread.join(1.0)  # looks by itself: once a signal did not wake the thread that slept here

    def _accept(self) -> None:
        while not self._closed:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), name="sandbox-line", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        """Answer the requests of one connection until it ends."""
        with self._lock:
            self._lines.add(line)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = line.makefile("rb", buffering=65_536)
        try:
            while self._exchange(line, stream):
                pass
        except (OSError, ValueError, BrokenRequestError):
            pass  # the client went away or does not speak HTTP; there is nobody to tell
        except CutLineError:
            stream.close()
            cut(line)
        finally:
            with self._lock:
                self._lines.discard(line)
            with contextlib.suppress(OSError):
                stream.close()
                line.close()

    def _exchange(self, line: socket.socket, stream: "socket.SocketIO | object") -> bool:
        """One request and its answer; False when the line is done."""
        incoming = read_request(stream, line)  # type: ignore[arg-type]
        if incoming is None:
            return False
        try:
            answer = self._dispatcher.handle(incoming)
        except CutLineError:
            raise
        except Exception:  # noqa: BLE001 - a fault of the sandbox itself must be seen, and must not look like a hang
            trace = traceback.format_exc()
            sys.stderr.write(trace)
            write_reply(line, Reply({}, 500), sandbox_fault(trace), JSON_TYPE, keep_alive=False)
            return False
        write_reply(line, answer.reply, answer.payload, answer.kind, keep_alive=incoming.keep_alive)
        run_after(answer.reply)
        return incoming.keep_alive


def sandbox_fault(trace: str) -> bytes:
    """The body of an answer when the sandbox itself is wrong."""
    import json  # noqa: PLC0415 - only on this path

    return json.dumps({"code": 2200, "msg": "the sandbox itself failed", "trace": trace}).encode()
