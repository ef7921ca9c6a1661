"""Files that are refused as a whole: hidden, merged, too large, not what they say."""

from __future__ import annotations

import io
import time
import zipfile

import pytest

from payslip import sheets
from tests.payslip.imports_kit import (
    SCORES,
    refusals,
    xlsx,
)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "“空.xlsx”：是空文件，请重新导出"),
        (xlsx([]), "“绩效”：是空表，没有列名也没有数据"),
        (xlsx([SCORES]), "“绩效”：只有列名，没有数据"),
        (xlsx([SCORES, (" ", "　", None, "")]), "“绩效”：只有列名，没有数据"),
        (b"\n\n", "“空.xlsx”：已损坏，或不是 Excel 文件；请用 Excel 或 WPS 打开后另存为 .xlsx"),
    ],
)
def test_empty_files_and_sheets(data: bytes, told: str) -> None:
    """Nothing at all, no rows, only names, only blanks."""
    assert refusals(data, "空.xlsx") == [told]


def test_a_file_of_100_megabytes_is_refused_before_it_is_read() -> None:
    """By its size alone; nothing is parsed."""
    data = b"PK\x03\x04" + bytes(100 * 1024 * 1024)
    assert refusals(data) == ["“绩效.xlsx”：超过 20 MB，请只保留要导入的列和行，或分成几个文件"]


def test_a_bomb_is_refused_by_its_declared_sizes() -> None:
    """Megabytes of blanks in a few kilobytes; many parts; together too much."""
    for parts, size in ((1, 5 * 1024 * 1024), (3000, 1)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(parts):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", b" " * size)
        assert len(out.getvalue()) < 1024 * 1024
        assert refusals(out.getvalue()) == [
            "“绩效.xlsx”：解开后过大，不像一份名单；请把内容复制到新文件再上传"
        ]


def test_a_column_name_without_end_is_refused_at_once() -> None:
    """Comparing names takes the square of their length: 130,000 brackets would have taken minutes."""
    data = f"工号,姓名,月份,{'(' * 130_000}\r\nE001,王芳,2026-10,1.1\r\n".encode()
    began = time.perf_counter()
    assert refusals(data, "绩效.csv") == ["“绩效.csv”第 1 行“第 4 列”：列名超过 100 字，请改短"]
    assert time.perf_counter() - began < 1


def test_entities_are_not_expanded() -> None:
    """A document type in the sheet is refused, whatever it says."""
    out = io.BytesIO()
    plain = io.BytesIO(xlsx([SCORES, ("E001", "王芳", "2026-10", 1)]))
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(out, "w") as archive:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content
            archive.writestr(item, content)
    assert refusals(out.getvalue()) == ["“绩效.xlsx”：已损坏，打不开；请用 Excel 或 WPS 打开后另存为 .xlsx"]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("旧.xls", sheets.OLE + bytes(600), "是旧版 .xls，或加了密码"),
        ("坏.xlsx", b"PK\x03\x04" + bytes(200), "已损坏，打不开"),
        ("假.xlsx", "工号,绩效系数\nE001,1\n".encode(), "已损坏，或不是 Excel 文件"),
        ("图.csv", b"\x89PNG\r\n\x00\x00", "不是文本文件"),
        ("乱.csv", b"\xff\xff\xff,1\n", "编码认不出来"),
        ("引.csv", '工号,绩效系数\nE001,"1\n'.encode(), "引号没有成对"),
    ],
)
def test_files_of_the_wrong_kind(name: str, data: bytes, told: str) -> None:
    """What it is and what to do."""
    assert any(told in each for each in refusals(data, name))


def test_macros_and_passwords_are_refused() -> None:
    """Before anything is opened."""
    source = xlsx([SCORES, ("E001", "王芳", "2026-10", 1)])
    out = io.BytesIO(source)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    assert refusals(out.getvalue()) == ["“绩效.xlsx”：含有宏，请另存为不含宏的 .xlsx"]
    spoilt = bytearray(source)
    for at in [place for place in range(len(source) - 4) if source[place : place + 4] == b"PK\x01\x02"]:
        spoilt[at + 8] |= 1
    assert refusals(bytes(spoilt)) == ["“绩效.xlsx”：加了密码，请去掉密码再上传"]
