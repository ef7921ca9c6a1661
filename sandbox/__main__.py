"""``python -m sandbox``: the platform on loopback."""

import argparse
import gc
import signal
import sys
from pathlib import Path

from sandbox.coverage import coverage
from sandbox.keep import Keeper, StateError
from sandbox.server import SandboxServer


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8470, help="port to listen on; 0 picks a free one")
    parser.add_argument("--company", default="demo", help="demo, small, tiny, empty or crowd:<people>")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same people, ids and numbers")
    parser.add_argument(
        "--keep-state", type=Path, metavar="FILE", help="go on from FILE if it exists, and write it on a stop"
    )
    parser.add_argument(
        "--coverage", action="store_true", help="print what is answered, as Markdown, and end"
    )
    options = parser.parse_args()
    if options.coverage:
        sys.stdout.write(coverage())
        return 0
    # The collector would stop a company of 100,000 rows for a tenth of a second; no platform does.
    gc.set_threshold(50_000, 50, 1000)
    server = SandboxServer(options.port, options.host, options.company, options.seed)
    try:
        return serve(server, options.keep_state)
    except StateError as refused:
        sys.stderr.write(f"sandbox: {refused}\n")
        return 2


def serve(server: SandboxServer, file: Path | None) -> int:
    """Serve until SIGINT or, when a state is kept, SIGTERM; then write the state."""
    keeper = Keeper(server.world, file) if file else None
    came = "kept state" if keeper and keeper.load() else "founded anew"
    if keeper:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        keeper.start()
    try:
        server.start()
        sys.stdout.write(f"sandbox: {server.url}  company {server.world.company}, {came}\n")
        sys.stdout.flush()
        server.wait()
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the stop is under way; a second signal must not cut it
        server.stop()
        if keeper:
            keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
