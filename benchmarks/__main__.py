"""``make bench``: run benchmarks, print their figures and write them to docs/BENCHMARKS.md.

    python -m benchmarks [webhook engine …]

Without names every benchmark runs; with some, only those, and only their sections of the page are written.
What takes long (`LONG`) runs only by its name and `--long`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PAGE = HOME / "docs" / "BENCHMARKS.md"
SUITE = {
    "webhook": """(a) Webhook: verified and durable acknowledgements
Our web app against the SDK's Flask adapter with its dispatcher (which stores nothing) and a bare Flask POST,
all under granian (ours as the product runs it). Targets: at least 1 x the SDK's, at least 0.6 x bare.""",
    "client": """(b) Calls to Feishu
Our client against the SDK's stock transport and a bare pooled requests.Session. Targets: at least 2 x
stock, at least 0.8 x bare.""",
    "pull": """(c) First pull of 100,000 rows
Against the time the platform's limit of 20 searches a second allows. Target: at most 1.1 x.""",
    "large_table": """(c1) The sandbox's tables at 200,000 rows
Against the same at 2,000 in the same run, over HTTP. Targets: what touches a few rows takes at most 3 x, no
answer takes over 2 s.""",
    "latency": """(d) Edit in Bitable to card received
At 20 edits a second. Target: p99 under 1.5 s.""",
    "latency --rows 100000 --rules 20": """(d1) The same on a large table
With 20 rules on 100,000 rows. Target: p99 under 1.5 s.""",
    "scan": """(d2) Twenty rules over a large table
Against a loop of compiled lambdas over row dicts, in the same run; unknown cells included. Targets: 15 x the
loop, a record under 100 us, a check of a million rows with a week of history in under 600 MB.""",
    "storm": """(d3) A storm of five thousand
5,000 SKUs of twelve buyers fall at once. Targets: every buyer's one summary is whole within 10 s, all pages
turn, no message meets a limit of the platform, one message each when all is well again.""",
    "start": """(e) Start and memory
Target: listening in under 3 s, no process over 250 MB.""",
    "engine": """Durable engine
Pick-up of work and cost when idle. Targets: the slowest under 100 ms, about 5 % of a core.""",
    "flood": """(k) A flood of events through every process
Requests at fixed moments, latency from the moment each was due; generator and sandbox on the same cores.
Targets: 300 a second for a minute with p99 under 300 ms, then eight times as many: nothing acknowledged is
lost, no request stays without answer.""",
    "long_day": """(l) Four days of events, as fast as they are handled
Kept for two days, so the database must stop growing with the third; first tenth against last. Targets:
nothing lost, memory at most 1.2 x, processor time an event at most 1.25 x, database at most 1.1 x.""",
    "payroll": """(f) Pay computed twice and sealed
One thread, without a database. The peers are floors: JSON read and written with nothing computed, and AES-GCM
alone. Target: faster than the platform lets cards out, 50 a second.""",
    "payday": """(g) A pay day through every process
500 people. Targets: first card to last in at most 1.1 x what 1,000 messages a minute allow, nobody twice, a
tap answered in 500 ms.""",
    "creative_compose": """(h) A poster composed
1080 by 1920 with product, copy, label and layers, against the same poster drawn with bare Pillow calls that
know every position beforehand. Target: at most 1.2 x.""",
    "images": """(i) Requests for images through every process
Models cost no time: the sandbox gives pictures it painted before. One request of 4 variants in 6 sizes, 20
small ones at once, memory, and composing a size against bare Pillow; `make bench-images` kills three times
while 100 requests are made. Targets: the large one in 20 s on two cores, idle processes under 250 MB,
composing at most 1.2 x bare.""",
    "client_page": """(j) The web client with long tables and chats
10,000 rows and 1,000 cards in Chromium, scrolled to the end and back, against the same drawn whole.
Target: no frame over 200 ms.""",
}

LONG = {
    "long_day --events 1000000 --days 1": """(l1) A day of a million events
As (l), within the keeping time of two days. Targets: nothing lost, memory and processor time as there.""",
    "payday --people 10000 --kills": """(g1) A pay day of 10,000 people with three `kill -9`
Targets as in (g).""",
}
"""Half an hour each; they run only by name, `python -m benchmarks long_day --long` and so on."""


def main() -> int:
    """Run all, or those asked for; 0 when every benchmark met its targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="of modules in this folder; all by default")
    parser.add_argument("--long", action="store_true", help="the long form of those named")
    asked = parser.parse_args()
    known = LONG if asked.long else SUITE
    chosen = [each for each in known if not asked.names or each.split()[0] in asked.names]
    unknown = set(asked.names) - {each.split()[0] for each in known}
    if unknown or (asked.long and not asked.names):
        parser.error(f"name some of {', '.join(sorted({each.split()[0] for each in known}))}")
    kept, worst = sections(PAGE.read_text("utf-8")) if asked.names else {}, 0
    for command in chosen:
        title, _, about = known[command].partition("\n")
        print(f"== {title}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", *f"benchmarks.{command}".split()],
            cwd=HOME,
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout, done.stderr if done.returncode else "", flush=True)
        worst = max(worst, done.returncode)
        said = done.stdout.strip() or "It ended without figures; run it alone to see why."
        kept[title] = f"{taken()} {about}\n`python -m benchmarks.{command}`\n\n```\n{said}\n```\n"
        PAGE.write_text(page(kept), "utf-8")
    print(f"written to {PAGE.relative_to(HOME)}")
    return worst


def sections(text: str) -> dict[str, str]:
    """The page's sections by title, without those that no benchmark writes any more."""
    titles = {each.partition("\n")[0] for each in (*SUITE.values(), *LONG.values())}
    parts = (part.partition("\n\n") for part in text.split("\n## ")[1:])
    return {title: body for title, _, body in parts if title in titles}


def page(kept: Mapping[str, str]) -> str:
    """The whole page, sections in the order of their letters as they stand above."""
    order = [each.partition("\n")[0] for each in (*SUITE.values(), *LONG.values())]
    parts = [f"## {title}\n\n{kept[title].rstrip()}\n" for title in order if title in kept]
    return "\n".join([HEAD, *parts])


def taken() -> str:
    """Say when and where a section's figures were taken."""
    day = datetime.now(UTC).date().isoformat()
    return f"Taken on {day}, Python {platform.python_version()}, {os.cpu_count()} cores."


HEAD = """# Benchmarks

Written by `make bench`, or section by section with `python -m benchmarks NAME …`; each says when. Ratios in
one run count, absolute figures are rough.
"""


if __name__ == "__main__":
    sys.exit(main())
