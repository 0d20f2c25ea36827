"""What was paid, kept by account, month, project, kind of claim and group, so that no report reads a city's every payment.

Counted with each payment and each return, inside the act that books it and under the lock that the ledger took on the
account: two bookings of an account follow one another, so no two count the same row at once. What a bank file says left the
account is kept by file, batch and month. `recoveries.proof` derives both again every night from entries and bank rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.kernel.acts import running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.payments.total_sql import AGAIN, COUNT, COUNT_LINES, SAY


def count_lines(paid: str, values: Mapping[str, Any], at: datetime) -> None:
    """Count payment lines just booked as paid; inside their act.

    `paid` selects them (claim_line_id, payable_id, amount_fen) with the `values` city, payables, disbursed and its own.
    """
    _run(COUNT_LINES.format(paid=paid), {**values, "month": chinese_day(at).replace(day=1)})


def count_transfer(city_code: int, transfer_id: int) -> None:
    """Count one payment, or take one that came back out of the count; inside the act that booked it."""
    _run(COUNT.format(which="AND t.id = %(transfer)s"), {"city": city_code, "transfer": transfer_id})


def count_bank_file(city_code: int, bank_return_id: int) -> None:
    """Keep what a bank file just booked says left the accounts, by batch and month; inside its act."""
    _run(SAY.format(which="AND said.bank_return_id = %(kept)s"), {"city": city_code, "kept": bank_return_id})


def derive_again(city_code: int) -> None:
    """Make both totals of a city follow from entries and bank rows again; inside an act that keeps everybody else from booking."""
    for statement in AGAIN:
        _run(statement, {"city": city_code})


def _run(statement: str, values: Mapping[str, Any]) -> None:
    running()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
