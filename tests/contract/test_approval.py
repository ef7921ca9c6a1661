"""Approvals through the official SDK: forms, uuids, nodes, events in order, and what a revert looks like."""

import json
from collections.abc import Iterator
from typing import Any

import lark_oapi as lark
import pytest
from lark_oapi.api.approval.v4 import (
    ApprovalApproverCcer,
    ApprovalCreate,
    ApprovalCreateViewers,
    ApprovalForm,
    ApprovalNode,
    CancelInstanceRequest,
    CreateApprovalRequest,
    CreateInstanceRequest,
    GetApprovalRequest,
    GetInstanceRequest,
    I18nResource,
    I18nResourceText,
    InstanceCancel,
    InstanceCreate,
    ListInstanceRequest,
    NodeApprover,
    SubscribeApprovalRequest,
    UnsubscribeApprovalRequest,
)

from sandbox.approval_state import BUDGET_CODE, PAYROLL_COMPANY_CODE
from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.contract.bitable_kit import lost
from tests.contract.kit import control, fresh_client, people, raw_call
from tests.contract.receiver import Receiver
from tests.support.wait import until

FORM = [
    {"id": "widget_plan", "type": "input", "value": "连衣裙-放量-01"},
    {"id": "widget_before", "type": "number", "value": 2000},
    {"id": "widget_after", "type": "number", "value": 3000},
]


@pytest.fixture
def client(sandbox: SandboxServer) -> lark.Client:
    """The official typed client."""
    return fresh_client(sandbox)


@pytest.fixture
def receiver(sandbox: SandboxServer) -> Iterator[Receiver]:
    """An app that hears the sandbox's events."""
    app = Receiver()
    sandbox.world.events.subscribe(app.url)
    yield app
    app.stop()


def operator(sandbox: SandboxServer) -> Person:
    """Somebody with a supervisor who has one too."""
    return next(p for p in people(sandbox) if p.title == "运营")


def start(client: lark.Client, person: Person, code: str = BUDGET_CODE, **fields: Any) -> Any:
    """Start an instance; the SDK's response."""
    body = InstanceCreate.builder().approval_code(code).open_id(person.open_id).build()
    body.form = json.dumps(fields.pop("form", FORM))
    for name, value in fields.items():
        setattr(body, name, value)
    return client.approval.v4.instance.create(CreateInstanceRequest.builder().request_body(body).build())


def read(client: lark.Client, key: str) -> Any:
    """An instance by code or uuid."""
    answer = client.approval.v4.instance.get(GetInstanceRequest.builder().instance_id(key).build())
    assert (answer.success(), lost(answer)) == (True, []), answer.msg
    return answer.data


def subscribe(client: lark.Client, code: str = BUDGET_CODE) -> Any:
    """Ask for the events of a definition."""
    return client.approval.v4.approval.subscribe(
        SubscribeApprovalRequest.builder().approval_code(code).build()
    )


def define(client: lark.Client, *nodes: tuple[str, str, list[ApprovalApproverCcer]]) -> str:
    """A definition with these (id, AND|OR|SEQUENTIAL, approvers) nodes; its code."""
    texts = [I18nResourceText.builder().key("@i18n@name").value("测试审批").build()]
    body = (
        ApprovalCreate.builder()
        .approval_name("@i18n@name")
        .viewers([ApprovalCreateViewers.builder().viewer_type("TENANT").build()])
        .form(ApprovalForm.builder().form_content('[{"id":"w1","type":"input","name":"@i18n@name"}]').build())
        .node_list([_node("START", "AND", []), *(_node(*node) for node in nodes), _node("END", "AND", [])])
        .i18n_resources([I18nResource.builder().locale("zh-CN").is_default(True).texts(texts).build()])
        .build()
    )
    request = CreateApprovalRequest.builder().user_id_type("open_id").request_body(body).build()
    answer = client.approval.v4.approval.create(request)
    assert answer.success(), answer.msg
    return str(answer.data.approval_code)


def _node(node_id: str, kind: str, approvers: list[ApprovalApproverCcer]) -> ApprovalNode:
    return ApprovalNode.builder().id(node_id).node_type(kind).approver(approvers).build()


def personal(*who: Person) -> list[ApprovalApproverCcer]:
    """Named approvers."""
    return [ApprovalApproverCcer.builder().type("Personal").user_id(p.open_id).build() for p in who]


SIMPLE = [{"id": "w1", "type": "input", "value": "x"}]


def test_a_definition_can_be_read(client: lark.Client) -> None:
    """Status, widgets as a JSON string and the nodes stand in the typed answer."""
    request = GetApprovalRequest.builder().approval_code(BUDGET_CODE).build()
    answer = client.approval.v4.approval.get(request)
    assert lost(answer) == []
    found = answer.data
    assert (found.approval_name, found.status) == ("广告预算调整", "ACTIVE")
    assert [w["custom_id"] for w in json.loads(found.form)][:3] == ["plan", "before", "after"]
    assert [n.node_id for n in found.node_list] == ["START", "node_supervisor", "END"]


def test_the_company_has_four_definitions(sandbox: SandboxServer) -> None:
    """Budgets, purchases and pay are there from the start, as if built in the console."""
    listed = control(sandbox, "GET", "definitions")["data"]["definitions"]
    names = ["广告预算调整", "紧急补货", "部门工资审批", "月度工资审批"]
    assert [(d["name"], d["status"]) for d in listed] == [(name, "ACTIVE") for name in names]


def test_pay_is_signed_by_whom_the_starter_names(sandbox: SandboxServer, client: lark.Client) -> None:
    """HR head, then finance, both chosen for the node by its custom id; without them it does not start."""
    starter, hr_head, finance = people(sandbox)[:3]
    values = {
        "run": "2026-10.1",
        "month": "2026-10",
        "part": "*",
        "headcount": 60,
        "total": 1.5,
        "digest": "d",
    }
    kinds = {"headcount": "number", "total": "number"}
    form = [{"id": key, "type": kinds.get(key, "input"), "value": value} for key, value in values.items()]
    assert start(client, starter, PAYROLL_COMPANY_CODE, form=form).code == 1390001
    chosen = [
        NodeApprover.builder().key(node).value([who.open_id]).build()
        for node, who in (("hr_head", hr_head), ("finance", finance))
    ]
    answer = start(client, starter, PAYROLL_COMPANY_CODE, form=form, node_approver_open_id_list=chosen)
    code = answer.data.instance_code
    for who in (hr_head, finance):
        (task,) = [t for t in read(client, code).task_list if t.status == "PENDING"]
        assert task.open_id == who.open_id
        control(sandbox, "POST", "act/approve", open_id=who.open_id, instance_code=code)
    assert read(client, code).status == "APPROVED"


def test_the_supervisor_approves(sandbox: SandboxServer, client: lark.Client) -> None:
    """The task goes to the starter's leader; with the approval the instance is APPROVED, readable by uuid."""
    person = operator(sandbox)
    code = start(client, person, uuid="run-1").data.instance_code
    (task,) = read(client, code).task_list
    assert (task.open_id, task.status, task.custom_node_id) == (
        person.leader_open_id,
        "PENDING",
        "supervisor",
    )
    control(
        sandbox,
        "POST",
        "act/approve",
        open_id=task.open_id,
        instance_code=code,
        verb="approve",
        comment="可以",
    )
    done = read(client, "run-1")
    assert (done.status, done.instance_code, done.reverted) == ("APPROVED", code, False)
    assert [(t.type, t.comment) for t in done.timeline] == [("START", None), ("PASS", "可以")]


def test_a_repeated_uuid_is_a_conflict(sandbox: SandboxServer, client: lark.Client) -> None:
    """60012, whatever the case of its letters; nothing second is started."""
    first = start(client, operator(sandbox), uuid="Run-1").data.instance_code
    assert start(client, operator(sandbox), uuid="run-1").code == 60012
    listing = ListInstanceRequest.builder().approval_code(BUDGET_CODE).start_time(0).end_time(2**50).build()
    assert client.approval.v4.instance.list(listing).data.instance_code_list == [first]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"form": [{"id": "nope", "type": "input", "value": "x"}]}, 1390001),
        ({"form": [{"id": "widget_plan", "type": "number", "value": 1}]}, 1390001),
        ({"form": FORM[1:]}, 1390001),
        ({"approval_code": "NOPE"}, 1390002),
        ({"open_id": "ou_nobody"}, 1390004),
    ],
)
def test_a_wrong_request_is_refused(
    sandbox: SandboxServer, client: lark.Client, change: dict[str, Any], code: int
) -> None:
    """Unknown widget, wrong type, missing required, unknown definition, unknown starter."""
    answer = start(client, operator(sandbox), **change)
    assert answer.code == code


def test_an_inactive_definition_starts_nothing(sandbox: SandboxServer, client: lark.Client) -> None:
    """1390015 after an administrator has switched it off."""
    control(sandbox, "POST", f"approvals/{BUDGET_CODE}", status="INACTIVE")
    assert start(client, operator(sandbox)).code == 1390015


def test_rejecting_ends_it(sandbox: SandboxServer, client: lark.Client) -> None:
    """One refusal is enough; afterwards nothing waits for anybody."""
    person = operator(sandbox)
    code = start(client, person).data.instance_code
    sandbox.world.approval.act(person.leader_open_id, code, "reject", "太多")
    assert read(client, code).status == "REJECTED"
    again = control(sandbox, "POST", "act/approve", open_id=person.leader_open_id, instance_code=code)
    assert again["code"] == 1390010


def test_a_reverted_approval_still_says_approved(sandbox: SandboxServer, client: lark.Client) -> None:
    """The trap: only ``reverted`` tells."""
    person = operator(sandbox)
    code = start(client, person).data.instance_code
    sandbox.world.approval.act(person.leader_open_id, code, "approve")
    sandbox.world.approval.act(person.open_id, code, "revert")
    found = read(client, code)
    assert (found.status, found.reverted) == ("APPROVED", True)


def test_the_starter_withdraws(sandbox: SandboxServer, client: lark.Client) -> None:
    """Cancelling closes the open task; another person cannot do it."""
    person = operator(sandbox)
    code = start(client, person).data.instance_code
    for who, expected in ((person.leader_open_id, 1390004), (person.open_id, 0)):
        body = InstanceCancel.builder().approval_code(BUDGET_CODE).instance_code(code).user_id(who).build()
        request = CancelInstanceRequest.builder().user_id_type("open_id").request_body(body).build()
        assert client.approval.v4.instance.cancel(request).code == expected
    found = read(client, code)
    assert (found.status, found.task_list[0].status) == ("CANCELED", "DONE")


def test_events_come_in_the_old_envelope_and_in_order(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """Only after subscribing; instance and task changes of one instance in the order they happened."""
    person = operator(sandbox)
    start(client, person)
    assert subscribe(client).success()
    assert subscribe(client).code == 1390007
    code = start(client, person, uuid="ours").data.instance_code
    sandbox.world.approval.act(person.leader_open_id, code, "approve")
    sandbox.world.approval.act(person.open_id, code, "revert")
    until(lambda: len(receiver.pushed) == 5 and sandbox.world.events.pending() == 0)
    events = [push.body["event"] for push in receiver.pushed]
    assert [(e["type"], e["status"]) for e in events] == [
        ("approval_instance", "PENDING"),
        ("approval_task", "PENDING"),
        ("approval_task", "APPROVED"),
        ("approval_instance", "APPROVED"),
        ("approval_instance", "REVERTED"),
    ]
    assert {e["instance_code"] for e in events} == {code}
    assert events[3]["uuid"] == "ours"
    assert isinstance(events[3]["operate_time"], str)
    assert isinstance(events[4]["operate_time"], int)
    assert all("schema" not in push.body for push in receiver.pushed)


def test_unsubscribing_stops_the_events(
    sandbox: SandboxServer, client: lark.Client, receiver: Receiver
) -> None:
    """After /unsubscribe nothing is queued any more."""
    subscribe(client)
    request = UnsubscribeApprovalRequest.builder().approval_code(BUDGET_CODE).build()
    assert client.approval.v4.approval.unsubscribe(request).success()
    start(client, operator(sandbox))
    assert sandbox.world.events.log() == []


def test_and_or_and_sequential_nodes(sandbox: SandboxServer, client: lark.Client) -> None:
    """AND waits for all, OR for one (the other's task is DONE), SEQUENTIAL asks one after the other."""
    starter, first, second = people(sandbox)[:3]
    act = sandbox.world.approval.act
    both = start(client, starter, define(client, ("n1", "AND", personal(first, second))), form=SIMPLE)
    act(first.open_id, both.data.instance_code, "approve")
    assert read(client, both.data.instance_code).status == "PENDING"
    act(second.open_id, both.data.instance_code, "approve")
    assert read(client, both.data.instance_code).status == "APPROVED"
    one = start(client, starter, define(client, ("n1", "OR", personal(first, second))), form=SIMPLE)
    act(second.open_id, one.data.instance_code, "approve")
    assert [t.status for t in read(client, one.data.instance_code).task_list] == ["DONE", "APPROVED"]
    row = start(client, starter, define(client, ("n1", "SEQUENTIAL", personal(first, second))), form=SIMPLE)
    assert [t.open_id for t in read(client, row.data.instance_code).task_list] == [first.open_id]
    act(first.open_id, row.data.instance_code, "approve")
    act(second.open_id, row.data.instance_code, "approve")
    assert read(client, row.data.instance_code).status == "APPROVED"


def test_one_person_twice_and_the_starter_himself_are_not_asked(
    sandbox: SandboxServer, client: lark.Client
) -> None:
    """The traps of three signatures: REMOVE_REPEAT and AUTO_PASS make one human look like three."""
    starter, first = people(sandbox)[:2]
    nodes = [("n1", "AND", personal(first)), ("n2", "AND", personal(first)), ("n3", "AND", personal(starter))]
    code = start(client, starter, define(client, *nodes), form=SIMPLE).data.instance_code
    sandbox.world.approval.act(first.open_id, code, "approve")
    found = read(client, code)
    assert found.status == "APPROVED"
    assert [t.type for t in found.timeline] == ["START", "PASS", "REMOVE_REPEAT", "AUTO_PASS"]


def test_an_app_cannot_approve_for_a_person(client: lark.Client) -> None:
    """The endpoint that would do it is refused as unknown here, so the product can never rely on it."""
    answer = raw_call(client, "POST", "/open-apis/approval/v4/tasks/approve", {"task_id": "1"})
    assert answer.status_code == 404
