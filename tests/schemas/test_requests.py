"""Requests of our client against the vendor's own schemas."""

from collections.abc import Iterator
from typing import Any

import pytest

from runtime.clock import SystemClock
from runtime.db import Database
from runtime.feishu import Feishu
from sandbox.server import SandboxServer
from tests.feishu.conftest import settings_for
from tests.schemas.check import EXEMPTIONS, NO_SCHEMA, check_requests
from tests.schemas.everything import call_everything, public_methods

CREATE = "/open-apis/bitable/v1/apps/app1/tables/tbl1/records/batch_create"


@pytest.fixture
def feishu(sandbox: SandboxServer, database: Database) -> Iterator[Feishu]:
    """Our client on the tiny company."""
    client = Feishu(settings_for(sandbox.url), db=database, clock=SystemClock())
    yield client
    client.close()


def problems(method: str, path: str, *, query: Any = None, body: Any = None) -> list[str]:
    """What the schemas say about one request."""
    record = {"method": method, "path": path, "query": query or {}, "body": body}
    return [violation.problem for violation in check_requests([record])]


def test_every_method_of_our_client_fits_the_official_schemas(feishu: Feishu, sandbox: SandboxServer) -> None:
    """Every method is called, the vendor's schemas allow each request and the sandbox accepts it."""
    called = call_everything(feishu, sandbox)
    assert called == public_methods(feishu)
    calls = sandbox.world.control.recorder.calls()
    # A line of an earlier test may still knock at the long connection's door; that is no API of our client.
    records = [call for call in calls if call["path"].startswith("/open-apis/")]
    answers = [(r["method"], r["path"], r["response"]) for r in records]
    assert [answer for answer in answers if isinstance(answer[2], dict) and answer[2].get("code")] == []
    assert check_requests(records) == []


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ({}, {"records": [{"fields": {"a": None, "b": 1}}]}, []),
        ({"client_token": "x"}, {"records": []}, []),
        (
            {"client_tokn": "x"},
            {"records": []},
            ["query: Unrecognized key(s) in object: 'client_tokn' (client_tokn)"],
        ),
        ({}, {"records": [{"field": {}}]}, ["body.records.0.fields: Required", "field"]),
        ({}, {"rows": []}, ["body.records: Required", "rows"]),
        ({}, None, ["body: Required"]),
        ({"user_id_type": "name"}, {"records": []}, ["query.user_id_type"]),
        ({"ignore_consistency_check": "maybe"}, {"records": []}, ["query.ignore_consistency_check"]),
    ],
)
def test_the_checker_finds_what_is_wrong(query: Any, body: Any, expected: list[str]) -> None:
    """Unknown keys at any depth, missing keys and wrong kinds are found; correct requests are left alone."""
    found = problems("POST", CREATE, query=query, body=body)
    assert len(found) == len(expected)
    for part in expected:
        assert any(part in problem for problem in found)


def test_query_text_is_read_as_the_schema_means_it() -> None:
    """A page size in a query is text on the wire and a number in the schema."""
    path = "/open-apis/bitable/v1/apps/app1/tables"
    assert problems("GET", path, query={"page_size": "100"}) == []
    assert problems("GET", path, query={"page_size": "many"}) != []


def test_an_unknown_api_needs_a_reason() -> None:
    """What the schemas do not know passes only by name, with a reason."""
    assert problems("GET", "/open-apis/bot/v3/info") == []
    assert problems("GET", "/open-apis/bot/v9/info") == [NO_SCHEMA]
    assert all(len(exemption.reason) > 20 for exemption in EXEMPTIONS)
