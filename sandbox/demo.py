"""``chorus demo``: the whole company on this machine. Starts the sandbox and, as its customer, the product.

``--once`` plays one business morning, one pay day and one day of images without a person; the exit code says
pass or fail.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.morning import Morning
from sandbox.office import Office, Watch
from sandbox.payday import PayDay
from sandbox.scenes import Outcome
from sandbox.stage import HOME, Stage
from sandbox.studio_day import REQUESTS, StudioDay

console = Console(width=120 if not sys.stdout.isatty() else None)


def main() -> int:
    """Parse the command line and run the demo."""
    parser = argparse.ArgumentParser(prog="chorus demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="play a morning, a pay day and images, exit 0 or 1"
    )
    parser.add_argument("--port", type=int, default=8460, help="of the product; 0 is a free one")
    parser.add_argument("--sandbox-port", type=int, default=8470, help="of the sandbox; 0 is a free one")
    parser.add_argument("--var", type=Path, default=HOME / "var", help="data and logs go into a folder of it")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same company")
    options = parser.parse_args()
    folder = options.var / ("demo-once" if options.once else "demo")
    ports = {} if options.once else {"port": options.port, "sandbox_port": options.sandbox_port}
    stage = Stage(folder, seed=options.seed, **ports)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return play_once(stage) if options.once else run_until_interrupted(stage)
    except KeyboardInterrupt:
        return 0
    except (RuntimeError, TimeoutError) as error:
        console.print(f"[red]{error}[/]\nLogs: {folder}")
        return 1
    finally:
        # A second Ctrl-C would leave behind what the first began to stop.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with saying("stopping everything that was started"):
            stage.stop()


def start(stage: Stage) -> Office:
    """Bring everything up, saying what happens."""
    with saying("the sandbox: Feishu, an ad platform, a shop and an ERP on loopback"):
        stage.open()
    with saying("chorus setup: tables, fields, views, subscription"):
        printed = stage.setup()
    console.print(
        f"      {sum('done' in line for line in printed.splitlines())} things made in Bitable", style="dim"
    )
    with saying("chorus serve: web and worker"):
        stage.serve()
    with saying("the request URL is entered in the console and challenged"):
        stage.subscribe()
    office = Office(stage.control)
    with saying("people are put into the base's roles"):
        office.join_roles()
    return office


class Part(Protocol):
    """A day that can be played."""

    outcomes: list[Outcome]

    def play(self) -> bool:
        """Play it; True when all passed."""


def play_once(stage: Stage) -> int:
    """Play the morning, the pay day and the images, and print the reports."""
    whole = Watch()
    office = start(stage)
    console.print()
    parts: dict[str, Part] = {
        "One business morning": Morning(office, told=_tell),
        "One pay day": PayDay(office, command=stage.run, told=_tell, seed=stage.seed),
        "One day of images": StudioDay(office, told=_tell),
    }
    return play(parts, whole, stage.folder)


def play(parts: Mapping[str, Part], whole: Watch, logs: Path) -> int:
    """Play parts one after the other and print what happened.

    Args:
        parts: by the title of their report.
        whole: since when.
        logs: where to read more.

    Returns:
        The exit code: 0 when every scene of every part passed.
    """
    passed = [part.play() for part in parts.values()]
    outcomes = [outcome for part in parts.values() for outcome in part.outcomes]
    for title, part in parts.items():
        console.print(report(title, part.outcomes))
    good = sum(outcome.passed for outcome in outcomes)
    console.print(f"{good} of {len(outcomes)} scenes passed in {_time(whole.ms)}. Logs: {_short(logs)}")
    return 0 if all(passed) else 1


def report(title: str, outcomes: Sequence[Outcome]) -> Table:
    """What happened, scene by scene."""
    table = Table(title=title, title_justify="left")
    table.add_column("what happened")
    table.add_column("seen on the other side", overflow="fold")
    table.add_column("waited", justify="right")
    table.add_column("")
    for outcome in outcomes:
        mark = "[green]pass[/]" if outcome.passed else "[red]FAIL[/]"
        table.add_row(escape(outcome.scene), escape(outcome.happened), _time(outcome.ms), mark)
    return table


def run_until_interrupted(stage: Stage) -> int:
    """Run with data flowing until Ctrl-C."""
    office = start(stage)
    morning = Morning(office)
    with saying("owners and two rules are entered, as an operator would"):
        morning.prepare()
    with saying("people, scores and commission are entered, as HR would"):
        payday = PayDay(office, command=stage.run, seed=stage.seed)
        payday.defaults()
        payday.tables()
    with saying("a brand's rules are written and a poster is asked for, as a designer and an operator would"):
        images = StudioDay(office)
        images.brand()
        images.ask()
    with saying("data begins to flow, and a plan falls under its red line"):
        stage.control.post("simulator", on=True)
        morning.open_house()
    owner, people = morning.owner["open_id"], f"{stage.sandbox_url}/people"
    requests = f"{office.app_token}/{office.tables[REQUESTS]}"
    look_here(
        ("everybody who works here", f"{stage.sandbox_url}/"),
        ("an operator: an alert, images", f"{people}/{owner}"),
        ("more alerts: 让 ROI 下跌", f"{stage.sandbox_url}/backoffice"),
        ("HR: write 算薪", f"{people}/{payday.hr['open_id']}"),
        ("经营指挥舱, as the general manager", f"{stage.url}/cockpit"),
        (f"the table {REQUESTS} and its form", f"{people}/{owner}?tab=bases&table={requests}"),
        ("知识库, once 定稿 is tapped", f"{people}/{owner}?tab=wiki"),
        ("every card there is", f"{stage.sandbox_url}/gallery"),
        ("health and counters", f"{stage.url}/readyz  {stage.url}/metrics"),
        ("logs", _short(stage.folder)),
    )
    threading.Event().wait()
    return 0


def look_here(*places: tuple[str, str]) -> None:
    """Say where there is something to see; an address stays whole, whatever the width of the screen."""
    console.print("\n[bold]Look here[/]")
    widest = max(cell_len(what) for what, _ in places)
    for what, where in places:
        gap = " " * (widest - cell_len(what) + 3)
        console.print(f"  {what}{gap}{where}", soft_wrap=True, highlight=False)
    console.print("\nCtrl-C stops everything.")


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Show that something is going on, then how long it took."""
    watch = Watch()
    with console.status(what):
        yield
    console.print(f"[green]✓[/] {what} [dim]{_time(watch.ms)}[/]")


def _tell(outcome: Outcome) -> None:
    mark = "[green]✓[/]" if outcome.passed else "[red]✗[/]"
    console.print(f"{mark} {outcome.scene} [dim]{_time(outcome.ms)}[/]")


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _short(path: Path) -> str:
    return str(path.relative_to(HOME)) if path.is_relative_to(HOME) else str(path)


if __name__ == "__main__":
    sys.exit(main())
