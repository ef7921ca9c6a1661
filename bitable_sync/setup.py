"""Bring a Feishu base to what the specs and the manifest say: look, plan, apply.

A second run has nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from bitable_sync.access import Access, Todo, ids_of, member_type, outstanding, shared_with
from bitable_sync.bindings import Bindings, BoundTable, last_id
from bitable_sync.context import Sync
from bitable_sync.diff import token
from bitable_sync.drift import BoundField
from bitable_sync.new_base import make_base
from bitable_sync.rights import table_role
from bitable_sync.setup_plan import Bound, Live, LiveTable, Step, initial_fields, plan
from bitable_sync.spec import Specs
from bitable_sync.wire_fields import field_body, merged_options, option_names
from runtime.errors import ConfigError, PermanentError, TransientError
from runtime.ids import AppToken, FieldId, OpenId, TableId, ViewId
from runtime.manifest import Manifest
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.feishu import Feishu

log = structlog.get_logger(__name__)
_PATIENTLY = Retrying(
    # "Nothing happened, later perhaps": a busy base, and roles for some seconds after they were switched on.
    retry=retry_if_exception_type(TransientError),
    wait=wait_random_exponential(multiplier=0.5, max=5),
    stop=stop_after_delay(60),
    reraise=True,
)
GRID = "全部"  # name of the first view of a table we create


class Setup:
    """One installation's setup. ``look`` and ``plan`` change nothing anywhere."""

    def __init__(self, feishu: Feishu, sync: Sync, manifest: Manifest, settings: Settings) -> None:
        self.feishu = feishu
        self.bindings: Bindings = sync.bindings
        self.specs: Specs = sync.specs
        self.manifest = manifest
        self.settings = settings

    def base(self) -> AppToken | None:
        """The base to work in: the setting ``CHORUS_BASE_APP_TOKEN``, else the one remembered."""
        given = self.settings.base_app_token
        return AppToken(given) if given else self.bindings.base()

    def look(self) -> Live:
        """Read what exists in Feishu."""
        app = self.base()
        if app is None:
            return Live(None)
        bitable = self.feishu.bitable
        ours = set(self.bound().tables.values())
        names = {spec.name for spec in self.specs}
        tables: list[LiveTable] = []
        for item in bitable.list_tables(app):
            table_id, name = TableId(str(item["table_id"])), str(item["name"])
            if table_id in ours or name in names:
                fields, views = bitable.list_fields(app, table_id), bitable.list_views(app, table_id)
                tables.append(LiveTable(table_id, name, fields, views, self._forms(app, table_id, views)))
        advanced = bool(bitable.get_app(app).get("is_advanced"))
        roles = bitable.list_roles(app) if advanced and self.manifest.roles else []
        access = Access(self._shared(app), self._members(app, roles))
        return Live(app, tables, advanced, roles, self.feishu.drive.is_subscribed(app), access)

    def plan(self, live: Live | None = None) -> list[Step]:
        """What ``apply`` would do now; print ``step.line``. Empty = nothing to do.

        Args:
            live: what ``look`` has just found, to save looking again.
        """
        admin = self.settings.admin_open_id
        return plan(self.specs, self.manifest, live or self.look(), self.bound(), admin)

    def outstanding(self, live: Live | None = None) -> list[Todo]:
        """What remains for a person: letting people open the base and edit in it."""
        live = live or self.look()
        if live.app_token is None:
            return []
        return outstanding(self.manifest.roles, live.access, self.settings.admin_open_id)

    def apply(self, told: Callable[[Step], None] = lambda _step: None) -> list[Step]:
        """Do what is to be done and give back the steps done; ``told`` is called after each.

        Interrupted at any point it can be run again: what exists is found by id or by name.

        Raises:
            NotPermitted, PermanentError: a step was refused; the sentence says what is missing.
        """
        live = self.look()
        steps = self.plan(live)
        if live.app_token is not None and self.bindings.base() != live.app_token:
            self.bindings.set_base(live.app_token)
        self._adopt(live)
        done: list[Step] = []
        for step in steps:
            if step.do != "blocked":
                _PATIENTLY(getattr(self, f"_do_{step.do}"), step)
            done.append(step)
            told(step)
        for spec in self.specs:
            self.bindings.refresh(spec.key)
        return done

    # --- actions, one for each ``Step.do`` ---

    def _do_base(self, _step: Step) -> None:
        make_base(self.feishu, self.bindings, self.manifest.base)

    def _do_share(self, step: Step) -> None:
        self.feishu.drive.share(self._app(), OpenId(step.key))

    def _do_bind(self, step: Step) -> None:
        spec = self.specs.table(step.table)
        self.bindings.bind(spec.key, self._app(), str(step.detail["id"]), spec.name)

    def _do_table(self, step: Step) -> None:
        spec, app = self.specs.table(step.table), self._app()
        ids = self._table_ids()
        bodies = [field_body(f, table_ids=ids, table_id=None, field_ids={}) for f in initial_fields(spec)]
        made = self._made_before(self.feishu.bitable.list_tables(app), "name", spec.name)
        table_id = (
            TableId(str(made["table_id"]))
            if made
            else self.feishu.bitable.create_table(app, spec.name, bodies, GRID).table_id
        )
        self.bindings.bind(spec.key, app, table_id, spec.name)
        by_name = {str(item["field_name"]): item for item in self.feishu.bitable.list_fields(app, table_id)}
        fields = [_bound_field(f.key, by_name[f.name]) for f in initial_fields(spec)]
        self.bindings.bind_fields(spec.key, fields)
        self._drop_blank_rows(app, table_id)

    def _do_field(self, step: Step) -> None:
        spec = self.specs.table(step.table)
        bound = self.bindings.require(spec.key)
        body = field_body(
            spec.field(step.key),
            table_ids=self._table_ids(),
            table_id=bound.table_id,
            field_ids={key: f.field_id for key, f in bound.fields.items()},
        )
        # After somebody deleted the column it is made anew: by another token, as the old one is used up.
        stamp = token("field", bound.table_id, step.key, body, last_id(bound, step.key))
        made = self.feishu.bitable.create_field(bound.app_token, bound.table_id, body, client_token=stamp)
        self.bindings.bind_fields(spec.key, [_bound_field(step.key, made)])

    def _do_bind_field(self, step: Step) -> None:
        live = self._live_field(self.bindings.require(step.table), str(step.detail["id"]))
        self.bindings.bind_fields(step.table, [_bound_field(step.key, live)])

    def _do_options(self, step: Step) -> None:
        bound = self.bindings.require(step.table)
        live = self._live_field(bound, str(step.detail["id"]))
        body = merged_options(self.specs.table(step.table).field(step.key), live)
        if body is not None:
            field_id = FieldId(str(step.detail["id"]))
            self.feishu.bitable.update_field(bound.app_token, bound.table_id, field_id, body)

    def _do_view(self, step: Step) -> None:
        bound = self.bindings.require(step.table)
        self.feishu.bitable.create_view(bound.app_token, bound.table_id, step.key, step.detail["type"])

    def _do_form(self, step: Step) -> None:
        spec = self.specs.table(step.table)
        bound, form = self.bindings.require(spec.key), spec.form
        if form is None:
            return
        bitable = self.feishu.bitable
        form_id = ViewId(str(step.detail.get("id") or self._form_view(bound, form.name)))
        wanted = {bound.fields[key].field_id: key for key in form.fields}
        for question in bitable.list_form_fields(bound.app_token, bound.table_id, form_id):
            key = wanted.get(str(question["field_id"]))
            changes = {"visible": key is not None, "required": key in form.required}
            if any(question.get(name) != value for name, value in changes.items()):
                field_id = FieldId(str(question["field_id"]))
                bitable.patch_form_field(bound.app_token, bound.table_id, form_id, field_id, changes)
        # Sharing comes last: a form that is not shared is one an interrupted run has left behind.
        about: dict[str, Any] = {"name": form.name, "description": form.description, "shared": form.shared}
        if form.shared:
            about["shared_limit"] = "tenant_editable"
        bitable.patch_form(bound.app_token, bound.table_id, form_id, about)

    def _form_view(self, bound: BoundTable, name: str) -> str:
        views = self.feishu.bitable.list_views(bound.app_token, bound.table_id)
        made = self._made_before(views, "view_name", name)
        made = made or self.feishu.bitable.create_view(bound.app_token, bound.table_id, name, "form")
        return str(made["view_id"])

    @staticmethod
    def _made_before(items: Sequence[Mapping[str, Any]], key: str, name: str) -> Mapping[str, Any] | None:
        """What a first try of this step made, before something after it was refused for a moment."""
        return next((item for item in items if item.get(key) == name), None)

    def _do_advanced(self, _step: Step) -> None:
        self.feishu.bitable.set_advanced(self._app(), True)

    def _do_role(self, step: Step) -> None:
        body = self._role_body(step.key, [spec.key for spec in self.specs])
        self.feishu.bitable.create_role(self._app(), body)

    def _do_rights(self, step: Step) -> None:
        app = self._app()
        live = next(r for r in self.feishu.bitable.list_roles(app) if r.get("role_name") == step.key)
        body = self._role_body(step.key, step.detail["tables"])
        self.feishu.bitable.update_role(app, str(live["role_id"]), body)

    def _role_body(self, name: str, keys: Sequence[str]) -> dict[str, Any]:
        """What a role is told about tables: every one is named, also those it may not see."""
        role = next(r for r in self.manifest.roles if r.name == name)
        bound = self.bound()
        tables = [
            table_role(role, key, bound.tables[key], bound.fields[key])
            for key in dict.fromkeys(keys)
            if key in bound.tables
        ]
        return {"role_name": name, "table_roles": tables}

    def _do_members(self, step: Step) -> None:
        app = self._app()
        role = next(r for r in self.feishu.bitable.list_roles(app) if r.get("role_name") == step.key)
        members = [(member_type(member), member) for member in step.detail["ids"]]
        self.feishu.bitable.add_role_members(app, str(role["role_id"]), members)

    def _do_subscribe(self, _step: Step) -> None:
        self.feishu.drive.subscribe(self._app())

    # --- inside ---

    def _app(self) -> AppToken:
        app = self.base()
        if app is None:
            raise ConfigError("there is no base yet; run `chorus setup` from the beginning")
        return app

    def _forms(
        self, app: AppToken, table: TableId, views: Sequence[Mapping[str, Any]]
    ) -> dict[str, Mapping[str, Any]]:
        names = {spec.form.name for spec in self.specs if spec.form is not None}
        ids = [
            ViewId(str(v["view_id"])) for v in views if v["view_type"] == "form" and v["view_name"] in names
        ]
        return {form_id: self.feishu.bitable.get_form(app, table, form_id) for form_id in ids}

    def _shared(self, app: AppToken) -> Mapping[str, str] | None:
        """Whom the base is shared with; None for a base a person has given us, which they can open."""
        if self.settings.base_app_token is None:
            return shared_with(self.feishu.drive.members(app))
        try:
            return shared_with(self.feishu.drive.members(app)) or None
        except PermanentError:
            return None

    def _members(self, app: AppToken, roles: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
        wanted = {role.name for role in self.manifest.roles}
        list_members = self.feishu.bitable.list_role_members
        return {
            str(role["role_name"]): ids_of(list_members(app, str(role["role_id"])))
            for role in roles
            if role.get("role_name") in wanted
        }

    def bound(self) -> Bound:
        """Which tables and columns of this base are bound."""
        app, stored = self.base(), self.bindings.all()
        here = {
            spec.key: stored[spec.key]
            for spec in self.specs
            if spec.key in stored and stored[spec.key].app_token == app
        }
        return Bound(
            {key: bound.table_id for key, bound in here.items()},
            {key: bound.fields for key, bound in here.items()},
        )

    def _table_ids(self) -> dict[str, str]:
        return dict(self.bound().tables)

    def _adopt(self, live: Live) -> None:
        """Keep the names people have given to bound tables."""
        names = {table.table_id: table.name for table in live.tables}
        for key, table_id in self.bound().tables.items():
            if live.app_token is not None and table_id in names:
                self.bindings.bind(key, live.app_token, table_id, names[table_id])

    def _live_field(self, bound: BoundTable, field_id: str) -> Mapping[str, Any]:
        fields = self.feishu.bitable.list_fields(bound.app_token, bound.table_id)
        return next(item for item in fields if str(item["field_id"]) == field_id)

    def _drop_blank_rows(self, app: AppToken, table_id: TableId) -> None:
        """A table the platform has just made for us may come with blank rows; nobody has seen them."""
        page = self.feishu.bitable.search(app, table_id)
        blank = [item["record_id"] for item in page.items if not any((item.get("fields") or {}).values())]
        if blank:
            self.feishu.bitable.batch_delete(app, table_id, blank)
            log.info("setup.blank_rows_removed", table_id=table_id, rows=len(blank))


def _bound_field(key: str, live: Mapping[str, Any]) -> BoundField:
    return BoundField(
        key, str(live["field_id"]), str(live["field_name"]), int(live["type"]), tuple(option_names(live))
    )


def readable(steps: list[Step]) -> list[str]:
    """The lines to print for a plan; one line saying so when there is nothing to do."""
    return [f"{n}. {step.line}" for n, step in enumerate(steps, 1)] or ["一切就绪，无需改动（nothing to do）"]
