"""Feishu Tasks through our client: once per token, finished whoever ticked it first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from runtime.feishu import Feishu
from runtime.feishu.errors import Ambiguous, Busy, NotFound, NotPermitted, Rejected
from runtime.feishu.task import NewTask
from runtime.ids import OpenId, TaskGuid
from sandbox.server import SandboxServer
from tests.feishu.conftest import Order

PATH = "/open-apis/task/v2/tasks"
AT = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
WORDS = {"summary": "调整预算", "description": "已完成"}


def new(person: str, **changes: Any) -> NewTask:
    """A task for a person."""
    return NewTask("调整预算", "原因", OpenId(person), **changes)


def ticked(sandbox: SandboxServer, guid: TaskGuid) -> None:
    """Somebody ticks it in Feishu."""
    sandbox.world.task.tasks[guid].completed = 1


def test_a_lost_answer_and_a_repeat_are_one_task(
    feishu: Feishu, sandbox: SandboxServer, person: str, fault: Order
) -> None:
    """The creation took effect; asked again with its token, the same task is named."""
    fault("drop_after", path=PATH)
    with pytest.raises(Ambiguous):
        feishu.task.create(new(person), client_token="tk_0123456789")
    guid = feishu.task.create(new(person), client_token="tk_0123456789")
    assert list(sandbox.world.task.tasks) == [guid]


def test_an_assignee_is_not_their_own_follower_and_fifty_are_enough(
    feishu: Feishu, sandbox: SandboxServer, person: str
) -> None:
    """Each member once; what Feishu does not take is left out, the assignee never."""
    others = [OpenId(open_id) for open_id in sandbox.world.people]
    guid = feishu.task.create(new(person, followers=[*others, *others]), client_token="tk_0123456789")
    members = feishu.task.get(guid)["members"]
    assert [m["id"] for m in members if m["role"] == "assignee"] == [person]
    assert sorted(m["id"] for m in members) == sorted(sandbox.world.people)


def test_finishing_twice_or_after_a_person_is_no_error(
    feishu: Feishu, sandbox: SandboxServer, person: str, calls: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Feishu refuses a second completion; the words are written all the same, its moment stays."""
    guid = feishu.task.create(new(person), client_token="tk_0123456789")
    ticked(sandbox, guid)
    feishu.task.finish(guid, **WORDS, at=AT)
    feishu.task.finish(guid, **WORDS, at=AT)
    task = sandbox.world.task.tasks[guid]
    assert (task.completed, task.fields["description"]) == (1, "已完成")
    assert [call["method"] for call in calls(guid)] == ["PATCH", "GET", "PATCH"] * 2


def test_a_refusal_that_is_none_of_completion_is_raised(feishu: Feishu, person: str) -> None:
    """An open task whose new title is refused stays open, and that is said."""
    guid = feishu.task.create(new(person), client_token="tk_0123456789")
    with pytest.raises(Rejected):
        feishu.task.finish(guid, summary="", description="", at=AT)
    assert feishu.task.get(guid)["completed_at"] == "0"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (1470400, 400, Rejected),
        (1470403, 403, NotPermitted),
        (1470404, 404, NotFound),
        (1470422, 500, Busy),
        (1470500, 500, Ambiguous),
    ],
)
def test_refusals_say_what_to_do_next(
    feishu: Feishu, person: str, fault: Order, code: int, status: int, kind: type[Exception]
) -> None:
    """A call under way with the token is asked again, a server's fault leaves the outcome open."""
    fault("code", path=PATH, code=code, status=status)
    with pytest.raises(kind):
        feishu.task.create(new(person), client_token="tk_0123456789")


def test_a_token_that_feishu_would_refuse_is_not_sent(feishu: Feishu, person: str) -> None:
    """Ten to a hundred characters."""
    for token in ("tk_1", "x" * 101):
        with pytest.raises(ValueError, match="10 to 100"):
            feishu.task.create(new(person), client_token=token)


def test_an_answer_without_a_guid_leaves_it_open(feishu: Feishu, person: str, fault: Order) -> None:
    """It may have been made; its token tells."""
    fault("answer", path=PATH, body={"code": 0, "msg": "success", "data": {}}, done=True)
    with pytest.raises(Ambiguous):
        feishu.task.create(new(person), client_token="tk_0123456789")
    assert feishu.task.create(new(person), client_token="tk_0123456789")
