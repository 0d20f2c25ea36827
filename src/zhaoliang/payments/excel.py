"""Files that go to the bank and come back: .xlsx, or comma-separated text in GB18030 (read also as UTF-8)."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any
from zipfile import BadZipFile, ZipFile

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.money import BadAmount, parse_yuan
from zhaoliang.payments.models import PaymentBatch, PaymentLine

BANK_COLUMNS = ("批次号", "行号", "户名", "账号", "金额", "用途")
RETURN_COLUMNS = ("批次号", "行号", "户名", "账号后四位", "金额", "结果", "流水号", "原因")
NEEDED = ("批次号", "行号", "金额", "结果")
PURPOSE = "职业培训补贴"
PAID, FAILED = "成功", "失败"
_PAID_WORDS = {"成功", "已入账", "交易成功", "到账"}
_FAILED_WORDS = {"失败", "退票", "退回", "交易失败", "拒绝"}
MOST_BYTES, MOST_UNPACKED, MOST_ROWS = 20 * 1024 * 1024, 200 * 1024 * 1024, 100_000


@dataclass(frozen=True)
class ReturnRow:
    """One line of the bank's answer as read; None where a cell cannot be read. `row` is the row in the file."""

    row: int
    batch_number: str
    sequence: int | None
    tail: str
    amount_fen: int | None
    paid: bool | None
    reference: str
    reason: str


def bank_file(batch: PaymentBatch, kind: str = "xlsx") -> bytes:
    """The file for the bank, the same bytes every time. `kind` is xlsx or csv (GB18030). Holds whole account numbers."""
    lines = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).order_by("sequence")
    rows = [
        [batch.number, str(line.sequence), line.payee_name, line.account_number, yuan(line.amount_fen), PURPOSE]
        for line in lines
    ]
    if kind == "csv":
        return _csv(BANK_COLUMNS, rows)
    return workbook("拨付明细", BANK_COLUMNS, rows, created=batch.created_at)


def yuan(amount_fen: int) -> str:
    """Fen as bank files write it: 378000 → 3780.00."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def workbook(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, created: datetime) -> bytes:
    """One sheet of text cells: account numbers keep every digit and no cell is ever a formula."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    # The creation time is fixed, so that the same content is the same file.
    book.set_properties({"created": created.replace(tzinfo=None)})
    sheet = book.add_worksheet(title)
    text, head = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#E8EEF7"})
    sheet.set_column(0, len(columns) - 1, 20, text)
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(columns):
        sheet.write_string(0, column, name, head)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            sheet.write_string(number, column, value, text)
    book.close()
    return target.getvalue()


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    # A leading tab keeps spreadsheet programs from calculating a cell or shortening a card number.
    writer.writerows([f"\t{cell}" if re.match(r"[=+\-@]|\d{12}", cell) else cell for cell in row] for row in rows)
    return target.getvalue().encode("gb18030")


def read_return(content: bytes, file_name: str = "") -> list[ReturnRow]:
    """The rows of a bank return file, .xlsx or text. Raises BadInput saying what is wrong with the file."""
    table = _table(content, file_name)
    for number, cells in enumerate(table):
        names = [normalise(cell) for cell in cells]
        if set(NEEDED) <= set(names):
            where = {name: names.index(name) for name in RETURN_COLUMNS if name in names}
            body = [(number + offset, row) for offset, row in enumerate(table[number + 1 :], start=2)]
            rows = [_row(position, row, where) for position, row in body if any(cell.strip() for cell in row)]
            if not rows:
                raise _unusable("文件里只有表头，没有明细。")
            return rows
    raise _unusable(f"没有找到表头，至少要有这些列：{'、'.join(NEEDED)}。")


def _row(position: int, cells: Sequence[str], where: dict[str, int]) -> ReturnRow:
    def cell(name: str) -> str:
        index = where.get(name)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    sequence, outcome = normalise(cell("行号")), normalise(cell("结果"))
    try:
        amount: int | None = parse_yuan(cell("金额"))
    except BadAmount:
        amount = None
    paid = True if outcome in _PAID_WORDS else False if outcome in _FAILED_WORDS else None
    return ReturnRow(
        row=position,
        batch_number=normalise(cell("批次号")),
        sequence=int(sequence) if re.fullmatch(r"[0-9]{1,9}", sequence) else None,
        tail=normalise(cell("账号后四位"), drop="*"),
        amount_fen=amount,
        paid=paid,
        reference=cell("流水号")[:60],
        reason=cell("原因")[:200],
    )


def _table(content: bytes, file_name: str) -> list[list[str]]:
    if not content:
        raise _unusable("文件是空的。")
    if len(content) > MOST_BYTES:
        raise _unusable("文件超过 20 MB。")
    if content.startswith(b"PK"):
        return _sheet(content)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise _unusable("这是旧版 .xls 或加密的工作簿，读不了。")
    suffix = PurePath(file_name).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".pdf"):
        raise _unusable(f"文件名是 {suffix}，内容却不是 Excel 工作簿。")
    return _text_table(content)


def _sheet(content: bytes) -> list[list[str]]:
    try:
        with ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED:
                raise _unusable("文件解压后过大。")
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (BadZipFile, CalamineError) as problem:
        raise _unusable("文件损坏，或不是 Excel 工作簿。") from problem
    return _bounded([[_shown(cell) for cell in row] for row in rows])


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return str(cell)


def _text_table(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        try:
            return _bounded(list(csv.reader(io.StringIO(text), strict=True)))
        except csv.Error as problem:
            raise _unusable("文本的分隔或引号不对，读不成表格。") from problem
    raise _unusable("文件既不是 Excel 工作簿，也不是 GB18030 或 UTF-8 文本。")


def _bounded(rows: list[list[str]]) -> list[list[str]]:
    if len(rows) > MOST_ROWS + 20:
        raise _unusable(f"超过 {MOST_ROWS} 行。")
    return rows


def _unusable(why: str) -> BadInput:
    return BadInput(
        what="回单没有导入，什么都没有改动。",
        why=why,
        next_step="请向银行重新下载这一批次的回单（.xlsx 或 .csv），不要改动内容。",
        fields={"file": why},
    )


def file_digest(content: bytes) -> bytes:
    """SHA-256 of a file, by which the same file is known again."""
    return hashlib.sha256(content).digest()
