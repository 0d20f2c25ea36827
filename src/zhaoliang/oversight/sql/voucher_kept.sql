-- The funnel from a kept count. The dimension's expression comes from funnel.py; the column order is that of voucher_funnel.
SELECT ({key})::text AS key, min({label}) AS label, sum(h.claimed)::bigint AS claimed, sum(h.used)::bigint,
       sum(h.taught)::bigint, sum(h.certified)::bigint, sum(h.paid)::bigint, sum(h.held_fen)::bigint, sum(h.paid_fen)::bigint,
       sum(h.returned)::bigint, sum(h.expired)::bigint, sum(h.void)::bigint, sum(h.waiting)::bigint, sum(h.dropped)::bigint,
       sum(h.failed)::bigint, sum(h.refused)::bigint, NULL AS people, CASE WHEN %(quotas)s THEN sum(h.issued)::bigint END
FROM cells h
{join}
WHERE %(quotas)s OR h.stage <> 'issued'
GROUP BY {key} ORDER BY {order}
