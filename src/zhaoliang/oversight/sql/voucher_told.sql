-- What became of each voucher and why it went no further: one reason a voucher, of the first stage it did not reach; those paid
-- have none. Goes on from voucher_held; voucher_stops and voucher_cells count what it tells.
, covered AS MATERIALIZED (
    SELECT b.id AS batch_id, p.project_id, b.claim_from, b.use_until
    FROM chosen b CROSS JOIN (SELECT DISTINCT k.project_id FROM training_class k WHERE k.city_code = %(city)s) p
    WHERE CASE WHEN b.project_id IS NOT NULL THEN b.project_id = p.project_id
               ELSE batch_covers(%(city)s, b.id, p.project_id) END
), begun AS MATERIALIZED (
    -- The classes that began while the vouchers of a batch were good. A draft filing is no class yet.
    SELECT c.batch_id, k.id AS class_id, s.region_id, k.capacity, k.state NOT IN ('withdrawn', 'stopped') AS held
    FROM covered c
    JOIN training_class k ON k.city_code = %(city)s AND k.project_id = c.project_id AND k.state NOT IN ('draft', 'filed')
                         AND k.starts_on BETWEEN (c.claim_from AT TIME ZONE 'Asia/Shanghai')::date
                                             AND (c.use_until AT TIME ZONE 'Asia/Shanghai')::date
    JOIN site s ON s.city_code = k.city_code AND s.id = k.site_id
), taken AS (
    -- Class by class, through its index: together with the enrolments it would be all of the city's.
    SELECT g.class_id, (SELECT count(*) FROM enrolment e WHERE e.city_code = %(city)s AND e.training_class_id = g.class_id
                        AND e.state IN ('listed', 'attending', 'completed')) AS seats
    FROM (SELECT DISTINCT g.class_id FROM begun g) g
), offered AS MATERIALIZED (
    SELECT g.batch_id, g.region_id, bool_or(g.held AND t.seats < g.capacity) AS room, bool_or(g.held) AS held
    FROM begun g JOIN taken t ON t.class_id = g.class_id GROUP BY 1, 2
), anywhere AS (
    SELECT o.batch_id, bool_or(o.room) AS room, bool_or(o.held) AS held FROM offered o GROUP BY 1
), told AS (
    SELECT h.city_code, h.batch_id, h.person_id, h.provider_id, h.claimed_at, h.used_at, h.state, h.amount_fen, h.groups,
           l."group" AS listed_as, l.taught, l.certified, l.dropped, l.failed, m.refused, m.paid_fen,
           CASE WHEN h.state = 'redeemed' THEN '' WHEN h.used_at IS NULL THEN 'used' WHEN l.taught IS NOT TRUE THEN 'taught'
                WHEN l.certified IS NOT TRUE THEN 'certified' ELSE 'paid' END AS stage,
           CASE
               WHEN h.state = 'redeemed' THEN ''
               -- A voucher may be voided at any stage; nothing of it is under way any more.
               WHEN h.state = 'void' THEN 'void'
               WHEN h.used_at IS NULL AND h.state = 'returned' THEN 'returned'
               WHEN h.used_at IS NULL THEN h.state || CASE
                   WHEN near.room THEN '_room' WHEN a.room THEN '_far' WHEN a.held THEN '_full'
                   WHEN a.batch_id IS NOT NULL THEN '_withdrawn' ELSE '_none' END
               WHEN l.taught IS NOT TRUE THEN CASE
                   WHEN l.missed THEN 'missed'
                   WHEN l.dropped THEN 'left'
                   WHEN k.state IN ('stopped', 'withdrawn') THEN 'stopped'
                   WHEN l.voucher_id IS NULL THEN 'unlisted'
                   WHEN k.state IN ('draft', 'filed', 'accepted') THEN 'before'
                   WHEN k.state <> 'running' THEN 'unexamined'
                   -- Asked of those in a running class only, one by one: as EXISTS it would be a hash of the city's attendances.
                   WHEN (SELECT bool_or(t.state = 'absent') AND NOT coalesce(bool_or(t.credited_minutes > 0), false)
                         FROM attendance t WHERE t.city_code = %(city)s AND t.enrolment_id = l.enrolment_id) THEN 'absent'
                   ELSE 'learning' END
               WHEN l.certified IS NOT TRUE THEN CASE
                   WHEN l.revoked THEN 'revoked' WHEN l.missed THEN 'missed' WHEN l.failed THEN 'failed'
                   WHEN l.examined THEN 'unissued' ELSE 'unexamined' END
               WHEN h.kind = 'sign_in_only' THEN 'free'
               WHEN n.id IS NULL THEN 'unclaimed'
               WHEN n.state = 'refused' THEN CASE
                   WHEN n.refusal <> '' THEN 'overruled' WHEN d.outcome = 'fail' THEN 'refused' ELSE 'judged' END
               WHEN n.state = 'failed' THEN 'bank'
               WHEN n.state IN ('approved', 'in_batch', 'paid') THEN 'paying'
               ELSE 'review'
           END AS reason,
           d.id AS decision_id, d.basis_id, strpos(d.answers, 'f') AS place, d.policy_version
    FROM held h
    LEFT JOIN learnt l ON l.voucher_id = h.id
    LEFT JOIN money m ON m.voucher_id = h.id
    LEFT JOIN training_class k ON k.city_code = h.city_code AND k.id = h.class_id
    -- OFFSET keeps it a look at one line by its key: few vouchers have one, and a hash would be of the city's lines. So with
    -- the decision of a refused one.
    LEFT JOIN LATERAL (SELECT o.* FROM claim_line o WHERE o.city_code = %(city)s AND o.id = m.line_id OFFSET 0) n ON true
    LEFT JOIN LATERAL (
        SELECT d.* FROM decision d WHERE d.city_code = %(city)s AND d.id = n.decision_id AND n.state = 'refused' OFFSET 0
    ) d ON true
    LEFT JOIN person p ON p.city_code = h.city_code AND p.id = h.person_id AND h.used_at IS NULL
    LEFT JOIN offered near ON near.batch_id = h.batch_id AND near.region_id = p.region_id
    LEFT JOIN anywhere a ON a.batch_id = h.batch_id
)
