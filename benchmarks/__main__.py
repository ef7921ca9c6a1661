"""``make bench``: run every benchmark, print its figures and write them to docs/BENCHMARKS.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
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
Pick-up of work and cost when idle. Target: under 100 ms, about 5 % of a core.""",
    "flood": """(k) A flood of events through every process
Requests at fixed moments, latency from the moment each was due; generator and sandbox on the same cores.
Targets: 300 a second for a minute with p99 under 300 ms, then eight times as many: nothing acknowledged is
lost, no request stays without answer.""",
    "long_day": """(l) Four days of events, as fast as they are handled
Kept for two days, so the database must stop growing with the third; first tenth against last. A million:
`python -m benchmarks.long_day --events 1000000 --days 1`. Targets: nothing lost, memory at most 1.2 x,
processor time an event at most 1.25 x, database at most 1.1 x.""",
    "payroll": """(f) Pay computed twice and sealed
One thread, without a database. The peers are floors: JSON read and written with nothing computed, and AES-GCM
alone. Target: faster than the platform lets cards out, 50 a second.""",
    "payday": """(g) A pay day through every process
500 people; `make bench-payday` plays 10,000 with three `kill -9` (about half an hour). Targets: first card
to last in at most 1.1 x what 1,000 messages a minute allow, nobody twice, a tap answered in 500 ms.""",
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


def main() -> int:
    """Run all; 0 when every benchmark met its targets."""
    parts, worst = [head()], 0
    for command, text in SUITE.items():
        title, _, about = text.partition("\n")
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
        parts.append(f"## {title}\n\n{about}\n`python -m benchmarks.{command}`\n\n```\n{said}\n```\n")
        PAGE.write_text("\n".join(parts), "utf-8")
    print(f"written to {PAGE.relative_to(HOME)}")
    return worst


def head() -> str:
    """Say where and when the figures were taken."""
    day = datetime.now(UTC).date().isoformat()
    return (
        "# Benchmarks\n\nWritten by `make bench`. Ratios in one run count, absolute figures are rough.\n\n"
        f"Taken on {day}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
