"""Large claims: assembled and checked by statements over all lines, none of which passes through this process.

What `checks.check_lines` does line by line, with the same outcome (`tests/subsidies/test_mass.py` compares them). For the kinds
that the rules decide in one statement (`facts_sql.TRAINING_KINDS`). Only ids are held: 100,000 of them are a few megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.subsidies.services.audit import NO_AUDIT, SETTINGS, STORE, UNLESS_SAME, bases
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.verifiers import verify_lines

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
# The latest decision of each open line says what the rules say now: it was stored this moment, or says the same.
_CHANGED = """
SELECT l.id, l.state, latest.id, latest.fen, latest.payee,
       CASE
           WHEN latest.outcome = 'fail' THEN 'check_fail'
           WHEN latest.outcome = 'pass' AND l.alerts = 0 AND NOT l.sampled THEN 'check_pass'
           ELSE 'check_unknown'
       END
FROM claim_line l
JOIN LATERAL (
    SELECT d.id, d.policy_version, d.outcome, d.known, d.payee, d.amount_fen AS stored_fen,
           CASE WHEN d.outcome = 'pass' THEN coalesce(d.amount_fen, 0) ELSE 0 END AS fen
    FROM decision d
    WHERE d.city_code = %(city)s AND d.claim_line_id = l.id
    ORDER BY d.claim_line_id DESC, d.id DESC
    LIMIT 1
) latest ON TRUE
LEFT JOIN decision had ON had.city_code = l.city_code AND had.id = l.decision_id
WHERE l.city_code = %(city)s AND l.claim_id = %(claim)s AND l.state = ANY(%(open)s)
  AND (l.state = 'due' OR l.id = ANY(%(found)s::bigint[])
       OR (had.policy_version, had.outcome, had.amount_fen, had.known, had.payee)
          IS DISTINCT FROM (latest.policy_version, latest.outcome, latest.stored_fen, latest.known, latest.payee))
"""
_PUT = """
UPDATE claim_line SET decision_id = put.decision, amount_fen = put.fen, payee = put.payee
FROM unnest(%(lines)s::bigint[], %(decisions)s::bigint[], %(fen)s::bigint[], %(payees)s::text[]) AS put (line, decision, fen, payee)
WHERE claim_line.city_code = %(city)s AND claim_line.id = put.line
"""
# Lines settled by one statement: what is held of them at once.
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
    """Decide the open lines of a locked claim and ask the verifiers about all of them (plain; inside an act)."""
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim).order_by("id")
    # Before anything is read of them: a refund holds the lines it counts on (services/refunds.py).
    lines = list(rows.select_for_update(no_key=True).values_list("id", flat=True))
    report(0, len(lines), "正在按政策逐条计算")
    with connection.cursor() as cursor:
        cursor.execute(NO_AUDIT, [claim.city_code])
        cursor.execute(SETTINGS)
        cursor.execute(_REFRESH, _outcome(claim) | {"open": list(open_states)})
        _store(cursor, claim, open_states, at)
        cursor.execute("SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = on; SET LOCAL work_mem TO DEFAULT")
    report(0, len(lines), "正在逐项核验")
    found = verify_lines(claim, lines, at)
    with connection.cursor() as cursor:
        given = {"city": claim.city_code, "claim": claim.pk, "open": list(open_states), "found": id_array(found)}
        cursor.execute(_CHANGED, given)
        changed = cursor.fetchall()
    for start in range(0, len(changed), PART):
        report(start, len(changed), "正在登记结论")
        _settle(claim.city_code, changed[start : start + PART])


def _outcome(claim: Claim) -> dict[str, Any]:
    return {"city": claim.city_code, "claim": claim.pk, "class": claim.training_class_id}


def _store(cursor: Any, claim: Claim, open_states: Sequence[str], at: datetime) -> None:
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
    statement = STORE.format(judged=text, unless_same="" if fresh else UNLESS_SAME)
    cursor.execute(statement, parameters | {"city": city, "at": at})


def _settle(city_code: int, changed: Sequence[tuple[Any, ...]]) -> None:
    """Note the decisions on their lines and move each where its decision and the verifiers send it."""
    by_source: dict[str, list[int]] = {}
    by_event: dict[str, list[int]] = {}
    for line, state, _, _, _, event in changed:
        if state != "due":
            by_source.setdefault(state, []).append(line)
        by_event.setdefault(event, []).append(line)
    again: Mapping[str, Any] = {"judged_by_user": None, "judged_by_person": None, "judgement": "", "question": ""}
    for source, ids in sorted(by_source.items()):
        CLAIM_LINE.fire_ids(ClaimLine, city_code, ids, "recheck", source=source, **again)
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT,
            {
                "city": city_code,
                "lines": id_array(row[0] for row in changed),
                "decisions": id_array(row[2] for row in changed),
                "fen": id_array(row[3] for row in changed),
                "payees": [row[4] for row in changed],
            },
        )
    for event, ids in sorted(by_event.items()):
        held = {"amount_fen": 0} if event == "check_unknown" else {}
        CLAIM_LINE.fire_ids(ClaimLine, city_code, ids, event, source="due", **held)
