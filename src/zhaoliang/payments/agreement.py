"""账实相符、账表相符: what the platform has paid, what the bank says left the account, what the finance bureau's sheet says.

By fund and month, net of money that came back. Equal figures are quiet; each difference leads to what is behind it. Read from
the totals that are kept by month (`payments.totals`), never from single payments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import connection

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import region_codes

# What was kept from a payment that was due anyway (抵扣) never left the account and is no payment of the bank's.
_PLATFORM = """
SELECT account.fund_source, to_char(total.month, 'YYYY-MM'), sum(total.amount_fen)
FROM paid_total AS total
JOIN account ON account.city_code = total.city_code AND account.id = total.account_id
WHERE total.city_code = %(city)s AND account.region_code BETWEEN %(low)s AND %(high)s AND NOT total.set_off
  AND total.month BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
"""
_BANK = """
SELECT batch.fund_source, to_char(total.month, 'YYYY-MM'), sum(total.amount_fen)
FROM bank_total AS total
JOIN payment_batch AS batch ON batch.city_code = total.city_code AND batch.id = total.batch_id
WHERE total.city_code = %(city)s AND batch.region_code BETWEEN %(low)s AND %(high)s
  AND total.month BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
"""
# What the bank did in one month and was booked in another: missing in the first, too much in the second (未达账项). Only what was
# booked counts: rows booked with their file, and those that two people decided, by the month of their decision. What nobody has
# booked stays a difference in the bank's own month, and so does a decision that goes against what the row says: it explains
# nothing. In the bank's month a row stands under one batch, as in `bank_total`; each payment is booked under its own.
_LATE = """
SELECT late.fund_source, to_char(late.month, 'YYYY-MM'), sum(late.fen)
FROM (
    SELECT batch.fund_source, side.month, side.sign * total.booked_fen AS fen
    FROM bank_total AS total
    JOIN payment_batch AS batch ON batch.city_code = total.city_code AND batch.id = total.batch_id
    JOIN bank_return AS kept ON kept.city_code = total.city_code AND kept.id = total.bank_return_id
    CROSS JOIN LATERAL (VALUES
        (total.month, -1), (date_trunc('month', kept.at AT TIME ZONE 'Asia/Shanghai')::date, 1)
    ) AS side(month, sign)
    WHERE total.city_code = %(city)s AND batch.region_code BETWEEN %(low)s AND %(high)s
    UNION ALL
    SELECT batch.fund_source, side.month,
           side.sign * CASE decided.answer WHEN 'paid' THEN line.amount_fen ELSE -line.amount_fen END
    FROM reconciliation_case AS decided
    JOIN bank_return_line AS said ON said.city_code = decided.city_code AND said.id = decided.bank_line_id
    JOIN bank_return AS kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
    JOIN payment_line AS told ON told.city_code = said.city_code AND told.id = coalesce(said.payment_line_id, said.line_ids[1])
    JOIN payment_line AS line ON line.city_code = decided.city_code AND line.id = ANY(
        CASE WHEN decided.payment_line_id IS NULL THEN said.line_ids ELSE ARRAY[decided.payment_line_id] END)
    CROSS JOIN LATERAL (VALUES
        (told.batch_id, date_trunc('month', coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date))::date, -1),
        (line.batch_id, date_trunc('month', decided.closed_at AT TIME ZONE 'Asia/Shanghai')::date, 1)
    ) AS side(batch_id, month, sign)
    JOIN payment_batch AS batch ON batch.city_code = line.city_code AND batch.id = side.batch_id
    WHERE decided.city_code = %(city)s AND decided.state = 'closed' AND decided.decided_by_user IS NOT NULL
      AND batch.region_code BETWEEN %(low)s AND %(high)s AND said.outcome NOT IN ('repeated', 'unreadable')
      AND CASE decided.answer WHEN 'paid' THEN said.event IN ('out', 'undo_in')
          WHEN 'returned' THEN said.event = 'undo_out' OR said.outcome = 'returned' AND said.event NOT IN ('out', 'undo_in')
          ELSE FALSE END
) AS late
WHERE late.month BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2
HAVING sum(late.fen) <> 0
"""
_SHEET = """
SELECT DISTINCT ON (fund_source, month) fund_source, month, amount_fen
FROM finance_total
WHERE city_code = %(city)s AND region_code = %(region)s AND month BETWEEN %(since)s AND %(until)s
ORDER BY fund_source, month, id DESC
"""


@dataclass(frozen=True)
class Agreement:
    """One fund in one month, in fen; None where a side has said nothing.

    `late_fen` explains a part of the difference: what the bank paid in another month than its file was booked in.
    """

    fund_source: str
    month: str
    platform_fen: int | None
    bank_fen: int | None
    sheet_fen: int | None
    late_fen: int = 0

    @property
    def fund(self) -> str:
        return str(FundSource(self.fund_source).label)

    @property
    def bank_difference(self) -> int:
        """What the platform has paid and the bank has not, fen, beside what was only booked in another month."""
        return (self.platform_fen or 0) - (self.bank_fen or 0) - self.late_fen

    @property
    def sheet_difference(self) -> int | None:
        """What the platform has paid and the sheet does not show, fen; None without a sheet."""
        return None if self.sheet_fen is None else (self.platform_fen or 0) - self.sheet_fen

    @property
    def agrees(self) -> bool:
        return self.bank_difference == 0 and not self.sheet_difference


def agreements(city_code: int, region_code: int, since: date, until: date) -> list[Agreement]:
    """Every fund and month of a region's period (whole months) in which any of the three sides has a figure."""
    low, high = region_codes(region_code)
    values = {
        "city": city_code,
        "region": region_code,
        "low": low,
        "high": high,
        "since": f"{since:%Y-%m}",
        "until": f"{until:%Y-%m}",
        "first": since.replace(day=1),
        "last": until.replace(day=1),
    }
    sides: list[dict[tuple[str, str], int]] = []
    with connection.cursor() as cursor:
        for statement in (_PLATFORM, _BANK, _SHEET, _LATE):
            cursor.execute(statement, values)
            sides.append({(fund, month): int(fen) for fund, month, fen in cursor.fetchall()})
    platform, bank, sheet, late = sides
    keys = sorted({*platform, *bank, *sheet, *late}, key=lambda key: (key[1], key[0]))
    return [Agreement(*key, platform.get(key), bank.get(key), sheet.get(key), late.get(key, 0)) for key in keys]
