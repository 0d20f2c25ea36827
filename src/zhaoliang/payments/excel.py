"""The bulk payment table that goes to a bank: .xlsx, or comma-separated text in GB18030. The same bytes every time."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple

import xlsxwriter
from django.db.models import Count, Sum

from zhaoliang.kernel.db.parts import in_parts
from zhaoliang.kernel.errors import Refusal
from zhaoliang.payments.formats.pain import Order, decimal, pain001
from zhaoliang.payments.models import PaymentBatch, PaymentLine, reference_of
from zhaoliang.subsidies.models import PaymentDue

BANK_COLUMNS = ("批次号", "行号", "户名", "账号", "金额", "用途")
PURPOSE = "职业培训补贴"
_TITLES = dict(PaymentDue.PURPOSES)
_RISKY = re.compile(r"[=+\-@]|\d{12}").match


def bank_file(batch: PaymentBatch, kind: str = "") -> bytes:
    """`bank_file_pieces` as one."""
    return b"".join(bank_file_pieces(batch, kind))


def bank_file_pieces(batch: PaymentBatch, kind: str = "") -> Iterator[bytes]:
    """The file for the bank, by default in the batch's own format, piece by piece. Holds whole account numbers.

    The reference of each payment stands in its purpose, so that the bank's statement carries it. Raises Refusal for
    pain.001 for a batch of the days when no paying account was asked for.
    """
    kind = kind or batch.file_kind
    if kind == "pain001" and batch.paying_account is None:
        raise no_paying_account()
    return _pieces(batch, kind)


def _pieces(batch: PaymentBatch, kind: str) -> Iterator[bytes]:
    if kind == "pain001":
        found = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).aggregate(
            count=Count("id"), fen=Sum("amount_fen")
        )
        yield from pain001(batch, map(_order, _lines(batch)), count=found["count"], total_fen=found["fen"] or 0)
        return
    rows = (
        [batch.number, str(line.sequence), line.name, line.account, decimal(line.fen), purpose]
        for line in _lines(batch)
        for purpose in [PURPOSE if batch.file_version == 1 else f"{_purpose(line)} {line.reference}"]
    )
    if kind == "csv":
        yield from _csv(BANK_COLUMNS, rows)
        return
    # Rows are written out as they come; files of version 1 were made otherwise and must stay the same.
    yield workbook("拨付明细", BANK_COLUMNS, rows, created=batch.created_at, streamed=batch.file_version > 1)


class Line(NamedTuple):
    """What a bank file says of a payment line."""

    pk: int
    sequence: int
    name: str
    account: str
    fen: int
    purpose: str

    @property
    def reference(self) -> str:
        """As `PaymentLine.reference`."""
        return reference_of(self.pk)


def _lines(batch: PaymentBatch) -> Iterator[Line]:
    rows = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch)
    fields = ("id", "sequence", "payee_name", "account_number", "amount_fen", "purpose")
    return map(Line._make, in_parts(rows, *fields, key="sequence"))


def no_paying_account() -> Refusal:
    """The refusal of a format that names the account the money leaves."""
    return Refusal(
        what="没有生成 pain.001。",
        why="封存这一批次时，这个资金渠道还没有经复核的付款账户。",
        next_step="请登记付款账户后重新编制批次，或改用 .xlsx、.csv。",
    )


def _purpose(line: Line) -> str:
    return PURPOSE if line.purpose == "subsidy" else f"{PURPOSE}{_TITLES[line.purpose]}"


def _order(line: Line) -> Order:
    return Order(line.reference, line.name, line.account, line.fen, _purpose(line))


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


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    written = chain([columns], ([_guarded(cell) for cell in row] for row in rows))
    while part := list(islice(written, 5000)):
        target = io.StringIO()
        csv.writer(target).writerows(part)
        yield target.getvalue().encode("gb18030")


def _guarded(cell: str) -> str:
    """A leading tab keeps spreadsheet programs from calculating a cell or shortening a card number."""
    return f"\t{cell}" if _RISKY(cell) else cell


def file_digest(content: bytes) -> bytes:
    """SHA-256 of a file, by which the same file is known again."""
    return hashlib.sha256(content).digest()


def pieces_digest(pieces: Iterable[bytes]) -> bytes:
    """`file_digest` of a file that comes piece by piece."""
    made = hashlib.sha256()
    for piece in pieces:
        made.update(piece)
    return made.digest()
