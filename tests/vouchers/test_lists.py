"""Lists of people as they are really sent: numbers that Excel damaged, formulas, merged cells, headings, other kinds of files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import xlsxwriter

from zhaoliang.kernel.errors import BadInput
from zhaoliang.vouchers.excel import PeopleFile, read_people

pytestmark = pytest.mark.mission("C1")
ON = date(2026, 3, 2)
GOOD = ("测试甲", "120101199005010014")


def book(fill: Callable[[Any], object], *, head: int = 0) -> bytes:
    """A workbook whose columns are named in the row `head` (from 0), filled by hand below."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as made:
        sheet = made.add_worksheet()
        sheet.write_row(head, 0, ["姓名", "证件号码", "手机号"])
        fill(sheet)
    return target.getvalue()


def faults(read: PeopleFile) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.reason[:9]) for one in read.faults]


def test_what_excel_did_to_a_number_is_named_and_never_taken_for_another_number() -> None:
    def fill(sheet: Any) -> None:
        sheet.write_row(1, 0, GOOD)
        # Rounded by Excel; every eleventh such number looks like a good one of somebody else.
        sheet.write_string(2, 0, "测试乙")
        sheet.write_number(2, 1, 120101199005010014)
        sheet.write_row(3, 0, ["测试丙", "1.20101199005010E+17"])
        sheet.write_string(4, 0, "测试丁")
        sheet.write_formula(4, 1, "=B2", None, "")
        sheet.write_string(5, 0, "=cmd|' /C calc'!A0")
        sheet.write_string(5, 1, GOOD[1])
        sheet.merge_range(6, 0, 7, 0, "测试戊")
        sheet.write_string(6, 1, GOOD[1])
        sheet.write_string(7, 1, GOOD[1])

    read = read_people(book(fill), on=ON)
    assert faults(read) == [
        (3, "证件号码", "单元格是数字格式。"),
        (4, "证件号码", "号码变成了科学计数"),
        (5, "证件号码", "单元格是公式，没有"),
        (6, "姓名", "单元格是公式，没有"),
        (7, "姓名", "是合并单元格，分不"),
        (8, "姓名", "是合并单元格，分不"),
    ]
    assert [(one.row, one.document_number) for one in read.entries] == [(2, GOOD[1])]


def test_a_heading_and_empty_rows_above_leave_the_rows_their_numbers() -> None:
    read = read_people(book(lambda sheet: sheet.write_row(6, 0, GOOD), head=3), on=ON)
    assert [(one.row, one.name) for one in read.entries] == [(7, GOOD[0])]
    read = read_people(book(lambda sheet: sheet.write_row(6, 0, ("", GOOD[1])), head=3), on=ON)
    assert [(one.row, one.column) for one in read.faults] == [(7, "姓名")]


def bomb() -> bytes:
    """A sheet of a few kilobytes that is a quarter of a gigabyte unpacked."""
    target = io.BytesIO(book(lambda sheet: sheet.write_row(1, 0, GOOD)))
    with (
        zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("xl/worksheets/sheet9.xml", "w") as sheet,
    ):
        for _ in range(250):
            sheet.write(bytes(1024 * 1024))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: "姓名,证件号码\n测试甲,120101199005010014\n".encode("gb18030"), "GBK"),
        (lambda: b"", "没有任何内容"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600, "旧格式"),
        (lambda: book(lambda sheet: sheet.write_row(1, 0, GOOD))[:-900], "压缩结构"),
        (lambda: book(lambda sheet: sheet.write_string(9_999, 0, "x")), "离名单太远"),
        (bomb, "展开后"),
        (lambda: book(lambda sheet: [sheet.write_row(row, 0, GOOD) for row in range(1, 5_060)]), "最多 5,000 行"),
        (lambda: book(lambda sheet: sheet.write_row(0, 0, ["名字", "号码"])), "前 10 行"),
    ],
    ids=["csv", "empty", "xls", "cut", "far", "bomb", "rows", "columns"],
)
def test_what_is_no_list_says_what_it_is(content: Callable[[], bytes], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_people(content(), on=ON)
    assert says in refused.value.why
    assert refused.value.fields["file"] == refused.value.why
