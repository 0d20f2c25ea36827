"""Roster files as people really send them: wrong kinds, damaged cells, hostile archives."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from factories.classes import workbook
from zhaoliang.classes.roster.columns import COLUMNS, column_named
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.classes.roster.template import blank_roster
from zhaoliang.kernel.workbooks import UnusableFile, letter

pytestmark = pytest.mark.mission("D2")

ROW: dict[str, Any] = {"姓名": "测试某", "证件号": "120100199005010015", "人员类别": "城镇登记失业人员"}


def rezipped(content: bytes, change: Callable[[str, bytes], bytes], **extra: bytes) -> bytes:
    """The workbook with its parts changed and others added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, change(info.filename, old.read(info.filename)))
        for name, data in extra.items():
            new.writestr(name, data)
    return target.getvalue()


def macro_workbook() -> bytes:
    return rezipped(workbook([ROW]), lambda name, data: data, **{"xl/vbaProject.bin": b"macro"})


def binary_workbook() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", b"")
    return target.getvalue()


def plain_zip() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("content.xml", "<office/>")
    return target.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
TABLE = "姓名,证件号,人员类别\n测试某,1,06\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "文件是空的"),
        (OLE + b"\0" * 600, ".xls"),
        (OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600, "打开密码"),
        (TABLE.encode("utf-8"), "CSV，UTF-8"),
        (TABLE.encode("gbk"), "CSV，GBK"),
        ((TABLE * 1000).encode("gbk"), "CSV，GBK"),
        (b"%PDF-1.7\n\x00\xff\xfe" + bytes(range(256)), "不是 Excel 工作簿"),
        (plain_zip(), "不是 .xlsx"),
        (binary_workbook(), ".xlsb"),
        (macro_workbook(), "宏"),
        (workbook([ROW])[:-300], "损坏"),
        (b"PK\x03\x04" + b"\0" * 100, "损坏"),
    ],
)
def test_what_is_not_a_usable_workbook_is_named_by_its_content(content: bytes, says: str) -> None:
    with pytest.raises(UnusableFile) as refused:
        read_roster(content, file_name="名册.xlsx")
    assert says in str(refused.value)
    assert refused.value.next_step


def test_a_hundred_thousand_rows_are_refused_without_being_taken_into_memory() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, list(ROW))
        for index in range(1, 100_001):
            sheet.write_row(index, 0, list(ROW.values()))
    content = target.getvalue()
    tracemalloc.start()
    with pytest.raises(UnusableFile, match="最多 20,000 行"):
        read_roster(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 1024 * 1024


def test_a_zip_bomb_is_refused() -> None:
    bomb = rezipped(workbook([ROW]), lambda name, data: data, **{"xl/media/image1.bin": bytes(300 * 1024 * 1024)})
    assert len(bomb) < 1024 * 1024
    with pytest.raises(UnusableFile, match="展开后"):
        read_roster(bomb)


def test_an_archive_that_lies_about_its_sizes_is_refused() -> None:
    content = bytearray(workbook([ROW] * 50))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    directory = content.index(struct.pack("<L", info.CRC), content.index(b"PK\x01\x02"))
    content[directory + 8 : directory + 12] = struct.pack("<L", 10)
    with pytest.raises(UnusableFile, match="损坏"):
        read_roster(bytes(content))


def test_one_stray_cell_far_away_does_not_make_an_enormous_grid() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(list(ROW))
    page.append(list(ROW.values()))
    page["XFD1048576"] = "多余"
    target = io.BytesIO()
    book.save(target)
    with pytest.raises(UnusableFile, match="XFD1048576"):
        read_roster(target.getvalue())


def test_too_many_bytes_are_refused_before_anything_is_read(settings: Any) -> None:
    settings.ROSTER_MAX_BYTES = 100
    with pytest.raises(UnusableFile, match="太大"):
        read_roster(workbook([ROW]))


def test_the_sheet_with_the_header_is_taken_wherever_it_stands() -> None:
    file = read_roster(workbook([ROW], sheet="学员", others=["封面", "说明"], above=["某某学校", "2026 年 3 月"]))
    assert (file.sheet, file.header_row, [row.number for row in file.rows]) == ("学员", 3, [4])
    assert any("3 个工作表" in note and "学员" in note for note in file.notes)
    assert any("第 3 行" in note for note in file.notes)


def test_missing_unknown_and_repeated_columns_are_named() -> None:
    with pytest.raises(UnusableFile, match="找不到花名册表头"):
        read_roster(workbook([{"甲": "乙"}]))
    with pytest.raises(UnusableFile, match="缺少：人员类别"):
        read_roster(workbook([{"姓名": "测试某", "证件号": "1", "手机号": "1"}]))
    with pytest.raises(UnusableFile, match="B 列和 D 列都是“证件号”"):
        read_roster(workbook([{**ROW, "身份证号码": "1"}]))
    file = read_roster(workbook([{**ROW, "血型": "A"}]))
    assert file.notes == ("不认识的列没有读取：血型（D 列）。",)


@pytest.mark.parametrize("title", ["证件号码", "证 件 号 ", "证件号*", "身份证号码（必填）", "证件号\n"])
def test_headers_as_people_write_them_name_the_column(title: str) -> None:
    column = column_named(title)
    assert column is not None
    assert column.key == "document_number"


def test_an_identity_number_kept_as_a_number_is_explained() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(list(ROW))
    page.append(["测试某", 120100199005010015, "城镇登记失业人员"])
    page.append(["测试某", "1.20100199005010E+17", "城镇登记失业人员"])
    target = io.BytesIO()
    book.save(target)
    first, second = read_roster(target.getvalue()).rows
    assert [one.code for row in (first, second) for one in row.findings] == ["number_lost_digits"] * 2
    assert "15 位" in first.findings[0].reason
    assert "文本" in first.findings[0].next_step
    assert "120100" not in str(first.findings[0].as_dict())


def test_full_width_digits_and_spaces_are_read_as_meant() -> None:
    row = read_roster(workbook([{**ROW, "手机号": "１３８ ００００ ００００"}])).rows[0]
    assert row.findings == []
    assert row.text("phone") == "１３８ ００００ ００００"


def test_formulas_are_refused_where_their_value_cannot_be_known() -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append([*ROW, "出勤课时"])
    page.append([*ROW.values(), "=40+24"])
    target = io.BytesIO()
    book.save(target)
    found = [(one.code, one.letter) for row in read_roster(target.getvalue()).rows for one in row.findings]
    assert found == [("formula", "D")]
    as_text = read_roster(workbook([{**ROW, "姓名": "=HYPERLINK(A1)"}])).rows[0]
    assert [(one.code, one.column) for one in as_text.findings] == [("formula", "姓名")]


def test_a_computed_formula_counts_as_its_value() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, [*ROW, "出勤课时"])
        page.write_row(1, 0, list(ROW.values()))
        page.write_formula(1, 3, "=40+24", None, 64)
    row = read_roster(target.getvalue()).rows[0]
    assert (row.findings, row.text("attended_hours")) == ([], "64")


def test_merged_cells_are_named_in_every_row_they_cover() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 0, 2, "花名册")
        page.write_row(1, 0, list(ROW))
        for index in (2, 3):
            page.write_row(index, 0, list(ROW.values()))
        page.merge_range(2, 2, 3, 2, "城镇登记失业人员")
    rows = read_roster(target.getvalue()).rows
    assert [(row.number, one.code, one.column) for row in rows for one in row.findings] == [
        (3, "merged", "人员类别"),
        (4, "merged", "人员类别"),
    ]


def test_dates_lines_of_totals_and_empty_lines() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        page = book.add_worksheet()
        page.write_row(0, 0, [*ROW, "发证日期"])
        page.write_row(1, 0, list(ROW.values()))
        page.write_datetime(1, 3, date(2026, 5, 1), day)
        page.write_string(4, 2, "合计 1 人")
    file = read_roster(target.getvalue())
    assert [row.number for row in file.rows] == [2]
    assert file.rows[0].text("issued_on") == "2026-05-01"
    assert any("第 5 行" in note for note in file.notes)


def test_the_blank_template_is_read_back_and_has_every_column() -> None:
    book = openpyxl.load_workbook(io.BytesIO(blank_roster()))
    page = book["花名册"]
    assert [cell.value for cell in page[1]] == [column.title for column in COLUMNS]
    assert len(page.data_validations.dataValidation) == sum(column.choices is not None for column in COLUMNS)
    with pytest.raises(UnusableFile, match="没有读取到学员"):
        read_roster(blank_roster())


def test_column_letters_are_those_of_the_spreadsheet() -> None:
    assert [letter(index) for index in (0, 25, 26, 35, 701, 702)] == ["A", "Z", "AA", "AJ", "ZZ", "AAA"]
