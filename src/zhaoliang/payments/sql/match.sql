-- Every staged row with its outcome (`BankReturnLine.OUTCOMES`) in one pass, whatever the size of the file.
-- Only 'paid' and 'failed' are booked by themselves: line, amount, account and what was booked before all agree.
INSERT INTO bank_return_line (
    city_code, bank_return_id, row, payment_line_id, line_ids, bank_reference, event, amount_fen, value_on, counterparty,
    account_tail, code, paid, outcome, reason
)
WITH known AS (
    SELECT stage.*, line.id AS line_id, line.state, line.amount_fen AS owed_fen, batch.state AS batch_state,
           line.bank_reference AS known_reference, line.sequence, right(line.account_masked, 4) AS known_tail
    FROM bank_stage AS stage
    LEFT JOIN (payment_line AS line
               JOIN payment_batch AS batch ON batch.city_code = line.city_code AND batch.id = line.batch_id
                    AND batch.region_code BETWEEN %(low)s AND %(high)s)
      ON line.city_code = stage.city_code AND cardinality(stage.line_ids) = 1 AND line.id = stage.line_ids[1]
         AND (%(batch)s IS NULL OR line.batch_id = %(batch)s)
    WHERE stage.city_code = %(city)s AND stage.bank_return_id = %(bank_return)s
), counted AS (
    SELECT known.*,
           count(*) OVER same AS times,
           count(*) FILTER (WHERE event = 'out') OVER same AS outs,
           sum(amount_fen) FILTER (WHERE event = 'out') OVER same AS out_fen,
           max(amount_fen) FILTER (WHERE event = 'out') OVER same AS most_fen,
           bool_or(event IN ('undo_out', 'undo_in')) OVER same AS undone
    FROM known WINDOW same AS (PARTITION BY line_id)
), merged AS (
    SELECT counted.id, sum(line.amount_fen) AS fen, bool_and(line.state = 'sent') AS open
    FROM counted
    CROSS JOIN LATERAL unnest(counted.line_ids) AS part(line_id)
    JOIN payment_line AS line ON line.city_code = counted.city_code AND line.id = part.line_id
    WHERE cardinality(counted.line_ids) > 1
    GROUP BY counted.id
), judged AS (
    SELECT counted.*, merged.fen AS merged_fen, CASE
        WHEN event = '' OR amount_fen IS NULL THEN 'unreadable'
        WHEN cardinality(line_ids) > 1 AND event = 'out' AND merged.open AND merged.fen = amount_fen THEN 'merged'
        WHEN cardinality(line_ids) > 1 AND event = 'out' AND merged.open THEN 'amount_differs'
        WHEN line_id IS NULL AND event IN ('undo_out', 'undo_in') THEN 'reversed'
        WHEN line_id IS NULL AND %(batch)s IS NOT NULL THEN 'unknown_line'
        WHEN line_id IS NULL THEN CASE event WHEN 'in' THEN 'unknown_credit' ELSE 'unknown_debit' END
        WHEN undone THEN 'reversed'
        WHEN event = 'out' AND outs > 1 AND out_fen = owed_fen AND most_fen < owed_fen THEN 'split'
        WHEN (event = 'out' AND outs > 1) OR (%(batch)s IS NOT NULL AND times > 1) THEN 'twice_in_file'
        WHEN amount_fen <> owed_fen THEN 'amount_differs'
        WHEN account_tail <> '' AND account_tail <> known_tail THEN 'account_differs'
        WHEN state = 'waiting' OR batch_state NOT IN ('sent', 'answered', 'settled') THEN 'contradicts'
        WHEN state = 'sent' AND event = 'out' THEN 'paid'
        WHEN state = 'sent' AND outs > 0 THEN 'returned'
        WHEN state = 'sent' THEN 'failed'
        WHEN state = 'paid' AND event = 'out' AND known_reference <> '' AND bank_reference <> '' AND known_reference <> bank_reference
             AND %(batch)s IS NULL THEN 'twice_in_file'
        WHEN state = 'paid' AND event = 'out' THEN 'repeated'
        WHEN state = 'paid' THEN 'returned'
        WHEN event = 'out' THEN 'contradicts'
        ELSE 'repeated'
    END AS outcome
    FROM counted LEFT JOIN merged ON merged.id = counted.id
)
SELECT city_code, bank_return_id, row, line_id, CASE WHEN outcome IN ('merged', 'amount_differs') THEN line_ids ELSE '{}' END,
       bank_reference, event, coalesce(amount_fen, 0), value_on, counterparty, account_tail, code, event = 'out', outcome,
       left(CASE outcome
           WHEN 'unreadable' THEN concat_ws('、', CASE WHEN event = '' THEN '结果' END, CASE WHEN amount_fen IS NULL THEN '金额' END)
                                  || '读不懂'
           WHEN 'unknown_line' THEN '批次里没有第 ' || coalesce(array_to_string(nullif(sequences, '{}'), '、'), '？') || ' 行'
           WHEN 'twice_in_file' THEN
               CASE WHEN outs > 1 OR (%(batch)s IS NOT NULL AND times > 1) THEN '这一笔在文件里出现 ' || greatest(outs, 2) || ' 次，须向银行核实'
                    ELSE '已登记的流水号是 ' || known_reference || '，这是另一笔付出' END
           WHEN 'amount_differs' THEN
               '应为 ¥' || to_char(coalesce(merged_fen, owed_fen) / 100.0, 'FM999,999,999,990.00')
               || '，银行是 ¥' || to_char(amount_fen / 100.0, 'FM999,999,999,990.00')
           WHEN 'account_differs' THEN '账号后四位与送出的不同'
           WHEN 'split' THEN '分 ' || outs || ' 笔付出，合计相符'
           WHEN 'merged' THEN cardinality(line_ids) || ' 笔合成一笔，合计相符'
           WHEN 'returned' THEN concat_ws('，', '到账后退回', nullif(text, ''))
           WHEN 'reversed' THEN '银行冲正' || concat_ws('，', '', nullif(text, ''))
           WHEN 'contradicts' THEN
               CASE WHEN batch_state NOT IN ('sent', 'answered', 'settled') THEN '批次还没有登记为银行已收到'
                    ELSE '先前登记为“' || CASE state WHEN 'returned' THEN '到账后退回' WHEN 'waiting' THEN '待拨付' ELSE '银行退回' END
                         || '”，这次说已付出' END
           WHEN 'repeated' THEN '先前已登记过'
           WHEN 'failed' THEN coalesce(nullif(text, ''), nullif(code, ''), '银行没有说明原因')
           ELSE text
       END, 200)
FROM judged;
