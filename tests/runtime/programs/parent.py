"""A supervisor started by tests as a process: `python parent.py <folder> <kind of child>...`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from runtime.log import configure
from runtime.supervise import Child, Supervisor

CHILDREN = {
    # Writes its pid and waits; ends politely on SIGTERM.
    "good": "import os,signal,sys,pathlib;p=pathlib.Path(sys.argv[1]);"
    "signal.signal(signal.SIGTERM,lambda *_:((p/'bye').touch(),sys.exit(0)));"
    "f=(p/'pids').open('a');f.write(str(os.getpid())+'\\n');f.close();signal.pause()",
    # Dies at once.
    "crash": "import sys,pathlib;f=(pathlib.Path(sys.argv[1])/'crashes').open('a');"
    "f.write('x\\n');f.close();sys.exit(3)",
    # Does not listen to SIGTERM.
    "stubborn": "import os,signal,sys,pathlib;signal.signal(signal.SIGTERM,signal.SIG_IGN);"
    "f=(pathlib.Path(sys.argv[1])/'pids').open('a');f.write(str(os.getpid())+'\\n');f.close();"
    "exec('while True: signal.pause()')",
}


def become(kind: str, folder: str) -> Callable[[], None]:
    """Turn a forked child into a program of its own."""
    return lambda: os.execv(sys.executable, [sys.executable, "-c", CHILDREN[kind], folder])  # noqa: S606


def main() -> int:
    """Supervise the named children."""
    configure("info", sys.stderr)
    folder, *kinds = sys.argv[1:]
    children = [Child(kind, become(kind, folder)) for kind in kinds]
    (Path(folder) / "started").touch()
    return Supervisor(children, grace=1.0, first_wait=0.1, reload=lambda: {"good"}).run()


if __name__ == "__main__":
    sys.exit(main())
