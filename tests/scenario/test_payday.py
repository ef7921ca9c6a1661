"""The demo's pay day: every scene passes, and afterwards no amount of anybody stands where it must not."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sandbox.payday import PayDay
from sandbox.payday_desk import MONEY
from tests.scenario.house import House
from tests.schemas.check import check_requests

pytestmark = [pytest.mark.process, pytest.mark.timeout(600), pytest.mark.xdist_group("scenario-morning")]

PAY_TABLES = (
    "员工",
    "考勤汇总",
    "绩效评分",
    "提成数据",
    "专项附加扣除",
    "一次性项目",
    "薪资核算",
    "期初累计",
)
NUMBERS = re.compile(rb"(?<![\d.])\d[\d,]*\.\d+")
DIGITS = re.compile(rb"(?<!\d)\d{16,19}(?!\d)")
MAIL = re.compile(rb"yr\d+@alipay\.example")


@pytest.fixture(scope="module")
def amounts(played: PayDay) -> set[Decimal]:
    """Everybody's amounts with cents, before and after the correction; round ones could stand anywhere."""
    found = {Decimal(row.get(name) or 0) for row in played.results() for name in MONEY}
    found |= {Decimal(played.old_net.replace(",", ""))}
    kept = {amount for amount in found if amount >= 100 and amount % 1}
    assert len(kept) > 100
    return kept


@pytest.fixture(scope="module")
def accounts(played: PayDay) -> set[bytes]:
    """Everybody's account, as text."""
    return {str(row["收款账号"]).encode() for row in played.data.tables["员工"]}


def leaks(raw: bytes, amounts: set[Decimal], accounts: set[bytes]) -> list[str]:
    """What of it stands in these bytes: kinds and places, never the thing itself."""
    # The longest run of digits is the number as written; 9042.96 and 9,042.960 are the same amount.
    numbers = [
        each for each in NUMBERS.finditer(raw) if Decimal(each[0].replace(b",", b"").decode()) in amounts
    ]
    texts = [each for each in (*DIGITS.finditer(raw), *MAIL.finditer(raw)) if each[0] in accounts]
    found = [f"an amount at {each.start()}: …{_around(raw, each)}" for each in numbers]
    found += [f"an account at {each.start()}: …{_around(raw, each)}" for each in texts]
    return found


def _around(raw: bytes, spelled: re.Match[bytes]) -> str:
    """What stands before it, so that the place can be found."""
    return raw[max(0, spelled.start() - 80) : spelled.start()].decode("utf-8", "replace")


def test_the_search_finds_what_it_looks_for() -> None:
    """The net is fine enough: spellings with and without commas, accounts, nothing inside longer numbers."""
    amounts, accounts = {Decimal("9042.96")}, {b"6214830000000001", b"yr0007@alipay.example"}
    for text in (
        "net 9,042.96 yuan",
        '{"a":9042.96}',
        "9042.960",
        "to 6214830000000001.",
        "yr0007@alipay.example",
    ):
        assert len(leaks(text.encode(), amounts, accounts)) == 1
    assert leaks(b"19042.96 9042.961 16214830000000001", amounts, accounts) == []


def test_every_scene_of_the_pay_day_passes(played: PayDay) -> None:
    """What ``chorus demo --once`` shows of pay works, scene by scene."""
    assert [f"{each.scene}: {each.happened}" for each in played.outcomes if not each.passed] == []
    assert len(played.outcomes) == 14


def test_databases_hold_no_amount_and_no_account(
    demo_house: House, amounts: set[Decimal], accounts: set[bytes]
) -> None:
    """State, mirror, durable work: each file byte by byte, or each value of each table."""
    if "DATABASE_URL" in demo_house.stage.env:
        stored = demo_house.ledger.contents()
        assert set(stored) >= {"public.pay_slips", "public.mirror_rows", "dbos.operation_outputs"}
    else:
        files = sorted((demo_house.stage.folder / "var").rglob("*.db*"))
        assert {file.name for file in files} >= {"chorus.db", "mirror.db"}
        stored = {file.name: file.read_bytes() for file in files}
    assert {name: leaks(content, amounts, accounts) for name, content in stored.items()} == {
        name: [] for name in stored
    }


def test_logs_and_temporary_files_hold_no_amount_and_no_account(
    demo_house: House, amounts: set[Decimal], accounts: set[bytes]
) -> None:
    """Everything the processes printed, and everything they left in their temporary folder and in ``var``."""
    folder = demo_house.stage.folder
    files = [*folder.glob("*.log"), *_files(Path(demo_house.stage.env["TMPDIR"]))]
    files += [file for file in _files(folder / "var") if ".db" not in file.name]
    assert any(file.name == "serve.log" and file.stat().st_size for file in files)
    found = {str(file): leaks(file.read_bytes(), amounts, accounts) for file in files}
    assert {name: each for name, each in found.items() if each} == {}


def test_process_arguments_hold_no_amount_and_no_account(
    played: PayDay, amounts: set[Decimal], accounts: set[bytes]
) -> None:
    """What anybody on the machine can list."""
    assert played.outcomes
    lines = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if _alive(file)]
    assert any(b"app.py" in line for line in lines)
    assert [each for line in lines for each in leaks(line, amounts, accounts)] == []


def test_what_feishu_was_told_holds_no_amount_outside_the_pay_tables(
    demo_house: House, amounts: set[Decimal], accounts: set[bytes]
) -> None:
    """Messages, cards, approvals, sign-ins, other tables: every request of the product and every answer."""
    private = {demo_house.office.tables[name] for name in PAY_TABLES}
    calls = [
        call
        for call in demo_house.requests()
        if not any(f"/tables/{table}/" in call["path"] for table in private)
    ]
    assert {"/open-apis/im/v1/messages", "/open-apis/approval/v4/instances"} <= {c["path"] for c in calls}
    told = {
        f"{call['n']} {call['method']} {call['path']}": leaks(_said(call), amounts, accounts)
        for call in calls
    }
    assert {name: each for name, each in told.items() if each} == {}


def test_every_request_of_the_pay_day_fits_the_official_schemas(demo_house: House, played: PayDay) -> None:
    """From the first row to the corrected payslip, in the vendor's own eyes."""
    assert played.outcomes
    assert check_requests(demo_house.requests()) == []


def test_no_work_was_given_up(demo_house: House, played: PayDay) -> None:
    """A pay day without faults parks nothing."""
    assert played.outcomes
    assert demo_house.parked() == []


def _said(call: Mapping[str, Any]) -> bytes:
    return f"{call['path']} {call['query']} {call['body']} {call['response']}".encode()


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _alive(file: Path) -> bool:
    try:
        return bool(file.read_bytes())
    except OSError:
        return False
