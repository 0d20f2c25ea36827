"""What person and enterprise have paid beside the subsidy: nobody is paid for what he did not pay, nothing is paid twice."""

from __future__ import annotations

from zhaoliang.subsidies.verifiers.base import Verifier

SHARES = Verifier(
    name="cost_shares",
    label="费用分担与缴费",
    version=1,
    cite="cn/renshebufa-2025-10#4.6-2",
    does=(
        "确定了费用分担的班：名册写本人垫付而没有缴费收据的，报“说不准”；补贴发给本人而高于本人实缴的，"
        "个人和企业已经缴足收费的，报“发现问题”。没有费用分担的班不查。"
    ),
    finds="""
        SELECT s.id, s.answer, jsonb_build_object('sharing.costshare', jsonb_build_array(s.share_id)) AS ids, s.words
        FROM (
            SELECT l.id, p.id AS share_id,
                   CASE WHEN n.prepaid_by_person AND paid.person = 0 THEN 'u'
                        WHEN n.prepaid_by_person AND x.amount_fen > paid.person THEN 'n'
                        WHEN NOT n.prepaid_by_person AND paid.person + paid.enterprise >= p.price_fen THEN 'n'
                   END AS answer,
                   CASE WHEN n.prepaid_by_person AND paid.person = 0 THEN '名册写本人垫付，没有登记本人的缴费收据'
                        WHEN n.prepaid_by_person AND x.amount_fen > paid.person THEN '补贴发给本人，金额高于本人实缴'
                        ELSE '个人和企业已缴足每人收费，补贴会使机构收入超过收费'
                   END AS words
            FROM lines l
            JOIN claim_line x ON x.city_code = %(city)s AND x.id = l.id
            JOIN enrolment n ON n.city_code = %(city)s AND n.id = l.enrolment_id
            JOIN LATERAL (
                SELECT c.id, c.price_fen FROM cost_share c
                WHERE c.city_code = %(city)s AND c.training_class_id = n.training_class_id
                ORDER BY c.number DESC LIMIT 1
            ) p ON TRUE
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(t.fen) FILTER (WHERE t.payer = 'person'), 0) AS person,
                       coalesce(sum(t.fen) FILTER (WHERE t.payer = 'enterprise'), 0) AS enterprise
                FROM (
                    SELECT r.payer, CASE r.direction WHEN 'paid' THEN a.amount_fen ELSE -a.amount_fen END AS fen
                    FROM share_part a
                    JOIN share_receipt r ON r.city_code = %(city)s AND r.id = a.receipt_id AND NOT r.voided
                    WHERE a.city_code = %(city)s AND a.enrolment_id = n.id
                ) t
            ) paid
            WHERE l.kind IN ('training', 'enterprise_direct', 'project', 'apprenticeship')
        ) s
        WHERE s.answer IS NOT NULL
    """,
)
