"""Past grants of 以工代训 by Excel: a template, and a reader that names row, column and reason."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.resident_id import parse_resident_id
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.money import parse_yuan
from zhaoliang.registry.services import clean_name

NAME, NUMBER, EMPLOYER, USCC = "姓名", "身份证号码", "企业名称", "统一社会信用代码"
MONTH, MONTHS, AMOUNT, GRANTED, FUND = "起始月份", "月数", "补贴金额（元）", "发放日期", "资金渠道"
COLUMNS = (NAME, NUMBER, EMPLOYER, USCC, MONTH, MONTHS, AMOUNT, GRANTED, FUND)
EXAMPLE = (
    "张某某",
    "（18 位）",
    "某某公司",
    "（18 位）",
    "2021-03",
    "6",
    "3000",
    "2021-11-20",
    "职业技能提升行动专账资金",
)
MAX_BYTES, MAX_ROWS = 5 * 1024 * 1024, 5000
MOST_MONTHS = 24
_FUNDS = {str(label): code for code, label in FundSource.choices}


@dataclass(frozen=True)
class Past:
    """One past grant as read; months count from the first day of `first_month`, the amount is in fen."""

    row: int
    name: str
    number: str
    employer: str
    uscc: str
    first_month: date
    months: int
    amount_fen: int
    granted_on: date
    fund_source: str

    @property
    def last_month(self) -> date:
        """The first day of the last month."""
        year, month = divmod(self.first_month.year * 12 + self.first_month.month - 1 + self.months - 1, 12)
        return date(year, month + 1, 1)


@dataclass(frozen=True)
class Fault:
    """One thing wrong: row and column as the spreadsheet shows them, and the reason, without any number of a person."""

    row: int
    column: str
    reason: str


@dataclass
class PastFile:
    """What a file holds; with `faults` nothing of it is taken."""

    grants: list[Past] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def template() -> bytes:
    """The sheet to fill in (.xlsx). Everything is text, so that no spreadsheet rounds a number or turns a month about."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet("以工代训历史")
        head = book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1})
        sheet.set_column(0, len(COLUMNS) - 1, 22, book.add_format({"num_format": "@"}))
        for place, (title, example) in enumerate(zip(COLUMNS, EXAMPLE, strict=True)):
            sheet.write_string(0, place, title, head)
            sheet.write_comment(0, place, f"例：{example}")
        sheet.data_validation(
            1, len(COLUMNS) - 1, MAX_ROWS, len(COLUMNS) - 1, {"validate": "list", "source": list(_FUNDS)}
        )
        sheet.freeze_panes(1, 0)
    return target.getvalue()


def read_past(content: bytes, *, on: date) -> PastFile:
    """Read a file. Raises BadInput when it is no workbook, has no such columns, no rows or too many."""
    if len(content) > MAX_BYTES:
        raise _unusable("文件太大。")
    try:
        grid = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    except (CalamineError, IndexError, ValueError):
        raise _unusable("打不开这个文件，它可能不是 Excel 工作簿。") from None
    titles = [_text(cell) for cell in grid[0]] if grid else []
    if missing := [title for title in COLUMNS if title not in titles]:
        raise _unusable(f"第一行没有“{'”“'.join(missing)}”列。")
    if len(grid) - 1 > MAX_ROWS:
        raise _unusable(f"有 {len(grid) - 1} 行，一次最多 {MAX_ROWS} 行。")
    found = PastFile()
    for number, cells in enumerate(grid[1:], start=2):
        texts = dict(zip(titles, (_text(cell) for cell in cells), strict=False))
        if any(texts.get(title) for title in COLUMNS):
            _read_row(found, number, texts, on)
    if not found.grants and not found.faults:
        raise _unusable("表里没有内容。")
    return found


def _read_row(found: PastFile, row: int, texts: dict[str, str], on: date) -> None:
    wrong: dict[str, str] = {}
    name = number = uscc = ""
    months = fen = 0
    month = granted = date.min
    try:
        name = clean_name(texts[NAME])
    except BadInput as problem:
        wrong[NAME] = problem.why
    for column, parse in (
        (NUMBER, lambda text: parse_resident_id(text, on=on).number),
        (USCC, lambda text: parse_uscc(text).number),
    ):
        try:
            value = parse(texts[column])
        except InvalidIdentifier as problem:
            wrong[column] = str(problem)
        else:
            number, uscc = (value, uscc) if column == NUMBER else (number, value)
    if not texts[EMPLOYER]:
        wrong[EMPLOYER] = "请填写企业名称。"
    if (first := re.fullmatch(r"(20\d\d)[-年./](0?[1-9]|1[0-2])(?:[-./]0?1|月)?", texts[MONTH])) is None:
        wrong[MONTH] = "要写成 2021-03 这样。"
    else:
        month = date(int(first[1]), int(first[2]), 1)
    if not texts[MONTHS].isascii() or not texts[MONTHS].isdigit() or not 1 <= int(texts[MONTHS]) <= MOST_MONTHS:
        wrong[MONTHS] = f"要填 1 到 {MOST_MONTHS} 的整数。"
    else:
        months = int(texts[MONTHS])
    try:
        fen = parse_yuan(texts[AMOUNT])
    except BadInput as problem:
        wrong[AMOUNT] = problem.why
    else:
        if fen <= 0:
            wrong[AMOUNT] = "金额要大于零。"
    try:
        granted = date.fromisoformat(texts[GRANTED].replace("/", "-")[:10])
    except ValueError:
        wrong[GRANTED] = "要写成 2021-11-20 这样。"
    else:
        if granted > on or granted < month:
            wrong[GRANTED] = "发放日期不能晚于今天，也不能早于起始月份。"
    if texts[FUND] not in _FUNDS:
        wrong[FUND] = f"没有这个资金渠道，应为：{'、'.join(_FUNDS)}。"
    found.faults += [Fault(row, column, reason) for column, reason in wrong.items()]
    if not wrong:
        fund = _FUNDS[texts[FUND]]
        found.grants.append(Past(row, name, number, texts[EMPLOYER][:120], uscc, month, months, fen, granted, fund))


def _text(cell: object) -> str:
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _unusable(why: str) -> BadInput:
    said = "请下载模板填写，不要改动表头，存成 .xlsx 再上传。"
    return BadInput("没有读取文件。", why, said, fields={"file": why})
