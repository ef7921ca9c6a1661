"""``python -m tests.chaos``: days full of faults, each with a verdict; docs/CHAOS.md."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import LONG, SHORT, Verdict, play
from tests.chaos.ground import SETTINGS, Ground


def main() -> int:
    """Play the seeds; 0 when every verdict is clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--seeds", type=int, default=50, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--setting", choices=[*SETTINGS, "both"], default="both")
    parser.add_argument("--long", action="store_true", help="a long day: minutes and sixty faults a seed")
    parser.add_argument("--quiet", action="store_true", help="the same days without faults")
    parser.add_argument(
        "--folder", type=Path, help="keep worlds and logs here; by default they are thrown away"
    )
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that nothing is left running
    seeds = (
        [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    )
    settings = list(SETTINGS) if options.setting == "both" else [options.setting]
    bad: list[str] = []
    with tempfile.TemporaryDirectory(prefix="chorus-chaos-", ignore_cleanup_errors=True) as thrown:
        for setting in settings:
            ground = Ground((options.folder or Path(thrown)) / setting, setting)
            try:
                ground.open()
                for seed in seeds:
                    form = LONG if options.long else SHORT
                    verdict = play(ground, seed, form, faults=not options.quiet)
                    tell(verdict, setting)
                    bad += [] if verdict.clean else [f"{setting} seed {seed}"]
            finally:
                ground.close()
    say(f"{len(settings) * len(seeds) - len(bad)} clean, {len(bad)} not: {', '.join(bad) or '-'}")
    return 1 if bad else 0


def tell(verdict: Verdict, setting: str) -> None:
    """Print a verdict; of one that is not clean, everything."""
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in verdict.took.items())
    word = "clean" if verdict.clean else "NOT CLEAN"
    faults = f"{len(verdict.struck)} faults struck, {len(verdict.missed)} missed, {verdict.starts} starts"
    say(f"{time.strftime('%H:%M:%S')} {setting} seed {verdict.seed}: {word} ({faults}; {took})")
    if verdict.clean:
        return
    for line in (*verdict.schedule.lines(), *(f"  did not strike: {each}" for each in verdict.missed)):
        say(f"    {line}")
    for finding in verdict.findings:
        say(f"  FOUND {finding}")
    say(f"  again: make chaos SEED={verdict.seed} SETTING={setting}")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
