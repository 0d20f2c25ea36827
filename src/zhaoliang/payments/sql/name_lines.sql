-- Which payment lines each staged row speaks of. An answer to a batch names them by their number in it.
UPDATE bank_stage AS stage SET line_ids = named.ids
FROM (
    SELECT stage.id, array_agg(line.id ORDER BY line.sequence) AS ids, count(*) AS found, cardinality(stage.sequences) AS asked
    FROM bank_stage AS stage
    CROSS JOIN LATERAL unnest(stage.sequences) AS asked(sequence)
    JOIN payment_line AS line
      ON line.city_code = stage.city_code AND line.batch_id = %(batch)s AND line.sequence = asked.sequence
    WHERE stage.city_code = %(city)s AND stage.bank_return_id = %(bank_return)s AND %(batch)s IS NOT NULL
    GROUP BY stage.id, stage.sequences
) AS named
WHERE stage.city_code = %(city)s AND stage.id = named.id AND named.found = named.asked;

-- A statement may know a batch only as a whole: then the row is all of its lines that wait for the bank.
UPDATE bank_stage AS stage SET line_ids = whole.ids
FROM (
    SELECT batch.number, array_agg(line.id ORDER BY line.sequence) AS ids
    FROM payment_batch AS batch
    JOIN payment_line AS line ON line.city_code = batch.city_code AND line.batch_id = batch.id AND line.state = 'sent'
    WHERE batch.city_code = %(city)s AND batch.number IN (
        SELECT batch_number FROM bank_stage
        WHERE city_code = %(city)s AND bank_return_id = %(bank_return)s AND batch_number <> ''
          AND line_ids = '{}' AND sequences = '{}' AND event = 'out'
    )
    GROUP BY batch.number
) AS whole
WHERE stage.city_code = %(city)s AND stage.bank_return_id = %(bank_return)s AND stage.batch_number = whole.number
  AND stage.line_ids = '{}' AND stage.sequences = '{}' AND stage.event = 'out' AND %(batch)s IS NULL;
