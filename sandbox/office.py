"""The company's people at work in the sandbox: find tables, people and cards, edit cells, tap buttons.

Used by the demo's morning and by scenario tests. Everything goes through the control plane, as a person's
client would do it; nothing here knows how the product works inside.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.client import Control, plain, until

DEPARTMENTS = {"运营": "运营部", "设计": "设计部", "采购": "采购部", "人事": "人事部", "财务": "财务部"}
"""Roles of the base and whose department is in them; 主管 holds everybody whom somebody reports to."""
ROLE_MEMBERS = 200
"""Who fits into a role (1254111); a large company would put departments in."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A card as its receiver sees it now."""

    open_id: str
    message_id: str
    card: dict[str, Any]
    updates: int

    @property
    def text(self) -> str:
        """Everything written on the card, as one JSON text."""
        return json.dumps(self.card, ensure_ascii=False)

    @property
    def title(self) -> str:
        """The title in the card's header."""
        return str(self.card.get("header", {}).get("title", {}).get("content", ""))

    def buttons(self) -> list[str]:
        """The texts of the buttons that can be tapped."""
        return [
            str(node.get("text", {}).get("content", ""))
            for node in walk(self.card)
            if node.get("tag") == "button" and not node.get("disabled")
        ]


class Office:
    """One base of one sandbox, seen by its people.

    Args:
        control: the control plane.
        base: name of the base ``chorus setup`` made.
    """

    def __init__(self, control: Control, base: str = "经营数据") -> None:
        self.control = control
        found = [b for b in control.get("bases")["bases"] if b["name"] == base]
        if not found:
            raise LookupError(f"no base is called {base}; run chorus setup first")
        self.app_token = str(found[0]["app_token"])
        self.tables = {str(t["name"]): str(t["table_id"]) for t in found[0]["tables"]}
        self.people: list[dict[str, Any]] = control.get("people")["people"]

    def join_roles(self) -> None:
        """The administrator puts people into the base's roles: by department, and those who lead others."""
        path = f"bitable/v1/apps/{self.app_token}/roles"
        roles = {r["role_name"]: r["role_id"] for r in self.control.api("GET", path).get("items") or []}
        leaders = {str(p["leader_open_id"]) for p in self.people}
        wanted = {
            role: [p for p in self.people if str(p["department"]).startswith(department)]
            for role, department in DEPARTMENTS.items()
        }
        wanted["主管"] = [p for p in self.people if p["open_id"] in leaders]
        for role, people in wanted.items():
            members = [{"type": "open_id", "id": p["open_id"]} for p in people]
            members = members[:ROLE_MEMBERS]
            for start in range(0, len(members) if role in roles else 0, 100):
                body = {"member_list": members[start : start + 100]}
                self.control.api("POST", f"{path}/{roles[role]}/members/batch_create", body)

    def person(self, department: str, place: int = 0) -> dict[str, Any]:
        """The person at a place (0 = head) of a department whose name begins so."""
        return [p for p in self.people if str(p["department"]).startswith(department)][place]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table: ``{"record_id", **cells as text}``."""
        data = self.control.get(f"bases/{self.app_token}/tables/{self.tables[table]}")
        return [
            {"record_id": r["record_id"], **{k: plain(v) for k, v in r["fields"].items()}}
            for r in data["records"]
        ]

    def raw(self, table: str, record_id: str) -> dict[str, Any]:
        """The cells of a row in read shape."""
        data = self.control.get(f"bases/{self.app_token}/tables/{self.tables[table]}")
        return next(dict(r["fields"]) for r in data["records"] if r["record_id"] == record_id)

    def sees(self, open_id: str, table: str) -> list[dict[str, Any]]:
        """The rows of a table that the base shows to a person."""
        path = f"bases/{self.app_token}/tables/{self.tables[table]}?open_id={open_id}"
        return list(self.control.get(path)["records"])

    def row(self, table: str, column: str, value: str) -> dict[str, Any]:
        """The first row whose cell says ``value``; LookupError if there is none."""
        for row in self.rows(table):
            if row.get(column) == value:
                return row
        raise LookupError(f"{table} has no row with {column} = {value}")

    def edit(self, who: str, table: str, record_id: str, **cells: Any) -> None:
        """A person edits cells (write shape)."""
        self.control.post("act/edit", open_id=who, **self._place(table), record_id=record_id, fields=cells)

    def add(self, who: str, table: str, **cells: Any) -> str:
        """A person adds a row; gives back its record id."""
        made = self.control.post("act/add", open_id=who, **self._place(table), fields=cells)
        return str(made["record"]["record_id"])

    def submit(self, who: str, table: str, form: str, **cells: Any) -> str:
        """A person fills in a form and sends it; gives back the row's record id."""
        place = self._place(table)
        made = self.control.post("act/submit_form", open_id=who, **place, form_id=form, fields=cells)
        return str(made["record"]["record_id"])

    def attach(self, name: str, data: bytes) -> dict[str, str]:
        """A person uploads a file into the base; what an attachment cell takes."""
        body = {"app_token": self.app_token, "name": name, "data": base64.b64encode(data).decode()}
        return {"file_token": str(self.control.post("act/attach", **body)["file_token"])}

    def add_many(self, who: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """A person pastes rows, 500 at a time."""
        for start in range(0, len(rows), 500):
            self.control.post(
                "act/add_many", open_id=who, **self._place(table), rows=rows[start : start + 500]
            )

    def delete(self, who: str, table: str, record_id: str) -> None:
        """A person deletes a row."""
        self.control.post("act/delete", open_id=who, **self._place(table), record_id=record_id)

    def cards(self, open_id: str) -> list[Seen]:
        """The cards a person has received, oldest first, as they look now."""
        messages = self.control.get(f"messages?open_id={open_id}")["messages"]
        return [
            Seen(open_id, str(m["message_id"]), m["content"], int(m.get("update_count", 0)))
            for m in messages
            if m["msg_type"] == "interactive" and isinstance(m["content"], dict)
        ]

    def card_about(self, open_id: str, words: str, timeout: float = 20.0) -> Seen:
        """The newest card of a person whose text contains ``words``; waits for it."""

        def look() -> Seen | None:
            about = [card for card in self.cards(open_id) if words in card.text]
            return about[-1] if about else None

        return until(look, timeout, f"a card about {words}")

    def tap(
        self, open_id: str, message_id: str, text: str, form: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A person taps the button with this text; gives back what their client shows."""
        body: dict[str, Any] = {"open_id": open_id, "message_id": message_id, "text": text}
        if form is not None:
            body["form"] = form
        return self.control.post("act/tap", **body)

    def say(self, open_id: str, text: str) -> None:
        """A person writes to the bot."""
        self.control.post("act/say", open_id=open_id, text=text)

    def sign(self, open_id: str, verb: str = "approve", comment: str = "") -> list[dict[str, Any]]:
        """A person decides everything that waits for them in the approval centre; the instances."""
        waiting: list[dict[str, Any]] = self.control.get(f"approvals?open_id={open_id}")["instances"]
        for instance in waiting:
            self.control.post(
                "act/approve", open_id=open_id, instance_code=instance["instance_code"], verb=verb,
                comment=comment,
            )  # fmt: skip
        return waiting

    def _place(self, table: str) -> dict[str, str]:
        return {"app_token": self.app_token, "table_id": self.tables[table]}


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a card, outermost first."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from walk(child)


class Watch:
    """Measures how long something takes, in milliseconds."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def ms(self) -> float:
        """Milliseconds since it was made."""
        return (time.monotonic() - self._start) * 1000
