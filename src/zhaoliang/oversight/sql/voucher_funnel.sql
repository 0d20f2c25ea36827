-- From issued to paid: each voucher counted once at every stage it reached, and at what stopped it. The dimension's
-- expression comes from funnel.py, which knows only its own; nothing a person typed becomes text of the statement.
WITH chosen AS MATERIALIZED (
    SELECT b.city_code, b.id, b.name, b.region_id, b.fund_source, b.quota, b.use_until, b.groups
    FROM voucher_batch b
    WHERE b.city_code = %(city)s AND b.region_id BETWEEN %(low)s AND %(high)s
      AND b.state NOT IN ('draft', 'submitted')
      AND (%(batch)s::bigint IS NULL OR b.id = %(batch)s) AND (%(fund)s = '' OR b.fund_source = %(fund)s)
), held AS (
    SELECT v.city_code, v.id, v.batch_id, v.person_id, v.state, v.used_at, v.provider_id, v.claimed_at, v.amount_fen,
           b.name AS batch_name, b.region_id, b.fund_source, b.groups, b.use_until
    FROM chosen b JOIN voucher v ON v.city_code = b.city_code AND v.batch_id = b.id
    WHERE v.city_code = %(city)s
      AND (%(since)s::timestamptz IS NULL OR v.claimed_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR v.claimed_at < %(until)s)
      AND (%(provider)s::bigint IS NULL OR v.provider_id = %(provider)s)
), learnt AS (
    SELECT e.voucher_id, max(e."group") AS "group", bool_or(e.state = 'completed') AS taught,
           bool_or(e.state = 'dropped') AS dropped, bool_or(c.id IS NOT NULL) AS certified,
           bool_or(NOT r.passed) AND NOT bool_or(coalesce(r.passed, false)) AS failed
    FROM enrolment e
    LEFT JOIN exam_result r ON r.city_code = e.city_code AND r.enrolment_id = e.id
    LEFT JOIN certificate c ON c.city_code = r.city_code AND c.result_id = r.id AND c.state <> 'revoked'
    WHERE e.city_code = %(city)s AND e.voucher_id IS NOT NULL AND e.state <> 'removed'
    GROUP BY e.voucher_id
), money AS (
    SELECT l.voucher_id, sum(l.amount_fen) FILTER (WHERE l.state = 'paid') AS paid_fen,
           bool_or(l.state = 'refused') AS refused
    FROM claim_line l WHERE l.city_code = %(city)s AND l.voucher_id IS NOT NULL GROUP BY l.voucher_id
)
SELECT {key} AS key, {label} AS label,
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
GROUP BY 1, 2 ORDER BY {order}
