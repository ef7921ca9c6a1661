"""Counting every HTTP attempt per endpoint and month: small plans allow a number of calls, then nothing.

Sources: docs "频控策略" and error 99991403; the allowance of the plan stands in the manifest (`quota`).
"""

import threading
from collections import Counter
from datetime import datetime

import sqlalchemy as sa
import structlog

from runtime.clock import SHANGHAI, Clock
from runtime.db import Database
from runtime.feishu.tables import calls

FLUSH_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Quota:
    """Counts calls in memory and adds them to the database at least every second and on closing.

    Args:
        db: the durable database; all processes add to the same rows.
        clock: decides the month (Asia/Shanghai).
        monthly_calls: the allowance of the tenant's plan.
        warn_at: share of the allowance at which a warning is logged, once per process and month.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        monthly_calls: int = 10_000,
        warn_at: float = 0.8,
    ) -> None:
        self._db = db
        self._clock = clock
        self.monthly_calls = monthly_calls
        self._warn_from = warn_at * monthly_calls
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._pending: Counter[tuple[str, str]] = Counter()
        self._timer: threading.Timer | None = None
        self._warned: str = ""

    def count(self, endpoint: str) -> None:
        """Count one HTTP attempt on an endpoint (its name, `METHOD /path/:pattern`)."""
        month = month_of(self._clock.now())
        with self._lock:
            self._pending[month, endpoint] += 1
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_SECONDS, self._flush_quietly)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Add what was counted to the database and warn when the allowance runs low."""
        with self._flushing:
            with self._lock:
                pending, self._pending = self._pending, Counter()
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
            if not pending:
                return
            try:
                self._add(pending)
            except sa.exc.SQLAlchemyError:
                with self._lock:
                    self._pending.update(pending)
                raise
        self._warn()

    def usage(self, month: str | None = None) -> dict[str, int]:
        """Return calls by endpoint of a month (`2026-11`, the present one by default), all processes."""
        query = sa.select(calls.c.endpoint, calls.c.calls).where(calls.c.month == self._month(month))
        with self._db.read() as conn:
            stored = {str(row.endpoint): int(row.calls) for row in conn.execute(query)}
        with self._lock:
            for (pending_month, endpoint), number in self._pending.items():
                if pending_month == self._month(month):
                    stored[endpoint] = stored.get(endpoint, 0) + number
        return stored

    def used(self, month: str | None = None) -> int:
        """Return all calls of a month together."""
        return sum(self.usage(month).values())

    def close(self) -> None:
        """Write what is left."""
        self.flush()

    def _month(self, month: str | None) -> str:
        return month or month_of(self._clock.now())

    def _add(self, pending: Counter[tuple[str, str]]) -> None:
        rows = [{"month": m, "endpoint": e, "calls": n} for (m, e), n in sorted(pending.items())]
        insert = self._db.insert(calls).values(rows)
        add = insert.on_conflict_do_update(
            index_elements=[calls.c.month, calls.c.endpoint],
            set_={"calls": calls.c.calls + insert.excluded.calls},
        )
        with self._db.begin() as conn:
            conn.execute(add)

    def _flush_quietly(self) -> None:
        try:
            self.flush()
        except sa.exc.SQLAlchemyError as error:
            # The numbers stay in memory; the next call starts the timer again.
            with self._lock:
                self._timer = None
            log.warning("feishu.quota_not_stored", error=type(error).__name__)

    def _warn(self) -> None:
        month = self._month(None)
        if self._warned == month:
            return
        used = self.used(month)
        if used < self._warn_from:
            return
        self._warned = month
        log.warning("feishu.quota_low", month=month, used=used, allowance=self.monthly_calls)


def month_of(moment: datetime) -> str:
    """Return the calendar month in Shanghai, e.g. `2026-11`."""
    local = moment.astimezone(SHANGHAI)
    return f"{local.year:04}-{local.month:02}"


def next_month(moment: datetime) -> datetime:
    """Return the first moment of the next month in Shanghai."""
    local = moment.astimezone(SHANGHAI)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=SHANGHAI)
