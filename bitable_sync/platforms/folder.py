"""A folder people drop exports into: ``orders*``, ``plans*`` and ``stock*`` as .xlsx or .csv.

All files of a kind that are fresh are read, the older first, so the newer word counts. A drop older than
allowed is not "nothing changed": it is missing data, and is told.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl

from bitable_sync.platforms import tabular
from bitable_sync.platforms.facts import AdPlan, Order, StockRow
from bitable_sync.platforms.refusals import cannot_pause
from bitable_sync.platforms.tabular import Line
from runtime.archive import trouble
from runtime.clock import Clock, day_of
from runtime.errors import PermanentError, TransientError

DAYS = timedelta(days=2)
"""Files of orders count for that much longer: yesterday's orders need not stand in today's export."""
SETTLED = timedelta(seconds=5)
"""A file changed a moment ago may still be being written."""
MOST = 20 * 1024 * 1024
MOST_ROWS = 200_000
ENDINGS = (".xlsx", ".csv")


class DropFolder:
    """One folder.

    Args:
        folder: where the files are.
        clock: the time.
        platform: of plans and shops whose rows do not say.
        fresh: how old the newest file of a kind may be.
    """

    counts = ""
    shops: Mapping[str, str] = {}

    def __init__(self, folder: Path, *, clock: Clock, platform: str, fresh: timedelta) -> None:
        self.folder = folder
        self.clock = clock
        self.platform = platform
        self.fresh = fresh

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Orders in the files that changed in the window."""
        if self.clock.now() - begin > DAYS + self.fresh:
            raise _no_history()
        return [each for each in tabular.orders(self._lines("orders")) if begin <= each.modified <= end]

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """Plans in the files; rows of another day than today are passed over."""
        today = day_of(self.clock.now())
        if day not in (None, today):
            raise _no_history()
        found = tabular.plans(self._lines("plans"), self.platform, today)
        return list({each.plan_id: each for each in found}.values())

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan of the files."""
        return next((each for each in self.plans() if each.plan_id == plan_id), None)

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Always refused: a file changes nothing anywhere."""
        del plan_id, budget
        raise PermanentError("这个计划的数据来自表格文件，Chorus 改不了预算；请到广告平台调整")

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Always refused."""
        del plan_id, enabled
        raise cannot_pause("表格文件里")

    def stock(self, since: int = 0) -> list[StockRow]:
        """Every SKU in the files; ``since`` is not used."""
        del since
        return list({each.sku_id: each for each in tabular.stock(self._lines("stock"))}.values())

    def _lines(self, kind: str) -> Iterator[Line]:
        files = sorted(
            (path for path in self.folder.glob(f"{kind}*") if self._ours(path)),
            key=lambda path: path.stat().st_mtime,
        )
        if not files:
            raise PermanentError(f"{self.folder} 里没有 {kind}*.xlsx 或 {kind}*.csv；请把导出的表格放进去")
        now = self.clock.now()
        changed = datetime.fromtimestamp(files[-1].stat().st_mtime, UTC)
        if now - changed > self.fresh:
            hours = int((now - changed).total_seconds() // 3600)
            raise PermanentError(f"{files[-1].name} 已是 {hours} 小时前的，按过期数据处理；请放入新的导出")
        if now - changed < SETTLED:
            raise TransientError(f"{files[-1].name} 可能还在写入，稍后再读", wait=SETTLED.total_seconds())
        oldest = (now - self.fresh - (DAYS if kind == "orders" else timedelta(0))).timestamp()
        for path in files:
            if path.stat().st_mtime >= oldest:
                yield from read(path)

    def _ours(self, path: Path) -> bool:
        """A plain file of this very folder: a link leads elsewhere, and a pipe would be read for ever."""
        return path.suffix.lower() in ENDINGS and path.is_file() and not path.is_symlink()


def _no_history() -> PermanentError:
    return PermanentError("文件夹里只有最近导出的文件，没有往日的数，补不了历史")


def read(path: Path) -> Iterator[Line]:
    """The rows of one file; its first row names the columns.

    Raises:
        PermanentError: damaged, too large, or no text we know.
    """
    if path.stat().st_size > MOST:
        raise PermanentError(f"{path.name} 超过 {MOST // 1024 // 1024} MB，请分成几个文件")
    rows = _csv(path) if path.suffix.lower() == ".csv" else _xlsx(path)
    heads = next(rows, None)
    if heads is None:
        raise PermanentError(f"{path.name} 是空的；第一行应为列名")
    for number, row in enumerate(rows, 2):
        if any(value not in (None, "") for value in row):
            yield Line(dict(zip(heads, row, strict=False)), f"{path.name} 第 {number} 行")


def _csv(path: Path) -> Iterator[list[Any]]:
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):  # what spreadsheets in China write
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        yield from csv.reader(io.StringIO(text, newline=""))
        return
    raise PermanentError(f"{path.name} 不是 UTF-8 也不是 GBK 编码，请另存为 UTF-8 的 CSV")


def _xlsx(path: Path) -> Iterator[list[Any]]:
    try:
        with ZipFile(path) as archive:
            if trouble(archive) is not None:
                raise PermanentError(f"{path.name} 解开后过大、加了密码或含有宏；请把内容复制到新文件再放入")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        with closing(book):
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a sheet says of its size is not believed
            for number, row in enumerate(sheet.iter_rows(values_only=True)):
                if number >= MOST_ROWS:
                    raise PermanentError(f"{path.name} 超过 {MOST_ROWS:,} 行，请分成几个文件")
                yield list(row)
    except PermanentError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file fails in many ways
        raise PermanentError(f"{path.name} 打不开（{type(error).__name__}），请另存为 .xlsx 再放入") from None
