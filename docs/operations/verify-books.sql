-- Independent proof of a city's money, without any code of the platform:
--   psql -v city=120000 -f docs/operations/verify-books.sql
-- No row: the books are right. Each row names a check, the thing that does not agree (account, closing, batch, claim line,
-- payment, case, kept total, receipt), the first entry that does not fit where there is one, and both figures in fen. Where every
-- entry of an account fits and its balance does not, the account is named with its last entry: the balance was changed after it.
WITH leg AS (
    SELECT debit_id AS account_id, id, -amount_fen AS fen, debit_after_fen AS after_fen
    FROM transfer WHERE city_code = :city
    UNION ALL
    SELECT credit_id, id, amount_fen, credit_after_fen
    FROM transfer WHERE city_code = :city
), run AS (
    SELECT account_id, id, after_fen, sum(fen) OVER (PARTITION BY account_id ORDER BY id) AS derived_fen FROM leg
), wrong AS (
    SELECT DISTINCT ON (account_id) account_id, id AS transfer_id, after_fen AS stored_fen, derived_fen
    FROM run WHERE after_fen <> derived_fen ORDER BY account_id, id
), total AS (
    SELECT account_id, sum(fen) AS derived_fen, max(id) AS last_id FROM leg GROUP BY account_id
), undone AS (
    -- Every entry is posted within an act, whose event in the audit log bears the same moment: of these nothing is told.
    SELECT at FROM (SELECT DISTINCT at FROM transfer WHERE city_code = :city) moment
    WHERE NOT EXISTS (SELECT FROM audit_event e WHERE e.city_code = :city AND e.at = moment.at)
), of_fund AS (
    SELECT fund_source, sum(balance_fen) AS fen FROM account WHERE city_code = :city GROUP BY fund_source
), reserve AS (
    SELECT account_id, sum(fen) AS fen FROM (
        SELECT credit_id AS account_id, amount_fen AS fen FROM transfer
        WHERE city_code = :city AND kind IN ('amend', 'reverse')
        UNION ALL
        SELECT debit_id, -amount_fen FROM transfer
        WHERE city_code = :city AND kind IN ('accrue', 'reverse')
    ) moved GROUP BY account_id
), strange AS (
    -- What moved money into or out of a reservation and is not the batch's own.
    SELECT b.id, min(t.id) AS entry
    FROM voucher_batch b
    JOIN transfer t ON t.city_code = b.city_code AND t.kind IN ('reserve', 'release')
        AND b.reserved_account_id = CASE t.kind WHEN 'reserve' THEN t.credit_id ELSE t.debit_id END
    WHERE b.city_code = :city AND (t.subject_type, t.subject_id) <> ('voucher_batch', b.id)
    GROUP BY b.id
), reserved AS (
    -- What is released is what a smaller quota no longer asks for, to the fen; a settled batch keeps nothing.
    SELECT b.id, strange.entry, a.balance_fen AS stored_fen,
           CASE b.state WHEN 'settled' THEN 0
                        ELSE b.quota::bigint * b.amount_fen + coalesce(reserve.fen, 0) END AS derived_fen
    FROM voucher_batch b
    JOIN account a ON a.city_code = b.city_code AND a.id = b.reserved_account_id
    LEFT JOIN reserve ON reserve.account_id = a.id
    LEFT JOIN strange ON strange.id = b.id
    WHERE b.city_code = :city
), line AS (
    SELECT subject_id AS id, max(id) AS entry,
           sum(CASE kind WHEN 'accrue' THEN amount_fen WHEN 'amend' THEN -amount_fen ELSE 0 END) AS fen
    FROM transfer
    WHERE city_code = :city
      AND (subject_type IN ('claim_line', 'claim_line.excess') OR subject_type LIKE 'claim_line.difference.%')
    GROUP BY subject_id
), said AS (
    SELECT CASE WHEN due_id IS NULL THEN 'claim_line' ELSE 'payment_due' END AS subject_type,
           coalesce(due_id, claim_line_id) AS subject_id, sum(amount_fen) AS fen
    FROM payment_line WHERE city_code = :city AND state = 'paid' GROUP BY 1, 2
), booked AS (
    SELECT t.subject_type, t.subject_id, sum(t.amount_fen) AS fen, max(t.id) AS entry
    FROM transfer t LEFT JOIN transfer undone ON undone.city_code = t.city_code AND undone.reverses_id = t.id
    WHERE t.city_code = :city AND t.kind = 'pay' AND undone.id IS NULL
      AND t.subject_type IN ('claim_line', 'payment_due')
    GROUP BY 1, 2
), owed AS (
    SELECT subject_id AS case_id, max(id) AS entry,
           sum(CASE kind WHEN 'recover' THEN amount_fen ELSE -amount_fen END) AS fen
    FROM transfer WHERE city_code = :city AND subject_type LIKE 'recovery_case%' GROUP BY subject_id
), back AS (
    SELECT r.case_id, sum(t.amount_fen) AS fen
    FROM recovery_receipt r
    JOIN transfer t ON t.city_code = r.city_code AND t.subject_type = 'recovery_receipt' AND t.subject_id = r.id
        AND t.kind = 'collect'
    WHERE r.city_code = :city GROUP BY r.case_id
), paid AS (
    SELECT CASE t.kind WHEN 'pay' THEN t.credit_id ELSE t.debit_id END AS account_id,
           to_char(t.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month, t.subject_type = 'claim_line.set_off' AS set_off,
           coalesce(class.project_id, 0) AS project_id, claim.kind, coalesce(seat."group", '') AS "group",
           sum(CASE t.kind WHEN 'pay' THEN t.amount_fen ELSE -t.amount_fen END) AS fen,
           sum(CASE t.kind WHEN 'pay' THEN 1 ELSE -1 END) AS payments
    FROM transfer t
    LEFT JOIN payment_due d ON t.subject_type = 'payment_due' AND d.city_code = t.city_code AND d.id = t.subject_id
    LEFT JOIN payment_line p ON t.subject_type = 'payment_line' AND p.city_code = t.city_code AND p.id = t.subject_id
    JOIN claim_line l ON l.city_code = t.city_code AND l.id = CASE
        WHEN t.subject_type IN ('claim_line', 'claim_line.set_off') THEN t.subject_id
        ELSE coalesce(d.claim_line_id, p.claim_line_id) END
    JOIN claim ON claim.city_code = l.city_code AND claim.id = l.claim_id
    LEFT JOIN enrolment seat ON seat.city_code = l.city_code AND seat.id = l.enrolment_id
    LEFT JOIN training_class class ON class.city_code = claim.city_code AND class.id = claim.training_class_id
    WHERE t.city_code = :city AND (t.kind = 'pay' OR (t.kind = 'reverse' AND t.subject_type = 'payment_line'))
    GROUP BY 1, 2, 3, 4, 5, 6
), paid_kept AS (
    SELECT account_id, to_char(month, 'YYYY-MM') AS month, set_off, coalesce(project_id, 0) AS project_id, claim_kind AS kind,
           "group", amount_fen AS fen, payments
    FROM paid_total WHERE city_code = :city
), bank AS (
    SELECT said.bank_return_id, line.batch_id,
           to_char(coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date), 'YYYY-MM') AS month,
           sum(CASE WHEN said.event IN ('out', 'undo_in') THEN said.amount_fen
                    WHEN said.event = 'undo_out' OR said.outcome = 'returned' THEN -said.amount_fen ELSE 0 END) AS fen
    FROM bank_return_line said
    JOIN bank_return kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
    JOIN payment_line line ON line.city_code = said.city_code AND line.id = coalesce(said.payment_line_id, said.line_ids[1])
    WHERE said.city_code = :city AND said.outcome NOT IN ('repeated', 'unreadable')
    GROUP BY 1, 2, 3
), bank_kept AS (
    SELECT bank_return_id, batch_id, to_char(month, 'YYYY-MM') AS month, amount_fen AS fen
    FROM bank_total WHERE city_code = :city
)
SELECT 'balance' AS check,
       account.code || CASE WHEN wrong.account_id IS NULL AND total.last_id IS NOT NULL THEN ' after entry ' || total.last_id ELSE '' END
           AS what, wrong.transfer_id,
       coalesce(wrong.stored_fen, account.balance_fen) AS stored_fen,
       coalesce(wrong.derived_fen, total.derived_fen, 0) AS derived_fen
FROM account
LEFT JOIN wrong ON wrong.account_id = account.id
LEFT JOIN total ON total.account_id = account.id
WHERE account.city_code = :city
  AND (wrong.account_id IS NOT NULL OR account.balance_fen <> coalesce(total.derived_fen, 0))
UNION ALL
SELECT 'act', kind || ' ' || subject_type || ' ' || subject_id, id, amount_fen, 0 FROM (
    SELECT t.* FROM transfer t JOIN undone ON undone.at = t.at WHERE t.city_code = :city ORDER BY t.id LIMIT 1000
) unheard
UNION ALL
SELECT 'fund', fund_source, NULL, fen, 0 FROM of_fund WHERE fen <> 0
UNION ALL
SELECT 'closing', closing.through::text,
       -- Numbers are drawn in the order of time: the first entry whose date says the other side of the day than its number.
       (SELECT CASE WHEN early.n = 0 OR late.n BETWEEN 1 AND early.n THEN late.first ELSE early.first END
        FROM (SELECT count(*) AS n, min(id) AS first FROM transfer
              WHERE city_code = :city AND at >= day.over
                AND id < (SELECT max(id) FROM transfer WHERE city_code = :city AND at < day.over)) late,
             (SELECT count(*) AS n, min(id) AS first FROM transfer
              WHERE city_code = :city AND at < day.over
                AND id > (SELECT min(id) FROM transfer WHERE city_code = :city AND at >= day.over)) early),
       closing.total_fen, coalesce(sum(t.amount_fen), 0)
FROM book_closing closing
CROSS JOIN LATERAL (SELECT (closing.through + 1)::timestamp AT TIME ZONE 'Asia/Shanghai' AS over) day
LEFT JOIN transfer t ON t.city_code = closing.city_code AND t.at < day.over
WHERE closing.city_code = :city AND closing.step = 'closed'
GROUP BY closing.id, closing.through, closing.total_fen, closing.transfers, day.over
HAVING closing.total_fen <> coalesce(sum(t.amount_fen), 0) OR closing.transfers <> count(t.id)
UNION ALL
SELECT 'order', o.id::text, max(t.id), o.amount_fen, coalesce(sum(t.amount_fen), 0)
FROM budget_order o
LEFT JOIN transfer t ON t.city_code = o.city_code AND t.subject_type = 'budget_order' AND t.subject_id = o.id
WHERE o.city_code = :city AND o.nature IN ('return', 'carry', 'send', 'receive')
GROUP BY o.id, o.amount_fen
HAVING coalesce(sum(t.amount_fen), 0) <> o.amount_fen
UNION ALL
SELECT 'order', account.code, booked.entry, coalesce(said.fen, 0), coalesce(booked.fen, 0)
FROM (
    SELECT account_id, sum(amount_fen) AS fen FROM budget_order
    WHERE city_code = :city AND nature IN ('allocate', 'added', 'bonus') GROUP BY account_id
) said FULL JOIN (
    SELECT credit_id AS account_id, sum(amount_fen) AS fen, max(id) AS entry FROM transfer
    WHERE city_code = :city AND kind = 'allocate' AND subject_type <> 'budget_order' GROUP BY credit_id
) booked USING (account_id)
JOIN account ON account.city_code = :city AND account.id = account_id
WHERE coalesce(said.fen, 0) <> coalesce(booked.fen, 0)
UNION ALL
SELECT 'pair', o.reference, NULL, o.amount_fen, coalesce(sent.amount_fen, 0)
FROM budget_order o
JOIN account into_account ON into_account.city_code = o.city_code AND into_account.id = o.account_id
LEFT JOIN budget_order sent ON sent.city_code = o.other_city AND sent.reference = o.reference AND sent.nature = 'send'
WHERE o.city_code = :city AND o.nature = 'receive'
  AND (sent.amount_fen, sent.other_region) IS DISTINCT FROM (o.amount_fen, into_account.region_code)
UNION ALL
SELECT 'reserve', id::text, entry, stored_fen, derived_fen FROM reserved WHERE stored_fen <> derived_fen
UNION ALL
SELECT 'line', l.id::text, line.entry, l.amount_fen, coalesce(line.fen, 0)
FROM claim_line l LEFT JOIN line ON line.id = l.id
WHERE l.city_code = :city
  AND coalesce(line.fen, 0)
      <> CASE WHEN l.state IN ('approved', 'in_batch', 'failed', 'paid') THEN l.amount_fen ELSE 0 END
UNION ALL
SELECT 'payment', coalesce(said.subject_type, booked.subject_type) || ' ' || coalesce(said.subject_id, booked.subject_id),
       booked.entry, coalesce(said.fen, 0), coalesce(booked.fen, 0)
FROM said FULL JOIN booked USING (subject_type, subject_id)
WHERE coalesce(said.fen, 0) <> coalesce(booked.fen, 0)
UNION ALL
SELECT 'case', c.id::text, owed.entry, c.amount_fen - c.collected_fen, coalesce(owed.fen, 0) - coalesce(back.fen, 0)
FROM recovery_case c
LEFT JOIN owed ON owed.case_id = c.id
LEFT JOIN back ON back.case_id = c.id
WHERE c.city_code = :city
  AND (coalesce(owed.fen, 0) - coalesce(back.fen, 0)
           <> CASE WHEN c.state IN ('withdrawn', 'written_off') THEN 0 ELSE c.amount_fen - c.collected_fen END
       OR c.collected_fen <> coalesce(back.fen, 0))
UNION ALL
SELECT 'total', account.code || ' ' || coalesce(paid.month, paid_kept.month), NULL,
       coalesce(paid_kept.fen, 0), coalesce(paid.fen, 0)
FROM paid FULL JOIN paid_kept USING (account_id, month, set_off, project_id, kind, "group")
JOIN account ON account.city_code = :city AND account.id = account_id
WHERE coalesce(paid.fen, 0) <> coalesce(paid_kept.fen, 0) OR coalesce(paid.payments, 0) <> coalesce(paid_kept.payments, 0)
UNION ALL
SELECT 'bank', bank_return_id || ' ' || month, NULL, coalesce(bank_kept.fen, 0), coalesce(bank.fen, 0)
FROM bank FULL JOIN bank_kept USING (bank_return_id, batch_id, month)
WHERE coalesce(bank.fen, 0) <> coalesce(bank_kept.fen, 0)
UNION ALL
SELECT 'share', r.id::text, NULL, r.total_fen, coalesce(sum(p.amount_fen), 0)
FROM share_receipt r LEFT JOIN share_part p ON p.city_code = r.city_code AND p.receipt_id = r.id
WHERE r.city_code = :city
GROUP BY r.id, r.total_fen
HAVING r.total_fen <> coalesce(sum(p.amount_fen), 0)
ORDER BY 1, 3 NULLS LAST, 2;
