-- Independent proof of a city's books, without any code of the platform:
--   psql -v city=120000 -f docs/operations/verify-books.sql
-- No row: the books are right. Each row names an account, the first entry that does not fit, and both figures in fen.
WITH leg AS (
    SELECT city_code, debit_id AS account_id, id, -amount_fen AS fen, debit_after_fen AS after_fen
    FROM transfer WHERE city_code = :city
    UNION ALL
    SELECT city_code, credit_id, id, amount_fen, credit_after_fen
    FROM transfer WHERE city_code = :city
), run AS (
    SELECT account_id, id, after_fen, sum(fen) OVER (PARTITION BY account_id ORDER BY id) AS derived_fen FROM leg
), wrong AS (
    SELECT DISTINCT ON (account_id) account_id, id AS transfer_id, after_fen AS stored_fen, derived_fen
    FROM run WHERE after_fen <> derived_fen ORDER BY account_id, id
), total AS (
    SELECT account_id, sum(fen) AS derived_fen FROM leg GROUP BY account_id
)
SELECT account.code, wrong.transfer_id,
       coalesce(wrong.stored_fen, account.balance_fen) AS stored_fen,
       coalesce(wrong.derived_fen, total.derived_fen, 0) AS derived_fen
FROM account
LEFT JOIN wrong ON wrong.account_id = account.id
LEFT JOIN total ON total.account_id = account.id
WHERE account.city_code = :city
  AND (wrong.account_id IS NOT NULL OR account.balance_fen <> coalesce(total.derived_fen, 0))
ORDER BY account.code;
