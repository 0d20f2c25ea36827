"""Results by Excel: a template that carries the roster, and a reader that names row, column and reason."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.classes.models import Enrolment
from zhaoliang.evaluation import rules, selectors
from zhaoliang.evaluation.models import Exam, ExamResult
from zhaoliang.evaluation.rules import ABSENT, PART_LABELS, ResultInput
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.masking import mask_id

NUMBER, NAME, DOCUMENT = "学员编号", "姓名", "证件号码"
THEORY, PRACTICE, PASSED = PART_LABELS["theory"], PART_LABELS["practice"], "结果"
COLUMNS = (NUMBER, NAME, DOCUMENT, THEORY, PRACTICE)
HEADER_ROW = 3
MAX_BYTES, MAX_ROWS = 2 * 1024 * 1024, 2000


@dataclass(frozen=True)
class Finding:
    """One thing wrong in a file: the row and column as the spreadsheet shows them, and the reason."""

    row: int
    column: str
    reason: str


@dataclass
class ResultsFile:
    """What a results file holds. With findings nothing may be recorded."""

    results: list[ResultInput] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def template(exam: Exam) -> bytes:
    """The sheet to fill in (.xlsx): one row for each trainee still in the class, scores blank or as recorded."""
    recorded = {result.enrolment_id: result for result in selectors.results(exam)}
    rows = [(enrolment, recorded.get(enrolment.pk)) for enrolment in selectors.candidates(exam)]
    return _workbook(exam, rows, published=False)


def export(exam: Exam) -> bytes:
    """The recorded results with pass or fail (.xlsx)."""
    return _workbook(exam, [(result.enrolment, result) for result in selectors.results(exam)], published=True)


def _workbook(exam: Exam, rows: Sequence[tuple[Enrolment, ExamResult | None]], *, published: bool) -> bytes:
    output = io.BytesIO()
    book = xlsxwriter.Workbook(output, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("考核成绩")
    bold = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#E8ECF6", "border": 1, "align": "center"})
    cell = book.add_format({"border": 1, "num_format": "@"})
    score = book.add_format({"border": 1, "num_format": "0.0", "bg_color": "#FFFBE6"})
    sheet.write_string(0, 0, f"{exam.training_class.name}　考核成绩　{format_cn_date(exam.held_on)}", bold)
    limit = exam.training_class.exam_pass_score
    sheet.write_string(1, 0, f"每项 0 至 100 分，最多一位小数，各项 {limit} 分合格；没有参加的填“{ABSENT}”。")
    columns = (*COLUMNS, PASSED) if published else COLUMNS
    for column, label in enumerate(columns):
        sheet.write_string(HEADER_ROW - 1, column, label, head)
    for row, (enrolment, result) in enumerate(rows, start=HEADER_ROW):
        person = enrolment.person if result is None else result.person
        for column, text in enumerate((str(enrolment.pk), person.name, mask_id(person.document_number))):
            sheet.write_string(row, column, text, cell)
        away = result is not None and selectors.absent(result)
        tenths = (result.theory_tenths, result.practice_tenths) if result else (None, None)
        for column, value in enumerate(tenths, start=3):
            if value is None:
                sheet.write(row, column, ABSENT if away else None, score)
            else:
                sheet.write_number(row, column, value / 10, score)
        if published and result is not None:
            sheet.write_string(row, 5, "合格" if result.passed else ABSENT if away else "不合格", cell)
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 24)
    sheet.set_column(3, 5, 12)
    sheet.freeze_panes(HEADER_ROW, 2)
    book.close()
    return output.getvalue()


def read_results(exam: Exam, content: bytes) -> ResultsFile:
    """Read a filled-in template. Every fault is a finding; a file that is no such sheet raises BadInput."""
    read = ResultsFile()
    roster = {enrolment.pk: enrolment for enrolment in selectors.candidates(exam)}
    places: dict[int, int] = {}
    for row, cells in _rows(content):
        if not any(cells.values()):
            continue
        enrolment = _enrolment(read, roster, row, cells)
        if enrolment is None:
            continue
        if enrolment.pk in places:
            read.findings.append(Finding(row, NUMBER, f"与第 {places[enrolment.pk]} 行是同一名学员。"))
            continue
        places[enrolment.pk] = row
        _read_scores(read, exam, row, enrolment, cells)
    read.findings += [
        Finding(0, NAME, f"缺少 {enrolment.person.name} 的一行；没有参加的请填“{ABSENT}”。")
        for enrolment_id, enrolment in roster.items()
        if enrolment_id not in places
    ]
    return read


def _enrolment(read: ResultsFile, roster: dict[int, Enrolment], row: int, cells: dict[str, str]) -> Enrolment | None:
    number = normalise(cells[NUMBER])
    enrolment = roster.get(int(number)) if number.isascii() and number.isdigit() else None
    if enrolment is None:
        read.findings.append(Finding(row, NUMBER, "不是这个班在学学员的编号，请用本班的模板填写。"))
    elif normalise(cells[NAME]) != normalise(enrolment.person.name):
        read.findings.append(Finding(row, NAME, "姓名与学员编号对不上，可能错行。"))
        # Counted as present, so that one shifted row is not also reported as missing.
    return enrolment


def _read_scores(read: ResultsFile, exam: Exam, row: int, enrolment: Enrolment, cells: dict[str, str]) -> None:
    scores: dict[str, int | None] = {}
    for part, column in PART_LABELS.items():
        try:
            scores[part] = rules.read_score(cells[column])
        except ValueError as wrong:
            read.findings.append(Finding(row, column, str(wrong)))
            return
    result = ResultInput(enrolment.pk, scores["theory"], scores["practice"])
    marked_away = any(normalise(cells[column]) == ABSENT for column in PART_LABELS.values())
    if result.absent and not marked_away:
        read.findings.append(Finding(row, THEORY, f"还没有填成绩；没有参加的请填“{ABSENT}”。"))
        return
    wrong = rules.fault(result, exam.training_class)
    if wrong:
        read.findings.append(Finding(row, PART_LABELS[wrong[0]], wrong[1]))
        return
    read.results.append(result)


def _rows(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows below the header as text by column, numbered as the spreadsheet shows them."""
    if len(content) > MAX_BYTES:
        raise _unreadable("文件超过 2 MB。")
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except CalamineError:
        raise _unreadable("文件不是 Excel 表格，或已损坏、加密。") from None
    if len(rows) > MAX_ROWS:
        raise _unreadable(f"表格超过 {MAX_ROWS} 行。")
    for index, row in enumerate(rows):
        labels = [normalise(_text(value)) for value in row]
        if all(column in labels for column in COLUMNS):
            places = {column: labels.index(column) for column in COLUMNS}
            return [
                (number, {column: _text(cells[place]) for column, place in places.items()})
                for number, cells in enumerate(rows[index + 1 :], start=index + 2)
            ]
    raise _unreadable(f"没有找到表头。表头应有：{'、'.join(COLUMNS)}。")


def _text(value: object) -> str:
    # Excel keeps whole numbers as floats: 85.0 is what a person typed as 85.
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _unreadable(why: str) -> BadInput:
    return BadInput(what="成绩没有导入。", why=why, next_step="请下载本班的成绩模板，填写后再上传。")
