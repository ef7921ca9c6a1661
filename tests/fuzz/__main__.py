"""`make fuzz`: a million inputs at what reads things from outside.

Prints for each target how many inputs, the slowest, what was said, and every finding. Exit code 1 with one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from runtime import log
from runtime.db import Database, migrate
from tests.fuzz.depth import depth, told
from tests.fuzz.runner import fuzz, number
from tests.fuzz.targets import open_targets


def main() -> int:
    """Run the targets that were asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    asked.add_argument("--count", type=int, default=1_000_000, help="inputs in all")
    asked.add_argument("--seed", default="1", help="other words, other inputs")
    asked.add_argument("--only", help="one target")
    asked.add_argument(
        "--depth", action="store_true", help="show what a fortieth of them reaches of the code"
    )
    asked.add_argument("--number", type=int, help="show and run this one input")
    wanted = asked.parse_args()
    log.configure("error", sys.stderr)
    findings = 0
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'chorus.db'}"
        migrate(url)
        database = Database(url)
        with open_targets(Path(folder), database) as targets:
            for target in targets:
                if wanted.only not in {None, target.name}:
                    continue
                if wanted.number is not None:
                    given = number(target, wanted.seed, wanted.number)
                    sys.stdout.write(f"{given!r}\n{target.run(given)}\n")
                    continue
                if wanted.depth:
                    found = depth(target, wanted.count * target.share // 40_000, wanted.seed)
                    sys.stdout.write(f"{target.name}\n{told(found)}")
                    continue
                report = fuzz(target, wanted.count * target.share // 1000, wanted.seed, watch=True)
                sys.stdout.write(f"{report}\n")
                sys.stdout.writelines(f"  {finding}\n" for finding in report.findings[:20])
                sys.stdout.flush()
                findings += len(report.findings)
        database.close()
    sys.stdout.write(f"{'nothing found' if not findings else f'{findings} findings'}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
