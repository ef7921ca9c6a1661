"""Builders for what comes after computing: pay by its net, and signed runs in a database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from payslip import history, store
from payslip import tables as t
from payslip.documents import Account, EmployeeNo, Month, Pay, Person, RunId, canonical
from payslip.model import EVERYONE, Run, RunState
from runtime.db import Database
from runtime.ids import OpenId
from runtime.vault import Keys, Vault
from tests.payslip.kit import MONTH, person

NOW = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
TENANT = "cli_pay"
STARTER, HR_HEAD, CFO = OpenId("ou_hr"), OpenId("ou_hrhead"), OpenId("ou_cfo")
FINANCE, SUPERVISOR = OpenId("ou_finance"), OpenId("ou_lead")
OLD, NEW = b"\x01" * 32, b"\x02" * 32
CARD = "62148302870012345"
"""The first 17 digits of the test accounts."""


def vault() -> Vault:
    """A vault with the old key only."""
    return Vault(Keys({"old": OLD}))


def pay(no: str = "E001", net: str = "8000.00", gross: str = "10000.00", **overrides: Any) -> Pay:
    """Pay with these totals; one line, no carry."""
    zero = "0.00"
    totals = {"gross": gross, "social": zero, "tax": zero, "aftertax": zero, "net": net, "employer": zero}
    trail = dict.fromkeys(
        (
            "income", "exempt", "basic", "special", "additional", "taxable", "rate", "quick", "due",
            "withheld_before", "carried",
        ),
        zero,
    )  # fmt: skip
    paid = {"paid": MONTH, "income": gross, "exempt": zero, "special": zero, "withheld": zero}
    return Pay.model_validate(
        {
            "no": no,
            "lines": [{"code": "月工资", "kind": "earning", "amount": gross}],
            "totals": totals,
            "trail": {"months": 1, **trail},
            "paid": paid,
            "charged": {"month": MONTH, "employee": {}, "employer": {}},
            "carry": {},
            "minimum_wage_base": gross,
            **overrides,
        }
    )


def account(number: str = f"{CARD}01", bank: str = "招商银行", holder: str = "王芳") -> Account:
    """An account at CMB."""
    return Account(bank=bank, number=number, holder=holder)


def employee(number: int, **overrides: Any) -> Person:
    """Employee ``E00n`` with an account of their own."""
    name = overrides.get("name", f"员工{'甲乙丙丁戊己庚辛壬癸'[number % 10]}")
    given = {"no": f"E{number:03d}", "name": name, "account": account(f"{CARD}{number:02d}", holder=name)}
    return person(**given | overrides)


def run(run_id: str = "2026-10.1", state: RunState = RunState.SEALED, **overrides: Any) -> Run:
    """A run that HR started."""
    month, version = run_id.rsplit(".", 1)
    given: dict[str, Any] = {
        "id": RunId(run_id), "month": Month(month), "version": int(version), "state": state,
        "pay_date": date(2026, 11, 10), "starter": STARTER, "opened_at": NOW - timedelta(days=3),
        "digest": f"digest-{run_id}",
    }  # fmt: skip
    return Run(**given | overrides)


class PaidHouse:
    """A database with runs whose people have sealed inputs and pay."""

    def __init__(self, db: Database, keys: Vault | None = None) -> None:
        self.db = db
        self.vault = keys or vault()

    def add(
        self, mine: Run, people: Sequence[tuple[Person, Pay]], open_ids: Mapping[str, str] | None = None
    ) -> Run:
        """Store a run with its people, sealed as `payslip.computing` does, and signed by three."""
        rows = [self._row(mine, who, what, (open_ids or {}).get(who.no)) for who, what in people]
        with self.db.begin() as conn:
            store.add_run(conn, mine)
            store.put_people(conn, rows)
            for part, signed in ((EVERYONE, [HR_HEAD, CFO]), ("运营部", [SUPERVISOR])):
                conn.execute(
                    t.signatures.insert().values(
                        run_id=mine.id, digest=mine.digest, part=part, uuid=f"{mine.id}:{part}",
                        state="approved", asked={}, signed=signed,
                    )
                )  # fmt: skip
        return mine

    def _row(self, mine: Run, who: Person, what: Pay, open_id: str | None) -> store.PersonRow:
        place = history.places(TENANT, mine.id, who.no)
        texts = canonical(who), canonical(what)
        return store.PersonRow(
            mine.id, who.no, OpenId(open_id) if open_id else None, who.name, who.department, None,
            self.vault.seal_text(texts[0].decode(), place["input"]),
            self.vault.seal_text(texts[1].decode(), place["pay"]),
            self.vault.digest("pay-input", texts[0]), self.vault.digest("pay-result", texts[1]),
        )  # fmt: skip

    def rows(self, table: Any) -> list[Any]:
        """Everything in a table."""
        with self.db.read() as conn:
            return list(conn.execute(table.select()))

    def audit(self, action: str) -> list[Any]:
        """Audit rows of an action."""
        from runtime.tables import audit  # noqa: PLC0415 - a name of this class otherwise

        return [row for row in self.rows(audit) if row.action == action]


def cents(*values: str) -> Decimal:
    """The sum of amounts."""
    return sum(map(Decimal, values), Decimal(0))


def no(number: int) -> EmployeeNo:
    """``E00n``."""
    return EmployeeNo(f"E{number:03d}")
