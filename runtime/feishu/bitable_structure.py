"""The structure of a Bitable base: tables, columns, views, forms, roles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runtime.feishu.door import Door, chunks
from runtime.feishu.endpoint import (
    PER_MINUTE_20,
    PER_SECOND_10,
    PER_SECOND_20,
    Endpoint,
    Method,
    Rate,
)
from runtime.ids import AppToken, FieldId, TableId, ViewId

V1 = "/open-apis/bitable/v1/apps"
TABLE = V1 + "/:app_token/tables/:table_id"
ROLES = "/open-apis/base/v2/apps/:app_token/roles"
ROLE_MEMBERS = V1 + "/:app_token/roles/:role_id/members"


def _read(uri: str) -> Endpoint:
    return Endpoint("GET", uri, PER_SECOND_20)


def _write(method: Method, uri: str, rate: Rate = PER_SECOND_10) -> Endpoint:
    return Endpoint(method, uri, rate, writes=True)


CREATE_APP = _write("POST", V1, PER_MINUTE_20)
GET_APP = _read(V1 + "/:app_token")
UPDATE_APP = _write("PUT", V1 + "/:app_token")
LIST_TABLES = _read(V1 + "/:app_token/tables")
CREATE_TABLE = _write("POST", V1 + "/:app_token/tables")
LIST_FIELDS = _read(TABLE + "/fields")
CREATE_FIELD = _write("POST", TABLE + "/fields")
UPDATE_FIELD = _write("PUT", TABLE + "/fields/:field_id")
DELETE_FIELD = _write("DELETE", TABLE + "/fields/:field_id")
LIST_VIEWS = _read(TABLE + "/views")
CREATE_VIEW = _write("POST", TABLE + "/views")
GET_FORM = _read(TABLE + "/forms/:form_id")
PATCH_FORM = _write("PATCH", TABLE + "/forms/:form_id")
LIST_FORM_FIELDS = _read(TABLE + "/forms/:form_id/fields")
PATCH_FORM_FIELD = _write("PATCH", TABLE + "/forms/:form_id/fields/:field_id")
LIST_ROLES = _read(ROLES)
CREATE_ROLE = _write("POST", ROLES)
UPDATE_ROLE = _write("PUT", ROLES + "/:role_id")
LIST_ROLE_MEMBERS = _read(ROLE_MEMBERS)
ADD_ROLE_MEMBERS = _write("POST", ROLE_MEMBERS + "/batch_create")

PAGE = 100
MEMBERS_PER_CALL = 100
ROLES_PAGE = 30

ViewType = Literal["grid", "kanban", "gallery", "gantt", "form"]
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreatedTable:
    """A table just created; its ids may be unknown to some servers of the platform for a few seconds."""

    table_id: TableId
    default_view_id: ViewId
    field_ids: tuple[FieldId, ...]


class Structure:
    """Reading and changing the structure of bases.

    All writes to one base go one after another, in all processes. Answers are the platform's own objects as
    plain dicts. Source: docs bitable-v1 pages of the same names.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def get_app(self, app: AppToken) -> Item:
        """Return the base: `{app_token, name, revision, is_advanced, time_zone, formula_type, …}`."""
        return _part(self._door.call(GET_APP, paths={"app_token": app}), "app")

    def create_app(self, name: str, time_zone: str = "Asia/Shanghai") -> Item:
        """Create a base in the app's own space; answers `{app_token, url, default_table_id, …}`.

        The default table arrives with blank rows in it. Creating twice makes two bases: after `Ambiguous` a
        person must look.
        """
        return _part(self._door.call(CREATE_APP, body={"name": name, "time_zone": time_zone}), "app")

    def set_advanced(self, app: AppToken, on: bool) -> None:
        """Switch advanced permissions. It takes effect late: role calls may be `Busy` (1254301) at first."""
        self._change(UPDATE_APP, app, body={"is_advanced": on})

    def list_tables(self, app: AppToken) -> list[Item]:
        """Return all tables: `{table_id, revision, name}`."""
        return list(self._pages(LIST_TABLES, app))

    def create_table(
        self, app: AppToken, name: str, fields: Sequence[Mapping[str, Any]], default_view_name: str
    ) -> CreatedTable:
        """Create a table.

        Args:
            app: the base.
            name: 1–100 characters, unique in the base (1254013).
            fields: column objects `{field_name, type, ui_type?, property?, description?}`, the first is the
                index column (types 1, 2, 5, 13, 15, 20, 22).
            default_view_name: of the grid view that comes with it.
        """
        table = {
            "name": name,
            "default_view_name": default_view_name,
            "fields": [dict(field) for field in fields],
        }
        data = self._change(CREATE_TABLE, app, body={"table": table})
        return CreatedTable(
            TableId(str(data.get("table_id") or "")),
            ViewId(str(data.get("default_view_id") or "")),
            tuple(FieldId(str(field)) for field in data.get("field_id_list") or ()),
        )

    def list_fields(self, app: AppToken, table: TableId) -> list[Item]:
        """Return all columns: `{field_id, field_name, type, ui_type, property, description, is_primary}`."""
        return list(self._pages(LIST_FIELDS, app, table))

    def create_field(
        self, app: AppToken, table: TableId, field: Mapping[str, Any], *, client_token: str | None = None
    ) -> Item:
        """Add a column and return it.

        Args:
            app: the base.
            table: the table.
            field: `{field_name, type, ui_type?, property?, description?{text}}`; checkbox and URL columns
                take no property at all.
            client_token: uuid4-shaped key (`keys.client_token`).
        """
        query = {"client_token": client_token}
        return _part(self._change(CREATE_FIELD, app, table, query=query, body=dict(field)), "field")

    def update_field(
        self, app: AppToken, table: TableId, field_id: FieldId, field: Mapping[str, Any]
    ) -> Item:
        """Change a column and return it; no difference (1254606) is a success.

        `type` is mandatory and `property` is replaced as a whole: options left out are deleted with
        their cells, so send every option with its `id`.
        """
        body = dict(field)
        return _part(self._change(UPDATE_FIELD, app, table, paths={"field_id": field_id}, body=body), "field")

    def delete_field(self, app: AppToken, table: TableId, field_id: FieldId) -> None:
        """Delete a column with its cells; the index column cannot go (1254046)."""
        self._change(DELETE_FIELD, app, table, paths={"field_id": field_id})

    def list_views(self, app: AppToken, table: TableId) -> list[Item]:
        """Return all views: `{view_id, view_name, view_type, view_public_level}`."""
        return list(self._pages(LIST_VIEWS, app, table))

    def create_view(self, app: AppToken, table: TableId, name: str, view_type: ViewType = "grid") -> Item:
        """Add a view and return it; a form view's id is also its form id."""
        body = {"view_name": name, "view_type": view_type}
        return _part(self._change(CREATE_VIEW, app, table, body=body), "view")

    def get_form(self, app: AppToken, table: TableId, form_id: ViewId) -> Item:
        """Return a form: `{name, description, shared, shared_url, shared_limit, submit_limit_once}`."""
        paths = {"app_token": app, "table_id": table, "form_id": form_id}
        return _part(self._door.call(GET_FORM, paths=paths), "form")

    def patch_form(self, app: AppToken, table: TableId, form_id: ViewId, changes: Mapping[str, Any]) -> Item:
        """Change a form: `{name?, description?, shared?, shared_limit?, submit_limit_once?}`."""
        body = dict(changes)
        return _part(self._change(PATCH_FORM, app, table, paths={"form_id": form_id}, body=body), "form")

    def list_form_fields(self, app: AppToken, table: TableId, form_id: ViewId) -> list[Item]:
        """Return the questions of a form in order: `{field_id, title, description, required, visible}`."""
        return list(self._pages(LIST_FORM_FIELDS, app, table, paths={"form_id": form_id}))

    def patch_form_field(
        self, app: AppToken, table: TableId, form_id: ViewId, field_id: FieldId, changes: Mapping[str, Any]
    ) -> None:
        """Change a question: `{pre_field_id?, title?, description?, required?, visible?}`.

        The answer is not used: its member is `field` in the documentation and `fields` in the vendor's SDKs.
        """
        paths = {"form_id": form_id, "field_id": field_id}
        self._change(PATCH_FORM_FIELD, app, table, paths=paths, body=dict(changes))

    def list_roles(self, app: AppToken) -> list[Item]:
        """Return the roles of a base with advanced permissions on. Source: docs base-v2/app-role."""
        return list(self._pages(LIST_ROLES, app, page_size=ROLES_PAGE))

    def create_role(self, app: AppToken, role: Mapping[str, Any]) -> Item:
        """Add a role `{role_name, table_roles[{table_id, table_perm, …}], …}` and return it with its id."""
        return _part(self._change(CREATE_ROLE, app, body=dict(role)), "role")

    def update_role(self, app: AppToken, role_id: str, role: Mapping[str, Any]) -> Item:
        """Change a role; what is not named stays."""
        return _part(self._change(UPDATE_ROLE, app, paths={"role_id": role_id}, body=dict(role)), "role")

    def list_role_members(self, app: AppToken, role_id: str) -> list[Item]:
        """Return a role's members: `{member_id, member_type, open_id?, open_department_id?, chat_id?, …}`.

        Source: docs bitable-v1/advanced-permission/app-role-member.
        """
        return list(self._pages(LIST_ROLE_MEMBERS, app, paths={"role_id": role_id}))

    def add_role_members(self, app: AppToken, role_id: str, members: Sequence[tuple[str, str]]) -> None:
        """Add members to a role; one who is in it already stays.

        Args:
            app: the base.
            role_id: the role.
            members: pairs of id type (open_id, open_department_id, chat_id, …) and id; 200 a role.

        Raises:
            NotFound: an id is nobody's (1254048).
        """
        for part in chunks(members, MEMBERS_PER_CALL):
            body = {"member_list": [{"type": kind, "id": member} for kind, member in part]}
            self._change(ADD_ROLE_MEMBERS, app, paths={"role_id": role_id}, body=body)

    def _pages(
        self,
        endpoint: Endpoint,
        app: AppToken,
        table: TableId | None = None,
        *,
        paths: Mapping[str, str] | None = None,
        page_size: int = PAGE,
    ) -> Iterator[Item]:
        where = _where(app, table, paths)
        return self._door.pages(endpoint, query={"page_size": page_size}, paths=where)

    def _change(
        self,
        endpoint: Endpoint,
        app: AppToken,
        table: TableId | None = None,
        *,
        paths: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        where = _where(app, table, paths)
        return self._door.call(endpoint, paths=where, query=query, body=body, lane=f"base:{app}")


def _where(app: AppToken, table: TableId | None, paths: Mapping[str, str] | None) -> dict[str, str]:
    where: dict[str, str] = {"app_token": app, **(paths or {})}
    if table is not None:
        where["table_id"] = table
    return where


def _part(data: Mapping[str, Any], name: str) -> Item:
    part = data.get(name)
    return part if isinstance(part, dict) else dict(data)
