"""All that our client ever sends also goes through the official SDK's typed client; nothing is lost there."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import runtime.feishu
from runtime.clock import SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from runtime.feishu.endpoint import Endpoint
from sandbox.server import SandboxServer
from tests.contract.kit import fresh_client
from tests.contract.relay import Known, Relay, known_as
from tests.feishu.conftest import settings_for
from tests.schemas.everything import call_everything

APPS = "/open-apis/bitable/v1/apps/:x/tables/:x"
UNTYPED = {("GET", "/open-apis/bot/v3/info"): "older API, the SDK has no method for it (docs bot/v3/info)"}
"""Apart from these every API of ours has a method in the SDK; uploads and downloads too."""

DROPPED = {
    (
        ("POST", f"{APPS}/records/batch_create"),
        "data.records[].id",
    ): "record_id a second time, as the docs show",
    (
        ("POST", f"{APPS}/records/batch_update"),
        "data.records[].id",
    ): "record_id a second time, as the docs show",
    (("POST", f"{APPS}/records/batch_update"), "body.records[].fields.数量"): (
        "the models drop null, which empties a cell: why our client sends its bodies itself"
    ),
    (("GET", f"{APPS}/views"), "data.items[].view_public_level"): (
        "documented (bitable-v1/app-table-view/list), absent from the model; we do not read it"
    ),
    (("PATCH", f"{APPS}/forms/:x/fields/:x"), "data.field"): (
        "`field` in the docs (bitable-v1/app-table-form-field/patch), `fields` in the model; we read neither"
    ),
}
"""What the SDK's models lose, and why that is their fault and does not matter to us."""


def endpoints() -> dict[Known, str]:
    """Every API of our client, and where it is written down."""
    found = {}
    for module in pkgutil.iter_modules(runtime.feishu.__path__, "runtime.feishu."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Endpoint):
                found[known_as(value.method, value.uri)] = f"{module.name}.{name}"
    return found


@pytest.fixture
def relay(sandbox: SandboxServer) -> Iterator[Relay]:
    """The official client between ours and the sandbox."""
    sandbox.world.limits_on = False  # two hops a call: what our client paces arrives unevenly
    relay = Relay(fresh_client(sandbox, timeout=30), endpoints())
    yield relay
    relay.close()


def test_the_typed_client_can_do_all_that_ours_does(
    sandbox: SandboxServer, database: Database, relay: Relay
) -> None:
    """Each API our client knows is called, succeeds through the SDK, and its models lose nothing unnamed."""
    client = Feishu(settings_for(relay.url), db=database, clock=SystemClock(), read_seconds=30)
    call_everything(client, sandbox)
    client.close()
    called = {one.known for one in relay.passed}
    assert [where for known, where in endpoints().items() if known not in called] == []
    assert [one for one in relay.passed if not one.success] == []
    assert {one.known for one in relay.passed if not one.typed} == set(UNTYPED)
    assert {(one.known, name) for one in relay.passed for name in one.dropped} == set(DROPPED)
