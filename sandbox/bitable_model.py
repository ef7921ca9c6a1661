"""What a Bitable base consists of: bases, tables, fields, views, forms, roles and records.

Cells are kept in a neutral form, one per field type, and drawn as REST, legacy REST or event values only
when asked: text ``str`` · number ``int|float`` · single select option id · multi select tuple of option ids
· date ms ``int`` · checkbox ``bool`` · people, chats, links, attachments tuples of ids · url ``(text,
link)`` · location ``"lng,lat"``.
"""

import bisect
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

TEXT, NUMBER, SELECT, MULTI, DATE, CHECKBOX, USER, PHONE, URL = 1, 2, 3, 4, 5, 7, 11, 13, 15
ATTACHMENT, LINK, LOOKUP, FORMULA, DUPLEX, LOCATION, CHAT, STAGE = 17, 18, 19, 20, 21, 22, 23, 24
CREATED_AT, MODIFIED_AT, CREATED_BY, MODIFIED_BY, AUTO = 1001, 1002, 1003, 1004, 1005
INDEX_TYPES = frozenset({TEXT, NUMBER, DATE, PHONE, URL, FORMULA, LOCATION})
COMPUTED = frozenset({LOOKUP, FORMULA, STAGE, CREATED_AT, MODIFIED_AT, CREATED_BY, MODIFIED_BY, AUTO})

Cells = dict[str, Any]


@dataclass(slots=True)
class Option:
    """One choice of a select field."""

    id: str
    name: str
    color: int = 0


@dataclass(slots=True)
class Field:
    """A column. ``props`` is what the wire calls property, except ``options``."""

    id: str
    name: str
    type: int
    ui_type: str
    props: dict[str, Any] | None = None
    options: list[Option] = field(default_factory=list)
    description: str = ""
    primary: bool = False
    compiled: Callable[["Record"], Any] | None = None

    def option_named(self, name: str) -> Option | None:
        """The first option with this name."""
        return next((option for option in self.options if option.name == name), None)

    def option_names(self) -> dict[str, str]:
        """Option id to name."""
        return {option.id: option.name for option in self.options}

    @property
    def multiple(self) -> bool:
        """Whether a people, chat or link cell takes several values."""
        return bool((self.props or {}).get("multiple", True))


@dataclass(slots=True)
class Record:
    """A row. ``seq`` is its place in the table; it only grows."""

    seq: int
    id: str
    cells: Cells
    created_by: str
    created_ms: int
    modified_by: str
    modified_ms: int
    alive: bool = True


@dataclass(slots=True)
class Form:
    """A form view's face: metadata and questions (field id to title, description, required, visible)."""

    name: str
    shared_url: str
    description: str = ""
    shared: bool = False
    shared_limit: str = "off"
    submit_limit_once: bool = False
    questions: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class View:
    """A view; ``filter_info`` and ``hidden_fields`` as on the wire (field ids, values as JSON text)."""

    id: str
    name: str
    type: str
    filter_info: dict[str, Any] | None = None
    hidden_fields: list[str] = field(default_factory=list)
    hierarchy_config: dict[str, Any] | None = None
    form: Form | None = None


@dataclass(slots=True)
class Role:
    """An advanced-permission role: ``body`` as on the wire, members as (id type, id)."""

    id: str
    body: dict[str, Any]
    members: list[tuple[str, str]] = field(default_factory=list)


class Table:
    """A table: fields in order, records by id and in order of creation, a revision, and its write lock."""

    def __init__(self, table_id: str, name: str) -> None:
        self.id = table_id
        self.name = name
        self.revision = 1
        self.fields: dict[str, Field] = {}
        self.views: dict[str, View] = {}
        self.records: dict[str, Record] = {}
        self.order: list[Record] = []
        self.next_seq = 1
        self.next_number = 1
        self.read_only = False
        self.write_lock = threading.Lock()
        self.answers: dict[str, tuple[tuple[int, int], list[Record]]] = {}
        self._dead = 0

    @property
    def primary(self) -> Field:
        """The index field."""
        return next(f for f in self.fields.values() if f.primary)

    def field_named(self, name: str) -> Field | None:
        """The field with exactly this name."""
        return next((f for f in self.fields.values() if f.name == name), None)

    def add(self, record: Record) -> None:
        """Append a record."""
        self.records[record.id] = record
        self.order.append(record)

    def remove(self, record: Record) -> None:
        """Take a record out; the ordered list is swept when a quarter of it is dead."""
        del self.records[record.id]
        record.alive = False
        self._dead += 1
        if self._dead * 4 > len(self.order):
            self.order = [kept for kept in self.order if kept.alive]
            self._dead = 0

    def page(self, after: int, count: int) -> list[Record]:
        """Up to ``count`` live records with a ``seq`` above ``after``."""
        start = bisect.bisect_right(self.order, after, key=lambda record: record.seq)
        found: list[Record] = []
        for index in range(start, len(self.order)):
            record = self.order[index]
            if record.alive:
                found.append(record)
                if len(found) == count:
                    break
        return found

    def live(self) -> Iterable[Record]:
        """All records in order of creation."""
        return self.records.values()


@dataclass(slots=True)
class Base:
    """A base (多维表格). ``managers`` holds app ids and open ids with full access.

    ``shared`` holds whom it was shared with: (member_type, member_id) -> perm.
    """

    token: str
    name: str
    time_zone: str
    owner: str
    default_table_id: str = ""
    folder_token: str = ""
    revision: int = 1
    is_advanced: bool = False
    advanced_since: float = 0.0
    formula_type: int = 1
    managers: set[str] = field(default_factory=set)
    shared: dict[tuple[str, str], str] = field(default_factory=dict)
    created: float = 0.0
    tables: dict[str, Table] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    subscribers: dict[str, str] = field(default_factory=dict)
    copying_until: float = 0.0
    used_tokens: dict[str, tuple[str, Any]] = field(default_factory=dict)
