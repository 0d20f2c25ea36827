"""Lists of people to issue vouchers to, by Excel: a template, and a reader that names row, column and reason."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.other_documents import DocumentKind, parse_document
from zhaoliang.kernel.identifiers.phone import parse_mobile
from zhaoliang.registry.services import clean_name

NAME, KIND, NUMBER, PHONE = "姓名", "证件类型", "证件号码", "手机号"
COLUMNS = (NAME, KIND, NUMBER, PHONE)
MAX_BYTES, MAX_ROWS = 5 * 1024 * 1024, 5000
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
    """Read a list. Raises BadInput when the file is no workbook, has no such columns, no people or too many."""
    if len(content) > MAX_BYTES:
        raise _unusable("文件太大。", "请分成几个文件上传。")
    try:
        grid = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    except (CalamineError, IndexError, ValueError):
        raise _unusable("打不开这个文件，它可能不是 Excel 工作簿。", "请下载模板填写，存成 .xlsx 再上传。") from None
    titles = [str(cell).strip() for cell in grid[0]] if grid else []
    if missing := [title for title in (NAME, NUMBER) if title not in titles]:
        raise _unusable(f"第一行没有“{'”“'.join(missing)}”列。", "请下载模板，不要改动表头。")
    if len(grid) - 1 > MAX_ROWS:
        raise _unusable(f"名单有 {len(grid) - 1} 行，一次最多 {MAX_ROWS} 行。", "请分成几个文件上传。")
    found, seen = PeopleFile(), dict[tuple[str, str], int]()
    for number, cells in enumerate(grid[1:], start=2):
        texts = dict(zip(titles, (_text(cell) for cell in cells), strict=False))
        if any(texts.get(title) for title in COLUMNS):
            _read_row(found, seen, number, texts, on)
    if not found.entries and not found.faults:
        raise _unusable("名单是空的。", "请填好名单再上传。")
    return found


def _read_row(
    found: PeopleFile, seen: dict[tuple[str, str], int], number: int, texts: dict[str, str], on: date
) -> None:
    before = len(found.faults)
    name, phone, document = "", "", ""
    kind = _KINDS.get(texts.get(KIND) or DocumentKind.RESIDENT_ID.label)
    try:
        name = clean_name(texts.get(NAME, ""))
    except BadInput as problem:
        found.faults.append(Fault(number, NAME, problem.why))
    if kind is None:
        found.faults.append(Fault(number, KIND, "没有这种证件，请从列表里选。"))
    else:
        try:
            parsed = parse_document(kind, texts.get(NUMBER, ""), on=on)
            document = parsed.number
            if parsed.birth is None:
                found.faults.append(Fault(number, NUMBER, "这种证件的号码里没有出生日期，请先到窗口建档再列入名单。"))
        except InvalidIdentifier as problem:
            found.faults.append(Fault(number, NUMBER, str(problem)))
    if text := texts.get(PHONE):
        try:
            phone = parse_mobile(text).number
        except InvalidIdentifier as problem:
            found.faults.append(Fault(number, PHONE, str(problem)))
    if len(found.faults) > before or kind is None:
        return
    key = (kind.value, document)
    if key in seen:
        found.repeated.append(number)
        return
    seen[key] = number
    found.entries.append(Entry(number, name, kind.value, document, phone))


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _unusable(why: str, next_step: str) -> BadInput:
    return BadInput("没有读取名单。", why, next_step, fields={"file": why})
