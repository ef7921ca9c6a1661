"""A client of a sandbox, and faults for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runtime.clock import SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from runtime.settings import Settings
from sandbox.server import SandboxServer

Order = Callable[..., None]


def settings_for(base_url: str, **changes: Any) -> Settings:
    """Settings of the sandbox's default app."""
    values = {
        "feishu_app_id": "cli_sandbox0000001",
        "feishu_app_secret": "sandbox-secret",
        "feishu_encrypt_key": "sandbox-encrypt-key",
        "feishu_base_url": base_url,
    }
    return Settings(**(values | changes))


@pytest.fixture
def feishu(sandbox: SandboxServer, database: Database) -> Iterator[Feishu]:
    """Our client, on a fresh database, talking to the freshly founded tiny company."""
    client = Feishu(settings_for(sandbox.url), db=database, clock=SystemClock(), read_seconds=0.6)
    yield client
    client.close()


@pytest.fixture
def fault(sandbox: SandboxServer) -> Order:
    """Order a fault: `fault("drop_after", path="*/messages", times=1, …)`."""

    def order(kind: str, *, path: str = "*", times: int = 1, **wish: Any) -> None:
        sandbox.world.control.faults.order({"kind": kind, "match": {"path": path}, "times": times, **wish})

    return order


@pytest.fixture
def calls(sandbox: SandboxServer) -> Callable[[str], list[dict[str, Any]]]:
    """What the sandbox received on paths holding a text, oldest first."""

    def received(path: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = sandbox.world.control.recorder.calls(path=path)
        return found

    return received


@pytest.fixture
def person(sandbox: SandboxServer) -> str:
    """The open_id of somebody in the company."""
    return next(iter(sandbox.world.people))
