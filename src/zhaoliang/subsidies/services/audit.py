"""All lines of a region decided again in the database: what differs is stored beside what was decided before, for ever.

An audit moves no line and pays nobody: it says what the facts of today and the texts of each class's first day come to.
What is still open is decided again by `run_checks`; what was paid is for a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import PolicyStore
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.facts_sql import Chosen, of_claims
from zhaoliang.subsidies.judging import Sheet, bases, judged, sheets
from zhaoliang.subsidies.models import Decision
from zhaoliang.subsidies.selectors import claim_days, claim_span

# A slice is one statement and one transaction: large enough that the joins are hashed, small enough for memory.
SLICE = 10_000
# What a slice's joins may hold in memory before they spill; compiling the statement to machine code costs more than it gains.
SETTINGS = "SET LOCAL work_mem = '256MB'; SET LOCAL jit = off"
GRANTS = {Role.AUDITOR: Reach.REGION, Role.SYSTEM: Reach.ANY}
# A decision that says the same as the line's latest one is not stored again.
STORE = """
INSERT INTO decision (
    city_code, claim_line_id, policy_version, outcome, amount_fen, basis_id, known, rows, answers, steps, payee, at
)
SELECT %(city)s, made.line, made.version, made.outcome, made.fen, made.basis, made.known, made.rows, made.answers,
       made.steps, made.payee, %(at)s
FROM ({judged}) made
{unless_same}
"""


# Left out where a city has no decision yet: of an empty table the planner does not know which index leads to a line. The
# order has every line looked up before the first row is written, so that the statement does not scan what it puts in itself.
UNLESS_SAME = """
LEFT JOIN LATERAL (
    SELECT d.id, d.policy_version, d.outcome, d.amount_fen, d.known, d.payee
    FROM decision d
    WHERE d.city_code = %(city)s AND d.claim_line_id = made.line
    ORDER BY d.claim_line_id DESC, d.id DESC
    LIMIT 1
) latest ON TRUE
WHERE latest.id IS NULL
   OR (latest.policy_version, latest.outcome, latest.amount_fen, latest.known, latest.payee)
      IS DISTINCT FROM (made.version, made.outcome, made.fen, made.known, made.payee)
ORDER BY made.line
"""
# The same lines without storing anything, by what was decided last and what comes out now.
COMPARE = """
SELECT coalesce(latest.outcome, 'none') AS before, made.outcome AS after, count(*) AS lines,
       coalesce(sum(latest.amount_fen) FILTER (WHERE latest.outcome = 'pass'), 0)::bigint AS fen_before,
       coalesce(sum(made.fen) FILTER (WHERE made.outcome = 'pass'), 0)::bigint AS fen_after,
       (array_agg(made.line ORDER BY made.line))[1:5] AS examples
FROM ({judged}) made
LEFT JOIN LATERAL (
    SELECT d.outcome, d.amount_fen
    FROM decision d
    WHERE d.city_code = %(city)s AND d.claim_line_id = made.line
    ORDER BY d.claim_line_id DESC, d.id DESC
    LIMIT 1
) latest ON TRUE
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Slice:
    """A run of claims, by id, that one statement audits with one sheet of rules."""

    city_code: int
    first: int
    last: int
    sheet: Sheet


@dataclass
class Moved:
    """How many lines went from one outcome to another, with the fen that pass before and after, and a few line ids."""

    lines: int = 0
    fen_before: int = 0
    fen_after: int = 0
    examples: tuple[int, ...] = ()


def slices(city_code: int, region_code: int, *, store: PolicyStore | None = None, size: int = SLICE) -> Iterator[Slice]:
    """The work of an audit of a region: every claim once, by its own texts (of `store`, by default those in force)."""
    for sheet in sheets(store or lawbook(), claim_days(city_code, region_code)):
        first, last = claim_span(city_code, sheet.regions, sheet.days)
        for start in range(first, last + 1, size):
            yield Slice(city_code, start, min(start + size - 1, last), sheet)


def _chosen(part: Slice) -> Chosen:
    return of_claims(part.city_code, first=part.first, last=part.last, regions=part.sheet.regions, days=part.sheet.days)


def compare(city_code: int, region_code: int, *, store: PolicyStore | None = None) -> dict[tuple[str, str], Moved]:
    """What an audit would find, nothing stored: by (latest decision or "none", outcome now).

    `store` are other texts than those in force, a draft laid over them for instance.
    """
    found: dict[tuple[str, str], Moved] = {}
    for part in slices(city_code, region_code, store=store):
        text, parameters = judged(_chosen(part), part.sheet, dict.fromkeys(_versions(part), 0))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SETTINGS)
            cursor.execute(COMPARE.format(judged=text), parameters)
            for before, after, lines, fen_before, fen_after, examples in cursor.fetchall():
                moved = found.setdefault((before, after), Moved())
                moved.lines += lines
                moved.fen_before += fen_before
                moved.fen_after += fen_after
                moved.examples = (*moved.examples, *examples)[:5]
    return found


def _versions(part: Slice) -> set[str]:
    return {policies.version for policies in part.sheet.sets.values()}


@act("subsidies.open_audit", label="开始复核补贴决定", grants=GRANTS, on="place")
def open_audit(*, actor: Actor, at: datetime, place: Place, size: int = SLICE) -> list[Slice]:
    """The slices of an audit of the place; the bases of their decisions are made, so that no slice waits for another."""
    parts = list(slices(place.city_code, place.region_code, size=size))
    for part in parts:
        bases(part.city_code, part.sheet)
    return parts


@act("subsidies.audit", label="复核补贴决定", grants=GRANTS, on="place")
def audit_slice(*, actor: Actor, at: datetime, place: Place, part: Slice) -> int:
    """Decide the lines of a slice again and store what differs from each line's latest decision; returns how many.

    In a transaction of its own: an audit that was broken off goes on where it stopped by storing nothing twice.
    """
    text, parameters = judged(_chosen(part), part.sheet, bases(part.city_code, part.sheet))
    unless_same = UNLESS_SAME if Decision.objects.filter(city_code=part.city_code).exists() else ""
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        cursor.execute(STORE.format(judged=text, unless_same=unless_same), parameters | {"at": at})
        return cursor.rowcount


def audit_region(*, actor: Actor, at: datetime, place: Place, workers: int = 2, size: int = SLICE) -> int:
    """Audit every claim of a place, on so many connections at once; returns how many decisions were stored."""

    def one(part: Slice) -> int:
        try:
            return audit_slice(actor=actor, at=at, place=place, part=part)
        finally:
            connection.close()

    parts = open_audit(actor=actor, at=at, place=place, size=size)
    if workers == 1:
        return sum(audit_slice(actor=actor, at=at, place=place, part=part) for part in parts)
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(one, sorted(parts, key=lambda part: part.first - part.last)))
