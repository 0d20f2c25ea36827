"""Cases that a bank file opens, and those that a later file closes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from zhaoliang.payments.models import BankReturn, ReconciliationCase
from zhaoliang.payments.states import RECONCILIATION

# One case for each line and kind, or for each row that knows no line. What is open already is not opened again.
_OPEN = """
INSERT INTO reconciliation_case (city_code, region_code, kind, batch_id, payment_line_id, bank_line_id, amount_fen, says,
                                 opened_at, state, answer, answer_text, evidence)
SELECT DISTINCT ON (coalesce(said.payment_line_id, -said.id), said.outcome)
       said.city_code, kept.region_code, said.outcome, coalesce(line.batch_id, kept.batch_id, merged.batch_id),
       said.payment_line_id, said.id, said.amount_fen, said.reason, %(at)s, 'open', '', '', ''
FROM bank_return_line AS said
JOIN bank_return AS kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
LEFT JOIN payment_line AS line ON line.city_code = said.city_code AND line.id = said.payment_line_id
LEFT JOIN payment_line AS merged ON merged.city_code = said.city_code AND merged.id = said.line_ids[1]
WHERE said.city_code = %(city)s AND said.bank_return_id = %(kept)s
  AND said.outcome NOT IN ('paid', 'failed', 'repeated')
ORDER BY coalesce(said.payment_line_id, -said.id), said.outcome, said.row
ON CONFLICT DO NOTHING
"""
_MISSING = """
INSERT INTO reconciliation_case (city_code, region_code, kind, batch_id, amount_fen, says, opened_at, state, answer,
                                 answer_text, evidence)
SELECT batch.city_code, batch.region_code, 'missing', batch.id, sum(line.amount_fen),
       '银行还没有提到 ' || count(*) || ' 笔', %(at)s, 'open', '', '', ''
FROM payment_batch AS batch
JOIN payment_line AS line ON line.city_code = batch.city_code AND line.batch_id = batch.id AND line.state = 'sent'
WHERE batch.city_code = %(city)s AND batch.id = ANY(%(batches)s)
  AND NOT EXISTS (SELECT FROM reconciliation_case AS seen WHERE seen.city_code = line.city_code
                  AND seen.payment_line_id = line.id AND seen.state <> 'closed')
  AND NOT EXISTS (SELECT FROM bank_return_line AS said WHERE said.city_code = line.city_code
                  AND said.bank_return_id = %(kept)s AND line.id = ANY(said.line_ids))
GROUP BY batch.city_code, batch.id, batch.region_code
ON CONFLICT DO NOTHING
"""
_ANSWERED = """
SELECT one.id, one.state FROM reconciliation_case AS one
WHERE one.city_code = %(city)s AND one.state <> 'closed' AND one.batch_id = ANY(%(batches)s) AND (
    (one.kind = 'missing' AND NOT EXISTS (SELECT FROM payment_line AS line WHERE line.city_code = one.city_code
                                          AND line.batch_id = one.batch_id AND line.state = 'sent'))
    OR (one.kind IN ('amount_differs', 'account_differs', 'twice_in_file', 'split', 'unreadable') AND EXISTS (
        SELECT FROM bank_return_line AS said WHERE said.city_code = one.city_code AND said.bank_return_id = %(kept)s
          AND said.payment_line_id = one.payment_line_id AND said.outcome IN ('paid', 'failed'))))
"""


def open_cases(kept: BankReturn, batch_ids: Sequence[int], *, at: datetime) -> None:
    """Open a case for each thing of a booked file that did not match by itself; close what this file has answered."""
    values = {"city": kept.city_code, "kept": kept.pk, "batches": list(batch_ids), "at": at}
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, values)
        cursor.execute(_MISSING, values)
    close_answered(kept.city_code, batch_ids, at=at, kept_id=kept.pk)


def close_answered(city_code: int, batch_ids: Sequence[int], *, at: datetime, kept_id: int | None = None) -> None:
    """Close the cases of batches that the newest file, or a person's decision on other lines, has answered."""
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, {"city": city_code, "kept": kept_id, "batches": list(batch_ids)})
        found = cursor.fetchall()
    for source in ("open", "proposed"):
        ids = [pk for pk, state in found if state == source]
        RECONCILIATION.fire_ids(
            ReconciliationCase,
            city_code,
            ids,
            "close",
            source=source,
            closed_at=at,
            answer="explained",
            answer_text="银行后来的文件已经说明。",
        )
