"""Contact, drive, approval and auth through our client."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from runtime.feishu import Feishu
from runtime.feishu.approval import Approval
from runtime.feishu.drive import ALL_AT_ONCE
from runtime.feishu.errors import Ambiguous, NotFound, Rejected
from runtime.ids import AppToken, OpenId
from sandbox.approval_state import BUDGET_CODE
from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.feishu.conftest import Order

Calls = Callable[[str], list[dict[str, Any]]]
FORM = [
    {"id": "widget_plan", "type": "input", "value": "连衣裙-放量-01"},
    {"id": "widget_after", "type": "number", "value": 3000},
]


@pytest.fixture
def app(feishu: Feishu) -> AppToken:
    """A base of the app's own."""
    return AppToken(feishu.bitable.create_app("经营数据", "Asia/Shanghai")["app_token"])


@pytest.fixture
def asker(sandbox: SandboxServer) -> Person:
    """Somebody with a supervisor."""
    return next(person for person in sandbox.world.people.values() if person.leader_open_id)


def test_people_and_departments(feishu: Feishu, sandbox: SandboxServer, asker: Person) -> None:
    """A person's leader is an open_id; every department's members add up to the company."""
    assert feishu.contact.get_user(OpenId(asker.open_id))["leader_user_id"] == asker.leader_open_id
    departments = [item["open_department_id"] for item in feishu.contact.list_departments()]
    members = {
        user["open_id"]
        for department in ["0", *departments]
        for user in feishu.contact.list_department_users(department)
    }
    assert members == {p.open_id for p in sandbox.world.people.values() if not p.resigned}


def test_a_base_is_subscribed_once_and_for_all(feishu: Feishu, app: AppToken) -> None:
    """Asking again, and ending twice, are no errors."""
    assert not feishu.drive.is_subscribed(app)
    feishu.drive.subscribe(app)
    feishu.drive.subscribe(app)
    assert feishu.drive.is_subscribed(app)
    feishu.drive.unsubscribe(app)
    feishu.drive.unsubscribe(app)
    assert not feishu.drive.is_subscribed(app)


def test_an_attachment_comes_back_as_it_was(feishu: Feishu, app: AppToken) -> None:
    """Bytes up, the same bytes down; an overlong name keeps its extension."""
    data = bytes(range(256)) * 100
    token = feishu.drive.upload_media(app, "图" * 300 + ".png", data, image=True)
    assert feishu.drive.download_media(token) == data


def test_a_large_file_goes_up_in_parts(feishu: Feishu, app: AppToken, calls: Calls) -> None:
    """More than 20 MB: prepared, sent in the platform's blocks, finished; it comes back whole."""
    data = b"0123456789abcdef" * (ALL_AT_ONCE // 16) + b"end"
    token = feishu.drive.upload_media(app, "大.bin", data, image=False)
    assert feishu.drive.download_media(token) == data
    assert len(calls("upload_part")) == 6


def test_a_missing_file_is_not_found(feishu: Feishu, app: AppToken) -> None:
    """The refusal of a download is an error, not a file."""
    with pytest.raises(NotFound):
        feishu.drive.download_media(feishu_token("nothing"))


def feishu_token(value: str) -> Any:
    """A file token that does not exist."""
    return value


def test_an_approval_is_started_once_per_uuid(feishu: Feishu, asker: Person) -> None:
    """60012 stands for the approval that was started: its code comes back."""
    who = OpenId(asker.open_id)
    code = feishu.approval.create_instance(BUDGET_CODE, who, FORM, uuid="run-1")
    assert feishu.approval.create_instance(BUDGET_CODE, who, FORM, uuid="RUN-1") == code
    assert feishu.approval.get_instance(code)["status"] == "PENDING"
    assert feishu.approval.get_instance("run-1")["instance_code"] == code


def test_a_lost_answer_to_an_approval_is_settled_by_its_uuid(
    feishu: Feishu, asker: Person, fault: Order
) -> None:
    """After Ambiguous, find tells whether it was started."""
    assert feishu.approval.find("run-2") is None
    fault("drop_after", path="*/approval/v4/instances")
    with pytest.raises(Ambiguous):
        feishu.approval.create_instance(BUDGET_CODE, OpenId(asker.open_id), FORM, uuid="run-2")
    found = feishu.approval.find("run-2")
    assert found is not None
    assert feishu.approval.create_instance(BUDGET_CODE, OpenId(asker.open_id), FORM, uuid="run-2") == found


def test_an_approval_is_taken_back(feishu: Feishu, asker: Person) -> None:
    """In the name of who asked."""
    who = OpenId(asker.open_id)
    code = feishu.approval.create_instance(BUDGET_CODE, who, FORM, uuid="run-3")
    feishu.approval.cancel_instance(BUDGET_CODE, code, who)
    assert feishu.approval.get_instance(code)["status"] == "CANCELED"


def test_a_definition_is_read_and_subscribed_twice(feishu: Feishu) -> None:
    """Its widgets and nodes come back; a second subscription is no error."""
    assert feishu.approval.get_definition(BUDGET_CODE)["status"] == "ACTIVE"
    feishu.approval.subscribe(BUDGET_CODE)
    feishu.approval.subscribe(BUDGET_CODE)
    with pytest.raises(NotFound):
        feishu.approval.get_definition("no-such-code")


def test_a_form_that_does_not_fit_is_rejected(feishu: Feishu, asker: Person) -> None:
    """1390001 is permanent, and an overlong uuid is refused before sending."""
    wrong = [{"id": "widget_nothing", "type": "input", "value": "x"}]
    with pytest.raises(Rejected):
        feishu.approval.create_instance(BUDGET_CODE, OpenId(asker.open_id), wrong, uuid="run-4")
    with pytest.raises(ValueError, match="64"):
        feishu.approval.create_instance(BUDGET_CODE, OpenId(asker.open_id), FORM, uuid="x" * 65)


def test_nothing_here_decides_an_approval() -> None:
    """The tenant token could approve for anybody; the door has no such call."""
    source = inspect.getsource(inspect.getmodule(Approval) or Approval)
    assert not any(word in source for word in ("/tasks/", "approve(", "reject(", "transfer("))
