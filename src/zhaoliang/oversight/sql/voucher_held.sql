-- What became of each voucher of the chosen batches: the beginning of the statements of funnel.py and stops.py.
WITH chosen AS MATERIALIZED (
    SELECT b.city_code, b.id, b.name, b.region_id, b.fund_source, b.quota, b.claim_from, b.use_until, b.groups,
           b.kind, b.project_id
    FROM voucher_batch b
    WHERE b.city_code = %(city)s AND b.region_id BETWEEN %(low)s AND %(high)s
      AND b.state NOT IN ('draft', 'submitted')
      AND (%(batch)s::bigint IS NULL OR b.id = %(batch)s) AND (%(fund)s = '' OR b.fund_source = %(fund)s)
), held AS (
    SELECT v.city_code, v.id, v.batch_id, v.person_id, v.state, v.used_at, v.provider_id, v.class_id, v.claimed_at,
           v.amount_fen, b.name AS batch_name, b.kind, b.region_id, b.fund_source, b.groups
    FROM chosen b JOIN voucher v ON v.city_code = b.city_code AND v.batch_id = b.id
    WHERE v.city_code = %(city)s
      AND (%(since)s::timestamptz IS NULL OR v.claimed_at >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR v.claimed_at < %(until)s)
      AND (%(provider)s::bigint IS NULL OR v.provider_id = %(provider)s)
), among AS NOT MATERIALIZED (
    -- What came of a batch is looked up by its vouchers; of a whole city all is read anyway (funnel.py puts the join in or not).
    SELECT v.city_code, v.id FROM chosen b JOIN voucher v ON v.city_code = b.city_code AND v.batch_id = b.id
    WHERE v.city_code = %(city)s
), learnt AS (
    SELECT e.voucher_id, max(e."group") AS "group", bool_or(e.state = 'completed') AS taught,
           bool_or(e.state = 'dropped') AS dropped, bool_or(c.state <> 'revoked') AS certified,
           bool_or(NOT r.passed) AND NOT bool_or(coalesce(r.passed, false)) AS failed,
           bool_or(r.id IS NOT NULL) AS examined, bool_or(c.state = 'revoked') AS revoked,
           bool_or(r.id IS NOT NULL AND r.theory_tenths IS NULL AND r.practice_tenths IS NULL) AS missed,
           max(e.id) AS enrolment_id
    FROM enrolment e
    {of_enrolments}
    LEFT JOIN exam_result r ON r.city_code = e.city_code AND r.enrolment_id = e.id
    LEFT JOIN certificate c ON c.city_code = r.city_code AND c.result_id = r.id
    WHERE e.city_code = %(city)s AND e.voucher_id IS NOT NULL AND e.state <> 'removed'
    GROUP BY e.voucher_id
), money AS (
    SELECT l.voucher_id, sum(l.amount_fen) FILTER (WHERE l.state = 'paid') AS paid_fen,
           bool_or(l.state = 'refused') AS refused, max(l.id) AS line_id
    FROM claim_line l
    {of_lines}
    WHERE l.city_code = %(city)s AND l.voucher_id IS NOT NULL GROUP BY l.voucher_id
)
