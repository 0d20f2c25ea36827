"""A table goes to Excel and comes back the same; a wrong workbook changes nothing and says which cell and why."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import xlsxwriter
from django.conf import settings
from python_calamine import CalamineWorkbook

from factories import enactments as make
from zhaoliang.enactments import excel, services
from zhaoliang.enactments.editing import tables, versions
from zhaoliang.kernel.errors import BadInput
from zhaoliang.policy.facts import FactSchema

FACTS = FactSchema.load(settings.POLICIES / "facts.yaml")
TEXTS = sorted(settings.POLICIES.glob("cn*/*/*.yaml"))
HEAD = [
    "评价类别（category）",
    "初级工（junior）",
    "中级工（intermediate）",
    "高级工（senior）",
    "技师（technician）",
    "高级技师（senior_technician）",
]
ROWS: list[list[Any]] = [["A", 300, 350, 410, 520, 640], ["B", 250, 310, 360, 520, 640], ["C", 210, 260, 310, 520, 640]]


def all_versions() -> list[tables.TableVersion]:
    found = []
    for path in TEXTS:
        content = path.read_text("utf-8")
        files = {name: (path.parent / name).read_text("utf-8-sig") for name in versions.table_files(content)}
        found += tables.table_versions(content, files, FACTS)
    return found


def evaluation() -> tables.TableVersion:
    path = settings.POLICIES / "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
    held = tables.table_versions(path.read_text("utf-8"), {}, FACTS)
    return next(one for one in held if (one.table, one.index) == ("evaluation_standard", 1))


def workbook(head: list[Any], rows: list[list[Any]]) -> bytes:
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True})
    sheet = book.add_worksheet()
    for line, row in enumerate([head, *rows]):
        for column, value in enumerate(row):
            sheet.write(line, column, value)
    book.close()
    return output.getvalue()


def test_every_table_comes_back_as_it_went() -> None:
    held = all_versions()
    assert len(held) > 5
    for version in held:
        read = excel.read_table(version, excel.workbook(version, "测试", {}))
        assert read.findings == []
        assert read.cells == version.cells, version.says
        assert read.against(version) == excel.Imported([])


def test_amounts_are_yuan_and_texts_are_no_formulas() -> None:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(excel.workbook(evaluation(), "=1+1", {}))).get_sheet_by_index(0)
    grid = sheet.to_python(skip_empty_area=False)
    assert str(grid[0][0]).startswith("=1+1")
    assert grid[3][1] == 300


def change(row: int, column: int, value: Any) -> Callable[[list[list[Any]]], None]:
    def apply(rows: list[list[Any]]) -> None:
        rows[row][column] = value

    return apply


@pytest.mark.parametrize(
    ("damage", "cell", "said"),
    [
        (change(1, 2, "很多"), "C3", "应为数字"),
        (change(1, 2, "=B3*2"), "C3", "公式"),
        (change(0, 0, "D"), "A2", "不是评价（成本）类别的代码"),
        (change(2, 0, ""), "A4", "没有填"),
        (change(2, 0, "A"), "A4", "重复"),
        (change(2, 5, "12.345"), "F4", "两位"),
    ],
)
def test_a_wrong_cell_is_named_and_nothing_is_taken_over(damage: Any, cell: str, said: str) -> None:
    rows = [list(row) for row in ROWS]
    damage(rows)
    read = excel.read_table(evaluation(), workbook(HEAD, rows))
    assert [one.cell for one in read.findings] == [cell]
    assert said in read.findings[0].reason


def test_a_missing_column_is_said_and_a_strange_one_refused() -> None:
    read = excel.read_table(evaluation(), workbook(HEAD[:-1], [row[:-1] for row in ROWS]))
    assert "senior_technician" in read.findings[0].reason
    with pytest.raises(BadInput, match="不认识的列"):
        excel.read_table(evaluation(), workbook([*HEAD, "大师（master）"], [[*row, 1] for row in ROWS]))
    with pytest.raises(BadInput, match="没有找到表头"):
        excel.read_table(evaluation(), workbook(["姓名", "金额"], [["甲某", 1]]))


@pytest.mark.parametrize("content", [b"", b"not a workbook", b"PK\x03\x04broken", b"\xd0\xcf\x11\xe0old"])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"xlsx"):
        excel.read_table(evaluation(), content)


@pytest.mark.django_db
@pytest.mark.mission("F1")
def test_an_import_with_a_fault_leaves_the_draft_as_it_was_and_a_good_one_is_a_revision() -> None:
    office = make.bureau()
    made = make.draft(office)
    rows = [list(row) for row in ROWS]
    rows[0][1] = "x"
    asked: dict[str, Any] = {"draft": made, "revision": 1, "table": "evaluation_standard", "index": 1}
    read = services.import_table(actor=office.drafter, at=make.AT, content=workbook(HEAD, rows), **asked)
    made.refresh_from_db()
    assert [one.cell for one in read.findings] == ["B2"]
    assert made.revision == 1
    rows[0][1] = 333
    read = services.import_table(actor=office.drafter, at=make.AT, content=workbook(HEAD, rows), **asked)
    made.refresh_from_db()
    assert (read.changed, read.added, read.removed, made.revision) == (1, 0, 0, 2)
    assert "33300" in made.content
