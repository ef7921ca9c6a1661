"""Fixtures of the conversation's tests: a floor on the chosen database, the web app, the platform."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from bot.router import Router
from bot.web import WRITER, create_app
from runtime.clock import ManualClock
from runtime.db import Database
from runtime.floor import Floor
from runtime.manifest import BaseManifest, Manifest
from runtime.settings import load_settings
from runtime.work import WorkQueue
from tests.bot.platform import APP_ID, ENCRYPT_KEY, TOKEN, Sender

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """A clock the test moves."""
    return ManualClock(START)


@pytest.fixture
def sender() -> Sender:
    """The platform, at the same moment as the clock."""
    return Sender(START)


@pytest.fixture
def floor(database: Database, clock: ManualClock, tmp_path: Path) -> Floor:
    """The floor, without a mirror (the conversation needs none)."""
    settings = load_settings(
        feishu_app_id=APP_ID,
        feishu_app_secret="secret",
        feishu_encrypt_key=ENCRYPT_KEY,
        feishu_verification_token=TOKEN,
        var_dir=tmp_path,
    )
    manifest = Manifest(name="test", base=BaseManifest(name="test"))
    return Floor(settings, manifest, clock, database, database, WorkQueue(database))


@dataclass
class Web:
    """The web app under test with what it stands on."""

    app: Flask
    router: Router
    db: Database

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table as plain mappings."""
        with self.db.read() as conn:
            return [dict(row) for row in conn.execute(sa.select(table)).mappings()]


@pytest.fixture
def web(floor: Floor) -> Iterator[Web]:
    """The web app with an empty router; encrypted and signed envelopes only."""
    router = Router()
    app = create_app(floor, router, {})
    app.extensions["test.clock"] = floor.clock
    yield Web(app, router, floor.db)
    app.extensions[WRITER].close()


@pytest.fixture
def plain_web(floor: Floor) -> Iterator[Web]:
    """The web app of an installation without an encrypt key (allowed by a flag)."""
    settings = floor.settings.model_copy(
        update={"feishu_encrypt_key": None, "allow_unencrypted_events": True}
    )
    router = Router()
    app = create_app(replace(floor, settings=settings), router, {})
    yield Web(app, router, floor.db)
    app.extensions[WRITER].close()
