"""Where the training took place: a provider with its licence, in the directory, under no ban on the first day of class."""

from __future__ import annotations

from zhaoliang.subsidies.verifiers.base import Verifier

PROVIDER = Verifier(
    name="provider",
    label="机构状态",
    version=1,
    cite="cn/renshebufa-2025-10#3.2",
    does="开班当天机构的许可证是否有效（没有登记许可证的，以在机构目录为准）、是否被暂停、移出目录，是否在整改、禁止申报或黑名单期内。",
    finds="""
        SELECT s.id, CASE WHEN s.wrong <> '' THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('registry.organisation', jsonb_build_array(s.provider_id)) AS ids,
               CASE WHEN s.wrong <> '' THEN s.wrong ELSE '机构不在目录，也没有登记许可证' END AS words
        FROM (
            SELECT l.id, l.provider_id, o.in_provider_directory, o.state, v.held,
                   concat_ws('；',
                       CASE WHEN v.held > 0 AND v.valid = 0 THEN '开班当天许可证不在有效期内' END,
                       CASE WHEN o.state = 'suspended' THEN '机构已暂停' END,
                       CASE WHEN o.state = 'removed' THEN '机构已移出目录' END,
                       CASE WHEN b.steps IS NOT NULL THEN '开班当天机构在处理限制期内（' || b.steps || '）' END
                   ) AS wrong
            FROM lines l
            JOIN organisation o ON o.city_code = %(city)s AND o.id = l.provider_id
            LEFT JOIN LATERAL (
                SELECT count(*) AS held, count(*) FILTER (WHERE i.validity @> l.starts_on) AS valid
                FROM licence i
                WHERE i.city_code = %(city)s AND i.organisation_id = l.provider_id
            ) v ON TRUE
            LEFT JOIN LATERAL (
                SELECT string_agg(DISTINCT CASE x.step
                           WHEN 'interview' THEN '约谈' WHEN 'rectification' THEN '整改' WHEN 'notice' THEN '通报'
                           WHEN 'termination' THEN '解除协议' ELSE '黑名单' END, '、') AS steps
                FROM sanction x
                WHERE x.city_code = %(city)s AND x.organisation_id = l.provider_id
                  AND x.state IN ('in_force', 'lift_asked') AND x.from_day <= l.starts_on
                  AND (coalesce(x.until_day >= l.starts_on, x.step = 'blacklist')
                       OR x.rectify_by IS NOT NULL AND coalesce(x.rectified_on > l.starts_on, TRUE))
            ) b ON TRUE
        ) s
        WHERE s.wrong <> '' OR s.held = 0 AND NOT s.in_provider_directory
    """,
)
