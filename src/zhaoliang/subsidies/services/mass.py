"""Large claims: assembled and checked by statements over all lines, none of which passes through this process.

What `checks.check_lines` does line by line, with the same outcome (`tests/subsidies/test_mass.py` compares them). For the kinds
that the rules decide in one statement (`facts_sql.TRAINING_KINDS`). Only ids are held: 100,000 of them are a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection

from zhaoliang.classes.models import TrainingClass
from zhaoliang.classes.selectors import is_roster_of
from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS, Chosen
from zhaoliang.subsidies.judging import judged, sheet_of
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
from zhaoliang.subsidies.services.audit import NO_AUDIT, SETTINGS, STORE, UNLESS_SAME, bases
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.verifiers import store_results

# From so many lines on a claim is worked on in this way, and by the worker.
LARGE = 2_000

# Minutes and certificate as they are now: the certificate that was not replaced, of a published examination.
_OUTCOME = """
SELECT n.id, n.person_id, n.voucher_id, coalesce(t.planned, 0) AS planned, coalesce(t.credited, 0) AS credited, held.certificate_id
FROM enrolment n
LEFT JOIN (
    SELECT a.enrolment_id, sum(a.planned_minutes) AS planned, sum(a.credited_minutes) AS credited
    FROM attendance a
    JOIN class_session s ON s.city_code = a.city_code AND s.id = a.session_id
    WHERE a.city_code = %(city)s AND s.training_class_id = %(class)s
    GROUP BY a.enrolment_id
) t ON t.enrolment_id = n.id
LEFT JOIN (
    SELECT r.enrolment_id, max(c.id) AS certificate_id
    FROM exam x
    JOIN exam_result r ON r.city_code = x.city_code AND r.exam_id = x.id
    JOIN certificate c ON c.city_code = x.city_code AND c.result_id = r.id AND c.state <> 'replaced'
    WHERE x.city_code = %(city)s AND x.training_class_id = %(class)s AND x.state = 'published'
    GROUP BY r.enrolment_id
) held ON held.enrolment_id = n.id
WHERE n.city_code = %(city)s AND n.training_class_id = %(class)s
"""
_ADD = f"""
INSERT INTO claim_line (
    city_code, claim_id, enrolment_id, kind, person_id, voucher_id, certificate_id, occupation_id, level, planned_minutes,
    credited_minutes, amount_fen, payee, state, alerts, sampled, judgement, question, refusal
)
SELECT %(city)s, %(claim)s, o.id, %(kind)s, o.person_id, CASE WHEN %(main)s THEN o.voucher_id END, o.certificate_id,
       %(occupation)s, %(level)s, o.planned, o.credited, 0, 'provider', 'due', 0, FALSE, '', '', ''
FROM ({_OUTCOME}) o
WHERE o.id = ANY(%(enrolments)s::bigint[])
ORDER BY o.id
"""
_REFRESH = f"""
UPDATE claim_line SET planned_minutes = o.planned, credited_minutes = o.credited, certificate_id = o.certificate_id
FROM ({_OUTCOME}) o
WHERE claim_line.city_code = %(city)s AND claim_line.claim_id = %(claim)s AND claim_line.enrolment_id = o.id
  AND claim_line.state = ANY(%(open)s)
  AND (claim_line.planned_minutes, claim_line.credited_minutes, claim_line.certificate_id)
      IS DISTINCT FROM (o.planned, o.credited, o.certificate_id)
"""
# A line that the verifiers say something new of is decided anew also where its facts are equal but rest on other rows.
_OTHER_ROWS = "OR made.line = ANY(%(found)s::bigint[]) AND latest.rows IS DISTINCT FROM made.rows"
# The latest decision of a line says what the rules say now: it was stored this moment, or says the same.
_LATEST = """
JOIN LATERAL (
    SELECT d.*
    FROM decision d
    WHERE d.city_code = %(city)s AND d.claim_line_id = l.id
    ORDER BY d.claim_line_id DESC, d.id DESC
    LIMIT 1
) latest ON TRUE
"""
# Settled lines of which rules or verifiers say something else than before, the state each is in. The last column: only the text
# of the facts differs, which after a release with another shape of facts may say the same.
_CHANGED = f"""
SELECT s.id, s.state, s.had_id, s.latest_id, NOT s.found AND s.alike
FROM (
    SELECT l.id, l.state, had.id AS had_id, latest.id AS latest_id, l.id = ANY(%(found)s::bigint[]) AS found,
           (had.policy_version, had.outcome, had.amount_fen, coalesce(had.record -> 'payee' ->> 'to', had.payee))
               IS NOT DISTINCT FROM (latest.policy_version, latest.outcome, latest.amount_fen, latest.payee) AS alike,
           (had.basis_id, had.known) IS NOT DISTINCT FROM (latest.basis_id, latest.known) AS known_alike
    FROM claim_line l
    {_LATEST}
    LEFT JOIN decision had ON had.city_code = %(city)s AND had.id = l.decision_id
    WHERE l.city_code = %(city)s AND l.claim_id = %(claim)s AND l.id = ANY(%(part)s::bigint[])
      AND l.state = ANY(%(open)s) AND l.state <> 'due'
) s
WHERE s.found OR NOT s.alike OR NOT s.known_alike
ORDER BY s.id
"""
_CHECKED = """
JOIN LATERAL (
    SELECT r.id, length(translate(r.answers, 'y', '')) AS alerts
    FROM check_result r
    WHERE r.city_code = %(city)s AND r.claim_line_id = l.id
    ORDER BY r.claim_line_id DESC, r.id DESC
    LIMIT 1
) checked ON TRUE
"""
# Where decision and verifiers send a line that is due, with all that it takes over of them.
_SETTLED = f"""
SELECT s.id, 'due' AS source, s.event, s.decision_id, s.payee, s.check_result_id, s.alerts,
       CASE WHEN s.event = 'check_pass' THEN s.fen ELSE 0 END AS amount_fen
FROM (
    SELECT l.id, latest.id AS decision_id, coalesce(latest.amount_fen, 0) AS fen, latest.payee,
           checked.id AS check_result_id, checked.alerts,
           CASE
               WHEN latest.outcome = 'fail' THEN 'check_fail'
               WHEN latest.outcome = 'pass' AND checked.alerts = 0 AND NOT l.sampled THEN 'check_pass'
               ELSE 'check_unknown'
           END AS event
    FROM claim_line l
    {_LATEST}
    {_CHECKED}
    WHERE l.city_code = %(city)s AND l.claim_id = %(claim)s AND l.id = ANY(%(part)s::bigint[]) AND l.state = 'due'
) s
"""
_TAKEN_OVER = ("decision", "payee", "check_result_id", "alerts", "amount_fen")
# What the verifiers say of lines that stay where they are: refused or paid by an approval before.
_NOTED = f"""
UPDATE claim_line SET check_result_id = s.check_result_id, alerts = s.alerts
FROM (
    SELECT l.id, checked.id AS check_result_id, checked.alerts
    FROM claim_line l
    {_CHECKED}
    WHERE l.city_code = %(city)s AND l.claim_id = %(claim)s AND l.id = ANY(%(found)s::bigint[]) AND l.state <> ALL(%(open)s)
) s
WHERE claim_line.city_code = %(city)s AND claim_line.id = s.id
"""
# Lines of one statement: what verifiers say and what moves is held of so many at once, here and in the database.
PART = 10_000


def is_large(claim: Claim) -> bool:
    """Whether a claim is checked in this way: of a kind that one statement decides, and of so many lines."""
    if claim.kind not in TRAINING_KINDS:
        return False
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim)
    return len(rows.values_list("id")[:LARGE]) == LARGE


def is_large_class(training_class: TrainingClass) -> bool:
    """Whether the claim of a class would be large."""
    return is_roster_of(training_class, LARGE)


def add_lines(claim: Claim, enrolment_ids: Sequence[int]) -> None:
    """A line for each of these enrolments of the claim's class (plain; inside an act).

    A voucher goes with the training, not with what is claimed beside it.
    """
    training_class = claim.training_class
    given = {
        **_outcome(claim),
        "kind": claim.kind,
        "main": claim.kind in MAIN,
        "occupation": training_class.project.occupation_id,
        "level": training_class.project.level,
        "enrolments": id_array(enrolment_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, given)


def check_many(claim: Claim, open_states: Sequence[str], at: datetime) -> None:
    """Decide the open lines of a locked claim and ask the verifiers about all of them (plain; inside an act).

    Each line that moves is written once, with all that rules and verifiers say of it.
    """
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id")
    # Before anything is read of them: a refund holds the lines it counts on (services/refunds.py).
    lines = list(rows.select_for_update(no_key=True).values_list("id", flat=True))
    given: dict[str, Any] = {"city": claim.city_code, "claim": claim.pk, "open": list(open_states)}
    with connection.cursor() as cursor:
        cursor.execute(NO_AUDIT, [claim.city_code])
        with _hashed(cursor):
            cursor.execute(_REFRESH, _outcome(claim) | given)
    found: list[int] = []
    for done, part in _parts(lines):
        report(done, len(lines), "正在逐项核验")
        found += store_results(claim, part, at)
    report(0, len(lines), "正在按政策逐条计算")
    with connection.cursor() as cursor:
        with _hashed(cursor):
            _store(cursor, claim, open_states, found, at)
        cursor.execute(_NOTED, given | {"found": id_array(found)})
    for done, part in _parts(lines):
        report(done, len(lines), "正在登记结论")
        held = set(part)
        _settle(claim, given | {"part": id_array(part), "found": id_array(one for one in found if one in held)})


def _parts(ids: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    """Lines that one statement works on, with how many came before them."""
    return ((start, ids[start : start + PART]) for start in range(0, len(ids), PART))


@contextmanager
def _hashed(cursor: Any) -> Iterator[None]:
    """Statements over all lines of a claim, whose joins are hashed."""
    cursor.execute(SETTINGS)
    yield
    cursor.execute("SET LOCAL enable_nestloop = on; SET LOCAL work_mem TO DEFAULT")


def _outcome(claim: Claim) -> dict[str, Any]:
    return {"city": claim.city_code, "claim": claim.pk, "class": claim.training_class_id}


def _store(cursor: Any, claim: Claim, open_states: Sequence[str], found: Sequence[int], at: datetime) -> None:
    """Keep the decisions on the open lines that say something new."""
    city = claim.city_code
    chosen = Chosen(
        city,
        "c.id = %(claim)s",
        "l.state = ANY(%(open)s)",
        parameters={"claim": claim.pk, "open": list(open_states)},
    )
    sheet = sheet_of(policies_for(claim.region_id, on=claim.rules_on))
    text, parameters = judged(chosen, [sheet], bases(city, sheet))
    fresh = not ClaimLine.objects.filter(city_code=city, claim=claim, decision__isnull=False).exists()
    statement = STORE.format(judged=text, unless_same="" if fresh else UNLESS_SAME.format(or_else=_OTHER_ROWS))
    cursor.execute(statement, parameters | {"city": city, "at": at, "found": id_array(found)})


def _settle(claim: Claim, given: Mapping[str, Any]) -> None:
    """Move the lines of a part where their decisions and the verifiers send them; what says the same as before stays."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, given)
        changed = cursor.fetchall()
    same = _same_facts(claim.city_code, {had: latest for _, _, had, latest, doubtful in changed if doubtful})
    by_source: dict[str, list[int]] = {}
    for line, state, had, _, _ in changed:
        if had not in same:
            by_source.setdefault(state, []).append(line)
    again: Mapping[str, Any] = {"judged_by_user": None, "judged_by_person": None, "judgement": "", "question": ""}
    for source, ids in sorted(by_source.items()):
        CLAIM_LINE.fire_ids(ClaimLine, claim.city_code, ids, "recheck", source=source, **again)
    CLAIM_LINE.fire_chosen(ClaimLine, claim.city_code, _SETTLED, given, changes=_TAKEN_OVER)


def _same_facts(city_code: int, pairs: Mapping[int, int]) -> set[int]:
    """Of earlier decisions, each with the latest one of its line: those whose facts say the same, however they are kept."""
    held = Decision.objects.filter(city_code=city_code, pk__any_of=[*pairs, *pairs.values()]).in_bulk() if pairs else {}
    return {had for had, latest in pairs.items() if held[had].facts == held[latest].facts}
