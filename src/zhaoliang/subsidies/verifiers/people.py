"""Who is behind a line: the document, a phone or an account that belongs to somebody else, being in two places at once."""

from __future__ import annotations

from zhaoliang.subsidies.verifiers.base import Verifier

IDENTITY = Verifier(
    name="identity",
    label="身份",
    version=2,
    cite="cn/renshebuhan-2021-14#6",
    does="身份是否已被认定不实；证件种类能否自动核验（居民身份证以外的请人核对原件）；手机号或账号是否也登记在另一个人名下。比对用加密索引，不看号码。",
    finds="""
        SELECT l.id, CASE WHEN o.ids IS NOT NULL OR p.identity_wrong_on IS NOT NULL THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('registry.person', coalesce(o.ids, '[]'::jsonb)) AS ids,
               concat_ws('；',
                   CASE WHEN p.identity_wrong_on IS NOT NULL THEN '身份已于 ' || p.identity_wrong_on || ' 被认定不实' END,
                   CASE WHEN o.phones > 0 THEN '手机号也登记在另外 ' || o.phones || ' 人名下' END,
                   CASE WHEN o.accounts > 0 THEN '银行账号也登记在另外 ' || o.accounts || ' 人名下' END,
                   CASE WHEN p.document_type <> 'resident_id' THEN '证件不是居民身份证，请核对原件' END
               ) AS words
        FROM lines l
        JOIN person p ON p.city_code = %(city)s AND p.id = l.person_id
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(DISTINCT q.id) AS ids,
                   count(DISTINCT q.id) FILTER (WHERE q.same = 'phone') AS phones,
                   count(DISTINCT q.id) FILTER (WHERE q.same = 'account') AS accounts
            FROM (
                SELECT x.id, 'phone' AS same FROM person x
                WHERE x.city_code = %(city)s AND x.phone_hash = p.phone_hash AND x.id <> p.id
                UNION ALL
                SELECT x.id, 'account' FROM person x
                WHERE x.city_code = %(city)s AND x.account_hash = p.account_hash AND x.id <> p.id
            ) q
        ) o ON TRUE
        WHERE o.ids IS NOT NULL OR p.document_type <> 'resident_id' OR p.identity_wrong_on IS NOT NULL
    """,
)

# Whose account a line is paid to, as `payments.payees` finds it: an enterprise is named on the roster by its credit code.
_PAYEES = """
    SELECT l.*,
           CASE WHEN l.payee = 'person' THEN p.account_hash WHEN n.id IS NULL THEN o.account_hash ELSE e.account_hash END AS account,
           CASE WHEN n.id IS NULL THEN o.id ELSE e.id END AS paid_id
    FROM lines l
    JOIN person p ON p.city_code = %(city)s AND p.id = l.person_id
    LEFT JOIN organisation o ON o.city_code = %(city)s AND o.id = l.provider_id
    LEFT JOIN enrolment n ON n.city_code = %(city)s AND n.id = l.enrolment_id AND l.payee = 'enterprise' AND n.employer_uscc <> ''
    LEFT JOIN organisation e ON e.city_code = %(city)s AND e.uscc = n.employer_uscc
"""

ACCOUNT = Verifier(
    name="account",
    label="同一账号的其他申领",
    version=2,
    cite="cn/caishe-2023-181#25",
    does="收款账号本月是否还收其他人或其他机构的申领：同一账号而收款人不同的，报“发现问题”；还没有登记账号的，报“说不准”。",
    finds=f"""
        SELECT a.id, CASE WHEN a.account IS NULL THEN 'u' ELSE 'n' END AS answer,
               jsonb_build_object('subsidies.claim', coalesce(o.claims, '[]'::jsonb)) AS ids,
               CASE WHEN a.account IS NULL THEN '收款人还没有登记银行账号'
                    ELSE '同一账号本月还收另外 ' || o.payees || ' 个收款人的申领' END AS words
        FROM ({_PAYEES}) a
        LEFT JOIN LATERAL (
            SELECT jsonb_agg(DISTINCT q.claim_id) AS claims, count(DISTINCT q.payee) AS payees
            FROM (
                SELECT c.id AS claim_id, 'p' || x.id AS payee
                FROM person x
                JOIN claim_line i ON i.city_code = %(city)s AND i.person_id = x.id AND i.payee = 'person'
                    AND i.state <> 'refused'
                JOIN claim c ON c.city_code = %(city)s AND c.id = i.claim_id
                    AND c.created_at >= a.since AND c.created_at < a.until
                WHERE x.city_code = %(city)s AND x.account_hash = a.account AND (a.payee <> 'person' OR x.id <> a.person_id)
                UNION ALL
                SELECT c.id, 'o' || y.id
                FROM organisation y
                JOIN claim c ON c.city_code = %(city)s AND c.provider_id = y.id
                    AND c.created_at >= a.since AND c.created_at < a.until
                WHERE y.city_code = %(city)s AND y.account_hash = a.account
                  AND (a.payee = 'person' OR y.id <> a.paid_id)
            ) q
        ) o ON TRUE
        WHERE a.account IS NULL OR o.claims IS NOT NULL
    """,
)

CLASH = Verifier(
    name="time_clash",
    label="上课时间冲突",
    version=1,
    cite="cn/renshebufa-2025-10#5.11",
    does="同一人的课次与外地的课次是否重叠：两处都签到的，报“发现问题”；只是排课重叠的，报“说不准”。本市之内不会重叠：签到表不收。",
    national=True,
    finds="""
        SELECT l.id,
               CASE WHEN bool_or(mine.state IN ('present', 'late', 'left_early')
                                 AND theirs.state IN ('present', 'late', 'left_early')) THEN 'n' ELSE 'u' END AS answer,
               jsonb_build_object('attendance.attendance', jsonb_agg(DISTINCT theirs.id)) AS ids,
               '有 ' || count(DISTINCT theirs.id) || ' 次课与外地（' || count(DISTINCT theirs.city_code)
                   || ' 个市）的课时间重叠' AS words
        FROM lines l
        JOIN attendance mine ON mine.city_code = %(city)s AND mine.enrolment_id = l.enrolment_id
        JOIN person f ON f.id = l.person_id AND f.city_code <> %(city)s
        JOIN attendance theirs ON theirs.city_code = f.city_code AND theirs.person_id = f.id
            AND theirs.period && mine.period
        GROUP BY l.id
    """,
)
