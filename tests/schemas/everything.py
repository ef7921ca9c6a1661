"""Call every method of every area of our client once, with arguments as the product uses them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from runtime.feishu import Feishu
from runtime.feishu.docx_blocks import (
    bold,
    bullet,
    code,
    divider,
    file,
    heading,
    image,
    link,
    table,
    text,
    tree,
)
from runtime.feishu.drive import ALL_AT_ONCE
from runtime.feishu.keys import client_token
from runtime.feishu.task import NewTask
from runtime.ids import (
    AppToken,
    BlockId,
    DocumentId,
    FieldId,
    MessageId,
    OpenId,
    SpaceId,
    TableId,
    UserId,
    ViewId,
)  # fmt: skip
from sandbox.approval_state import BUDGET_CODE
from sandbox.kernel import Person
from sandbox.server import SandboxServer
from tests.contract.kit import control
from tests.feishu.test_bitable import FIELDS
from tests.feishu.test_im import PNG, card

AREAS = ("auth", "contact", "im", "bitable", "drive", "docx", "wiki", "approval", "attendance", "task")


def public_methods(feishu: Feishu) -> set[str]:
    """`area.method` for everything a caller may use."""
    return {
        f"{area}.{name}"
        for area in AREAS
        for name in dir(getattr(feishu, area))
        if not name.startswith("_") and callable(getattr(getattr(feishu, area), name))
    }


class Tracer:
    """Looks like an area and remembers which of its methods were called."""

    def __init__(self, name: str, area: Any, called: set[str]) -> None:
        self._name, self._area, self._called = name, area, called

    def __getattr__(self, method: str) -> Any:
        """Hand out the method, noting its name."""
        self._called.add(f"{self._name}.{method}")
        return getattr(self._area, method)


def call_everything(feishu: Feishu, sandbox: SandboxServer) -> set[str]:
    """Call all and return the names of the methods called.

    Args:
        feishu: our client.
        sandbox: the other side, where somebody sends the bot a file and the app is let into a wiki space.
    """
    people = list(sandbox.world.people.values())
    sent = {"open_id": people[0].open_id, "name": "评分.csv", "data": "YSxiCg=="}
    file = control(sandbox, "POST", "act/send_file", **sent)["data"]
    space = control(sandbox, "POST", "wiki/spaces", name="素材库")["data"]["space_id"]
    sandbox.world.wiki.move_seconds = 1e-9
    called: set[str] = set()
    auth, contact, im, bitable, drive, docx, wiki, approval, attendance, task = (
        Tracer(name, getattr(feishu, name), called) for name in AREAS
    )
    auth.bot_info()
    auth.scopes()
    _contact(contact, people)
    _messages(im, people, file)
    app, table = _structure(bitable)
    _records(bitable, app, table, OpenId(people[0].open_id))
    _files(drive, bitable, app, table)
    _sharing(drive, bitable, app, OpenId(people[0].open_id))
    _wiki(wiki, docx, drive, space)
    _approvals(approval, people)
    _attendance(attendance, people)
    _tasks(task, people)
    return called


def _contact(contact: Any, people: list[Person]) -> None:
    contact.get_user(OpenId(people[0].open_id))
    contact.user_ids([OpenId(people[0].open_id)])
    contact.list_departments()
    contact.list_department_users()


def _messages(im: Any, people: list[Person], file: Mapping[str, str]) -> None:
    ids = [OpenId(person.open_id) for person in people[:3]]
    since = datetime(2020, 1, 1, tzinfo=UTC)
    sent = im.send_card(ids[0], card("一"), uuid="m1")
    im.send_text(ids[1], "你好", uuid="m2")
    im.reply_text(sent.message_id, "收到", uuid="m3")
    im.reply_card(sent.message_id, card("二"), uuid="m4")
    im.update_card(sent.message_id, card("三"))
    im.get_message(sent.message_id)
    im.list_messages(sent.chat_id, since=since)
    im.find_sent(sent.chat_id, "a1", since=since)
    im.find_reply(sent.message_id, sent.chat_id, since=since)
    im.upload_image("图.png", PNG)
    im.get_resource(MessageId(file["message_id"]), file["file_key"])


def _structure(bitable: Any) -> tuple[AppToken, TableId]:
    app = AppToken(bitable.create_app("经营数据", "Asia/Shanghai")["app_token"])
    bitable.get_app(app)
    created = bitable.create_table(app, "商品", FIELDS, "全部")
    table = TableId(created.table_id)
    bitable.list_tables(app)
    for field in _every_field(table):
        bitable.create_field(app, table, field, client_token=client_token(field["field_name"]))
    fields = {item["field_name"]: item for item in bitable.list_fields(app, table)}
    select = fields["状态"]
    options = [*select["property"]["options"], {"name": "暂停", "color": 3}]
    change = {"field_name": "状态", "type": 3, "property": {"options": options}}
    bitable.update_field(app, table, FieldId(select["field_id"]), change)
    bitable.delete_field(app, table, FieldId(fields["备注"]["field_id"]))
    bitable.create_view(app, table, "简表", "grid")
    bitable.list_views(app, table)
    _form(bitable, app, table)
    return app, table


def _form(bitable: Any, app: AppToken, table: TableId) -> None:
    form = ViewId(bitable.create_view(app, table, "登记", "form")["view_id"])
    bitable.patch_form(app, table, form, {"name": "登记", "shared": True, "shared_limit": "tenant_editable"})
    bitable.get_form(app, table, form)
    question = FieldId(bitable.list_form_fields(app, table, form)[0]["field_id"])
    bitable.patch_form_field(app, table, form, question, {"title": "编号", "required": True, "visible": True})


def _every_field(table: TableId) -> Iterator[dict[str, Any]]:
    """A column of every kind the product makes."""
    described = {"description": {"text": "说明"}}
    yield {"field_name": "备注", "type": 1, **described}
    yield {"field_name": "占比", "type": 2, "property": {"formatter": "0.00%"}}
    yield {
        "field_name": "金额",
        "type": 2,
        "ui_type": "Currency",
        "property": {"formatter": "0.00", "currency_code": "CNY"},
    }
    yield {"field_name": "标签", "type": 4, "property": {"options": [{"name": "甲", "color": 1}]}}
    yield {
        "field_name": "日期",
        "type": 5,
        "property": {"date_formatter": "yyyy-MM-dd HH:mm", "auto_fill": False},
    }
    yield {"field_name": "启用", "type": 7}
    yield {"field_name": "电话", "type": 13}
    yield {"field_name": "链接", "type": 15}
    yield {"field_name": "邮箱", "type": 1, "ui_type": "Email"}
    yield {"field_name": "附件", "type": 17}
    yield {"field_name": "关联", "type": 18, "property": {"table_id": table, "multiple": True}}
    yield {"field_name": "两倍", "type": 20, "property": {"formula_expression": "[数量]*2", "formatter": "0"}}
    yield {"field_name": "创建时间", "type": 1001, "property": {"date_formatter": "yyyy-MM-dd HH:mm"}}
    yield {"field_name": "更新时间", "type": 1002, "property": {"date_formatter": "yyyy-MM-dd HH:mm"}}
    yield {"field_name": "序号", "type": 1005, "property": {"auto_serial": {"type": "auto_increment_number"}}}


def _records(bitable: Any, app: AppToken, table: TableId, who: OpenId) -> None:
    rows = [{"编号": f"A{number}", "数量": number, "负责人": [{"id": who}]} for number in range(3)]
    ids = bitable.batch_create(app, table, rows, client_token=client_token("rows"))
    bitable.batch_update(app, table, [(ids[0], {"数量": None, "状态": "完成"})])
    bitable.batch_get(app, table, ids)
    bitable.find(app, table, {"编号": "A1"})
    bitable.search(
        app,
        table,
        field_names=["编号", "数量"],
        filter={
            "conjunction": "and",
            "conditions": [{"field_name": "数量", "operator": "isGreater", "value": ["0"]}],
        },
        sort=[{"field_name": "数量", "desc": True}],
        automatic_fields=True,
    )
    token = bitable.search(app, table, page_size=2).page_token
    bitable.search(app, table, page_size=2, page_token=token)
    bitable.batch_delete(app, table, ids)


def _files(drive: Any, bitable: Any, app: AppToken, table: TableId) -> None:
    drive.subscribe(app)
    drive.is_subscribed(app)
    drive.unsubscribe(app)
    file = drive.upload_media(app, "小.txt", b"hello", image=False)
    drive.upload_media(app, "大.bin", bytes(ALL_AT_ONCE + 1), image=False)
    assert drive.download_media(file) == b"hello"
    rows = [{"编号": "F1", "附件": [{"file_token": file}]}]
    (row,) = bitable.batch_create(app, table, rows, client_token=client_token("file"))
    fields = {item["field_name"]: item["field_id"] for item in bitable.list_fields(app, table)}
    _roles(bitable, app, table)
    where = {"tableId": table, "attachments": {fields["附件"]: {row: [file]}}}
    assert drive.download_media(file, {"bitablePerm": where}) == b"hello"


def _roles(bitable: Any, app: AppToken, table: TableId) -> None:
    bitable.set_advanced(app, True)
    role = {
        "role_name": "运营",
        "table_roles": [{"table_id": table, "table_perm": 2, "allow_add_record": True}],
    }
    role_id = bitable.create_role(app, role)["role_id"]
    bitable.update_role(app, role_id, role)
    bitable.list_roles(app)


def _sharing(drive: Any, bitable: Any, app: AppToken, who: OpenId) -> None:
    drive.share(app, who)
    drive.members(app)
    drive.own_files()
    role_id = bitable.list_roles(app)[0]["role_id"]
    bitable.add_role_members(app, role_id, [("open_id", who)])
    bitable.list_role_members(app, role_id)


def _wiki(wiki: Any, docx: Any, drive: Any, space: SpaceId) -> None:
    wiki.list_spaces()
    top = wiki.create_page(space, None, "素材归档")
    page = wiki.ensure_page(space, top.node_token, "2026-11 主图")
    wiki.list_children(space)
    wiki.find_child(space, top.node_token, "2026-11 主图")
    _document(docx, drive, page.document)


def _document(docx: Any, drive: Any, document: DocumentId) -> None:
    whole = (
        heading(1, "主图"),
        text(bold("文案："), "清泉入夏 ", link("需求", "https://example.com/row?a=1&b=2"), centred=True),
        bullet("甲"),
        code('{"a": 1}'),
        divider(),
        image("hero", "图.png"),
        table((("尺寸", "文件"), ("天猫", (bold("a"), "b")))),
        file("psd", "主图.psd"),
    )
    docx.write_page(document, whole, {"hero": PNG, "psd": b"8BPS"}.__getitem__)
    root = BlockId(document)
    pair = [image("x", "二.png").data, file("y", "二.psd").data]
    picture, view = docx.create_children(document, root, pair, client_token=client_token("pair"))
    token = drive.upload_to_block(document, BlockId(picture["block_id"]), "二.png", PNG, image=True)
    docx.replace_image(document, BlockId(picture["block_id"]), token)
    (place,) = (BlockId(child) for child in view["children"])
    token = drive.upload_to_block(document, place, "大.psd", bytes(ALL_AT_ONCE + 1), image=False)
    docx.replace_file(document, place, token)
    docx.create_descendants(document, root, tree(whole[6]), client_token=client_token("table"))
    assert len(docx.list_blocks(document)) > len(whole)


def _approvals(approval: Any, people: list[Person]) -> None:
    asker = next(person for person in people if person.leader_open_id)
    who = OpenId(asker.open_id)
    form = [
        {"id": "widget_plan", "type": "input", "value": "连衣裙-放量-01"},
        {"id": "widget_after", "type": "number", "value": 3000},
    ]
    approval.get_definition(BUDGET_CODE)
    approval.subscribe(BUDGET_CODE)
    approvers = {"node_supervisor": [OpenId(asker.leader_open_id)]}
    code = approval.create_instance(BUDGET_CODE, who, form, uuid="run-1")
    try_chosen = {"uuid": "run-2", "node_approvers": approvers}
    approval.create_instance(BUDGET_CODE, who, form, **try_chosen)
    approval.find("run-1")
    approval.get_instance(code)
    approval.cancel_instance(BUDGET_CODE, code, who)


def _attendance(attendance: Any, people: list[Person]) -> None:
    users = [UserId(person.user_id) for person in people]
    start, end = date(2026, 3, 1), date(2026, 3, 31)
    attendance.month_stats(users, start, end, operator=users[0])
    attendance.approvals(users, start, end)


def _tasks(task: Any, people: list[Person]) -> None:
    mine, other = (OpenId(person.open_id) for person in people[:2])
    at = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
    source = ("红线预警", "https://example.feishu.cn/base/app?table=tbl")
    new = NewTask("调整预算：夏季新品", "要做的事：…", mine, (other,), None, source)
    guid = task.create(new, client_token="tk_0123456789")
    task.create(NewTask("紧急补货", "…", mine, completed_at=at), client_token="tk_9876543210")
    task.get(guid)
    task.update(guid, summary="调整预算", description="进展：…")
    task.finish(guid, summary="调整预算", description="已完成", at=at)
