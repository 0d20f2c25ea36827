"""What was paid before, anywhere: the same training again, too many in a year, a lower level after a higher one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zhaoliang.policy import PolicyError, PolicySet
from zhaoliang.subsidies.verifiers.base import Verifier

# What was granted for a line itself is no earlier grant. 以工代训 is no training in this sense and has its own scheme.
EARLIER = """
    SELECT l.*, g.id AS grant_id, g.scheme AS granted_scheme, g.occupation_code, g.level AS granted_level, g.city_code AS granted_city,
           g.granted_on, g.certificate_number
    FROM lines l
    JOIN person_grant g ON g.person_id = l.person_id AND g.withdrawn_on IS NULL
        AND (g.claim_line_id IS DISTINCT FROM l.id OR g.city_code <> %(city)s)
"""

ELSEWHERE = Verifier(
    name="duplicate_region",
    label="跨地区重复",
    version=2,
    cite="cn/renshebufa-2025-10#5.11",
    does="与全国补贴记录比对：外地或其他平台是否已为同一人的同一职业、同一等级发过补贴；同职业而在本班期间发放的，请人核对。",
    finds=f"""
        SELECT e.id,
               CASE WHEN bool_or(e.level > 0 AND e.granted_level = e.level) THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('registry.persongrant', jsonb_agg(e.grant_id ORDER BY e.grant_id)) AS ids,
               '外地已有 ' || count(*) || ' 条同职业的补贴记录，最近一条在 ' || max(e.granted_on) AS words
        FROM ({EARLIER}) e
        WHERE e.granted_city <> %(city)s AND e.granted_scheme = e.scheme AND e.occupation_code = e.occupation_id
          AND (e.level > 0 AND e.granted_level = e.level OR e.granted_on BETWEEN e.starts_on AND e.ends_on)
        GROUP BY e.id
    """,
)


def _most(policies: PolicySet) -> Mapping[str, Any]:
    """The yearly number, None where no text in force sets one."""
    try:
        return {"most": policies.parameter("trainings_in_year").value}
    except PolicyError:
        return {"most": None}


# What waits beside a line is looked for by its person first: a claim that fills this moment has more lines than were counted.
YEARLY = Verifier(
    name="year_count",
    label="本年次数",
    version=2,
    cite="cn/renshebuhan-2021-14#2",
    does="数本自然年内同一人在全国享受培训补贴的次数，以工代训不计；已满的报“发现问题”，连同本市在审的会超过的报“说不准”。",
    given=_most,
    finds=f"""
        SELECT s.id, CASE WHEN s.paid >= s.most THEN 'n' ELSE 'u' END AS answer, s.ids,
               '本年已享受 ' || s.paid || ' 次'
                   || CASE WHEN s.pending > 0 THEN '，本市另有 ' || s.pending || ' 条在审' ELSE '' END
                   || '，上限 ' || s.most || ' 次' AS words
        FROM (
            SELECT l.id, %(most)s::bigint AS most, coalesce(p.paid, 0) AS paid, coalesce(w.pending, 0) AS pending,
                   jsonb_build_object('registry.persongrant', coalesce(p.ids, '[]'::jsonb),
                                      'subsidies.claimline', coalesce(w.ids, '[]'::jsonb)) AS ids
            FROM lines l
            LEFT JOIN (
                SELECT e.id, count(*) AS paid, jsonb_agg(e.grant_id ORDER BY e.grant_id) AS ids
                FROM ({EARLIER}) e
                WHERE e.granted_scheme = 'training' AND date_part('year', e.granted_on) = date_part('year', e.starts_on)
                GROUP BY e.id
            ) p ON p.id = l.id
            LEFT JOIN (
                SELECT l.id, count(*) AS pending, jsonb_agg(o.id ORDER BY o.id) AS ids
                FROM lines l
                CROSS JOIN LATERAL (
                    SELECT x.id, x.claim_id
                    FROM claim_line x
                    WHERE x.city_code = %(city)s AND x.person_id = l.person_id AND x.id <> l.id
                      AND x.kind = l.kind AND x.state IN ('due', 'to_person', 'passed')
                    OFFSET 0
                ) o
                JOIN claim c ON c.city_code = %(city)s AND c.id = o.claim_id
                    AND date_part('year', c.rules_on) = date_part('year', l.starts_on)
                GROUP BY l.id
            ) w ON w.id = l.id
            WHERE l.scheme = 'training'
        ) s
        WHERE s.paid + s.pending >= s.most
    """,
)

SAME = Verifier(
    name="same_level",
    label="同职业同等级",
    version=2,
    cite="cn/jinengtisheng#same",
    does="同一职业同一等级只补一次：已发过的报“发现问题”，本市另有一条在审的报“说不准”，两条由人核对。",
    finds=f"""
        SELECT s.id, CASE WHEN bool_or(s.paid) THEN 'n' ELSE 'u' END AS answer,
               jsonb_object_agg(s.source, s.ids) AS ids,
               string_agg(s.words, '；' ORDER BY s.words) AS words
        FROM (
            SELECT e.id, TRUE AS paid, 'registry.persongrant' AS source,
                   jsonb_agg(e.grant_id ORDER BY e.grant_id) AS ids,
                   '同职业同等级已发过补贴（' || min(e.granted_on) || '）' AS words
            FROM ({EARLIER}) e
            WHERE e.granted_scheme = e.scheme AND e.level > 0 AND e.granted_level = e.level
              AND e.occupation_code = e.occupation_id
            GROUP BY e.id
            UNION ALL
            SELECT l.id, FALSE, 'subsidies.claimline', jsonb_agg(o.id ORDER BY o.id),
                   '本市另有 ' || count(*) || ' 条同职业同等级的申领在审'
            FROM lines l
            JOIN claim_line o ON o.city_code = %(city)s AND o.person_id = l.person_id AND o.id <> l.id
                AND o.kind = l.kind AND o.occupation_id = l.occupation_id AND o.level = l.level
                AND o.state IN ('due', 'to_person', 'passed')
            WHERE l.level > 0
            GROUP BY l.id
        ) s
        GROUP BY s.id
    """,
)

HIGHER = Verifier(
    name="higher_level",
    label="已享受更高等级",
    version=2,
    cite="cn/jinengtisheng#same",
    does="同一职业已享受过更高等级补贴的，不再享受低等级。",
    finds=f"""
        SELECT e.id, 'n' AS answer,
               jsonb_build_object('registry.persongrant', jsonb_agg(e.grant_id ORDER BY e.grant_id)) AS ids,
               '同职业已享受过更高等级的补贴（' || max(e.granted_on) || '）' AS words
        FROM ({EARLIER}) e
        WHERE e.level > 0 AND e.granted_level > e.level AND e.granted_scheme = e.scheme
          AND e.occupation_code = e.occupation_id
        GROUP BY e.id
    """,
)

ONE_PER_CERTIFICATE = Verifier(
    name="one_per_certificate",
    label="一证一补",
    version=4,
    cite="cn/renshebufa-2025-10#4.7",
    does=(
        "同一本证书只能享受职业培训补贴或技能提升补贴中的一种：按证书编号比对全国补贴记录，发过的报“发现问题”；"
        "本市另有一条凭同一本证书申领的另一种补贴在审的，报“说不准”，两条由人核对。换发前后的证书算同一本。"
    ),
    finds=f"""
        SELECT s.id, CASE WHEN bool_or(s.paid) THEN 'n' ELSE 'u' END AS answer,
               jsonb_object_agg(s.source, s.ids) AS ids,
               string_agg(s.words, '；' ORDER BY s.words) AS words
        FROM (
            SELECT e.id, TRUE AS paid, 'registry.persongrant' AS source,
                   jsonb_agg(e.grant_id ORDER BY e.grant_id) AS ids,
                   '这本证书已享受过补贴（' || min(e.granted_on) || '）' AS words
            FROM ({EARLIER}) e
            JOIN certificate h ON h.city_code = %(city)s AND h.id = e.certificate_id
            JOIN certificate t ON t.city_code = %(city)s AND t.number = e.certificate_number AND t.result_id = h.result_id
            WHERE e.scheme IN ('training', 'skill_upgrade') AND e.granted_scheme IN ('training', 'skill_upgrade')
            GROUP BY e.id
            UNION ALL
            SELECT l.id, FALSE, 'subsidies.claimline', jsonb_agg(o.id ORDER BY o.id),
                   '凭同一本证书另有 ' || count(*) || ' 条申领在审'
            FROM lines l
            JOIN certificate h ON h.city_code = %(city)s AND h.id = l.certificate_id
            JOIN certificate t ON t.city_code = %(city)s AND t.result_id = h.result_id
            JOIN claim_line o ON o.city_code = %(city)s AND o.certificate_id = t.id AND o.id <> l.id
                AND o.state IN ('due', 'to_person', 'passed')
                AND (l.scheme = 'training' AND o.kind = 'skill_upgrade'
                     OR l.kind = 'skill_upgrade' AND o.kind IN ('training', 'enterprise_direct'))
            GROUP BY l.id
        ) s
        GROUP BY s.id
    """,
)
