"""Numbers for Prometheus, by name, from every process of the product.

Each process counts into small files under `var/metrics` (the library's multi-process mode); whichever process
answers /metrics adds them up. The library decides at its import whether it does so, by an environment
variable; so it is imported by the first use here, and `prepare` comes before that, in the parent of all.
"""

# ruff: noqa: PLC0415 - see above
from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.core import Metric

log = structlog.get_logger(__name__)

ROOM = 1 << 16
"""Bytes of one process's counters or histograms: what the library's files begin with."""

_making = threading.Lock()
"""Two threads that count a name for the first time must not both make it."""

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
Gauges = Callable[[], Mapping[str, float | Mapping[str, float]]]
"""Reads values of this moment, such as a backlog, at every scrape; a mapping has one value an endpoint."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a metric means and which labels it has."""

    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 15.0, 60.0)

CATALOGUE: Mapping[str, Described] = {
    "chorus_jobs_total": Described("Works performed, by job and outcome (done, parked)", ("job", "outcome")),
    "chorus_job_seconds": Described("How long a work took, waiting included", ("job",), SECONDS),
    "chorus_restarts_total": Described("Child processes started again after they ended", ("child",)),
    "chorus_events_total": Described("Events received, by type and what became of them", ("type", "outcome")),
    "chorus_taps_total": Described("Card taps answered, by action and outcome", ("action", "outcome")),
    "chorus_answer_seconds": Described("How long Feishu waited for an answer", ("route",), SECONDS),
}
"""Every counter and histogram of the product; a name that is not here is refused."""


def prepare(directory: Path) -> None:
    """Make this process and its children count into one directory, emptied now.

    Args:
        directory: below `var_dir`; no other installation may use it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        old.unlink(missing_ok=True)
    os.environ[VARIABLE] = str(directory)


def count(name: str, *, by: float = 1, **labels: str) -> None:
    """Add to a counter; where the disk has no room for it, leave it: what is counted matters more.

    Raises:
        KeyError: the name is not in `CATALOGUE`.
    """
    if name not in CATALOGUE:
        raise KeyError(name)
    if _has_room("counter"):
        metric = _counter(name)
        (metric.labels(**labels) if labels else metric).inc(by)


def observe(name: str, value: float, **labels: str) -> None:
    """Put a value (seconds) into a histogram, or leave it as `count` does.

    Raises:
        KeyError: the name is not in `CATALOGUE`.
    """
    if name not in CATALOGUE:
        raise KeyError(name)
    if _has_room("histogram"):
        metric = _histogram(name)
        (metric.labels(**labels) if labels else metric).observe(value)


def _has_room(kind: str) -> bool:
    """Whether the disk has given this process's file of a kind its bytes.

    The library maps sparse files into memory: on a full disk a write into a hole would end the whole process
    with SIGBUS, and growing a file would raise in the middle of what is being counted.
    """
    directory = os.environ.get(VARIABLE)
    if directory is None:
        return True
    try:
        _hold_room(Path(directory) / f"{kind}_{os.getpid()}.db")
    except OSError as error:
        log.debug("metrics.not_counted", error=str(error))
        return False
    return True


@cache
def _hold_room(file: Path) -> None:
    """Have the disk give a process's file its bytes, once, before the library opens it."""
    if file.exists():
        return
    draft = file.with_suffix(".new")  # who adds the numbers up reads every *.db and cannot read an empty one
    try:
        with draft.open("wb") as opened:
            os.posix_fallocate(opened.fileno(), 0, ROOM)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def expose(gauges: Iterable[Gauges] = ()) -> bytes:
    """Write all metrics in Prometheus' text form: of every process when `prepare` ran, else of this one.

    Args:
        gauges: read the values of this moment; their names get the prefix `chorus_`.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    if os.environ.get(VARIABLE):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_Own())
    for read in gauges:
        registry.register(_Now(read))
    return generate_latest(registry)


class _Own:
    """The metrics of this process."""

    def collect(self) -> Iterable[Metric]:
        return _registry().collect()


class _Now:
    """Values of this moment."""

    def __init__(self, read: Gauges) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        for name, value in self._read().items():
            about = name.replace("_", " ")
            if not isinstance(value, Mapping):
                yield GaugeMetricFamily(f"chorus_{name}", about, value=value)
                continue
            family = GaugeMetricFamily(f"chorus_{name}", about, labels=["endpoint"])
            for endpoint, count in value.items():
                family.add_metric([endpoint], count)
            yield family


@cache
def _registry() -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    return CollectorRegistry()


def _counter(name: str) -> Counter:
    with _making:
        return _make_counter(name)


def _histogram(name: str) -> Histogram:
    with _making:
        return _make_histogram(name)


@cache
def _make_counter(name: str) -> Counter:
    from prometheus_client import Counter

    described = CATALOGUE[name]
    return Counter(name, described.help, described.labels, registry=_registry())


@cache
def _make_histogram(name: str) -> Histogram:
    from prometheus_client import Histogram

    described = CATALOGUE[name]
    return Histogram(name, described.help, described.labels, buckets=described.buckets, registry=_registry())
