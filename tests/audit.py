"""`make audit`: what can be looked at without a network.

Credentials in every line that was ever committed, and whether the installed packages are the locked ones.
Known faults of dependencies need an index of advisories: `make advisories`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.secrets import KNOWN, secrets_in

ROOT = Path(__file__).resolve().parent.parent


def history() -> list[str]:
    """Lines of any commit that look like a credential, with their commit and file."""
    log = ["git", "log", "-p", "--unified=0", "--no-color", "--format=commit %h"]
    text = subprocess.run(log, cwd=ROOT, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    found, commit, name = [], "", ""
    for line in text.splitlines():
        if line.startswith("commit "):
            commit = line
        elif line.startswith("+++ "):
            name = line[6:]
        elif line.startswith("+"):
            found += [
                f"{commit}, {name}: {what}" for _, what in secrets_in(line[1:]) if (name, what) not in KNOWN
            ]
    return found


def strangers(locked: Mapping[str, str], installed: Iterable[tuple[str, str]]) -> list[str]:
    """Installed packages, by name and version, whose version is not the locked one."""
    return [
        f"{name} {version} is installed, {locked[canonicalize_name(name)]} is locked"
        for name, version in installed
        if locked.get(canonicalize_name(name), version) != version
    ]


def locked_here(lock: str) -> dict[str, str]:
    """What a lock pins for this Python and system; a line with a marker may be meant for another one."""
    pinned = re.findall(r"^([A-Za-z0-9][^\\\n]*==[^\\\n]*)", lock, re.MULTILINE)
    wanted = [each for each in map(Requirement, pinned) if each.marker is None or each.marker.evaluate()]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in wanted}


def installed() -> Iterator[tuple[str, str]]:
    """Names and versions of this environment."""
    return ((each.name, each.version) for each in metadata.distributions())


def main() -> int:
    """Print what was found; exit code 1 with anything."""
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    found = history() + strangers(locked_here(lock), installed())
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write("nothing found\n" if not found else f"{len(found)} found\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
