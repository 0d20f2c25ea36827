"""Claim lines audited in PostgreSQL from the platform's own tables, decisions stored, beside a loop in Python over the same.

Two connections share the claims. The loop is what the platform did before: the ORM reads a claim's rows, `decide` answers
line by line, `bulk_create` stores; it runs on a part of the same lines, right before. Both must come to the same fen.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import audit_fill
import figures

CITY = audit_fill.CITY
SIZES = (9_990, 99_990, 999_990)
FULL = (*SIZES, 2_999_970)
LOOP_CLAIMS, TRACED = 20, 100


def measure(progress: Callable[[str], None], *, full: bool = False) -> None:
    """Print the figures, one JSON line each."""
    growth: list[tuple[int, float]] = []
    for size in FULL if full else SIZES:
        progress(f"bench: audit, filling the tables with {size:,} lines")
        _as_owner(lambda connection, size=size: audit_fill.fill(connection, size))
        loop = [_loop(LOOP_CLAIMS) for _ in range(4)][1:] if size == SIZES[-1] else []
        runs = []
        for _ in range(1 if size > SIZES[-1] else 3):
            runs.append(_audit(size))
            progress(f"bench: audit of {size:,} lines: {runs[-1]:,.0f} lines/s")
            if loop:
                _same_fen()
        growth.append((size, statistics.median(runs)))
        if loop:
            _print("audit in PostgreSQL, decisions stored", runs, "the same lines by ORM and decide()", loop)
            figures.reach(f"audit of {size:,} lines, decisions stored", statistics.median(runs), "lines/s", "≥ 100000")
            _trace()
    base = growth[0][1]
    steps = [{"lines": size, "lines/s": round(rate), "of the first": round(rate / base, 2)} for size, rate in growth]
    print(json.dumps({"bench": "audit, growth", "unit": "lines/s", "growth": steps}), flush=True)


def _audit(size: int) -> float:
    """Lines a second of an audit of the whole city with nothing decided before."""
    from zhaoliang.kernel.roles import Place, system_actor
    from zhaoliang.subsidies.services.audit import audit_region

    _as_owner(_forget)
    begin = time.perf_counter()
    stored = audit_region(actor=system_actor(), at=datetime.now(UTC), place=Place(CITY, CITY), workers=2)
    elapsed = time.perf_counter() - begin
    if stored != size:
        raise SystemExit(f"audit: {stored} decisions for {size} lines")
    return size / elapsed


def _forget(connection: Any) -> None:
    """Take all decisions back. Not by TRUNCATE, which would take the lines that refer to them along."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; DELETE FROM decision; DELETE FROM decision_basis")
        cursor.execute("VACUUM decision")
        cursor.execute("CHECKPOINT")


_looped: dict[int, tuple[str, int | None]] = {}


def _loop(claims: int) -> float:
    """Lines a second of a loop over every so manieth claim, its decisions stored whole and then taken back."""
    from django.db import transaction

    from zhaoliang.registry.lawbook import policies_for
    from zhaoliang.subsidies.facts import claim_facts, class_outcome, known_of
    from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
    from zhaoliang.subsidies.services.locking import LINE_PARTS

    last = Claim.objects.filter(city_code=CITY).count()
    chosen = range(1, last + 1, max(last // claims, 1))
    count, at = 0, datetime.now(UTC)
    begin = time.perf_counter()
    with transaction.atomic():
        for claim_id in chosen:
            claim = Claim.objects.select_related("training_class__project").get(city_code=CITY, pk=claim_id)
            rows = ClaimLine.objects.select_related(*LINE_PARTS).filter(city_code=CITY, claim=claim)
            lines = list(rows.order_by("id"))
            outcome, known = class_outcome(claim), known_of(claim, lines)
            policies = policies_for(claim.region_id, on=claim.rules_on)
            made = []
            for line in lines:
                sheet = claim_facts(line, outcome, known[line.person_id])
                said = policies.decide(sheet.facts)
                _looped[line.pk] = (said.outcome.value, said.fen)
                made.append(
                    Decision(
                        city_code=CITY,
                        claim_line_id=line.pk,
                        policy_version=said.policy_version,
                        outcome=said.outcome.value,
                        amount_fen=said.fen,
                        whole_facts=said.facts,
                        whole_evidence=sheet.evidence,
                        whole_record=said.to_json(),
                        at=at,
                    )
                )
            Decision.objects.bulk_create(made)
            count += len(made)
        elapsed = time.perf_counter() - begin
        transaction.set_rollback(True)
    return count / elapsed


def _same_fen() -> None:
    """A rate counts only when both ways said the same of every line that both decided."""
    from zhaoliang.subsidies.models import Decision

    rows = Decision.objects.filter(city_code=CITY, claim_line_id__in=list(_looped))
    found = {line: (outcome, fen) for line, outcome, fen in rows.values_list("claim_line_id", "outcome", "amount_fen")}
    # A pass of nothing is for a person: the loop does not know of that.
    wanted = {
        line: ("cannot_tell", fen) if said == "pass" and not fen else (said, fen)
        for line, (said, fen) in _looped.items()
    }
    if found != wanted:
        wrong = next(line for line in wanted if found.get(line) != wanted[line])
        raise SystemExit(f"audit: line {wrong}: {found.get(wrong)} in the database, {wanted[wrong]} in the loop")


def _trace() -> None:
    """Milliseconds for one line decided anew with the whole trace, in the service, on the largest tables."""
    from zhaoliang.subsidies.selectors import claim_line, line_today

    spans = []
    for number in range(1, TRACED + 1):
        line = claim_line(CITY, number * 37)
        begin = time.perf_counter()
        line_today(line)
        spans.append((time.perf_counter() - begin) * 1000)
    record = {
        "bench": "one line with its trace, in the service",
        "figure": round(statistics.median(spans), 2),
        "unit": "ms",
    }
    print(json.dumps(record | {"p99": round(sorted(spans)[int(TRACED * 0.99)], 2)}), flush=True)
    figures.reach("one line with its trace, in the service", statistics.median(spans), "ms", "≤ 5")


def _print(bench: str, ours: list[float], against: str, theirs: list[float]) -> None:
    figure, other = statistics.median(ours), statistics.median(theirs)
    runs = {"ours": [round(run) for run in ours], "against": [round(run) for run in theirs]}
    record = {"bench": bench, "figure": round(figure), "unit": "lines/s", "against": against}
    print(json.dumps(record | {"ratio": round(figure / other, 1), "runs": runs}), flush=True)


def _as_owner(work: Callable[[Any], object]) -> None:
    from django.db import connection

    from zhaoliang.kernel.db.migrate import as_owner

    with as_owner():
        work(connection)
