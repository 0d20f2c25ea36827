"""Which lines were decided on facts that are no longer so: looked for set-based, city by city, then decided one by one."""

from __future__ import annotations

from django.db import connection, transaction

from zhaoliang.kernel.roles import region_codes
from zhaoliang.registry.lawbook import lawbook, policies_for
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS, of_region
from zhaoliang.subsidies.judging import judged, sheets
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.selectors import claim_days
from zhaoliang.subsidies.services.audit import SETTINGS, people_of_slices
from zhaoliang.subsidies.services.later import AFTER_APPROVAL, mark_of

# The decision that stands is that of the line's latest difference, else the one it was approved by.
_STANDS = """coalesce(
    (SELECT f.decision_id FROM difference f
     WHERE f.city_code = %(city)s AND f.claim_line_id = l.id AND f.decision_id IS NOT NULL
     ORDER BY f.claim_line_id DESC, f.id DESC LIMIT 1),
    l.decision_id)"""
_JUDGED = """
SELECT made.line
FROM ({judged}) made
JOIN claim_line l ON l.city_code = %(city)s AND l.id = made.line
JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
WHERE (made.outcome, made.fen, made.known) IS DISTINCT FROM (d.outcome, d.amount_fen, d.known)
"""
# What a line carries along from the class: minutes as they were summed, the certificate as it was found.
_CARRIED = """
SELECT l.id
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
LEFT JOIN certificate t ON t.city_code = l.city_code AND t.id = l.certificate_id
LEFT JOIN LATERAL (
    SELECT sum(a.credited_minutes) AS credited FROM attendance a
    WHERE a.city_code = %(city)s AND a.enrolment_id = l.enrolment_id
) sat ON TRUE
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND (t.state IN ('revoked', 'suspended', 'replaced') OR coalesce(sat.credited, 0) <> l.credited_minutes)
"""
# An advance stays due only while its apprentice learns on, and never beyond what the settlement came to.
_ADVANCED = """
SELECT l.id
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND l.kind = 'apprentice_advance' AND (n.state = 'dropped' OR EXISTS (
      SELECT 1 FROM claim_line s
      JOIN claim e ON e.city_code = %(city)s AND e.id = s.claim_id AND e.state IN ('approved', 'paying', 'settled')
      JOIN decision d ON d.city_code = %(city)s AND d.id = s.decision_id AND d.amount_fen < 0
      WHERE s.city_code = %(city)s AND s.enrolment_id = l.enrolment_id AND s.kind = 'apprenticeship' AND s.state = 'refused'
  ))
"""
# What a statement over the facts does not see: findings of two people about any line, and for the kinds that are decided one
# by one jobs, statuses and groups that came since the decision that stands. Who looks the same afterwards comes out unchanged,
# and is not looked at for the same again.
_FOUND = """
SELECT l.id
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s AND (
      l.person_id IN (SELECT f.person_id FROM fact_finding f
                      WHERE f.city_code = %(city)s AND f.person_id = l.person_id AND f.changed_at > greatest(d.at, l.looked_at))
   OR l.kind <> ALL(%(trainings)s) AND (
      EXISTS (SELECT 1 FROM job_record j
              WHERE j.city_code = %(city)s AND j.person_id = l.person_id AND j.recorded_at > greatest(d.at, l.looked_at))
   OR EXISTS (SELECT 1 FROM person_status s
              WHERE s.city_code = %(city)s AND s.person_id = l.person_id AND s.recorded_at > greatest(d.at, l.looked_at))
   OR EXISTS (SELECT 1 FROM group_membership m
              WHERE m.city_code = %(city)s AND m.person_id = l.person_id
                AND m.recorded_at > greatest(d.at, l.looked_at))))
"""
# The lines of those kinds by the text they were decided by, the day whose texts bind them, and the text they were last looked at by.
_READ_BY = """
SELECT c.region_id, l.kind,
       CASE WHEN c.training_class_id IS NULL AND l.kind <> 'skill_upgrade' AND k.id IS NOT NULL THEN k.starts_on
            ELSE coalesce(l.applied_on, c.rules_on) END AS day,
       d.policy_version, l.looked_by, array_agg(l.id)
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id
LEFT JOIN training_class k ON k.city_code = l.city_code AND k.id = n.training_class_id
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND l.kind <> ALL(%(trainings)s)
GROUP BY 1, 2, 3, 4, 5
"""


def lines_with_changed_facts(city_code: int, region_code: int) -> list[int]:
    """Ids of approved and paid lines of a region that may be worth another amount now, in order; to be decided again.

    A line whose facts only look different (a provider struck off since) is among them and comes out unchanged.
    """
    found: set[int] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        given = sheets(lawbook(), claim_days(city_code, region_code))
        versions = {policies.version for sheet in given for policies in sheet.sets.values()}
        for people in people_of_slices(city_code) if given else ():
            chosen = of_region(city_code, region_code, people=people, states=AFTER_APPROVAL)
            text, parameters = judged(chosen, given, dict.fromkeys(versions, 0))
            cursor.execute(_JUDGED.format(judged=text, stands=_STANDS), parameters)
            found |= {line for (line,) in cursor}
        low, high = region_codes(region_code)
        asked = {"city": city_code, "states": list(AFTER_APPROVAL), "low": low, "high": high}
        for statement in (_CARRIED, _ADVANCED, _FOUND.format(stands=_STANDS)):
            cursor.execute(statement, asked | {"trainings": list(TRAINING_KINDS)})
            found |= {line for (line,) in cursor}
        cursor.execute(_READ_BY.format(stands=_STANDS), asked | {"trainings": list(TRAINING_KINDS)})
        for region, kind, day, version, looked, lines in cursor.fetchall():
            now = policies_for(region, on=day, scheme=KINDS[kind].scheme).version
            if now != version and mark_of(now) != looked:
                found |= set(lines)
    return sorted(found)
