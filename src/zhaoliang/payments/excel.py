"""The bulk payment table that goes to a bank: .xlsx, or comma-separated text in GB18030. The same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import xlsxwriter

from zhaoliang.kernel.errors import Refusal
from zhaoliang.payments.formats.pain import Order, decimal, pain001
from zhaoliang.payments.models import PaymentBatch, PaymentLine

BANK_COLUMNS = ("批次号", "行号", "户名", "账号", "金额", "用途")
PURPOSE = "职业培训补贴"


def bank_file(batch: PaymentBatch, kind: str = "") -> bytes:
    """The file for the bank, by default in the batch's own format. Holds whole account numbers.

    The reference of each payment stands in its purpose, so that the bank's statement carries it. Raises Refusal for
    pain.001 for a batch of the days when no paying account was asked for.
    """
    kind = kind or batch.file_kind
    lines = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).order_by("sequence")
    if kind == "pain001":
        if batch.paying_account is None:
            raise no_paying_account()
        return pain001(batch, [_order(line) for line in lines.iterator(chunk_size=5000)])
    rows = (
        [batch.number, str(line.sequence), line.payee_name, line.account_number, decimal(line.amount_fen), purpose]
        for line in lines.iterator(chunk_size=5000)
        for purpose in [PURPOSE if batch.file_version == 1 else f"{_purpose(line)} {line.reference}"]
    )
    if kind == "csv":
        return _csv(BANK_COLUMNS, rows)
    # Rows are written out as they come; files of version 1 were made otherwise and must stay the same.
    return workbook("拨付明细", BANK_COLUMNS, rows, created=batch.created_at, streamed=batch.file_version > 1)


def no_paying_account() -> Refusal:
    """The refusal of a format that names the account the money leaves."""
    return Refusal(
        what="没有生成 pain.001。",
        why="封存这一批次时，这个资金渠道还没有经复核的付款账户。",
        next_step="请登记付款账户后重新编制批次，或改用 .xlsx、.csv。",
    )


def _purpose(line: PaymentLine) -> str:
    return PURPOSE if line.purpose == "subsidy" else f"{PURPOSE}{line.get_purpose_display()}"


def _order(line: PaymentLine) -> Order:
    return Order(line.reference, line.payee_name, line.account_number, line.amount_fen, _purpose(line))


def workbook(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, created: datetime, streamed: bool = False
) -> bytes:
    """One sheet of text cells: account numbers keep every digit and no cell is ever a formula."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"constant_memory": True} if streamed else {"in_memory": True})
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


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    # A leading tab keeps spreadsheet programs from calculating a cell or shortening a card number.
    writer.writerows([f"\t{cell}" if re.match(r"[=+\-@]|\d{12}", cell) else cell for cell in row] for row in rows)
    return target.getvalue().encode("gb18030")


def file_digest(content: bytes) -> bytes:
    """SHA-256 of a file, by which the same file is known again."""
    return hashlib.sha256(content).digest()
