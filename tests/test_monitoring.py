"""The dashboard and the alert rules name metrics that exist, with labels that they have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.web import house_gauges
from runtime import metrics
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.floor import Floor
from runtime.health import standard_gauges
from runtime.manifest import BaseManifest, Manifest
from runtime.settings import load_settings
from runtime.work import WorkQueue

pytestmark = pytest.mark.db
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
PANELS = json.loads((FOLDER / "grafana.json").read_text("utf-8"))["panels"]


def expressions() -> Iterator[str]:
    """Every query of both files."""
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


@pytest.fixture
def there(database: Database, tmp_path: Path) -> dict[str, set[str]]:
    """Every metric an installation shows, with its labels."""
    settings = load_settings(
        feishu_app_id="cli_x", feishu_app_secret="made-up", feishu_encrypt_key="k", var_dir=tmp_path
    )
    manifest = Manifest(name="x", base=BaseManifest(name="x"))
    queue = WorkQueue(database)
    floor = Floor(settings, manifest, SystemClock(), database, database, queue)
    found = {name: set(about.labels) for name, about in metrics.CATALOGUE.items()}
    found |= {
        f"{name}_bucket": {*about.labels, "le"} for name, about in metrics.CATALOGUE.items() if about.buckets
    }
    for read in (standard_gauges(database, queue), house_gauges(floor)):
        for name, value in read().items():
            found[f"chorus_{name}"] = {"endpoint"} if isinstance(value, dict) else set()
    return found


def test_every_metric_that_is_asked_for_exists(there: dict[str, set[str]]) -> None:
    """A metric that is renamed must not leave a panel or an alarm that never says anything."""
    asked = {name for each in expressions() for name in re.findall(r"chorus_[a-z_]+", each)}
    assert asked
    assert asked <= set(there)


def test_every_label_that_is_asked_for_exists(there: dict[str, set[str]]) -> None:
    """By what a query groups or chooses."""
    for each in expressions():
        known = set().union(*(there[name] for name in re.findall(r"chorus_[a-z_]+", each)), {"job"})
        grouped = [word.strip() for part in re.findall(r"by \(([^)]*)\)", each) for word in part.split(",")]
        chosen = re.findall(r"[{,]\s*([a-z_]+)\s*=", each)
        assert set(grouped) | set(chosen) <= known, each


def test_every_metric_is_shown(there: dict[str, set[str]]) -> None:
    """Nobody adds a metric and forgets to show it."""
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    plain = {name for name in there if not name.endswith("_bucket")}
    assert {name for name in plain if name not in shown} == set()


def test_every_alarm_says_what_to_do() -> None:
    """A sentence and a next step."""
    for rule in RULES:
        said: dict[str, Any] = rule["annotations"]
        assert said["summary"]
        assert said["action"].endswith(".")
        assert rule["labels"]["severity"] in {"critical", "warning"}
    titles = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(titles)) == len(titles)
