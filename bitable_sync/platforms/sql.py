"""Any SQL database ("数据库 + BI"): one configured query for each kind of fact, read only.

Columns are called as in `tabular`. A query may use ``:since`` (orders: the beginning of the window),
``:until`` and ``:day``. The statement must begin with SELECT or WITH, sessions are read-only where the
database knows that (SQLite, PostgreSQL, MySQL), and everything is rolled back; an account without the right
to write protects any database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from bitable_sync.platforms import tabular
from bitable_sync.platforms.facts import AdPlan, Order, StockRow
from bitable_sync.platforms.refusals import cannot_pause
from bitable_sync.platforms.tabular import Line
from runtime.clock import SHANGHAI, Clock, day_of
from runtime.db import normalise_url
from runtime.errors import ConfigError, PermanentError, TransientError

READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
RECENT = timedelta(days=3)
"""Orders changed since yesterday's midnight, which the pulls read, and the overlap."""
_QUERY = re.compile(r"^\s*(select|with)\b[^;]*;?\s*$", re.IGNORECASE | re.DOTALL)


class SqlSource:
    """One database.

    Args:
        url: SQLAlchemy address with its password; SQLite and PostgreSQL drivers are here, others must be
            installed beside the product.
        queries: ``orders``, ``plans``, ``stock`` → SQL.
        clock: the time.
        platform: of plans and shops whose rows do not say.
    """

    counts = ""
    shops: Mapping[str, str] = {}

    def __init__(self, url: str, *, queries: Mapping[str, str], clock: Clock, platform: str) -> None:
        wrong = [name for name, text in queries.items() if not _QUERY.match(text)]
        if wrong:
            raise ConfigError(f"{'、'.join(wrong)} 的 SQL 必须是一条 SELECT（或 WITH）查询")
        try:
            self._engine = sa.create_engine(normalise_url(url), pool_pre_ping=True, pool_size=2)
        except (sa.exc.ArgumentError, ImportError) as error:
            said = "地址不对" if isinstance(error, sa.exc.ArgumentError) else f"缺少驱动 {error.name}"
            raise ConfigError(f"数据库连接{said}；地址形如 mysql+pymysql://用户:密码@主机/库名") from None
        _only_read(self._engine)
        self.queries = queries
        self.clock = clock
        self.platform = platform

    def orders(self, begin: datetime, end: datetime) -> Iterable[Order]:
        """Orders that the query gives for the window."""
        if self.clock.now() - begin > RECENT and "since" not in self._named("orders"):
            raise PermanentError("orders 的查询没有用 :since，只有最近的订单；补历史请按 :since 取数")
        return tabular.orders(self._lines("orders", since=_local(begin), until=_local(end), day=None))

    def plans(self, day: date | None = None) -> list[AdPlan]:
        """Plans that the query gives for today, or for another day if it asks by ``:day``."""
        if day not in (None, self._today()) and "day" not in self._named("plans"):
            raise PermanentError("plans 的查询没有用 :day，只有今天的数；补历史请按 :day 取数")
        day = day or self._today()
        return tabular.plans(self._lines("plans", since=None, until=None, day=day), self.platform, day)

    def plan(self, plan_id: str) -> AdPlan | None:
        """One plan of the query."""
        return next((each for each in self.plans() if each.plan_id == plan_id), None)

    def set_budget(self, plan_id: str, budget: Decimal) -> None:
        """Always refused: the database is read only."""
        del plan_id, budget
        raise PermanentError("这个计划的数据来自数据库，Chorus 改不了预算；请到广告平台调整")

    def set_enabled(self, plan_id: str, *, enabled: bool) -> None:
        """Always refused."""
        del plan_id, enabled
        raise cannot_pause("数据库里")

    def stock(self, since: int = 0) -> list[StockRow]:
        """Every SKU that the query gives; ``since`` is not used."""
        del since
        return tabular.stock(self._lines("stock", since=None, until=None, day=self._today()))

    def _today(self) -> date:
        return day_of(self.clock.now())

    def _named(self, kind: str) -> set[str]:
        """What a query asks by."""
        return set(sa.text(self.queries.get(kind, "")).compile().params)

    def _lines(self, kind: str, **values: Any) -> Iterator[Line]:
        if kind not in self.queries:
            raise ConfigError(f"没有配置 {kind} 的查询；写到 feishu_app.yaml 的 connections.options.{kind}")
        query = sa.text(self.queries[kind])
        used = {name: value for name, value in values.items() if name in query.compile().params}
        try:
            conn = self._engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise TransientError(f"数据库暂时连不上（{type(error).__name__}），稍后自动重试") from None
        try:
            rows = [dict(row) for row in conn.execute(query, used).mappings()]
        except sa.exc.SQLAlchemyError as error:
            said = f"{kind} 的查询执行失败（{type(error).__name__}）"
            raise PermanentError(f"{said}，请核对 SQL 和列名") from None
        finally:
            conn.close()  # which rolls back
        for number, row in enumerate(rows, 1):
            yield Line(row, f"{kind} 查询结果第 {number} 行")


def _only_read(engine: sa.Engine) -> None:
    said = READ_ONLY.get(engine.dialect.name)

    @sa.event.listens_for(engine, "connect")
    def connected(dbapi: Any, _record: Any) -> None:
        if said is not None:
            cursor = dbapi.cursor()
            cursor.execute(said)
            cursor.close()
            dbapi.commit()  # a setting made in a transaction that is rolled back would be lost


def _local(at: datetime) -> datetime:
    """Shanghai without an offset, as databases in China keep times."""
    return at.astimezone(SHANGHAI).replace(tzinfo=None)
