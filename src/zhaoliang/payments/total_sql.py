"""The statements of `payments.totals`; `{which}` narrows them to what was just booked. Imports nothing: the bench uses them too."""

from __future__ import annotations

# Every payment and every return of one (`sign` 1 and -1), with what it is counted under. `{which}` narrows them.
_MOVED = """
SELECT t.city_code, t.id, CASE t.kind WHEN 'pay' THEN t.credit_id ELSE t.debit_id END AS account_id,
       date_trunc('month', t.at AT TIME ZONE 'Asia/Shanghai')::date AS month, class.project_id, claim.kind AS claim_kind,
       coalesce(seat."group", '') AS "group", t.subject_type = 'claim_line.set_off' AS set_off,
       CASE t.kind WHEN 'pay' THEN 1 ELSE -1 END AS sign, t.amount_fen
FROM transfer t
LEFT JOIN payment_due due ON due.city_code = t.city_code AND due.id = t.subject_id AND t.subject_type = 'payment_due'
LEFT JOIN payment_line came_back
       ON came_back.city_code = t.city_code AND came_back.id = t.subject_id AND t.subject_type = 'payment_line'
JOIN claim_line line ON line.city_code = t.city_code AND line.id = coalesce(
    due.claim_line_id, came_back.claim_line_id,
    CASE WHEN t.subject_type IN ('claim_line', 'claim_line.set_off') THEN t.subject_id END
)
JOIN claim ON claim.city_code = line.city_code AND claim.id = line.claim_id
LEFT JOIN enrolment seat ON seat.city_code = line.city_code AND seat.id = line.enrolment_id
LEFT JOIN training_class class ON class.city_code = claim.city_code AND class.id = claim.training_class_id
WHERE t.city_code = %(city)s AND (t.kind = 'pay' OR t.kind = 'reverse' AND t.subject_type = 'payment_line') {which}
"""
_KEY = 'city_code, account_id, month, project_id, claim_kind, "group", set_off'
_SUMS = f"""
SELECT {_KEY}, sum(sign) AS payments, sum(sign * amount_fen) AS amount_fen
FROM ({_MOVED}) AS moved GROUP BY {_KEY}
"""
_ADDED = """
ON CONFLICT ON CONSTRAINT paid_total_once DO UPDATE
SET payments = kept.payments + excluded.payments, amount_fen = kept.amount_fen + excluded.amount_fen
"""
COUNT = f"""
INSERT INTO paid_total AS kept ({_KEY}, payments, amount_fen)
{_SUMS}
ORDER BY {_KEY}
{_ADDED}
"""
# The same for payment lines as they are booked, from what the booking knows of them (`{paid}`): no entry is looked for again, for
# a plan made of 100,000 new entries without statistics would read all of them for each line.
COUNT_LINES = f"""
INSERT INTO paid_total AS kept ({_KEY}, payments, amount_fen)
SELECT line.city_code, owed.disbursed, %(month)s::date, class.project_id, claim.kind, coalesce(seat."group", ''), FALSE,
       count(*), sum(paid.amount_fen)
FROM ({{paid}}) AS paid
JOIN unnest(%(payables)s::bigint[], %(disbursed)s::bigint[]) AS owed(payable, disbursed) ON owed.payable = paid.payable_id
JOIN claim_line line ON line.city_code = %(city)s AND line.id = paid.claim_line_id
JOIN claim ON claim.city_code = line.city_code AND claim.id = line.claim_id
LEFT JOIN enrolment seat ON seat.city_code = line.city_code AND seat.id = line.enrolment_id
LEFT JOIN training_class class ON class.city_code = claim.city_code AND class.id = claim.training_class_id
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7
{_ADDED}
"""
# A row that says what the bank did with a payment of ours; a movement that two files tell is counted with the first.
_SAID = """
SELECT said.city_code, said.bank_return_id, line.batch_id,
       date_trunc('month', coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date))::date AS month,
       sum(CASE said.event WHEN 'out' THEN said.amount_fen WHEN 'undo_in' THEN said.amount_fen
           WHEN 'undo_out' THEN -said.amount_fen
           ELSE CASE WHEN said.outcome = 'returned' THEN -said.amount_fen ELSE 0 END END) AS amount_fen,
       coalesce(sum(said.amount_fen) FILTER (WHERE said.outcome = 'paid'), 0) AS booked_fen
FROM bank_return_line AS said
JOIN bank_return AS kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
JOIN payment_line AS line ON line.city_code = said.city_code AND line.id = coalesce(said.payment_line_id, said.line_ids[1])
WHERE said.city_code = %(city)s AND said.outcome NOT IN ('repeated', 'unreadable') {which}
GROUP BY said.city_code, said.bank_return_id, line.batch_id, 4
"""
SAY = f"""
INSERT INTO bank_total AS kept (city_code, bank_return_id, batch_id, month, amount_fen, booked_fen)
{_SAID}
ON CONFLICT ON CONSTRAINT bank_total_once DO UPDATE
SET amount_fen = excluded.amount_fen, booked_fen = excluded.booked_fen
"""

# Kept totals that do not follow from entries or bank rows: where, what is kept, what follows.
WRONG_PAID = f"""
WITH derived AS (
    SELECT {_KEY}, sum(sign * amount_fen) AS fen, sum(sign) AS payments
    FROM ({_MOVED.format(which="")}) AS moved GROUP BY {_KEY}
), pair AS (
    SELECT coalesce(kept.account_id, derived.account_id) AS account_id, coalesce(kept.month, derived.month) AS month,
           kept.amount_fen AS kept_fen, derived.fen AS derived_fen,
           coalesce(kept.payments, 0) <> coalesce(derived.payments, 0) OR coalesce(kept.amount_fen, 0) <> coalesce(derived.fen, 0)
               AS wrong
    FROM (SELECT * FROM paid_total WHERE city_code = %(city)s) AS kept
    FULL JOIN derived ON derived.account_id = kept.account_id AND derived.month = kept.month
        AND coalesce(derived.project_id, 0) = coalesce(kept.project_id, 0) AND derived.claim_kind = kept.claim_kind
        AND derived."group" = kept."group" AND derived.set_off = kept.set_off
)
SELECT account.code || ' ' || to_char(pair.month, 'YYYY-MM'), coalesce(pair.kept_fen, 0), coalesce(pair.derived_fen, 0), NULL::bigint
FROM pair JOIN account ON account.city_code = %(city)s AND account.id = pair.account_id
WHERE pair.wrong ORDER BY 1
"""
WRONG_BANK = f"""
SELECT coalesce(kept.bank_return_id, derived.bank_return_id) || ' ' || to_char(coalesce(kept.month, derived.month), 'YYYY-MM'),
       coalesce(kept.amount_fen, 0), coalesce(derived.amount_fen, 0), NULL::bigint
FROM (SELECT * FROM bank_total WHERE city_code = %(city)s) AS kept
FULL JOIN ({_SAID.format(which="")}) AS derived ON derived.bank_return_id = kept.bank_return_id
    AND derived.batch_id = kept.batch_id AND derived.month = kept.month
WHERE coalesce(kept.amount_fen, 0) <> coalesce(derived.amount_fen, 0)
   OR coalesce(kept.booked_fen, 0) <> coalesce(derived.booked_fen, 0)
ORDER BY 1
"""
# Both totals of a city made to follow from entries and bank rows again.
AGAIN = (
    "UPDATE paid_total SET payments = 0, amount_fen = 0 WHERE city_code = %(city)s",
    COUNT.format(which=""),
    "UPDATE bank_total SET amount_fen = 0, booked_fen = 0 WHERE city_code = %(city)s",
    SAY.format(which=""),
)
