"""What the decision on a line of the kinds beside training rested on, as one number a line: the mark of what was on file.

It is kept when such a line is decided; where the one made now is another, something it may rest on came, went or was changed,
whenever that was entered. Read before the facts are: what is written in between makes another mark, and one look too many.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.kind_facts import GRANTED
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import ClaimLine

# The columns that `kind_facts` asks of each row, hashed; rows are added up, so that their order is nothing and two alike are
# two. Grants are those before the line's own (`facts.grants_before`); a certificate given out anew is the one it replaces.
# What a class and its provider are is not among them, nor what the texts of a day say, which the finder asks for itself.
# Another definition wants another number (the last argument of the last hash): every line is then looked at once.
_MARKS = """
WITH lines AS MATERIALIZED (
    SELECT l.id, l.person_id, l.enrolment_id, l.certificate_id, l.claim_id, l.kind, l.rests_on
    FROM claim_line l
    WHERE l.city_code = %(city)s AND l.id = ANY(%(lines)s::bigint[])
),
people AS MATERIALIZED (SELECT DISTINCT person_id AS id FROM lines),
trainees AS MATERIALIZED (SELECT DISTINCT enrolment_id AS id FROM lines WHERE enrolment_id IS NOT NULL),
persons AS (
    SELECT h.id, h.birth_date, h.identity_wrong_on
    FROM people
    JOIN person h ON h.city_code = %(city)s AND h.id = people.id
),
statuses AS (
    SELECT s.person_id AS id, sum(hash_record_extended(ROW(s.kind, s.holds, s.checked_on, s.valid_from, s.valid_to), 0)) AS mark
    FROM people
    JOIN person_status s ON s.city_code = %(city)s AND s.person_id = people.id
    GROUP BY 1
),
memberships AS (
    SELECT m.person_id AS id, sum(hash_record_extended(ROW(m."group", m.evidence, m.valid_from, m.valid_to), 0)) AS mark
    FROM people
    JOIN group_membership m ON m.city_code = %(city)s AND m.person_id = people.id
    GROUP BY 1
),
jobs AS (
    SELECT j.person_id AS id, sum(hash_record_extended(ROW(
               j.employer_uscc, j.from_on, j.to_on, j.contract_until, j.open_ended, j.insured, j.proof,
               j.evidence_sha256, j.voided_on), 0)) AS mark
    FROM people
    JOIN job_record j ON j.city_code = %(city)s AND j.person_id = people.id
    GROUP BY 1
),
insured AS (
    SELECT DISTINCT ON (u.person_id) u.person_id AS id, u.months, u.as_of
    FROM people
    JOIN unemployment_insurance u ON u.city_code = %(city)s AND u.person_id = people.id
    ORDER BY u.person_id, u.as_of DESC, u.id DESC
),
own AS (
    SELECT DISTINCT ON (lines.id) lines.id, g.granted_on, g.id AS number
    FROM lines
    JOIN person_grant g ON g.person_id = lines.person_id AND g.city_code = %(city)s AND g.claim_line_id = lines.id
    WHERE g.withdrawn_on IS NULL
    ORDER BY lines.id, g.granted_on, g.id
),
grants AS (
    SELECT lines.id, sum(hash_record_extended(ROW(
               g.scheme, g.occupation_code, g.level, g.certificate_number, g.fund_source, g.granted_on), 0)) AS mark
    FROM lines
    JOIN person_grant g ON g.person_id = lines.person_id
    LEFT JOIN own ON own.id = lines.id
    WHERE g.withdrawn_on IS NULL AND (own.id IS NULL OR (g.granted_on, g.id) < (own.granted_on, own.number))
    GROUP BY 1
),
rosters AS (
    SELECT n.id, n.state, n."group", n.employer_uscc, y.months
    FROM trainees
    JOIN enrolment n ON n.city_code = %(city)s AND n.id = trainees.id
    LEFT JOIN apprentice_agreement y ON y.city_code = %(city)s AND y.enrolment_id = n.id
),
sat AS (
    SELECT a.enrolment_id AS id, sum(a.planned_minutes) AS planned, sum(a.credited_minutes) AS credited,
           count(DISTINCT (lower(a.period) AT TIME ZONE 'Asia/Shanghai')::date) FILTER (WHERE a.credited_minutes > 0) AS days
    FROM trainees
    JOIN attendance a ON a.city_code = %(city)s AND a.enrolment_id = trainees.id
    GROUP BY 1
),
beside AS (
    SELECT lines.id, sum(hash_record_extended(ROW(o.kind, o.amount_fen, c.publicity_until), 0)) AS mark
    FROM lines
    JOIN claim_line o ON o.city_code = %(city)s AND o.enrolment_id = lines.enrolment_id AND o.id <> lines.id
    JOIN claim c ON c.city_code = %(city)s AND c.id = o.claim_id
    WHERE o.kind = ANY(%(beside)s) AND o.state = ANY(%(granted)s)
    GROUP BY 1
),
results AS (
    SELECT lines.id, r.id AS result, r.passed
    FROM lines
    JOIN exam_result r ON r.city_code = %(city)s AND r.enrolment_id = lines.enrolment_id
    JOIN exam x ON x.city_code = %(city)s AND x.id = r.exam_id AND x.state = 'published'
    UNION ALL
    SELECT lines.id, t.result_id, TRUE
    FROM lines
    JOIN certificate t ON t.city_code = %(city)s AND t.id = lines.certificate_id
    WHERE lines.enrolment_id IS NULL
),
qualified AS (
    SELECT results.id, bool_or(results.passed) AS passed, min(t.issued_on) AS since,
           sum(hash_record_extended(ROW(t.state, t.kind, t.occupation_id, t.level), 0)) FILTER (WHERE t.state <> 'replaced')
               AS mark
    FROM results
    LEFT JOIN certificate t ON t.city_code = %(city)s AND t.result_id = results.result
    GROUP BY 1
),
files AS (
    SELECT e.claim_id AS id, array_agg(DISTINCT e.kind ORDER BY e.kind) AS kinds
    FROM claim_evidence e
    WHERE e.city_code = %(city)s
      AND e.claim_id IN (SELECT lines.claim_id FROM lines WHERE lines.kind IN ('apprentice_advance', 'apprenticeship'))
    GROUP BY 1
),
bought AS (
    SELECT lines.id, sum(hash_record_extended(ROW(b.signed_on, b.hour_fen, b.person_cap_fen), 0)) AS mark
    FROM lines
    JOIN enrolment n ON n.city_code = %(city)s AND n.id = lines.enrolment_id
    JOIN training_class k ON k.city_code = %(city)s AND k.id = n.training_class_id
    JOIN purchase_contract b ON b.city_code = %(city)s AND b.project_id = k.project_id AND b.signed_on <= k.starts_on
    WHERE lines.kind = 'project'
    GROUP BY 1
)
SELECT lines.id AS line, lines.rests_on AS kept, hash_record_extended(ROW(
           persons.birth_date, persons.identity_wrong_on, statuses.mark, memberships.mark, jobs.mark, insured.months, insured.as_of,
           grants.mark, rosters.state, rosters."group", rosters.employer_uscc, rosters.months, sat.planned, sat.credited,
           sat.days, beside.mark, qualified.passed, qualified.since, qualified.mark, files.kinds, bought.mark), 1) AS mark
FROM lines
LEFT JOIN persons ON persons.id = lines.person_id
LEFT JOIN statuses ON statuses.id = lines.person_id
LEFT JOIN memberships ON memberships.id = lines.person_id
LEFT JOIN jobs ON jobs.id = lines.person_id
LEFT JOIN insured ON insured.id = lines.person_id
LEFT JOIN grants ON grants.id = lines.id
LEFT JOIN rosters ON rosters.id = lines.enrolment_id
LEFT JOIN sat ON sat.id = lines.enrolment_id
LEFT JOIN beside ON beside.id = lines.id
LEFT JOIN qualified ON qualified.id = lines.id
LEFT JOIN files ON files.id = lines.claim_id
LEFT JOIN bought ON bought.id = lines.id
"""
_KEEP = f"""
UPDATE claim_line SET rests_on = made.mark
FROM ({_MARKS}) made
WHERE claim_line.city_code = %(city)s AND claim_line.id = made.line AND made.kept IS DISTINCT FROM made.mark
"""
_OTHERS = f"SELECT made.line FROM ({_MARKS}) made WHERE made.kept <> made.mark"


def mark_of(line: ClaimLine) -> int | None:
    """The mark of what is on file for a line now; None for the kinds that a statement over all facts decides."""
    if line.kind in TRAINING_KINDS:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, _asked(line.city_code, [line.pk]))
        return cursor.fetchone()[2]


def keep_marks(lines: Sequence[ClaimLine]) -> None:
    """Keep with locked lines of one claim the mark of what is on file, just before they are decided (inside an act)."""
    if not lines or lines[0].kind in TRAINING_KINDS:
        return
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, _asked(lines[0].city_code, [line.pk for line in lines]))


def otherwise_on_file(city_code: int, line_ids: Collection[int]) -> list[int]:
    """Those of these lines that keep a mark which is no longer that of what is on file."""
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS, _asked(city_code, line_ids))
        return [line for (line,) in cursor]


def _asked(city_code: int, line_ids: Collection[int]) -> dict[str, Any]:
    beside = [*MAIN, "apprentice_advance"]
    return {"city": city_code, "lines": id_array(line_ids), "beside": beside, "granted": list(GRANTED)}
