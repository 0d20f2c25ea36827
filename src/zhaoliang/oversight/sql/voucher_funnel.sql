-- From issued to paid: each voucher counted once at every stage it reached, and at what stopped it. The dimension's
-- expression comes from funnel.py, which knows only its own; nothing a person typed becomes text of the statement.
-- Grouped by the bare key: sorting a city's vouchers by numbers takes a quarter less than by texts.
SELECT ({key})::text AS key, min({label}) AS label,
       count(*) AS claimed,
       count(*) FILTER (WHERE h.used_at IS NOT NULL) AS used,
       count(*) FILTER (WHERE l.taught) AS taught,
       count(*) FILTER (WHERE l.certified) AS certified,
       count(*) FILTER (WHERE h.state = 'redeemed') AS paid,
       coalesce(sum(h.amount_fen), 0)::bigint AS held_fen,
       coalesce(sum(m.paid_fen), 0)::bigint AS paid_fen,
       count(*) FILTER (WHERE h.state = 'returned') AS returned,
       count(*) FILTER (WHERE h.state = 'expired') AS expired,
       count(*) FILTER (WHERE h.state = 'void') AS void,
       count(*) FILTER (WHERE h.state = 'claimed') AS waiting,
       count(*) FILTER (WHERE l.dropped) AS dropped,
       count(*) FILTER (WHERE l.failed) AS failed,
       count(*) FILTER (WHERE m.refused) AS refused,
       count(DISTINCT h.person_id) AS people
FROM held h
LEFT JOIN learnt l ON l.voucher_id = h.id
LEFT JOIN money m ON m.voucher_id = h.id
{join}
GROUP BY {key} ORDER BY {order}
