"""The guards of docs/INVARIANTS.md, taken out one at a time: the named test must fail.

`make mutate` copies the project, runs every named test on it as it is, then once with each change. `--jobs`
copies work side by side; `--only 2` takes out the guards of one invariant.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.guards import CONTRACTS, MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")
TOGETHER = ("node_modules",)
"""Folders that are not under version control and that tests need: linked into each copy."""


def copied(folder: Path) -> Path:
    """The project's files under version control, in a folder of their own, compiled.

    What is compiled is valid for what a file says: by its time and size it would pass for a file that was
    changed within the same second.
    """
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    compiled = ["compileall", "-qq", "--invalidation-mode", "checked-hash", str(folder)]
    subprocess.run([sys.executable, "-m", *compiled], check=False)  # some files are no program
    for name in TOGETHER:
        if (ROOT / name).exists():
            (folder / name).symlink_to((ROOT / name).resolve())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def holds(folder: Path, test: str) -> bool:
    """Whether a test passes in a copy; what is neither passed nor failed is a mistake of this list."""
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:randomly", test]
    if test == CONTRACTS:
        script = Path(sys.executable).with_name("lint-imports")
        command = [sys.executable, str(script), "--no-cache"]
    # Nothing is compiled anew in passing: that would be valid by time and size.
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    env.setdefault("CHORUS_TEST_SHARE", "0.1")  # the part that CI plays must notice
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)
    if done.returncode not in {0, 1} or (test != CONTRACTS and "no tests ran" in done.stdout):
        raise RuntimeError(f"{test} cannot be run:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.returncode == 0


def mutated(folder: Path, mutation: Mutation) -> bool:
    """Whether the test still passes without the guard; the file is as it was afterwards."""
    path = folder / mutation.file
    before = path.read_text("utf-8")
    if before.count(mutation.old) != 1:
        raise RuntimeError(
            f"{mutation.file} no longer holds the guard “{mutation.guard}” once; correct the list."
        )
    path.write_text(before.replace(mutation.old, mutation.new), "utf-8")
    try:
        return holds(folder, mutation.test)
    finally:
        path.write_text(before, "utf-8")


def line(mutation: Mutation, survived: bool) -> str:
    """What is said of one guard."""
    word = "NOT NOTICED" if survived else "noticed"
    return f"{mutation.invariant:>2}  {word:<12}{mutation.guard}  [{mutation.file}]  {mutation.test}\n"


def side_by_side(folders: Sequence[Path], items: Sequence[T], look: Callable[[Path, T], bool]) -> list[T]:
    """Look at each item in one of the copies; those for which it was true, in their order."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for folder in folders:
        free.put(folder)

    def one(item: T) -> bool:
        folder = free.get()
        try:
            return look(folder, item)
        finally:
            free.put(folder)

    with ThreadPoolExecutor(len(folders)) as pool:
        return [item for item, found in zip(items, pool.map(one, items), strict=True) if found]


def told(folder: Path, mutation: Mutation) -> bool:
    """Take one guard out and say whether its test noticed; True when it did not."""
    survived = mutated(folder, mutation)
    sys.stdout.write(line(mutation, survived))
    sys.stdout.flush()
    return survived


def main() -> int:
    """Run all and print a table; exit code 1 when a test does not notice."""
    asked = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    asked.add_argument("--jobs", type=int, default=2, help="copies that work side by side")
    asked.add_argument("--only", type=int, help="one invariant")
    asked.add_argument("--guard", action="append", default=[], help="guards with this in their words")
    wanted = asked.parse_args()
    chosen = [
        each
        for each in MUTATIONS
        if wanted.only in {None, each.invariant}
        and (not wanted.guard or any(words in each.guard for words in wanted.guard))
    ]
    with tempfile.TemporaryDirectory() as name:
        folders = [copied(Path(name) / str(number)) for number in range(wanted.jobs)]
        tests = list(dict.fromkeys(each.test for each in chosen))
        broken = side_by_side(folders, tests, lambda folder, test: not holds(folder, test))
        if broken:
            sys.stdout.write(f"{', '.join(broken)} fail before anything is changed\n")
            return 1
        unnoticed = side_by_side(folders, chosen, told)
    sys.stdout.write(f"{len(chosen)} guards taken out, {len(unnoticed)} not noticed\n")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    raise SystemExit(main())
