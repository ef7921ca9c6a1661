"""Three requests for images, played by the company's people: from the form to the wiki.

A poster with one redo, a banner set whose wording is refused first, a detail page. Scenes assert on what
the other side received: rows, cards, files, wiki pages, bills of the image model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.client import until
from sandbox.docx_model import IMAGE
from sandbox.office import Office, Seen, Watch
from sandbox.product_photos import photo
from sandbox.scenes import Script, check

REQUESTS, BRANDS, FORM = "素材需求", "品牌规范", "提交素材需求"
PATIENCE = 120.0


@dataclass
class StudioDay(Script):
    """The script and what it remembers from scene to scene.

    Args:
        office: the company at work.
        told: see `Script`.
    """

    office: Office
    poster: str = ""
    banners: str = ""
    detail: str = ""
    card: Seen | None = None

    def __post_init__(self) -> None:
        self.operator = self.office.person("运营部/抖音组", 1)
        self.designer = self.office.person("设计部")

    def play(self) -> bool:
        """Play the day; True when all passed."""
        return self.perform((
            ("a designer writes the brand's rules; the row is checked", self.brand),
            ("an operator fills the form: poster variants stand in the row", self.ask_poster),
            ("重做 with a reason: new backgrounds, the old variants stay", self.redo),
            ("定稿: the poster goes to the wiki and the asset library", self.choose_poster),
            ("a forbidden word is refused in the row, before any money is spent", self.refused),
            ("the word is changed: the banner set is made", self.mended),
            ("改文案 on the card: composed again, at no cost", self.new_copy),
            ("a detail page is made and chosen", self.detail_page),
            ("找素材: archived material is found by words", self.search),
        ))  # fmt: skip

    # --- scenes ---

    def brand(self) -> tuple[str, float]:
        """Colours and tone of one brand."""
        watch = Watch()
        record = self.office.add(
            self.designer["open_id"], BRANDS, 品牌="悦然", 主色="#8C2F2B", 辅色="#F6EFE6", 强调色="#D9472F",
            深色文字="#2A1D1A", 浅色文字="#FFFFFF", 调性="温暖、克制、有节日感", 画面不要有="人物、文字",
            专有名词="悦然、YUERAN",
        )  # fmt: skip
        until(lambda: self._cell(BRANDS, record, "校验结果") == "可用", 30, "the brand's row is checked")
        return "品牌规范“悦然”：可用", watch.ms

    def ask(self) -> None:
        """The form of a poster, filled in by an operator."""
        self.poster = self._ask(
            "mug", 需求名称="圣诞马克杯海报", 商品="红色陶瓷马克杯", 主标题="圣诞限定\n把温暖捧在手心",
            副标题="350ml 手工陶瓷马克杯", 卖点="釉下彩 不掉色\n可进微波炉", **{"价格/利益点": "到手价 ¥59"},
            行动按钮="立即抢购", 风格=["圣诞"], 尺寸=["竖版海报 1080×1920", "京东场景图 800×800"], 版数=2,
        )  # fmt: skip

    def ask_poster(self) -> tuple[str, float]:
        """A poster is asked for; its variants stand in the row and on a card."""
        watch = Watch()
        self.ask()
        self._wait(self.poster, "待审")
        files = self._files(self.poster, "成品图")
        check(files == 4, f"2 variants in 2 sizes are 4 files, not {files}")
        self.card = self.office.card_about(self.operator["open_id"], "圣诞马克杯海报", PATIENCE)
        check("定稿第 1 版" in self.card.buttons(), f"the card offers {self.card.buttons()}")
        return f"{files} 张，费用 ¥{self._cell(REQUESTS, self.poster, '费用')}", watch.ms

    def redo(self) -> tuple[str, float]:
        """The operator wants another background; the reason reaches the image model."""
        before, watch = self._files(self.poster, "成品图"), Watch()
        card = self._newest("圣诞马克杯海报")
        self._tap(card, "重做")
        reason = "背景换成深色木桌"
        self._tap(card, "提交", reason=reason)
        self._wait(self.poster, "待审", version="2")
        check(reason in self._cell(REQUESTS, self.poster, "提示词"), "the reason stands in the prompt")
        after = self._files(self.poster, "成品图")
        check(after == before * 2, f"the old {before} files stay beside the new ones: {after}")
        return f"第 2 次，{after} 张", watch.ms

    def choose_poster(self) -> tuple[str, float]:
        """One variant is final."""
        watch = Watch()
        card = self._newest("圣诞马克杯海报", "第 2 次")
        self._tap(card, "定稿第 2 版")
        self._wait(self.poster, "已归档")
        page = self._page("圣诞马克杯海报")
        pictures = sum(block["type"] == IMAGE for block in page["blocks"])
        check(pictures >= 2, f"the page shows {pictures} pictures")
        rows = [row for row in self.office.rows("素材库") if row.get("名称") == "圣诞马克杯海报"]
        check(len(rows) == 2, f"the library has {len(rows)} rows")
        check(all("AIGC" in row["标识"] or "Label" in row["标识"] for row in rows), "each file is labelled")
        return f"知识库页 {pictures} 张图，素材库 {len(rows)} 行", watch.ms

    def refused(self) -> tuple[str, float]:
        """全网最低价 must not go out; nothing is billed."""
        before, watch = self._bills(), Watch()
        self.banners = self._ask(
            "thermos", 需求名称="保温杯横幅", 商品="深蓝色保温杯", 主标题="全网最低价 保温一整天",
            副标题="316 不锈钢内胆",
            行动按钮="马上看看", 风格=["极简"], 版数=1,
            尺寸=["横幅 1920×600", "千川横图 1280×720", "公众号封面 900×383"],
        )  # fmt: skip
        self._wait(self.banners, "待修改")
        said = self._cell(REQUESTS, self.banners, "说明")
        check("全网最低" in said, f"the row says: {said}")
        check(self._bills() == before, "no picture was billed")
        self.office.card_about(self.operator["open_id"], "保温杯横幅", 30)
        return said.splitlines()[0][:60], watch.ms

    def mended(self) -> tuple[str, float]:
        """The operator edits the row; nobody has to submit anything again."""
        watch = Watch()
        self.office.edit(self.operator["open_id"], REQUESTS, self.banners, 主标题="一杯热水 陪你到下班")
        self._wait(self.banners, "待审")
        return f"{self._files(self.banners, '成品图')} 张", watch.ms

    def new_copy(self) -> tuple[str, float]:
        """The headline is changed on the card; the backgrounds are used again."""
        before, watch = self._bills(), Watch()
        card = self._newest("保温杯横幅", "定稿")
        self._tap(card, "改文案")
        self._tap(card, "提交", headline="热水不等人\n保温 12 小时", subline="316 不锈钢内胆", cta="马上看看")
        self._wait(self.banners, "待审", version="2")
        check(self._bills() == before, "composing again costs nothing")
        check("保温 12 小时" in self._cell(REQUESTS, self.banners, "主标题"), "the row has the new headline")
        self._tap(self._newest("保温杯横幅", "第 2 次"), "定稿第 1 版")
        self._wait(self.banners, "已归档")
        return "第 2 次，费用不变", watch.ms

    def detail_page(self) -> tuple[str, float]:
        """A long picture for a product page, from a clear PNG."""
        watch = Watch()
        self.detail = self._ask(
            "serum", 需求名称="精华详情页", 商品="植物精华", 主标题="一滴清透", 副标题="早晚各一次",
            卖点="质地轻盈\n无香精",
            风格=["森林"], 尺寸=["详情页首屏 790×1200", "天猫白底图 800×800"], 版数=1,
        )  # fmt: skip
        self._wait(self.detail, "待审")
        self._tap(self._newest("精华详情页", "定稿"), "定稿第 1 版")
        self._wait(self.detail, "已归档")
        return f"{self._files(self.detail, '成品图')} 张", watch.ms

    def search(self) -> tuple[str, float]:
        """Somebody else needs a Christmas picture."""
        watch, asker = Watch(), self.designer["open_id"]
        self.office.say(asker, "找素材 圣诞 竖版")
        card = self.office.card_about(asker, "找素材", 30)
        check("圣诞马克杯海报" in card.text, "the poster is found")
        return card.title, watch.ms

    # --- helpers ---

    def _ask(self, product: str, **cells: Any) -> str:
        """Fill in the form and send it."""
        file, who = self.office.attach(*photo(product)), self.operator["open_id"]
        return self.office.submit(
            who, REQUESTS, FORM, 需求人=[{"id": who}], 品牌="悦然", 商品图=[file], **cells
        )

    def _wait(self, record: str, state: str, version: str = "") -> None:
        def there() -> bool:
            row = self._row(REQUESTS, record)
            return row.get("状态") == state and (not version or row.get("版本") == version)

        until(there, PATIENCE, f"the request is {state}; it is {self._row(REQUESTS, record).get('状态')}")

    def _row(self, table: str, record: str) -> dict[str, Any]:
        return next(row for row in self.office.rows(table) if row["record_id"] == record)

    def _cell(self, table: str, record: str, column: str) -> str:
        return str(self._row(table, record).get(column) or "")

    def _files(self, record: str, column: str) -> int:
        raw = self.office.raw(REQUESTS, record).get(column) or []
        return len(raw)

    def _newest(self, *words: str) -> Seen:
        def look() -> Seen | None:
            cards = [card for card in self.office.cards(self.operator["open_id"]) if card.buttons()]
            fitting = [card for card in cards if all(word in card.text for word in words)]
            return fitting[-1] if fitting else None

        return until(look, PATIENCE, f"a card about {' '.join(words)}")

    def _tap(self, card: Seen, text: str, **typed: str) -> None:
        answer = self.office.tap(self.operator["open_id"], card.message_id, text, typed or None)
        kind = (answer.get("toast") or {}).get("type", "")
        check(kind not in ("error", "warning"), f"{text}: {answer.get('toast')}")

    def _bills(self) -> int:
        return int(self.office.control.get("world/images")["images"])

    def _page(self, title: str) -> dict[str, Any]:
        pages = [
            page for space in self.office.control.get("wiki/spaces")["spaces"] for page in space["pages"]
            if title in page["title"]
        ]  # fmt: skip
        check(len(pages) == 1, f"{len(pages)} wiki pages are called {title}")
        return self.office.control.get(f"wiki/pages/{pages[0]['node_token']}")
