"""Lists of people to issue vouchers to, by Excel: a template, and a reader that names row, column and reason."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import xlsxwriter
from python_calamine import CalamineError, load_workbook

from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.other_documents import DocumentKind, parse_document
from zhaoliang.kernel.identifiers.phone import parse_mobile
from zhaoliang.kernel.workbooks import UnusableFile, cell_text, is_formula, letter, number_lost, survey
from zhaoliang.registry.services import clean_name

NAME, KIND, NUMBER, PHONE = "姓名", "证件类型", "证件号码", "手机号"
COLUMNS = (NAME, KIND, NUMBER, PHONE)
MAX_BYTES, MAX_ROWS = 5 * 1024 * 1024, 5000
# A heading may stand above the names of the columns.
HEAD_SEARCHED = 10
_KINDS = {kind.label: kind for kind in DocumentKind}


@dataclass(frozen=True)
class Entry:
    """One person of a list, as read: the row of the sheet, and the cleaned values."""

    row: int
    name: str
    document_type: str
    document_number: str
    phone: str


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a list: the row and column as the spreadsheet shows them, and the reason."""

    row: int
    column: str
    reason: str


@dataclass
class PeopleFile:
    """What a list holds; with `faults` nothing of it is taken. `repeated` are the rows that repeat a person above them."""

    entries: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)


def template() -> bytes:
    """The sheet to fill in (.xlsx). Numbers are text, so that no spreadsheet rounds them."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("发券名单")
        head = book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1})
        sheet.set_column(0, len(COLUMNS) - 1, 24, book.add_format({"num_format": "@"}))
        for number, title in enumerate(COLUMNS):
            sheet.write_string(0, number, title, head)
        sheet.data_validation(1, 1, MAX_ROWS, 1, {"validate": "list", "source": list(_KINDS)})
        sheet.freeze_panes(1, 0)
    return target.getvalue()


def read_people(content: bytes, *, on: date) -> PeopleFile:
    """Read a list. Raises BadInput when the file is no workbook that can be used, has no such columns, no people or too many."""
    if len(content) > MAX_BYTES:
        raise _unusable("文件太大。", "请分成几个文件上传。")
    try:
        surveyed = survey(content, most_rows=MAX_ROWS)
        with load_workbook(io.BytesIO(content)) as book:
            sheet = book.get_sheet_by_index(0)
            grid = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
    except UnusableFile as problem:
        raise _unusable(problem.why, problem.next_step) from None
    except (CalamineError, IndexError, ValueError):
        raise _unusable("打不开这个文件，它可能已经损坏。", "请下载模板填写，存成 .xlsx 再上传。") from None
    head = next((n for n, cells in enumerate(grid[:HEAD_SEARCHED]) if {NAME, NUMBER} <= set(_titles(cells))), None)
    if head is None:
        raise _unusable(f"前 {HEAD_SEARCHED} 行里没有一行同时有“{NAME}”和“{NUMBER}”。", "请下载模板，不要改动表头。")
    rows = list(enumerate(grid[head + 1 :], start=head + 2))
    if len(rows) > MAX_ROWS:
        raise _unusable(f"名单有 {len(rows)} 行，一次最多 {MAX_ROWS} 行。", "请分成几个文件上传。")
    titles = _titles(grid[head])
    places = {title: titles.index(title) for title in COLUMNS if title in titles}
    together = {
        (row, column)
        for (top, left), (bottom, right) in merged
        for row in range(top + 1, min(bottom, len(grid)) + 2)
        for column in range(left, min(right, len(titles)) + 1)
    }
    formulas = surveyed.formulas(sheet.name)
    found, seen = PeopleFile(), dict[tuple[str, str], int]()
    for number, cells in rows:
        row = _Row(number)
        for title, place in places.items():
            raw = cells[place] if place < len(cells) else ""
            row.take(title, raw, merged=(number, place) in together, formula=f"{letter(place)}{number}" in formulas)
        if row.texts or row.faults:
            _read_row(found, seen, row, on)
    if not found.entries and not found.faults:
        raise _unusable("名单是空的。", "请填好名单再上传。")
    return found


def _titles(cells: list[Any]) -> list[str]:
    return [cell_text(cell) for cell in cells]


@dataclass
class _Row:
    """A row of the sheet: the text of each column that can be used, and what is wrong with the others."""

    number: int
    texts: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def take(self, title: str, raw: Any, *, merged: bool, formula: bool) -> None:
        """Take the cell of a column."""
        text = cell_text(raw)
        lost = number_lost(raw, text) if title in (NUMBER, PHONE) else None
        if merged:
            self.faults[title] = "是合并单元格，分不清内容属于哪一行。请取消合并，逐行填写。"
        elif lost is not None:
            self.faults[title] = f"{lost[0]}{lost[1]}"
        elif is_formula(raw) or (formula and not text):
            self.faults[title] = "单元格是公式，没有计算结果。请复制后“选择性粘贴—数值”，再保存。"
        elif text:
            self.texts[title] = text


def _read_row(found: PeopleFile, seen: dict[tuple[str, str], int], row: _Row, on: date) -> None:
    faults, name, phone, document = dict(row.faults), "", "", ""
    kind = _KINDS.get(row.texts.get(KIND) or DocumentKind.RESIDENT_ID.label)
    if NAME not in faults:
        try:
            name = clean_name(row.texts.get(NAME, ""))
        except BadInput as problem:
            faults[NAME] = problem.why
    if kind is None:
        faults[KIND] = "没有这种证件，请从列表里选。"
    elif NUMBER not in faults:
        try:
            parsed = parse_document(kind, row.texts.get(NUMBER, ""), on=on)
            document = parsed.number
            if parsed.birth is None:
                faults[NUMBER] = "这种证件的号码里没有出生日期，请先到窗口建档再列入名单。"
        except InvalidIdentifier as problem:
            faults[NUMBER] = str(problem)
    if PHONE not in faults and (text := row.texts.get(PHONE)):
        try:
            phone = parse_mobile(text).number
        except InvalidIdentifier as problem:
            faults[PHONE] = str(problem)
    if faults or kind is None:
        found.faults += [Fault(row.number, title, faults[title]) for title in COLUMNS if title in faults]
        return
    key = (kind.value, document)
    if key in seen:
        found.repeated.append(row.number)
        return
    seen[key] = row.number
    found.entries.append(Entry(row.number, name, kind.value, document, phone))


def _unusable(why: str, next_step: str) -> BadInput:
    return BadInput("没有读取名单。", why, next_step, fields={"file": why})
