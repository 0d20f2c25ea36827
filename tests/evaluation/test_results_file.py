"""Results by Excel: another program fills in our template; every fault names its row and column; nothing half."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from factories import evaluation
from factories.evaluation import AFTER, AWAY, BAD, GOOD
from zhaoliang.evaluation import excel, services
from zhaoliang.evaluation.excel import Finding
from zhaoliang.kernel.errors import BadInput

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D6")]
FIRST = excel.HEADER_ROW + 1


def _filled(content: bytes, fill: Callable[[Any], None]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(content))
    fill(book.active)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def _scores(*rows: tuple[object, object]) -> Callable[[Any], None]:
    def fill(sheet: Any) -> None:
        for offset, (theory, practice) in enumerate(rows):
            sheet.cell(FIRST + offset, 4).value = theory
            sheet.cell(FIRST + offset, 5).value = practice

    return fill


def test_a_template_filled_in_elsewhere_is_recorded_as_typed() -> None:
    made = evaluation.taught(4)
    exam = evaluation.planned(made)
    content = _filled(excel.template(exam), _scores((85.5, 60), ("９０", " 72.5 "), ("缺考", "缺考"), (100, 0)))
    read = excel.read_results(exam, content)
    assert read.findings == []
    assert [(row.theory_tenths, row.practice_tenths) for row in read.results] == [
        (855, 600),
        (900, 725),
        (None, None),
        (1000, 0),
    ]
    services.record_results(actor=made.recorder, at=AFTER, exam=exam, results=read.results)


def test_every_fault_names_row_column_and_reason() -> None:
    made = evaluation.taught(5)
    exam = evaluation.planned(made)

    def fill(sheet: Any) -> None:
        _scores((101, 60), (60.55, 60), ("及格", 60), (70, 70), (70, None))(sheet)
        sheet.cell(FIRST + 3, 2).value = "错位某"

    read = excel.read_results(exam, _filled(excel.template(exam), fill))
    assert read.findings == [
        Finding(FIRST, "理论成绩", "成绩应在 0 至 100 分之间。"),
        Finding(FIRST + 1, "理论成绩", "最多一位小数。"),
        Finding(FIRST + 2, "理论成绩", "应填分数或“缺考”。"),
        Finding(FIRST + 3, "姓名", "姓名与学员编号对不上，可能错行。"),
        Finding(FIRST + 4, "实操成绩", "缺这一项成绩；没有参加考核的，各项都填“缺考”。"),
    ]


def test_left_out_doubled_foreign_and_blank_rows_are_found() -> None:
    made, other = evaluation.taught(4), evaluation.taught(1)
    exam = evaluation.planned(made)

    def fill(sheet: Any) -> None:
        _scores((70, 70), (70, 70), (70, 70))(sheet)
        for column in (1, 2):
            sheet.cell(FIRST + 1, column).value = sheet.cell(FIRST, column).value
        sheet.cell(FIRST + 2, 1).value = str(other.enrolments[0].pk)

    findings = excel.read_results(exam, _filled(excel.template(exam), fill)).findings
    reasons = {(finding.row, finding.column): finding.reason for finding in findings}
    assert f"第 {FIRST} 行" in reasons[FIRST + 1, "学员编号"]
    assert "不是这个班" in reasons[FIRST + 2, "学员编号"]
    assert "还没有填成绩" in reasons[FIRST + 3, "理论成绩"]
    missing = {finding.reason for finding in findings if finding.row == 0}
    assert {made.enrolments[index].person.name in "".join(missing) for index in (1, 2)} == {True}


def test_template_hides_identity_numbers_and_formulas_stay_text() -> None:
    made = evaluation.taught(1)
    person = made.enrolments[0].person
    type(person).objects.filter(city_code=person.city_code, pk=person.pk).update(name="=1+1")
    exam = evaluation.planned(made)
    sheet: Any = openpyxl.load_workbook(io.BytesIO(excel.template(exam))).active
    assert sheet.cell(FIRST, 2).value == "=1+1"
    assert sheet.cell(FIRST, 2).data_type != "f"
    assert person.document_number not in str(list(sheet.values))


def test_export_says_who_passed() -> None:
    exam = evaluation.published(evaluation.taught(3), GOOD, BAD, AWAY)
    sheet: Any = openpyxl.load_workbook(io.BytesIO(excel.export(exam))).active
    rows = [[cell.value for cell in row[3:6]] for row in sheet.iter_rows(min_row=FIRST)]
    assert rows == [[85.5, 70, "合格"], [85.5, 59, "不合格"], ["缺考", "缺考", "缺考"]]


@pytest.mark.parametrize("content", [b"", b"not a workbook", b"PK\x03\x04 cut short", b"x" * (excel.MAX_BYTES + 1)])
def test_what_is_no_workbook_is_refused_with_the_way_out(content: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        excel.read_results(evaluation.planned(evaluation.taught(1)), content)
    assert "模板" in refused.value.next_step


def test_a_workbook_without_the_header_is_refused() -> None:
    output = io.BytesIO()
    openpyxl.Workbook().save(output)
    with pytest.raises(BadInput, match="表头"):
        excel.read_results(evaluation.planned(evaluation.taught(1)), output.getvalue())
