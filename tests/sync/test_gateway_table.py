"""Every gateway × every aspect: played on the wire, or a sentence why there is nothing to play."""

import csv
import os
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bitable_sync.platforms.kinds import KINDS
from runtime.db import Database
from runtime.errors import PermanentError
from tests.sync.sides import ASPECTS, Shop, Side, local
from tests.sync.sides_online import (
    Doudian,
    Jd,
    JdAds,
    JushuitanSide,
    Qianchuan,
    QianchuanUni,
    Taobao,
    TaobaoAds,
    WdtEnterprise,
    WdtFlagship,
)

pytestmark = pytest.mark.db
HEAD = ("订单编号", "店铺ID", "店铺", "支付金额", "付款时间", "更新时间", "订单状态")


class Rows(Shop):
    """Orders that stand in rows of our own column names."""

    at_once = True
    feeds = ("shops",)
    paging: ClassVar[str] = "a file or a query is read whole, there are no pages"
    refresh_race: ClassVar[str] = "no token: a folder needs nothing, a database a password that does not end"
    rate_limit: ClassVar[str] = "nobody counts calls of a folder or of a database of one's own"

    def chosen(self) -> Mapping[str, str]:
        """No address of a platform."""
        return self.options

    def place(
        self, number: str, yuan: str, *, paid: datetime | None, changed: datetime | None = None,
        void: bool = False,
    ) -> None:  # fmt: skip
        """A row."""
        state = "已取消" if void else "已发货" if paid else "待付款"
        self.write((
            number, "s1", "悦然旗舰店", yuan, local(paid) if paid else "", local(changed) if changed else "",
            state,
        ))  # fmt: skip

    def write(self, row: tuple[str, ...]) -> None:
        """Put a row where the platform of this kind has it."""
        raise NotImplementedError


class Folder(Rows):
    """A folder of exports."""

    kind = "folder"

    def empty(self) -> None:
        """An empty folder."""
        self.drop = self.folder / "drop"
        self.drop.mkdir()
        self.rows: dict[str, tuple[str, ...]] = {}

    def chosen(self) -> Mapping[str, str]:
        """Where it is."""
        return {"path": str(self.drop)}

    def write(self, row: tuple[str, ...]) -> None:
        """The export is dropped anew."""
        self.rows[row[0]] = row
        self.export("orders.csv", self.rows.values())

    def export(self, name: str, rows: Iterable[tuple[str, ...]]) -> None:
        """A file that is a minute old."""
        path = self.drop / name
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out).writerows([HEAD, *rows])
        at = self.clock.now().timestamp() - 60
        os.utime(path, (at, at))

    def partial_failure(self) -> None:
        """One of two files has a wrong cell: an error that names it, never the other file alone."""
        self.fill(3)
        self.export("orders-2.csv", [("T9", "s1", "店", "很多", local(self.clock.now()), "", "已发货")])
        with pytest.raises(PermanentError, match=r"orders-2\.csv 第 2 行"):
            self.listed(self.build())
        (self.drop / "orders-2.csv").unlink()
        assert len(self.listed(self.build())) == 3


class Sql(Rows):
    """A database with a view of orders."""

    kind = "sql"
    options: ClassVar[Mapping[str, str]] = {"orders": "SELECT * FROM o"}

    def empty(self) -> None:
        """An empty table."""
        self.file = self.folder / "bi.db"
        with sqlite3.connect(self.file) as conn:
            conn.execute(f"CREATE TABLE o ({', '.join(HEAD)}, PRIMARY KEY (订单编号))")

    def entered(self) -> Mapping[str, str]:
        """Its address."""
        return {"url": f"sqlite:///{self.file}"}

    def write(self, row: tuple[str, ...]) -> None:
        """A row, or its next state."""
        with sqlite3.connect(self.file) as conn:
            conn.execute("REPLACE INTO o VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def partial_failure(self) -> None:
        """One row has a wrong amount: an error that names it, never the others alone."""
        self.fill(3)
        self.write(("T9", "s1", "店", "很多", local(self.clock.now()), "", "已发货"))
        with pytest.raises(PermanentError, match="第 4 行"):
            self.listed(self.build())
        with sqlite3.connect(self.file) as conn:
            conn.execute("DELETE FROM o WHERE 订单编号 = 'T9'")
        assert len(self.listed(self.build())) == 3


SIDES: Mapping[str, type[Side]] = {
    side.kind: side
    for side in (
        Taobao, TaobaoAds, Jd, JdAds, Doudian, Qianchuan, QianchuanUni, JushuitanSide, WdtFlagship,
        WdtEnterprise, Folder, Sql,
    )
}  # fmt: skip


def lacking(kinds: Iterable[str], sides: Mapping[str, type[Side]]) -> list[str]:
    """Cells of the table that are empty: neither played nor with a reason in words."""
    return [
        f"{kind}: {aspect}"
        for kind in kinds
        for aspect in ASPECTS
        if not callable(cell := getattr(sides.get(kind), aspect, "")) and len(str(cell).split()) < 6
    ]


def test_the_table_is_full() -> None:
    """A kind of connection without a side, or a side without an aspect, is named."""
    assert lacking(KINDS, SIDES) == []
    assert set(SIDES) == set(KINDS)

    class Ebay(Shop):
        """A gateway that somebody added in a hurry."""

        kind = "ebay"
        rate_limit = "no"

    found = lacking([*KINDS, "ebay"], {**SIDES, "ebay": Ebay})
    assert found == [f"ebay: {each}" for each in ("paging", "refresh_race", "rate_limit", "partial_failure")]
    assert len(lacking([*KINDS, "ebay"], SIDES)) == len(ASPECTS)


PLAYED = [
    (kind, aspect) for kind, side in SIDES.items() for aspect in ASPECTS if callable(getattr(side, aspect))
]


@pytest.mark.parametrize(("kind", "aspect"), PLAYED)
def test_a_gateway_keeps_what_it_must(
    sandbox: Any, database: Database, tmp_path: Path, kind: str, aspect: str
) -> None:
    """One cell of the table."""
    getattr(SIDES[kind](sandbox, database, tmp_path), aspect)()
