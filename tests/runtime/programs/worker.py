"""A worker with three jobs, started by tests as a process: `python worker.py <url> <instance> <folder>`.

note    appends its number to <folder>/notes in a step
order   places an order in <folder>/orders (the "other side"), then hangs before anything is recorded while
        <folder>/hang exists; looks an earlier order up by its id
hang    writes <folder>/hanging-<instance> and waits for ever while <folder>/hang exists, then notes
"""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.db import Database
from runtime.engine import Engine
from runtime.jobrun import JobRun
from runtime.log import configure


def append(path: Path, line: str) -> None:
    """Add a line as one write, so that several processes may share the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def main() -> None:
    """Run until killed."""
    url, instance, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    for_ever = threading.Event()
    configure("info", sys.stderr)
    engine = Engine(Database(url), instance=instance, first_wait=0.05, silent_after=4.0)

    def note(run: JobRun, args: Mapping[str, Any]) -> None:
        run.step("note", lambda: append(folder / "notes", str(args["n"])))

    def order(run: JobRun, args: Mapping[str, Any]) -> None:
        def place() -> str:
            append(folder / "orders", args["id"])
            if (folder / "hang").exists():
                for_ever.wait()
            return str(args["id"])

        def find() -> str | None:
            orders = (folder / "orders").read_text("utf-8").split() if (folder / "orders").exists() else []
            return str(args["id"]) if args["id"] in orders else None

        run.attempt("order", place, lookup=find)
        append(folder / "done", args["id"])

    def hang(run: JobRun, args: Mapping[str, Any]) -> None:
        run.step("first", lambda: append(folder / "firsts", instance))
        append(folder / f"hanging-{instance}", "x")
        if (folder / "hang").exists():
            for_ever.wait()
        run.step("note", lambda: append(folder / "notes", f"{instance}:{args['n']}"))

    engine.register("note", note)
    engine.register("order", order)
    engine.register("hang", hang)
    engine.launch()
    append(folder / f"ready-{instance}", "x")
    for_ever.wait()


if __name__ == "__main__":
    main()
