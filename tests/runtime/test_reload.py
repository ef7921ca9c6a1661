"""A changed manifest is taken over while the server runs, or refused in a sentence."""

import io
import json
from pathlib import Path

import pytest

from runtime.log import configure
from runtime.manifest import load_manifest
from runtime.reload import Reloading

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A copy of the example."""
    path = tmp_path / "feishu_app.yaml"
    path.write_text((ROOT / "feishu_app.yaml").read_text("utf-8"), "utf-8")
    return path


def edit(path: Path, before: str, after: str) -> None:
    """As a person does."""
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def said(stream: io.StringIO) -> dict[str, object]:
    """The last line of the log."""
    line: dict[str, object] = json.loads(stream.getvalue().splitlines()[-1])
    return line


@pytest.mark.parametrize(
    ("before", "after", "anew"),
    [
        ("pull_ads: every 1m", "pull_ads: every 2m", {"worker"}),
        ("event_days: 14", "event_days: 21", {"worker"}),
        ("plans: 15m", "plans: 20m", {"worker", "web"}),
        ("monthly_calls: 10000", "monthly_calls: 20000", {"worker", "web"}),
        ("name: 经营助手", "name: 经营助手 # the same", set()),
    ],
)
def test_what_may_change_names_who_reads_it(manifest: Path, before: str, after: str, anew: set[str]) -> None:
    """Only these processes begin anew; the second time nothing is left to do."""
    reload = Reloading(manifest, load_manifest(manifest))
    edit(manifest, before, after)
    assert set(reload()) == anew
    assert set(reload()) == set()


def test_what_people_were_told_is_refused_as_a_whole(manifest: Path) -> None:
    """A sentence names it; what would be allowed is not taken over either, until it is put right."""
    stream = io.StringIO()
    configure("info", stream)
    reload = Reloading(manifest, load_manifest(manifest))
    edit(manifest, "pull_ads: every 1m", "pull_ads: every 2m")
    edit(manifest, "connection: webhook", "connection: websocket")
    assert set(reload()) == set()
    assert "`connection` cannot change while the server runs" in str(said(stream)["why"])
    edit(manifest, "connection: websocket", "connection: webhook")
    assert set(reload()) == {"worker"}


def test_a_manifest_with_a_mistake_changes_nothing(manifest: Path) -> None:
    """File, line and key are named, and the old one stays in force."""
    stream = io.StringIO()
    configure("info", stream)
    reload = Reloading(manifest, load_manifest(manifest))
    edit(manifest, "pull_ads: every 1m", "pull_ads: sometimes")
    assert set(reload()) == set()
    assert "schedules.pull_ads" in str(said(stream)["why"])
    assert "stays in force" in str(said(stream)["why"])
