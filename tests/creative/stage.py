"""Images with everything they stand on: sandbox, base, engine, painter, models. Edits arrive as events do.

Operators fill the tables and look at their cards in the sandbox; the worker's jobs run on the real engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bitable_sync.cells import Attachment
from bitable_sync.context import build_sync
from bitable_sync.setup import Setup
from bitable_sync.spec import Specs, sync_log_table
from bot.model import ChatMessage, Tap, TapAnswer
from bot.router import Router
from creative import store, tables
from creative.blobs import Blobs
from creative.deps import Art, Budget, Policy
from creative.model import Call, MadeFile, Request, Version
from creative.painter import Painter
from creative.providers.model import ImageModel
from creative.specs import TABLES
from creative.wire import register_taps, register_worker
from runtime.db import Database, open_mirror
from runtime.engine import Engine
from runtime.feishu import Feishu
from runtime.floor import Floor
from runtime.ids import ChatId, EventId, MessageId, OpenId
from runtime.manifest import BaseManifest, Manifest
from runtime.schedule import Scheduler
from runtime.settings import load_settings
from runtime.tables import audit, parked
from runtime.work import WorkQueue
from tests.contract.kit import control
from tests.creative.hands import Hands
from tests.creative.stage_kit import CLEAR, Noonday, buttons, texts
from tests.support.company import Company
from tests.support.founding import found
from tests.support.wait import until

PATIENCE = 60.0
PRODUCER = "001191110102MAD55U9H0F10002"
CHANGED = "drive.file.bitable_record_changed_v1"
BRAND = {
    "品牌": "悦然", "主色": "#8C2F2B", "辅色": "#F6EFE6", "强调色": "#D9472F", "深色文字": "#2A1D1A",
    "浅色文字": "#FFFFFF", "调性": "温暖、克制", "画面不要有": "人物",
}  # fmt: skip
PLENTY = Budget(Decimal(1000), Decimal(1000), Decimal(20))


@dataclass
class Studio(Company):
    """The product's worker on one side, operators and designers on the other."""

    deps: Art

    # --- people and tables ---

    def person(self, place: int) -> Any:
        """Somebody of the company; 0 leads it."""
        return list(self.sandbox.world.people.values())[place]

    @property
    def operator(self) -> Any:
        """Who asks for images."""
        return self.person(3)

    def cell(self, record_id: str, column: str, key: str = "art_requests") -> Any:
        """A cell in read shape; texts as text."""
        row = next(row for row in self.rows(key) if row["record_id"] == record_id)
        value = row["fields"].get(column)
        if isinstance(value, list) and value and all("text" in part for part in value):
            return "".join(part["text"] for part in value)
        return value

    @property
    def clock(self) -> Any:
        """The stage's own time."""
        return self.floor.clock

    def add(self, key: str, **cells: Any) -> str:
        """A person adds a row; the event arrives."""
        (made,) = super().add(key, cells)
        return made

    # --- files ---

    def attach(self, name: str, data: bytes) -> dict[str, str]:
        """A person uploads a file into the base; what an attachment cell takes."""
        with self.sandbox.world.lock:
            return {"file_token": self.sandbox.world.drive.put(self.app, name, data).token}

    def results(self, record_id: str, column: str = "成品图") -> list[tuple[str, bytes]]:
        """Names and bytes of the files in a row, as Feishu gives them to somebody who downloads them."""
        key = {"成品图": "results", "分层文件": "layered"}[column]
        found = []
        for each in self.cell(record_id, column) or []:
            file = Attachment(each["file_token"], each["name"])
            found.append((each["name"], self.sync.attachments.download("art_requests", record_id, key, file)))
        return found

    # --- requests ---

    def ask(
        self, *, photo: tuple[str, bytes] | None = None, wait: str | None = "待审", who: Any = None,
        **cells: Any,
    ) -> str:  # fmt: skip
        """An operator fills in the form; gives back the row, once it is in the state that is waited for."""
        asker = who or self.operator
        given = {
            "需求人": [{"id": asker.open_id}], "品牌": "悦然", "主标题": "一杯热水\n陪你到下班", "版数": 1,
            "尺寸": ["抖音推荐素材 600×800"], "商品": f"保温杯 {next(self._count)} 号",
            "商品图": [self.attach(*(photo or CLEAR))], **cells,
        }  # fmt: skip
        made = self.sandbox.world.bitable.submit_form(
            asker.open_id, self.app, self.table("art_requests"), "提交素材需求", given
        )
        record_id = str(made["record_id"])
        self.arrive("art_requests", record_id)
        if wait is not None:
            self.wait(record_id, wait)
        return record_id

    def wait(self, record_id: str, state: str, version: int | None = None) -> Request:
        """Wait until a request is in a state, and its row and cards show it."""
        if isinstance(self.engine, Engine):
            what = f"the request is {state}"
            until(lambda: self._is(record_id, state, version), timeout=PATIENCE, what=what)
        self.idle()
        assert self._is(record_id, state, version), self.known(record_id)
        return self.request(record_id)

    def _is(self, record_id: str, state: str, version: int | None) -> bool:
        request = self.known(record_id)
        return (
            request is not None
            and request.state.value == state
            and (version is None or request.version == version)
        )

    def known(self, record_id: str) -> Request | None:
        """A request as it is now, if it is known."""
        with self.floor.db.read() as conn:
            return store.load_request(conn, record_id)

    def request(self, record_id: str) -> Request:
        """A request as it is now."""
        found = self.known(record_id)
        assert found is not None
        return found

    def stored_version(self, record_id: str, version: int = 1) -> Version:
        """A version as it was frozen."""
        with self.floor.db.read() as conn:
            found = store.load_version(conn, f"{record_id}:{version}")
        assert found is not None
        return found

    def calls(self, record_id: str, version: int = 1) -> list[Call]:
        """The backgrounds of a version."""
        with self.floor.db.read() as conn:
            return store.calls_of(conn, f"{record_id}:{version}")

    def files(self, record_id: str, version: int = 1) -> list[MadeFile]:
        """The files of a version."""
        with self.floor.db.read() as conn:
            return store.files_of(conn, f"{record_id}:{version}")

    def spent(self, record_id: str) -> Decimal:
        """Yuan counted for a request."""
        with self.floor.db.read() as conn:
            return store.spent_on(conn, record_id)

    def idle(self, timeout: float = PATIENCE) -> None:
        """Wait until no work waits or runs; by hand: do it all."""
        if isinstance(self.engine, Hands):
            self.engine.perform()
        else:
            super().idle(timeout)

    def reasons(self, record_id: str) -> list[str]:
        """The named reasons of everything that was decided about a request, in order."""
        found = self.stored(audit, subject=f"art:{record_id}")
        return [row.reason for row in sorted(found, key=lambda row: row.id)]

    def troubles(self) -> list[str]:
        """Sentences of works that were parked."""
        return [row.error for row in self.stored(parked)]

    # --- the image models ---

    def bills(self, record_id: str | None = None) -> list[dict[str, Any]]:
        """What was billed, of one request or in all. Prompts name the product, which differs by request."""
        found = list(control(self.sandbox, "GET", "world/images")["data"]["bills"])
        if record_id is None:
            return found
        with self.floor.db.read() as conn:
            query = sa.select(tables.calls.c.prompt).where(
                tables.calls.c.version_id.startswith(f"{record_id}:")
            )
            prompts = set(conn.execute(query).scalars())
        return [bill for bill in found if bill["prompt"] in prompts]

    def asked(self) -> list[dict[str, Any]]:
        """Calls that reached an image model, whatever became of them."""
        found = self.sandbox.world.control.recorder.calls(path="/images/generations")
        return list(found)

    def fault(self, path: str = "*/images/generations", **wish: Any) -> None:
        """Order a fault of the sandbox."""
        control(self.sandbox, "POST", "faults", match={"path": path}, **wish)

    def calm(self) -> None:
        """Withdraw faults and turn the knobs back; models that were paused are asked again."""
        self.sandbox.world.control.faults.clear()
        control(self.sandbox, "POST", "world/images", latency=0, quota=None, per_minute=None)
        self.clock.advance(timedelta(minutes=11))

    # --- cards and chat ---

    def cards(self, who: Any, words: str = "") -> list[dict[str, Any]]:
        """The cards a person has, as they look now, whose text has some words; oldest first."""
        data = control(self.sandbox, "GET", f"messages?open_id={who.open_id}")["data"]
        cards = [each for each in data["messages"] if each["msg_type"] == "interactive"]
        return [each for each in cards if words in texts(each["content"])]

    def tap(self, who: Any, action: str, value: Mapping[str, Any], **form: str) -> TapAnswer:
        """A tap, handled like the web process does."""
        number = next(self._count)
        tap = Tap(
            EventId(f"tap{number}"), OpenId(who.open_id), action, dict(value), form, None,
            MessageId(f"om_card_{number}"), ChatId("oc_1"), "c-1", self.floor.clock.now(),
        )  # fmt: skip
        handler = self.web.tap_handler(action)
        assert handler is not None
        with self.floor.db.begin() as conn:
            return handler(conn, tap)

    def press(self, who: Any, card: Mapping[str, Any], label: str, **form: str) -> TapAnswer:
        """Somebody taps the button with this text, in Chinese, of a card as it was shown to them."""
        value = dict(buttons(card)[label])
        return self.tap(who, value.pop("a"), value, **form)

    def decide(self, record_id: str, label: str, who: Any = None, **form: str) -> TapAnswer:
        """Somebody taps a button of the newest card of a request."""
        asker = who or self.operator
        mine = [each for each in self.cards(asker) if record_id in str(each["content"])]
        return self.press(asker, mine[-1]["content"], label, **form)

    def say(self, who: Any, words: str) -> Any:
        """Somebody writes to the bot; the reply."""
        message = ChatMessage(
            MessageId(f"om_said{next(self._count)}"), ChatId("oc_1"), OpenId(who.open_id), words, False,
            self.floor.clock.now(), (),
        )  # fmt: skip
        command = self.router.command(message.words[0])
        assert command is not None
        with self.floor.db.begin() as conn:
            return command.handler(conn, message)


# --- the stage ---


@contextmanager
def open_studio(
    sandbox: Any, database: Database, folder: Path, painter: Painter, models: Sequence[ImageModel],
    budget: Budget = PLENTY, admin: int | None = None, by_hand: bool = False,
) -> Iterator[Studio]:  # fmt: skip
    """Set the base up with one brand, and start the worker's engine.

    Args:
        sandbox: the sandbox, reset.
        database: migrated.
        folder: for mirror and blobs.
        painter: shared by the session.
        models: image models in order.
        budget: what may be spent.
        admin: place of the person who may decide for everybody.
        by_hand: the test does the worker's works itself; no engine is launched.
    """
    sandbox.world.limits_on = False
    control(sandbox, "POST", "world/images", sketches=True)  # how they look is tested elsewhere
    manifest = Manifest(name="经营助手", base=BaseManifest(name="经营数据"))
    settings = load_settings(
        feishu_app_id="cli_sandbox0000001", feishu_app_secret="sandbox-secret",
        feishu_encrypt_key="sandbox-encrypt-key", feishu_verification_token="sandbox-verification-token",
        feishu_base_url=sandbox.url, database_url=database.url,
        mirror_url=f"sqlite:///{folder / 'mirror.db'}", var_dir=folder, public_url="http://127.0.0.1:8460",
    )  # fmt: skip
    clock, router, web = Noonday(), Router(), Router()
    queue: Any = Hands(database, clock) if by_hand else WorkQueue(database)
    floor = Floor(settings, manifest, clock, database, open_mirror(settings.mirror_url), queue)
    feishu = Feishu(settings, db=database, clock=clock)
    sync = build_sync(floor, feishu, Specs((*TABLES, sync_log_table())))
    setup = Setup(feishu, sync, manifest, settings)
    found(sandbox, database, setup)
    space = control(sandbox, "POST", "wiki/spaces", name="素材归档")["data"]["space_id"]
    boss = next(iter(sandbox.world.people.values()))
    sandbox.world.bitable.base(str(setup.base())).managers.add(boss.open_id)
    engine = queue if by_hand else Engine(database, instance="art-test", clock=clock, first_wait=0.02)
    sync.register(router)
    policy = Policy(
        tuple(each.profile for each in models), budget, "AI生成", PRODUCER, space, site="https://yueran.example",
        admin=None if admin is None else list(sandbox.world.people.values())[admin].open_id,
    )  # fmt: skip
    deps = Art(
        database, floor.queue, clock, sync, feishu, Blobs(folder / "blobs"), painter, lambda: tuple(models),
        policy,
    )  # fmt: skip
    register_worker(engine, router, Scheduler(database, floor.queue, clock), sync, floor, feishu, deps)
    register_taps(web, database, floor.queue, clock, policy, sync.mirror)
    made = Studio(sandbox, floor, feishu, sync, setup, engine, router, web, deps)
    engine.launch()
    try:
        made.add("art_brands", **BRAND)
        made.idle()
        yield made
    finally:
        engine.close(drain=5)
        feishu.close()
        floor.mirror.close()
