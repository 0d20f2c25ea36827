"""What the papers say: the proof of the target group on the first day of class, the certificate and its register."""

from __future__ import annotations

from zhaoliang.subsidies.verifiers.base import Verifier

GROUP = Verifier(
    name="group_proof",
    label="人员类别证明",
    version=1,
    cite="cn/caishe-2023-181#5",
    does="名册上的人员类别在开班当天是否有效：只有本人承诺的、没有证明的，报“说不准”；证明在开班前已失效的，报“发现问题”。",
    finds="""
        SELECT s.id, CASE WHEN s.held = 0 AND s.ever > 0 THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('registry.groupmembership', s.ids) AS ids,
               CASE WHEN s.held > 0 THEN '只有本人承诺，没有数据比对或证明材料'
                    WHEN s.ever > 0 THEN '证明不在有效期内：开班当天不属于这一类人员'
                    ELSE '没有这一类人员的证明' END AS words
        FROM (
            SELECT l.id,
                   count(m.id) FILTER (WHERE m.valid_from <= l.starts_on AND coalesce(m.valid_to >= l.starts_on, TRUE)) AS held,
                   count(m.id) AS ever,
                   coalesce(
                       bool_or(m.evidence <> 'declared')
                           FILTER (WHERE m.valid_from <= l.starts_on AND coalesce(m.valid_to >= l.starts_on, TRUE)),
                       FALSE
                   ) AS proved,
                   coalesce(jsonb_agg(m.id ORDER BY m.id) FILTER (WHERE m.id IS NOT NULL), '[]'::jsonb) AS ids
            FROM lines l
            JOIN enrolment n ON n.city_code = %(city)s AND n.id = l.enrolment_id
            LEFT JOIN group_membership m ON m.city_code = %(city)s AND m.person_id = l.person_id AND m."group" = n."group"
            WHERE n."group" <> '99'
            GROUP BY l.id
        ) s
        WHERE NOT s.proved
    """,
)

# Of a certificate that was given out anew that counts which came in its place; the qualification is one.
CERTIFICATE = Verifier(
    name="certificate",
    label="证书编号与登记",
    version=2,
    cite="cn/renshebufa-2025-10#3.4",
    does=(
        "证书是否在全国证书索引、是否有效、是否本人、职业和等级是否相符、是否已在另一条申领里用过；换发过的看换发后的证书，"
        "换发前后算同一本。"
    ),
    finds="""
        SELECT s.id, CASE WHEN s.wrong <> '' THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('certificates.certificate', jsonb_build_array(s.certificate_id),
                                  'subsidies.claimline', s.others) AS ids,
               CASE WHEN s.wrong <> '' THEN s.wrong ELSE '证书已暂停，等待核实' END AS words
        FROM (
            SELECT l.id, t.id AS certificate_id, t.state,
                   coalesce(o.ids, '[]'::jsonb) AS others,
                   concat_ws('；',
                       CASE WHEN i.number IS NULL THEN '全国证书索引里没有这个编号' END,
                       CASE t.state WHEN 'revoked' THEN '证书已撤销' WHEN 'replaced' THEN '证书已换发，没有登记换发后的证书' END,
                       CASE WHEN t.person_id <> l.person_id THEN '证书不是本人的' END,
                       CASE WHEN t.occupation_id <> l.occupation_id THEN '证书职业与项目不符' END,
                       CASE WHEN coalesce(t.level, 0) < l.level THEN '证书等级低于项目等级' END,
                       CASE WHEN o.ids IS NOT NULL THEN '同一本证书已用于另一条申领' END
                   ) AS wrong
            FROM lines l
            JOIN certificate h ON h.city_code = %(city)s AND h.id = l.certificate_id
            LEFT JOIN certificate r ON h.state = 'replaced' AND r.city_code = %(city)s AND r.result_id = h.result_id
                AND r.state <> 'replaced'
            JOIN certificate t ON t.city_code = %(city)s AND t.id = coalesce(r.id, h.id)
            LEFT JOIN certificate_index i ON i.number = t.number AND i.city_code = %(city)s AND i.certificate_id = t.id
            LEFT JOIN LATERAL (
                SELECT jsonb_agg(x.id ORDER BY x.id) AS ids
                FROM certificate y
                JOIN claim_line x ON x.city_code = %(city)s AND x.certificate_id = y.id AND x.id <> l.id AND x.kind = l.kind
                    AND x.state <> 'refused'
                WHERE y.city_code = %(city)s AND y.result_id = h.result_id
            ) o ON TRUE
        ) s
        WHERE s.wrong <> '' OR s.state = 'suspended'
    """,
)
