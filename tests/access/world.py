"""A company with one thing of everything: an alert, a pay run, a payslip, a dispute, a file, a request.

The app and the router are those of the composition root; only the clock and the platform's address are the
test's.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import Connection

from app import pages_and_taps, tap_router
from bitable_sync.cells import Person
from bot.model import Tap, TapAnswer
from bot.router import Router
from bot.sessions import Session, Sessions, stored_id
from creative import store as art_store
from creative import tables as art
from creative.brief import read_brief
from creative.model import Brief, Cause, Request, State, Version
from payslip import payout, uploads_store
from payslip import sessions as pay_sessions
from payslip import tables as pay
from payslip.banks import Template
from payslip.documents import Month, RunId
from payslip.model import SlipState
from payslip.payfile import PayoutFile
from payslip.slip import seal_slip, seal_words
from payslip.uploads_model import Upload, UploadState
from rules import groups
from rules import tables as red
from rules.cockpit import tables as cockpit
from rules.cockpit.desk import IDLE, LONGEST
from rules.groups import Group
from rules.outages import missing_subject
from rules.previews import HOLD, Preview, open_preview
from rules.specs import PLANS
from rules.store import short_id
from runtime.clock import ManualClock
from runtime.db import Database, metadata, open_mirror
from runtime.floor import Floor
from runtime.ids import ChatId, EventId, MessageId, OpenId, RuleId
from runtime.manifest import BaseManifest, CockpitManifest, Manifest, PayrollManifest
from runtime.settings import load_settings
from runtime.work import WorkQueue, status_table
from tests.bot.platform import APP_ID, ENCRYPT_KEY
from tests.bot.platform import TOKEN as TOKEN_OF_APP
from tests.creative.intake_kit import ROW, SHELF
from tests.payslip.pages_kit import KEY, slip, vault
from tests.rules.kit import ROI_RULE

NOW = datetime(2026, 11, 10, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
TENANT = "test"
RUN, DISPUTE, UPLOAD, FILE = "2026-10.1", "dispute-1", "om_upload", "2026-10.1-01-cmb"
ALERT, GROUP, PREVIEW, REQUEST, TOKEN = "al_1", "gr_1", "pv_1", "rec_art", "slip-token-of-the-employee"
MISSING = "cn_1"

PEOPLE = ("outsider", "employee", "operator", "supervisor", "hr", "finance", "admin")
"""Roles of docs/ACCESS.md. The employee owns the payslip and the dispute; the operator the alert and the
request; the supervisor stands in the alert's row and may look at the cockpit; an outsider is unknown."""


def open_id(role: str) -> OpenId:
    """The account of a role."""
    return OpenId(f"ou_{role}")


MANIFEST = Manifest(
    name="悦然服饰",
    base=BaseManifest(name="经营数据"),
    cockpit=CockpitManifest(viewers=(open_id("supervisor"),)),
    payroll=PayrollManifest(
        company="悦然服饰", tenant=TENANT, hr=(open_id("hr"),), finance=(open_id("finance"),)
    ),
)


@dataclass
class World:
    """The web process's app and router over one thing of everything."""

    floor: Floor
    app: Flask
    router: Router
    numbers: Iterator[int] = field(default_factory=itertools.count)
    _before: str = ""

    @property
    def db(self) -> Database:
        """The durable database."""
        return self.floor.db

    def tap(self, role: str, action: str, **given: Any) -> Tap:
        """A tap of a role on the card of the thing that an action is about, as its newest card carries it."""
        value = {"a": action, **self.value(action), **given.pop("value", {})}
        return Tap(
            EventId(f"tap{next(self.numbers)}"), open_id(role), action, value,
            given.pop("form", {"amount": "5000", "reason": "背景换暖一点", "answer": "按制度",
            "headline": "新"}),
            given.pop("option", "1h"), MessageId("om_card"), ChatId("oc_1"), "c-1", NOW, **given,
        )  # fmt: skip

    @staticmethod
    def value(action: str) -> dict[str, Any]:
        """What a button of the newest card carries."""
        family, _, verb = action.partition(".")
        if family == "art":
            return {"id": REQUEST, "v": 1, "n": 1}
        if family == "group":
            return {"id": GROUP, "p": 0}
        if family == "preview":
            return {"id": PREVIEW}
        if family == "missing":
            return {"id": MISSING, "v": short_id("", "1002")}
        if family != "pay":
            return {"id": ALERT, "v": 1}
        if verb.startswith("upload_"):
            return {"id": UPLOAD, "t": 1}
        if verb in {"answer", "correct"}:
            return {"id": DISPUTE}
        return {"id": RUN, "t": 3, "m": "2026-10", "no": "E001", "k": "CHANGED"}

    def answer(self, tap: Tap) -> tuple[TapAnswer, bool]:
        """What a tap is answered, and whether it changed anything but the audit trail; undone afterwards."""
        handler = self.router.tap_handler(tap.action)
        assert handler is not None, tap.action
        with undone(self.db) as conn:
            self._before = self._before or self.print(conn)  # nothing of an answer stays
            found = handler(conn, tap)
            changed = self.print(conn) != self._before
        return found, changed

    def print(self, conn: Connection) -> str:
        """A digest of everything that is stored, but for the audit trail and who was seen last."""
        digest = hashlib.sha256()
        for name in conn.execute(self._filled).scalars().all():
            for row in conn.execute(self._rows[name]):
                digest.update(repr((name, *row)).encode("utf-8", "replace"))
        return digest.hexdigest()

    @cached_property
    def _rows(self) -> dict[str, sa.Select[Any]]:
        """How the rows of each table are read."""
        kept = [each for each in metadata.sorted_tables if each.name not in {"audit", "audit_chain", "taps"}]
        everything = sa.literal_column("*")
        return {
            each.fullname: sa.select(everything).select_from(each) for each in (*kept, status_table(self.db))
        }

    @cached_property
    def _filled(self) -> sa.TextClause:
        """Which tables have rows, in one question: most have none."""
        asked = sa.union_all(
            *(
                sa.select(sa.literal(str(name))).where(sa.exists(rows.subquery()))
                for name, rows in self._rows.items()
            )
        )
        return sa.text(str(asked.compile(compile_kwargs={"literal_binds": True})))

    def close(self) -> None:
        """Close what was opened."""
        self.app.extensions["chorus.writer"].close()
        self.floor.mirror.close()


@contextmanager
def undone(db: Database) -> Iterator[Connection]:
    """A write transaction of which nothing stays."""
    with suppress(_Undo), db.begin() as conn:
        yield conn
        raise _Undo


class _Undo(Exception):  # noqa: N818 - no error
    """Rolls a transaction back."""


def open_world(database: Database, folder: Path, platform: str = "http://127.0.0.1:9") -> World:
    """Make it.

    Args:
        database: migrated.
        folder: for the mirror.
        platform: address of Feishu; nothing listens there unless a test signs people in.
    """
    keys = f"k1:{base64.b64encode(KEY).decode()}"
    settings = load_settings(
        feishu_app_id=APP_ID, feishu_app_secret="sandbox-secret", feishu_encrypt_key=ENCRYPT_KEY,
        feishu_verification_token=TOKEN_OF_APP, feishu_base_url=platform, pay_keys=keys, var_dir=folder,
        admin_open_id=open_id("admin"), database_url=database.url,
        mirror_url=f"sqlite:///{folder / 'mirror.db'}",
    )  # fmt: skip
    queue, clock = WorkQueue(database), ManualClock(NOW)
    floor = Floor(settings, MANIFEST, clock, database, open_mirror(settings.mirror_url), queue)
    world = World(floor, pages_and_taps(floor), tap_router(floor))
    with database.begin() as conn:
        _red(conn)
        _pay(conn)
        _art(database, conn)
    return world


def _red(conn: Connection) -> None:
    who = {role: (Person(open_id(role), role),) for role in ("operator", "supervisor")}
    conn.execute(
        red.alerts.insert().values(
            id=ALERT, rule_id="rec_roi", object_id="1001", table=PLANS, title="夏季新品", state="firing",
            severity="警告", episode=1, version=1, turn=1, value=Decimal(2), limit=Decimal(3), fired_at=NOW,
            ack_count=0, reason="fired", sentence="", owners=who["operator"], supervisors=who["supervisor"],
            muted_until=NOW + timedelta(hours=1),
        )
    )  # fmt: skip
    row = {
        "rule_id": "rec_roi", "good": ROI_RULE.to_json(), "version": 1, "enabled": True, "problems": [],
        "verdict": "", "marks": 0,
    }  # fmt: skip
    conn.execute(red.rule_rows.insert().values(**row))
    asked = Preview(PREVIEW, RuleId("rec_roi"), 1, NOW, (open_id("supervisor"),), 37, 12, NOW + HOLD)
    open_preview(conn, asked)
    gone = {"table": PLANS, "object_id": "1002", "connection": "jd", "since": NOW}
    conn.execute(red.missing_objects.insert().values(**gone))
    conn.execute(
        red.connection_cards.insert().values(
            id=MISSING, table=missing_subject(PLANS, "jd"), receiver=open_id("operator"), since=NOW, error="",
            shown=f"1:{short_id('', '1002')}",
        )
    )  # fmt: skip
    groups.save_group(conn, Group(GROUP, open_id("operator"), NOW, NOW + timedelta(minutes=5)))


def _pay(conn: Connection) -> None:
    sealed = seal_slip(vault(), TENANT, slip(reader=open_id("employee")))
    conn.execute(
        pay.runs.insert().values(
            id=RUN, month="2026-10", version=1, pay_date=date(2026, 11, 10), state="pushed", turn=3,
            starter=open_id("hr"), digest="d1", headcount=1, opened_at=NOW, changed_at=NOW,
        )
    )  # fmt: skip
    conn.execute(
        pay.signatures.insert().values(
            run_id=RUN, digest="d1", part="*", uuid="u1", state="approved", asked={}, signed=[]
        )
    )
    conn.execute(
        pay.slips.insert().values(
            run_id=RUN, employee_no="E001", version=1, month="2026-10", open_id=open_id("employee"),
            token=TOKEN, sealed_slip=sealed.text, slip_digest=sealed.digest, state=SlipState.SENT.value,
            sent_at=NOW, deadline=NOW + timedelta(days=5),
        )
    )  # fmt: skip
    text = seal_words(vault(), TENANT, DISPUTE, "text", "提成少了")
    conn.execute(
        pay.disputes.insert().values(
            id=DISPUTE, run_id=RUN, employee_no="E001", open_id=open_id("employee"), line="提成",
            sealed_text=text, state="open", at=NOW,
        )
    )  # fmt: skip
    upload = Upload(
        MessageId(UPLOAD), "file_1", "十月.xlsx", open_id("hr"), UploadState.READY, 1, "绩效评分",
        Month("2026-10"),
        "digest",
    )  # fmt: skip
    uploads_store.add(conn, upload, NOW)
    uploads_store.save(conn, upload)
    file = PayoutFile(
        id=FILE, run=RunId(RUN), month=Month("2026-10"), template=Template.CMB, name="代发.xlsx",
        content=base64.b64encode(b"PK").decode(), members=(),
    )  # fmt: skip
    payout.store_payout(conn, vault(), TENANT, [file], by=open_id("finance"), at=NOW)


def _art(db: Database, conn: Connection) -> None:
    brief = read_brief(ROW, SHELF)
    assert isinstance(brief, Brief)
    asker = Person(open_id("operator"), "operator")
    request = Request(
        REQUEST, State.REVIEW, 1, 1, "", "保温杯", asker, None, (), "", None, None, "", NOW
    )  # fmt: skip
    art_store.save_request(db, conn, request)
    version = Version(
        f"{REQUEST}:1", REQUEST, 1, Cause.NEW, brief, "", f"{REQUEST}:1", asker.open_id, NOW, (), {}
    )  # fmt: skip
    art_store.add_version(conn, version)
    conn.execute(
        art.variants.insert().values(
            id=f"{REQUEST}:1:1", version_id=f"{REQUEST}:1", variant=1, template="t", preview="blob",
            image_key="img_v3_1", faults=[], notes=[], done_at=NOW,
        )
    )  # fmt: skip


# --- people at the pages ---

VISITORS = ("nobody", "ended", "crossed", "no pin", *PEOPLE)
"""Who asks for a page: no cookie; the employee's session,
over; the employee's cookie of the other feature; the
employee without a PIN; then everybody signed in, with a fresh PIN."""
AGENT = "Mozilla/5.0 (iPhone) Lark/7.30"


@dataclass(frozen=True)
class Visit:
    """A browser and the token of its forms."""

    client: FlaskClient
    csrf: str

    def ask(self, method: str, path: str, **form: str) -> str:
        """One request; gives its status, and where it leads."""
        data = {"csrf": self.csrf, **form} if method == "POST" else None
        answer = self.client.open(
            path, method=method, data=data, headers={"User-Agent": AGENT}, buffered=True
        )
        place = urlsplit(answer.headers.get("Location", ""))
        if not place.path:
            return str(answer.status_code)
        return f"→ {'Feishu' if place.netloc else place.path.replace(TOKEN, '…')}"


def visit(world: World, visitor: str, feature: str) -> Visit:
    """A fresh browser of a visitor, with a session of its own.

    Args:
        world: the company.
        visitor: one of `VISITORS`.
        feature: ``pay`` or ``cockpit``, whose cookie it carries (the other one's when crossed).
    """
    client = world.app.test_client()
    if visitor == "nobody":
        return Visit(client, "")
    role = visitor if visitor in PEOPLE else "employee"
    begun = NOW - timedelta(hours=13) if visitor == "ended" else NOW
    real = {"pay": "cockpit", "cockpit": "pay"}[feature] if visitor == "crossed" else feature
    with world.db.begin() as conn:
        if real == "pay":
            cookie = pay_sessions.begin(conn, open_id(role), role, AGENT, begun)
            session = pay_sessions.load(conn, cookie, AGENT, begun)
            assert session is not None
            if visitor != "no pin":
                cookie = pay_sessions.pin_given(conn, session, begun)
        else:
            cookie = COCKPIT.begin(conn, open_id(role), role, AGENT, begun)
        table = pay.sessions if real == "pay" else cockpit.sessions
        token = conn.execute(sa.select(table.c.csrf).where(table.c.id == stored_id(cookie))).scalar_one()
    client.set_cookie(f"chorus_{feature}", cookie)
    return Visit(client, token)


COCKPIT = Sessions(cockpit.sessions, Session, idle=IDLE, longest=LONGEST)
