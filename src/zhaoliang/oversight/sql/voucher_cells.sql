-- Every voucher of the city into one cell, and the quota of every batch into one more: the kept count that pages of a large city
-- are read from (counts.py). Follows voucher_held and voucher_told. Of the refused lines one decision for each first rule that
-- says no, the same in all cells.
, refusing AS (
    SELECT min(t.decision_id) AS decision_id, t.basis_id, t.place, t.policy_version
    FROM told t WHERE t.reason = 'refused' GROUP BY t.basis_id, t.place, t.policy_version
)
INSERT INTO funnel_cell (
    city_code, count_id, batch_id, provider_id, "group", claimed_on, stage, reason, decision_id, issued, claimed, used, taught,
    certified, paid, returned, expired, void, waiting, dropped, failed, refused, held_fen, paid_fen
)
SELECT %(city)s, %(count)s, h.batch_id, coalesce(h.provider_id, 0), {group},
       (h.claimed_at AT TIME ZONE 'Asia/Shanghai')::date, h.stage, h.reason, r.decision_id, 0,
       count(*), count(h.used_at), count(*) FILTER (WHERE h.taught), count(*) FILTER (WHERE h.certified),
       count(*) FILTER (WHERE h.state = 'redeemed'), count(*) FILTER (WHERE h.state = 'returned'),
       count(*) FILTER (WHERE h.state = 'expired'), count(*) FILTER (WHERE h.state = 'void'),
       count(*) FILTER (WHERE h.state = 'claimed'), count(*) FILTER (WHERE h.dropped), count(*) FILTER (WHERE h.failed),
       count(*) FILTER (WHERE h.refused), coalesce(sum(h.amount_fen), 0), coalesce(sum(h.paid_fen), 0)
FROM told h
CROSS JOIN LATERAL (SELECT h.listed_as AS "group") l
LEFT JOIN refusing r ON h.reason = 'refused' AND r.basis_id = h.basis_id AND r.place = h.place
                    AND r.policy_version = h.policy_version
{join}
GROUP BY h.batch_id, coalesce(h.provider_id, 0), {group}, (h.claimed_at AT TIME ZONE 'Asia/Shanghai')::date, h.stage, h.reason,
         r.decision_id
UNION ALL
SELECT %(city)s, %(count)s, b.id, 0, '', NULL, 'issued', '', NULL, b.quota, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM chosen b
