"""What a table must look like, said once in code: kinds of columns, columns, tables.

A spec names things by stable keys (``budget``); people see and may rename the Chinese column names.
Nothing here touches the network: ``setup.py`` builds tables from specs, ``codecs.py`` reads and writes cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from enum import Enum

from runtime.errors import ConfigError

SYNC_ISSUE = "sync_issue"  # key of the text column in which a table tells people what is wrong with a row
SYNC_LOG = "sync_log"  # key of the table in which whole-table problems are told, if the specs have one


class Kind(Enum):
    """The kind of a column: fixes the Python type of its cells and its type on the wire.

    TEXT, PHONE, EMAIL, SELECT, AUTO_NUMBER → ``str``; NUMBER, PERCENT (0.25 = 25 %), CURRENCY → ``Decimal``;
    MULTI_SELECT and LINK (record ids) → ``tuple[str, ...]``; DATETIME, CREATED_TIME, MODIFIED_TIME → aware
    ``datetime``; DATE → ``date``; CHECKBOX → ``bool``; USER → ``tuple[Person, ...]``; URL → ``Url``;
    ATTACHMENT → ``tuple[Attachment, ...]``; FORMULA → whatever the formula gives (number, text, time, bool).
    """

    TEXT = "text"
    NUMBER = "number"
    PERCENT = "percent"
    CURRENCY = "currency"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    DATETIME = "datetime"
    DATE = "date"
    CHECKBOX = "checkbox"
    USER = "user"
    PHONE = "phone"
    URL = "url"
    EMAIL = "email"
    ATTACHMENT = "attachment"
    LINK = "link"
    FORMULA = "formula"
    AUTO_NUMBER = "auto_number"
    CREATED_TIME = "created_time"
    MODIFIED_TIME = "modified_time"

    @property
    def writable(self) -> bool:
        """False for columns the platform computes itself."""
        return self not in {Kind.FORMULA, Kind.AUTO_NUMBER, Kind.CREATED_TIME, Kind.MODIFIED_TIME}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One column.

    Args:
        key: our name, stable for ever; used in code and in ``Row.values``.
        name: the column title people see when setup creates it; they may rename it.
        kind: see ``Kind``.
        options: names offered by a select column, in order.
        formatter: display format of a number or date column (``"0.00"``, ``"0.0%"``, ``"yyyy/MM/dd HH:mm"``).
        formula: for FORMULA: an expression with ``{key}`` for each column of the same table, e.g.
            ``"{gmv}/{spend}"``; setup puts the field ids in.
        multiple: several people or several linked rows in one cell.
        link_to: for LINK: the key of the table linked to.
        description: shown to people under the column title.
        open_options: a select column that may grow: writing an unknown option creates it.
    """

    key: str
    name: str
    kind: Kind
    options: tuple[str, ...] = ()
    formatter: str | None = None
    formula: str | None = None
    multiple: bool = False
    link_to: str | None = None
    description: str = ""
    open_options: bool = False


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One extra view of a table; ``type`` is grid, kanban, gallery, gantt or form."""

    name: str
    type: str = "grid"


@dataclass(frozen=True, slots=True)
class FormSpec:
    """A form people fill to add a row: which columns it asks for (by key) and which must be filled.

    ``shared``: everybody of the company may fill it; else only who may add rows to the table.
    """

    name: str
    fields: tuple[str, ...]
    required: tuple[str, ...] = ()
    description: str = ""
    shared: bool = True


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table. ``business_key``: the columns (by key) that together identify a row to our own systems.

    An empty business key means that rows are only ever named by record id (tables that people fill).
    ``private``: its rows never stand readable in our own databases, errors or logs; only the business key
    does, so that one must hold no amount and no account number. ``grows``: it gets further columns at run
    time (``growing.py``).
    """

    key: str
    name: str
    fields: tuple[FieldSpec, ...]
    business_key: tuple[str, ...] = ()
    views: tuple[ViewSpec, ...] = ()
    form: FormSpec | None = None
    private: bool = False
    grows: bool = False
    by_key: Mapping[str, FieldSpec] = dataclass_field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Looked up for every cell that is read, hence a mapping.
        object.__setattr__(self, "by_key", {field.key: field for field in self.fields})
        keys = [field.key for field in self.fields]
        names = [field.name for field in self.fields]
        for what, found in (("key", keys), ("name", names)):
            twice = {item for item in found if found.count(item) > 1}
            if twice:
                raise ConfigError(
                    f"table {self.key}: the field {what} {sorted(twice)} is used twice; rename one"
                )
        if self.form is not None and not self.form.shared and not self.form.description:
            raise ConfigError(
                f"table {self.key}: a form that is not shared needs a description, by which a finished one "
                "is told from one that an interrupted run left behind"
            )
        asked = {*self.business_key, *(self.form.fields if self.form else ())}
        if asked - set(keys):
            raise ConfigError(
                f"table {self.key}: {sorted(asked - set(keys))} are not fields of it; add or rename"
            )

    def field(self, key: str) -> FieldSpec:
        """The column with this key; ConfigError naming the known keys if there is none."""
        if key in self.by_key:
            return self.by_key[key]
        raise ConfigError(
            f"table {self.key} has no field {key!r}; known: {', '.join(f.key for f in self.fields)}"
        )

    def has(self, key: str) -> bool:
        """Whether the table has a column with this key."""
        return key in self.by_key


@dataclass(frozen=True, slots=True)
class Specs:
    """All tables of the product, in the order setup creates them (a LINK's target before the LINK).

    ``grown`` gives the further columns of a table that grows, by its key.
    """

    tables: tuple[TableSpec, ...]
    grown: Callable[[str], tuple[FieldSpec, ...]] | None = None
    _made: dict[str, tuple[tuple[FieldSpec, ...], TableSpec]] = dataclass_field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        keys = [table.key for table in self.tables]
        if len(set(keys)) != len(keys):
            raise ConfigError(f"two tables share a key among {keys}; keys must be unique")
        for table in self.tables:
            for field in table.fields:
                if field.link_to is not None and field.link_to not in keys:
                    raise ConfigError(f"{table.key}.{field.key} links to the unknown table {field.link_to!r}")

    def table(self, key: str) -> TableSpec:
        """The table with this key; ConfigError naming the known keys if there is none."""
        for table in self.tables:
            if table.key == key:
                return self._whole(table)
        raise ConfigError(f"no table {key!r}; known: {', '.join(table.key for table in self.tables)}")

    def has(self, key: str) -> bool:
        """Whether a table with this key is in the specs."""
        return any(table.key == key for table in self.tables)

    def renamed(self, names: Mapping[str, str]) -> Specs:
        """The same specs with the table names of the manifest (``base.tables``: key → name) put in."""
        return replace(self, tables=tuple(replace(t, name=names.get(t.key, t.name)) for t in self.tables))

    def growing(self, grown: Callable[[str], tuple[FieldSpec, ...]]) -> Specs:
        """The same specs with a source for the columns that are added at run time."""
        return replace(self, grown=grown)

    def __iter__(self) -> Iterator[TableSpec]:
        return (self._whole(table) for table in self.tables)

    def _whole(self, table: TableSpec) -> TableSpec:
        """The table with its further columns; whoever adds those sees to it that keys and names are free."""
        more = self.grown(table.key) if table.grows and self.grown is not None else ()
        if not more:
            return table
        made = self._made.get(table.key)
        if made is None or made[0] is not more:
            made = self._made[table.key] = more, replace(table, fields=(*table.fields, *more))
        return made[1]


def sync_log_table() -> TableSpec:
    """A ready table for problems that concern a whole table (a deleted column, many vanished rows)."""
    return TableSpec(
        SYNC_LOG,
        "同步日志",
        (
            FieldSpec("subject", "对象", Kind.TEXT, description="出问题的表和列"),
            FieldSpec("sentence", "说明", Kind.TEXT),
            FieldSpec("at", "时间", Kind.DATETIME),
        ),
        business_key=("subject",),
    )
