"""Which lines were decided on facts that are no longer so: looked for set-based, city by city, then decided one by one.

A line that was decided again keeps a mark of what it was decided on (`subsidies.services.later.mark`): it is found again only
when that is another, whatever came of the look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from django.db import connection, transaction

from zhaoliang.kernel.roles import region_codes
from zhaoliang.policy import PolicyError
from zhaoliang.registry.lawbook import lawbook, policies_for
from zhaoliang.subsidies.changes import PASSING
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS, of_region
from zhaoliang.subsidies.judging import judged, sheets
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.resting import otherwise_on_file
from zhaoliang.subsidies.selectors import claim_days, facts_of_decisions, orders_of_facts
from zhaoliang.subsidies.services.audit import SETTINGS, people_of_slices
from zhaoliang.subsidies.services.later import AFTER_APPROVAL, mark
from zhaoliang.subsidies.stored import unpacked

# The decision that stands is that of the line's latest difference, else the one it was approved by.
_STANDS = """coalesce(
    (SELECT f.decision_id FROM difference f
     WHERE f.city_code = %(city)s AND f.claim_line_id = l.id AND f.decision_id IS NOT NULL
     ORDER BY f.claim_line_id DESC, f.id DESC LIMIT 1),
    l.decision_id)"""
# `basis` is here the number of the order in which facts are known. In the same order they are compared as text. Where the
# decision that stands keeps them in another order (of an earlier release, of other counts, or whole), a line that was never looked
# at is found by outcome and amount; what alone cannot be told is compared fact by fact afterwards (`known`, with the decision).
_JUDGED = """
SELECT found.line, CASE WHEN found.same THEN found.known END, found.ordering, found.decision_id
FROM (
    SELECT made.line, made.known, made.basis AS ordering, d.id AS decision_id,
           (made.outcome, made.fen) IS NOT DISTINCT FROM (d.outcome, d.amount_fen) AND made.outcome = 'cannot_tell'
               AND kept.ordering IS DISTINCT FROM made.basis AND l.looked_by = '' AS same
    FROM ({judged}) made
    JOIN claim_line l ON l.city_code = %(city)s AND l.id = made.line
    JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
    LEFT JOIN unnest(%(bases)s::bigint[], %(orderings)s::bigint[]) AS kept (basis, ordering) ON kept.basis = d.basis_id
    WHERE CASE
        WHEN kept.ordering = made.basis
            THEN (made.outcome, made.fen, made.known) IS DISTINCT FROM (d.outcome, d.amount_fen, d.known)
        WHEN l.looked_by = ''
            THEN (made.outcome, made.fen) IS DISTINCT FROM (d.outcome, d.amount_fen) OR made.outcome = 'cannot_tell'
        ELSE TRUE
    END AND CASE
        WHEN l.looked_by = '' THEN TRUE
        ELSE l.looked_by <> left(encode(sha256(convert_to(made.known || made.rows::text || made.version, 'UTF8')), 'hex'), 16)
    END
) found
"""
# What a line carries along from the class until it is decided again: minutes as they were summed, the certificate it was given for.
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
  AND l.enrolment_id IS NOT NULL
  AND (coalesce(sat.credited, 0) <> l.credited_minutes OR c.training_class_id IS NOT NULL AND t.state = 'replaced' AND EXISTS (
      SELECT 1 FROM certificate n
      WHERE n.city_code = %(city)s AND n.result_id = t.result_id AND n.state <> 'replaced'
  ))
"""
# What a statement over the facts does not see: findings of two people, and of the lines decided one by one that keep no mark of
# what was on file (decided by an earlier release) jobs, statuses, groups and answers on insurance that came since the last look,
# else the decision that stands, and grants beside the line's own that were given back. A job that writes them dates them by its
# beginning: a day before the look is looked at once more. What has no moment of entering counts from its day.
_FOUND = """
SELECT l.id
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
CROSS JOIN LATERAL (SELECT coalesce(l.looked_at - interval '1 day', d.at) AS since) seen
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND l.rests_on IS NULL AND (
      l.person_id IN (SELECT f.person_id FROM fact_finding f
                      WHERE f.city_code = %(city)s AND f.person_id = l.person_id AND f.changed_at > seen.since)
   OR l.kind <> ALL(%(trainings)s) AND (
      EXISTS (SELECT 1 FROM job_record j
              WHERE j.city_code = %(city)s AND j.person_id = l.person_id AND j.recorded_at > seen.since)
   OR EXISTS (SELECT 1 FROM person_status s
              WHERE s.city_code = %(city)s AND s.person_id = l.person_id
                AND coalesce(s.recorded_at, (s.checked_on + 1)::timestamptz) > seen.since)
   OR EXISTS (SELECT 1 FROM group_membership m
              WHERE m.city_code = %(city)s AND m.person_id = l.person_id AND m.recorded_at > seen.since)
   OR EXISTS (SELECT 1 FROM unemployment_insurance u
              WHERE u.city_code = %(city)s AND u.person_id = l.person_id AND u.recorded_at > seen.since)
   OR EXISTS (SELECT 1 FROM person_grant g
              WHERE g.person_id = l.person_id AND g.claim_line_id IS DISTINCT FROM l.id
                AND g.withdrawn_on >= (seen.since AT TIME ZONE 'Asia/Shanghai')::date)))
"""
# The lines that keep such a mark, those of a person beside each other.
_MARKED = """
SELECT l.id
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND l.rests_on IS NOT NULL
ORDER BY l.person_id, l.id
"""
# The lines of those kinds by all that moves them beside: the text they were decided by and the day whose texts bind them, the
# certificate, and whether an advance is read as a settlement (`kind_facts.phase_of`); with the mark of the last look.
_READ_BY = """
SELECT c.region_id, l.kind,
       CASE WHEN c.training_class_id IS NULL AND l.kind <> 'skill_upgrade' AND k.id IS NOT NULL THEN k.starts_on
            ELSE coalesce(l.applied_on, c.rules_on) END AS day,
       d.policy_version, l.looked_by, coalesce(p.state, t.state, '') AS certificate,
       l.kind = 'apprentice_advance' AND (n.state = 'dropped' OR EXISTS (
           SELECT 1 FROM claim_line s
           JOIN claim e ON e.city_code = %(city)s AND e.id = s.claim_id AND e.state IN ('approved', 'paying', 'settled')
           JOIN decision m ON m.city_code = %(city)s AND m.id = s.decision_id AND m.amount_fen < 0
           WHERE s.city_code = %(city)s AND s.enrolment_id = l.enrolment_id AND s.kind = 'apprenticeship' AND s.state = 'refused'
       )) AS settled,
       array_agg(l.id)
FROM claim_line l
JOIN claim c ON c.city_code = l.city_code AND c.id = l.claim_id
JOIN decision d ON d.city_code = %(city)s AND d.id = {stands}
LEFT JOIN enrolment n ON n.city_code = l.city_code AND n.id = l.enrolment_id
LEFT JOIN training_class k ON k.city_code = l.city_code AND k.id = n.training_class_id
LEFT JOIN certificate t ON t.city_code = l.city_code AND t.id = l.certificate_id
LEFT JOIN certificate p ON t.state = 'replaced' AND p.city_code = %(city)s AND p.result_id = t.result_id AND p.state <> 'replaced'
WHERE l.city_code = %(city)s AND l.state = ANY(%(states)s) AND c.region_id BETWEEN %(low)s AND %(high)s
  AND l.kind <> ALL(%(trainings)s)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_GONE = ("revoked", "suspended", "replaced")
_MANY = 5_000
# Each statement over marks reads the registers of the whole city.
_AT_ONCE = 200_000


def lines_with_changed_facts(city_code: int, region_code: int) -> list[int]:
    """Ids of approved and paid lines of a region that may be worth another amount now, in order; to be decided again.

    A line whose facts only look different (a provider struck off since) is among them once, and comes out unchanged.
    """
    found: set[int] = set()
    low, high = region_codes(region_code)
    asked = {"city": city_code, "states": list(AFTER_APPROVAL), "low": low, "high": high}
    asked |= {"trainings": list(TRAINING_KINDS)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        found.update(_judged_otherwise(city_code, region_code))
        for statement in (_CARRIED, _FOUND.format(stands=_STANDS)):
            cursor.execute(statement, asked)
            found |= {line for (line,) in cursor}
        cursor.execute(_MARKED, asked)
        marked = [line for (line,) in cursor]
        for first in range(0, len(marked), _AT_ONCE):
            found.update(otherwise_on_file(city_code, marked[first : first + _AT_ONCE]))
        cursor.execute(_READ_BY.format(stands=_STANDS), asked)
        for region, kind, day, version, looked, certificate, settled, lines in cursor.fetchall():
            phase = "claim" if settled else KINDS[kind].phase
            try:
                now = policies_for(region, on=day, scheme=KINDS[kind].scheme).version
            except PolicyError:
                # No text speaks of them any more: each is told by itself.
                now = ""
            moved = now != version or certificate in _GONE or settled
            if mark(now, certificate, phase) != looked and (looked or moved):
                found |= set(lines)
    return sorted(found)


def _judged_otherwise(city_code: int, region_code: int) -> Iterator[int]:
    """The lines of which the statement over all facts says something else than the decision that stands and the last look."""
    given = sheets(lawbook(), claim_days(city_code, region_code))
    if not given:
        return
    orderings: dict[tuple[str, ...], int] = {}
    kept = orders_of_facts(city_code)
    bases = {basis: orderings.setdefault(facts, len(orderings)) for basis, facts in kept.items()}
    versions = {
        policies.version: orderings.setdefault(sheet.known, len(orderings))
        for sheet in given
        for policies in sheet.sets.values()
    }
    columns = {number: ordering for ordering, number in orderings.items()}
    for people in people_of_slices(city_code):
        chosen = of_region(city_code, region_code, people=people, states=AFTER_APPROVAL)
        text, parameters = judged(chosen, given, versions)
        with connection.cursor() as cursor:
            cursor.execute(
                _JUDGED.format(judged=text, stands=_STANDS),
                parameters | {"bases": list(bases), "orderings": list(bases.values())},
            )
            rows = cursor.fetchall()
        yield from (line for line, known, _, _ in rows if known is None)
        unsure = [(line, decision, unpacked(known, columns[number])) for line, known, number, decision in rows if known]
        for first in range(0, len(unsure), _MANY):
            yield from _known_otherwise(city_code, unsure[first : first + _MANY])


def _known_otherwise(city_code: int, lines: Sequence[tuple[int, int, Mapping[str, object]]]) -> Iterator[int]:
    """Those of these lines (id, decision that stands, facts of now) whose facts are others than in the decision, by name."""
    stood = facts_of_decisions(city_code, {decision for _, decision, _ in lines})
    for line, decision, now in lines:
        before = stood[decision]
        if any(before.get(name) != now.get(name) for name in {*before, *now}.difference(PASSING)):
            yield line
