"""`make advisories`: known faults of the locked packages, as an index of advisories tells them.

pip-audit calls it a success when the index knows none of the packages; here a package that was not asked
about is no package without faults, and the command fails.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements.lock"


def verdict(report: Mapping[str, Any]) -> tuple[int, list[str]]:
    """What a report says.

    Args:
        report: pip-audit's, as JSON.

    Returns:
        The exit code, and lines for who reads it: 0 only when every package was asked about and none has a
        known fault.
    """
    packages = report["dependencies"]
    faults = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions'])}"
        for each in packages
        for fault in each.get("vulns", ())
    ]
    unasked = [each["name"] for each in packages if "skip_reason" in each]
    lines = list(faults)
    if faults:
        lines.append("Raise these in pyproject.toml, then `make lock` and `make test`.")
    if unasked or not packages:
        lines.append(
            f"{len(unasked)} of {len(packages)} packages are unknown to the index of advisories, so nothing "
            "was proven about them. Run this where pypi.org can be reached, or with SERVICE=osv."
        )
    if not lines:
        lines.append(f"No known faults in {len(packages)} packages.")
    return int(bool(faults or unasked or not packages)), lines


def main() -> int:
    """Ask, and print what is known."""
    asked = argparse.ArgumentParser(prog="python -m tests.advisories", description=__doc__)
    asked.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "tool", "run", "pip-audit", "--disable-pip", "--require-hashes", "-f", "json", "-r", LOCK]
    command += ["--progress-spinner", "off", "-s", asked.parse_args().service]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        code, lines = verdict(json.loads(done.stdout))
    except ValueError:
        why = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        sys.stdout.write(
            f"{why[0]}\nThe advisories could not be asked for: the index or the tool itself was "
            "not reached. Run this where pypi.org can be reached, or with SERVICE=osv.\n"
        )
        return 2
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
