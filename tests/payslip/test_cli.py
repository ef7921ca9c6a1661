"""`chorus payroll …` as an operator types it, on a real database: words, files, audit rows, no amounts."""

import base64
import csv
import getpass
import io
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

import app
from payslip import accounts, payout
from payslip import tables as t
from payslip.model import RunState
from runtime.db import Database
from runtime.tables import audit
from runtime.vault import Keys, Vault, parse_keys
from tests.payslip.paid import CARD, NEW, NOW, OLD, TENANT, PaidHouse, account, employee, no, run
from tests.payslip.paid import pay as paid

pytestmark = pytest.mark.db

MANIFEST = """
name: 经营助手
base: {name: 经营数据}
payroll:
  tenant: cli_pay
  hr: [ou_hr, ou_hrhead]
  hr_head: ou_hrhead
  finance_head: ou_cfo
  finance: [ou_finance]
"""
NETS = {1: "8000.10", 2: "7000.20", 3: "6000.30"}


def keys(**ring: bytes) -> str:
    """CHORUS_PAY_KEYS."""
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in ring.items())


class Operator:
    """Types commands against one database."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.folder = folder
        (folder / "app.yaml").write_text(MANIFEST, "utf-8")
        self.house = PaidHouse(db)
        self.env: dict[str, str | None] = {
            "FEISHU_APP_ID": "cli_x",
            "FEISHU_APP_SECRET": "made-up",
            "FEISHU_ENCRYPT_KEY": "made-up",
            "DATABASE_URL": db.url,
            "CHORUS_VAR_DIR": str(folder / "var"),
            "CHORUS_MIRROR_URL": f"sqlite:///{folder / 'mirror.db'}",
            "CHORUS_MANIFEST": str(folder / "app.yaml"),
            "CHORUS_PAY_KEYS": keys(old=OLD),
            "CHORUS_PAY_KEYS_FILE": None,
        }

    def types(self, *words: str, typed: str = "", **env: str | None) -> Result:
        """Run `chorus payroll` with these words."""
        done = CliRunner().invoke(app.main, ["payroll", *words], env=self.env | env, input=typed)
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def paid_run(self, **overrides: Any) -> None:
        """A sealed run of three."""
        self.house.add(run(**overrides), [(employee(n), paid(no(n), net)) for n, net in NETS.items()])


@pytest.fixture
def operator(database: Database, tmp_path: Path) -> Operator:
    """An operator with the old key."""
    return Operator(database, tmp_path)


def hides_pay(text: str) -> bool:
    """No amount, no account number."""
    return CARD not in text and not re.search(r"\d{4}\.\d{2}", text)


# --- keys ---


def test_new_key_prints_a_pair_that_the_settings_take(operator: Operator) -> None:
    """The pair alone on standard output; what to do with it on standard error; each time another one."""
    first, second = (operator.types("new-key", "k2026").stdout for _ in range(2))
    (name, key), *rest = parse_keys(first).items()
    assert (name, len(key), rest) == ("k2026", 32, [])
    assert first != second
    assert "rotate-keys" in operator.types("new-key").stderr
    assert re.fullmatch(r"k\d{8}:\S{44}\n", operator.types("new-key").stdout)


def test_new_key_refuses_a_name_that_cannot_stand_in_the_ring(operator: Operator) -> None:
    """Letters and digits."""
    done = operator.types("new-key", "a:b")
    assert done.exit_code == 2
    assert "letters and digits" in done.output


def test_without_a_key_every_command_says_how_to_make_one(operator: Operator) -> None:
    """Pay is off."""
    for words in (["status"], ["rotate-keys"], ["audit", "x"], ["run", "2026-10"]):
        done = operator.types(*words, CHORUS_PAY_KEYS=None)
        assert done.exit_code == 1
        assert "chorus payroll new-key" in done.output


def test_rotate_keys_counts_and_leaves_everything_to_the_new_key(operator: Operator) -> None:
    """Afterwards the new key alone opens; an audit row names the operator."""
    operator.paid_run()
    done = operator.types("rotate-keys", CHORUS_PAY_KEYS=keys(new=NEW, old=OLD))
    assert done.exit_code == 0, done.output
    assert re.search(r"3\s+pay_people\.sealed_pay", done.stdout)
    assert "Keep the last key" in done.stdout
    row = operator.house.rows(t.people)[0]
    place = ("pay", TENANT, run().id, row.employee_no)
    assert "8000.10" in Vault(Keys({"new": NEW})).open_text(row.sealed_pay, place)
    (noted,) = operator.house.audit("payroll.keys.rotate")
    assert (noted.actor, noted.detail) == (f"cli:{getpass.getuser()}", {"rotated": 6})


def test_rotate_keys_with_a_key_missing_says_so_and_fails(operator: Operator) -> None:
    """The place is named, the old keys are to stay."""
    operator.paid_run()
    done = operator.types("rotate-keys", CHORUS_PAY_KEYS=keys(new=NEW))
    assert done.exit_code == 1
    assert "cannot be opened: pay_people 2026-10.1 E001" in done.stderr
    assert "keep every old key" in done.stderr


# --- runs ---


def test_run_opens_a_run_as_the_chat_does(operator: Operator) -> None:
    """By the one HR person who does not sign; the operator stands in the audit trail."""
    done = operator.types("run", "2026-10", "--pay-date", "2026-11-12")
    assert done.exit_code == 0, done.output
    (row,) = operator.house.rows(t.runs)
    assert (row.id, row.state, row.starter, str(row.pay_date)) == (
        "2026-10.1",
        "draft",
        "ou_hr",
        "2026-11-12",
    )
    assert "2026-10.1" in done.stdout
    (noted,) = operator.house.audit("payroll.cli.run")
    assert (noted.actor, noted.subject) == (f"cli:{getpass.getuser()}", "run:2026-10.1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "October"], "write it as 2026-10"),
        (["run", "2099-01"], "还没有到"),
        (["run", "2026-10", "--as", "ou_outsider"], "只有人事可以算薪"),
        (["run", "2026-10", "--pay-date", "soon"], "soon"),
        (["status", "2026-10.9"], "There is no run 2026-10.9"),
        (["export", "2026-10.9", "--out", "out"], "There is no run 2026-10.9"),
        (["audit", "2026-10.9"], "There is no run 2026-10.9"),
        (["withdraw", "x", "--reason", "y", "--yes"], "没有付款文件 x"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(operator: Operator, words: list[str], said: str) -> None:
    """Nothing is stored, nothing is written."""
    done = operator.types(*words)
    assert done.exit_code != 0
    assert said in done.output
    assert operator.house.rows(t.runs) == []
    assert operator.house.rows(audit) == []


def test_run_asks_who_starts_where_several_could(operator: Operator) -> None:
    """Two HR people who do not sign: the operator must say which."""
    more = MANIFEST.replace("[ou_hr, ou_hrhead]", "[ou_hr, ou_hr2, ou_hrhead]")
    (operator.folder / "app.yaml").write_text(more, "utf-8")
    assert "--as" in operator.types("run", "2026-10").output
    assert operator.types("run", "2026-10", "--as", "ou_hr2").exit_code == 0


def test_status_of_all_and_of_one(operator: Operator) -> None:
    """State, people, anomalies, signatures, payslips, files; no amounts."""
    assert "no run yet" in operator.types("status").output
    operator.paid_run()
    with operator.house.db.begin() as conn:
        conn.execute(
            t.anomalies.insert().values(
                run_id="2026-10.1", employee_no="E001", kind="缺考勤", name="x", sentence="没有考勤"
            )
        )
        conn.execute(
            t.slips.insert().values(
                run_id="2026-10.1", employee_no="E001", version=1, month="2026-10", token="t",
                slip_digest="d", state="confirmed",
            )
        )  # fmt: skip
    every = operator.types("status").stdout
    one = operator.types("status", "2026-10.1").stdout
    assert re.search(r"2026-10\.1\W+2026-11-10\W+sealed\W+3\W+3\W+1\W", every)
    for words in (
        "3, 3 computed",
        "1 open (0 must be mended), 0 settled",
        "signature 运营部",
        "payslips confirmed",
    ):
        assert words in one
    assert hides_pay(every + one)


# --- export ---


def exported(operator: Operator, *more: str, folder: str = "out") -> Result:
    """Export to a folder of the test."""
    out = operator.folder / folder
    return operator.types("export", "2026-10.1", "--template", "cmb", "--out", str(out), *more)


def test_export_writes_files_for_the_operator_only(operator: Operator) -> None:
    """Mode 0600 in a folder 0700, the sum as signed, a word about who is responsible, three audit rows."""
    operator.paid_run()
    done = exported(operator)
    assert done.exit_code == 0, done.output
    path = operator.folder / "out" / "2026-10.1-01-cmb.xlsx"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    page = openpyxl.load_workbook(path).active
    assert page is not None
    amounts = [f"{row[2]:.2f}" for row in page.iter_rows(min_row=2, values_only=True)]  # type: ignore[union-attr]
    assert amounts == list(NETS.values())
    assert "You are responsible" in done.stderr
    assert hides_pay(done.output)
    rows = [row for row in operator.house.rows(audit) if row.action.startswith("payroll.payout")]
    assert [(row.action, row.actor) for row in rows] == [
        ("payroll.payout.make", f"cli:{getpass.getuser()}"),
        ("payroll.payout.open", f"cli:{getpass.getuser()}"),
    ]


def test_export_again_writes_the_same_bytes_and_never_a_second_payment(operator: Operator) -> None:
    """Without --again nothing is left; with it the file of before; over a file nothing is written."""
    operator.paid_run()
    exported(operator)
    done = exported(operator, folder="second")
    assert done.exit_code == 1
    assert "nothing left to pay" in done.output
    assert exported(operator, "--again", folder="second").exit_code == 0
    name = "2026-10.1-01-cmb.xlsx"
    assert (operator.folder / "out" / name).read_bytes() == (operator.folder / "second" / name).read_bytes()
    assert "is there already" in exported(operator, "--again").output
    assert len(operator.house.rows(t.payouts)) == 1


def test_export_names_who_is_held(operator: Operator) -> None:
    """A changed account: named with the reason on standard error, not in the file."""
    operator.paid_run()
    former = account(f"{CARD}77", holder="员工乙")
    with operator.house.db.begin() as conn:
        mark = accounts.fingerprint(operator.house.vault, former)
        accounts.record_paid(conn, run().id, {no(1): mark}, at=NOW)
    done = exported(operator)
    assert "2 rows" in done.stdout
    assert f"held: E001 员工乙（{payout.HELD_CHANGED}）" in done.stderr
    assert hides_pay(done.output)


@pytest.mark.parametrize("state", [RunState.SIGNING, RunState.APPROVED, RunState.CANCELLED])
def test_export_before_sealing_is_refused(operator: Operator, state: RunState) -> None:
    """Nothing is written, not even the folder."""
    operator.paid_run(state=state)
    done = exported(operator)
    assert done.exit_code == 1
    assert "封存以后才能生成付款文件" in done.output
    assert not (operator.folder / "out").exists()


@pytest.mark.parametrize("again", [(), ("--again",)])
def test_export_of_a_run_whose_signature_was_taken_back_is_refused(
    operator: Operator, again: tuple[str, ...]
) -> None:
    """Also for files made before."""
    operator.paid_run()
    exported(operator)
    with operator.house.db.begin() as conn:
        conn.execute(t.signatures.update().values(state="reverted", reason="审批通过后被撤销"))
    done = exported(operator, *again, folder="late")
    assert done.exit_code == 1
    assert "审批通过后被撤销" in done.output
    assert not (operator.folder / "late").exists()


def test_export_says_which_variables_are_missing(operator: Operator) -> None:
    """ICBC needs the paying account; nothing is stored."""
    operator.paid_run()
    done = operator.types("export", "2026-10.1", "--template", "icbc", "--out", str(operator.folder / "o"))
    assert done.exit_code == 1
    assert "CHORUS_PAYER_BANK" in done.output
    assert operator.house.rows(t.payouts) == []


def test_withdraw_asks_first_and_frees_the_people(operator: Operator) -> None:
    """No: nothing happens. Yes: the file is void, its people can be exported again."""
    operator.paid_run()
    exported(operator)
    words = ("withdraw", "2026-10.1-01-cmb", "--reason", "选错银行，涉及 8000.10 元")
    assert operator.types(*words, typed="n\n").exit_code == 1
    assert "nothing left" in exported(operator, folder="second").output
    assert operator.types(*words, typed="y\n").exit_code == 0
    assert "withdrawn" in operator.types("status", "2026-10.1").stdout
    assert "2026-10.1-02-cmb.xlsx" in exported(operator, folder="second").stdout
    (row,) = operator.house.audit("payroll.payout.withdraw")
    assert row.reason == "选错银行，涉及 若干元"


# --- audit ---


def test_audit_lists_a_run_and_what_is_called_after_it_only(operator: Operator) -> None:
    """The run's, its payslips' and files' rows in order; not those of 2026-10.11."""
    operator.paid_run()
    exported(operator)
    with operator.house.db.begin() as conn:
        for subject in ("slip:2026-10.1/E001", "payout:2026-10.1-01-cmb", "run:2026-10.11", "alert:2026"):
            conn.execute(
                audit.insert().values(
                    at=NOW, actor="=cmd()", action="looked", subject=subject, reason="r", detail={}
                )
            )
    text = operator.types("audit", "2026-10.1", "--csv").stdout
    heads, *rows = list(csv.reader(io.StringIO(text)))
    assert heads == ["at", "who", "what", "on", "why", "detail"]
    assert [row[3] for row in rows] == [
        "run:2026-10.1", "run:2026-10.1", "run:2026-10.1", "slip:2026-10.1/E001", "payout:2026-10.1-01-cmb",
    ]  # fmt: skip
    assert rows[-1][:2] == ["2026-11-09 10:00:00", "'=cmd()"]
    assert rows[1][5] == "file=2026-10.1-01-cmb rows=3"
    assert hides_pay(text)
    assert "payroll.payout.make" in operator.types("audit", "2026-10.1").stdout


def test_the_command_line_loads_nothing_that_only_one_command_needs() -> None:
    """`chorus serve` starts with this module too, so it must cost next to nothing."""
    heavy = "openpyxl", "sqlalchemy", "cryptography", "payslip.payout"
    code = f"import sys, app; print([name for name in {heavy} if name in sys.modules])"
    root = Path(app.__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_group_explains_itself() -> None:
    """Each command has a sentence."""
    for name, command in app.main.commands["payroll"].commands.items():  # type: ignore[attr-defined]
        assert CliRunner().invoke(app.main, ["payroll", name, "--help"]).exit_code == 0
        assert command.help
