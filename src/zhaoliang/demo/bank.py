"""A simulated bank: reads the file it was sent and answers it line by line. For the demo and for tests only."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from python_calamine import CalamineWorkbook

from zhaoliang.payments.excel import workbook
from zhaoliang.payments.formats.tables import FAILED, PAID, RETURN_COLUMNS

# The day the bank's programs were made: its files say nothing of when they were written.
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def answer_file(
    bank_file: bytes,
    failures: Mapping[int, str] = MappingProxyType({}),
    tails: Mapping[int, str] = MappingProxyType({}),
) -> bytes:
    """The return file (.xlsx) to a bank file (.xlsx): all paid but the line numbers in `failures`, sent back with a reason.

    `tails` are the last four of account numbers that it gives otherwise than they were sent.
    """
    rows = CalamineWorkbook.from_filelike(io.BytesIO(bank_file)).get_sheet_by_index(0).to_python()
    answers = []
    for number, sequence, name, account, amount, _purpose in rows[1:]:
        reason = failures.get(int(str(sequence)), "")
        answers.append(
            [
                str(number),
                str(sequence),
                str(name),
                tails.get(int(str(sequence)), str(account)[-4:]),
                str(amount),
                FAILED if reason else PAID,
                f"{number}{int(str(sequence)):06d}",
                reason,
            ]
        )
    return workbook("回单", RETURN_COLUMNS, answers, created=MADE)
