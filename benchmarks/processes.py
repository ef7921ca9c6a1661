"""What the product's processes took of the machine: processor time and memory, by role."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from benchmarks.payday_probe import family

TICKS = os.sysconf("SC_CLK_TCK")


def roles(server: int) -> dict[int, str]:
    """Process id → role of everything below `chorus serve`; the server under web counts as web."""
    found: dict[int, str] = {}
    for pid in family(server):
        name = _status(pid).get("Name", "")
        role = name.removeprefix("chorus-") if name.startswith("chorus-") else ""
        found[pid] = role or found.get(_parent(pid)) or "supervisor"
    return found


def cpu(pids: dict[int, str]) -> dict[str, float]:
    """Seconds of processor time by role, since each process began."""
    spent: dict[str, float] = defaultdict(float)
    for pid, role in pids.items():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
        except OSError:
            continue
        spent[role] += (int(fields[11]) + int(fields[12])) / TICKS
    return spent


def memory(pids: dict[int, str], *, peak: bool = False) -> dict[str, float]:
    """MB each role holds in its largest process, now or at most."""
    held: dict[str, float] = {}
    for pid, role in pids.items():
        text = _status(pid).get("VmHWM" if peak else "VmRSS", "0 kB")
        held[role] = max(held.get(role, 0.0), int(text.split()[0]) / 1024)
    return held


def _parent(pid: int) -> int:
    return int(_status(pid).get("PPid", "0"))


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return {}
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}
