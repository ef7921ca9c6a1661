"""`make audit`: what can be looked at without a network.

Credentials in every line that was ever committed, and whether the installed packages are the locked ones.
Known faults of dependencies need an index of advisories: `make advisories`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tests.support.secrets import secrets_in
from tests.test_secrets import KNOWN

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


def strangers() -> list[str]:
    """Installed packages whose version is not the locked one."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    locked = {
        _plain(name): version
        for name, version in re.findall(
            r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE
        )
    }
    return [
        f"{each.name} {each.version} is installed, {locked[_plain(each.name)]} is locked"
        for each in metadata.distributions()
        if _plain(each.name) in locked and locked[_plain(each.name)] != each.version
    ]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Print what was found; exit code 1 with anything."""
    found = history() + strangers()
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write("nothing found\n" if not found else f"{len(found)} found\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
