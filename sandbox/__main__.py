"""``python -m sandbox``: the platform on loopback."""

import argparse
import sys

from sandbox.coverage import coverage
from sandbox.server import SandboxServer


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8470, help="port to listen on; 0 picks a free one")
    parser.add_argument("--company", choices=["demo", "tiny", "empty"], default="demo")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same people, ids and numbers")
    parser.add_argument(
        "--coverage", action="store_true", help="print what is answered, as Markdown, and end"
    )
    options = parser.parse_args()
    if options.coverage:
        sys.stdout.write(coverage())
        return 0
    server = SandboxServer(options.port, options.host, options.company, options.seed)
    server.start()
    sys.stdout.write(f"sandbox: {server.url}  company {options.company}, seed {options.seed}\n")
    sys.stdout.flush()
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
