"""What people do in the Bitable client, what companies are seeded with, and how tests look into a base."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import bitable_model as m
from sandbox.bitable_cells import Writing, cells_of
from sandbox.bitable_errors import refuse
from sandbox.bitable_read import Reading
from sandbox.bitable_rights import rights_of
from sandbox.bitable_schema import add_view, change_field, create_base, create_table
from sandbox.bitable_state import BitableStore

Body = dict[str, Any]
Row = Mapping[str, Any]


class BitableState(BitableStore):
    """``world.bitable``: the store plus people's actions, seeding and read helpers.

    Tables and fields may be named by id or by name here. Cell values are those of API writes; what a person
    may not
    do is refused with 1254302, what does not fit the field with its conversion code.
    """

    def _place(self, app_token: str, table: str) -> tuple[m.Base, m.Table]:
        base = self.base(app_token)
        found = base.tables.get(table) or next((t for t in base.tables.values() if t.name == table), None)
        if found is None:
            raise refuse(1254041)
        return base, found

    # -- people --------------------------------------------------

    def edit_as(self, open_id: str, app_token: str, table: str, record_id: str, fields: Row) -> Body:
        """A person changes cells of a record; cells that stay the same are no edit and tell nobody."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            record = self.record(place, record_id)
            writing = Writing(self.world, base, place)
            cells = cells_of(writing, fields)
            if place.read_only or not rights_of(self.world, base, place, open_id).may_edit([record], cells):
                raise refuse(1254302)
            writing.accept_options()
            changed = {key: value for key, value in cells.items() if record.cells.get(key) != value}
            if changed:
                self.edit_records(base, place, open_id, [(record, changed)])
            return self._draw(base, place, record)

    def add_as(self, open_id: str, app_token: str, table: str, fields: Row) -> Body:
        """A person adds a record; gives it back as reads show it."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            self._check_add(base, place, open_id, [fields])
            return self._draw(base, place, self._add(base, place, open_id, [fields])[0])

    def paste_as(self, open_id: str, app_token: str, table: str, rows: Sequence[Row]) -> list[str]:
        """A person pastes records, all or none; gives back their ids."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            self._check_add(base, place, open_id, rows)
            return [record.id for record in self._add(base, place, open_id, rows)]

    def delete_as(self, open_id: str, app_token: str, table: str, record_id: str) -> None:
        """A person deletes a record."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            record = self.record(place, record_id)
            rights = rights_of(self.world, base, place, open_id)
            if place.read_only or not rights.may_delete or not rights.may_edit([record], ()):
                raise refuse(1254302)
            self.remove_records(base, place, open_id, [record])

    def view_as(self, open_id: str, app_token: str, table: str) -> list[Body]:
        """The records of a table as this person sees them."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            rights = rights_of(self.world, base, place, open_id)
            records = [record for record in place.live() if rights.may_see(record)]
            drawn = Reading(self.world, base, place).fields(records, rights.columns())
            return [
                {"record_id": record.id, "fields": fields}
                for record, fields in zip(records, drawn, strict=True)
            ]

    def rename_field(self, open_id: str, app_token: str, table: str, field: str, name: str) -> None:
        """A person renames a column."""
        self._reshape(open_id, app_token, table, field, {"field_name": name})

    def retype_field(
        self, open_id: str, app_token: str, table: str, field: str, kind: int, **body: Any
    ) -> None:
        """A person changes a column's type; ``body`` may carry ui_type and property."""
        self._reshape(open_id, app_token, table, field, {"type": kind, **body})

    def _reshape(self, open_id: str, app_token: str, table: str, field: str, body: Body) -> None:
        with self.world.lock:
            base, place = self._place(app_token, table)
            if not rights_of(self.world, base, place, open_id).may_reshape:
                raise refuse(1254302)
            column = place.fields.get(field) or place.field_named(field)
            if column is None:
                raise refuse(1254044)
            change_field(self, base, place, column, {"type": column.type, **body}, open_id)

    def submit_form(self, open_id: str, app_token: str, table: str, form_id: str, fields: Row) -> Body:
        """A person submits a form view (by view id or name); an unshared one needs the right to add.

        Raises:
            BitableError: 1254302 not allowed or submitted already, 1254007 a required answer is missing,
            1254049 a
                question that is not shown was answered.
        """
        with self.world.lock:
            base, place = self._place(app_token, table)
            view = place.views.get(form_id) or next(
                (v for v in place.views.values() if v.name == form_id), None
            )
            if view is None or view.form is None:
                raise refuse(1254042)
            form = view.form
            if not form.shared and not rights_of(self.world, base, place, open_id).may_add:
                raise refuse(1254302)
            if form.submit_limit_once and any(r.created_by == open_id for r in place.live()):
                raise refuse(1254302)
            questions = form_questions(place, form)
            for question in questions:
                name = place.fields[question["field_id"]].name
                if question["visible"] and question["required"] and fields.get(name) in (None, "", []):
                    raise refuse(1254007)
                if not question["visible"] and name in fields:
                    raise refuse(1254049)
            return self._draw(base, place, self._add(base, place, open_id, [fields])[0])

    def _check_add(self, base: m.Base, place: m.Table, open_id: str, rows: Sequence[Row]) -> None:
        rights, writing = rights_of(self.world, base, place, open_id), Writing(self.world, base, place)
        if place.read_only or not all(rights.may_fill(cells_of(writing, row)) for row in rows):
            raise refuse(1254302)

    def _add(
        self, base: m.Base, table: m.Table, operator: str, rows: Sequence[Row], *, tell: bool = True
    ) -> list[m.Record]:
        writing = Writing(self.world, base, table)
        cells = [cells_of(writing, row) for row in rows]
        writing.accept_options()
        return self.add_records(base, table, operator, cells, tell=tell)

    # -- seeding --------------------------------------------------

    def create_base(
        self, name: str, owner: str = "", managers: Sequence[str] = (), time_zone: str = "Asia/Shanghai"
    ) -> m.Base:
        """A base owned by a person (or nobody in particular) with the default app as manager."""
        with self.world.lock:
            allowed = {self.world.default_app.app_id, *managers}
            return create_base(
                self, name, owner or self.world.default_app.open_id, allowed, time_zone=time_zone
            )

    def seed_table(
        self,
        app_token: str,
        name: str,
        fields: Sequence[Row | tuple[str, int]],
        rows: Sequence[Row] = (),
        form: str | None = None,
    ) -> m.Table:
        """A filled table without telling anyone.

        Args:
            app_token: the base.
            name: table name.
            fields: create bodies, or (name, type) pairs.
            rows: ``{field name: value}`` as API writes take them.
            form: name of a shared form view to add.
        """
        bodies = [{"field_name": x[0], "type": x[1]} if isinstance(x, tuple) else x for x in fields]
        with self.world.lock:
            base = self.base(app_token)
            table = create_table(self, base, name, bodies, base.owner)
            if rows:
                self._add(base, table, base.owner, rows, tell=False)
            if form:
                view = add_view(self, table, form, "form")
                if view.form is not None:
                    view.form.shared, view.form.shared_limit = True, "tenant_editable"
            return table

    # -- looking --------------------------------------------------

    def _draw(self, base: m.Base, table: m.Table, record: m.Record) -> Body:
        fields = Reading(self.world, base, table).fields([record], list(table.fields.values()))[0]
        return {"record_id": record.id, "fields": fields}

    def rows(self, app_token: str, table: str) -> list[Body]:
        """Every record of a table in the shape of reads: ``{record_id, fields}``."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            return [self._draw(base, place, record) for record in place.live()]

    def get_record(self, app_token: str, table: str, record_id: str) -> Body | None:
        """One record in the shape of reads, or None."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            record = place.records.get(record_id)
            return self._draw(base, place, record) if record else None

    def find_record(self, app_token: str, table: str, **match: Any) -> Body | None:
        """The first record whose cells read as given (field name=plain value: text, number, option, bool)."""
        with self.world.lock:
            base, place = self._place(app_token, table)
            for record in place.live():
                drawn = self._draw(base, place, record)
                if all(simple(drawn["fields"].get(name)) == value for name, value in match.items()):
                    return drawn
        return None

    def base_named(self, name: str) -> m.Base | None:
        """The base with this name."""
        return next((base for base in self.bases.values() if base.name == name), None)


def simple(value: Any) -> Any:
    """A read value cut down to what a person sees: segments joined, formulas unpacked."""
    if isinstance(value, Mapping) and isinstance(value.get("value"), list):
        return simple(
            value["value"][0]
            if len(value["value"]) == 1 and not isinstance(value["value"][0], Mapping)
            else value["value"]
        )
    if isinstance(value, list) and value and all(isinstance(v, Mapping) and "text" in v for v in value):
        return "".join(v["text"] for v in value)
    if isinstance(value, Mapping) and "link" in value:
        return value.get("text")
    return value


def form_questions(table: m.Table, form: m.Form) -> list[Body]:
    """The questions of a form, one per writable field, in field order."""
    questions = []
    for column in table.fields.values():
        if column.type in m.COMPUTED:
            continue
        question = {
            "field_id": column.id,
            "title": column.name,
            "description": column.description,
            "required": False,
            "visible": True,
        }
        questions.append(question | form.questions.get(column.id, {}))
    return questions
