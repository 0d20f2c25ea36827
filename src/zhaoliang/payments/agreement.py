"""账实相符、账表相符: what the platform has paid, what the bank says left the account, what the finance bureau's sheet says.

By fund and month, net of money that came back. Equal figures are quiet; each difference leads to what is behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import connection

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import region_codes

_PLATFORM = """
SELECT account.fund_source, to_char(transfer.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM'),
       sum(CASE transfer.kind WHEN 'pay' THEN transfer.amount_fen ELSE -transfer.amount_fen END)
FROM transfer
JOIN account ON account.city_code = transfer.city_code
     AND account.id = CASE transfer.kind WHEN 'pay' THEN transfer.credit_id ELSE transfer.debit_id END
WHERE transfer.city_code = %(city)s AND account.region_code BETWEEN %(low)s AND %(high)s
  AND (transfer.kind = 'pay' OR (transfer.kind = 'reverse' AND transfer.subject_type = 'payment_line'))
  AND account.kind = 'disbursed'
  AND to_char(transfer.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') BETWEEN %(since)s AND %(until)s
GROUP BY 1, 2
"""
# A movement that two files tell is counted once: the second time it is 'repeated'.
_BANK = """
SELECT batch.fund_source, to_char(coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date), 'YYYY-MM') AS month,
       sum(CASE said.event WHEN 'out' THEN said.amount_fen WHEN 'undo_in' THEN said.amount_fen
           WHEN 'undo_out' THEN -said.amount_fen
           ELSE CASE WHEN said.outcome = 'returned' THEN -said.amount_fen ELSE 0 END END)
FROM bank_return_line AS said
JOIN bank_return AS kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
JOIN payment_line AS line ON line.city_code = said.city_code AND line.id = coalesce(said.payment_line_id, said.line_ids[1])
JOIN payment_batch AS batch ON batch.city_code = line.city_code AND batch.id = line.batch_id
WHERE said.city_code = %(city)s AND batch.region_code BETWEEN %(low)s AND %(high)s
  AND said.outcome NOT IN ('repeated', 'unreadable')
  AND to_char(coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date), 'YYYY-MM')
      BETWEEN %(since)s AND %(until)s
GROUP BY 1, 2
"""
_SHEET = """
SELECT DISTINCT ON (fund_source, month) fund_source, month, amount_fen
FROM finance_total
WHERE city_code = %(city)s AND region_code = %(region)s AND month BETWEEN %(since)s AND %(until)s
ORDER BY fund_source, month, id DESC
"""


@dataclass(frozen=True)
class Agreement:
    """One fund in one month, in fen; None where a side has said nothing."""

    fund_source: str
    month: str
    platform_fen: int | None
    bank_fen: int | None
    sheet_fen: int | None

    @property
    def fund(self) -> str:
        return str(FundSource(self.fund_source).label)

    @property
    def bank_difference(self) -> int:
        """What the platform has paid and the bank has not, fen."""
        return (self.platform_fen or 0) - (self.bank_fen or 0)

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
    }
    sides: list[dict[tuple[str, str], int]] = []
    with connection.cursor() as cursor:
        for statement in (_PLATFORM, _BANK, _SHEET):
            cursor.execute(statement, values)
            sides.append({(fund, month): int(fen) for fund, month, fen in cursor.fetchall()})
    platform, bank, sheet = sides
    keys = sorted({*platform, *bank, *sheet}, key=lambda key: (key[1], key[0]))
    return [Agreement(*key, platform.get(key), bank.get(key), sheet.get(key)) for key in keys]
