"""All lines of a region decided again in the database: what differs is stored beside what was decided before, for ever.

An audit moves no line and pays nobody: it says what the facts of today and the texts of each class's first day come to.
What is still open is decided again by `run_checks`; what was paid is for a person.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import PolicyStore
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.facts_sql import Chosen, of_region
from zhaoliang.subsidies.judging import Sheet, bases, judged, sheets
from zhaoliang.subsidies.models import Decision
from zhaoliang.subsidies.selectors import claim_days, line_people

# Lines of a slice for each connection that shares it, which reads it by one statement in one transaction: large enough that
# the classes, gathered by each statement anew, and the planning weigh little.
SLICE = 500_000
# Lines of a range of people in it, read one after another: small enough that what its joins hash stays near the processor.
PART = 5_000
# What a slice's joins may hold in memory before they spill; compiling the statement to machine code costs more than it gains.
SETTINGS = "SET LOCAL work_mem = '256MB'; SET LOCAL jit = off; SET LOCAL enable_nestloop = off"
# A large claim's check takes the latest decision of each line for its own: no audit may store one between the two, of facts that
# it read before. Audits of a city do not wait for each other.
AUDITS = "SELECT pg_advisory_xact_lock_shared(hashtextextended('decisions', %s))"
AUDITS_AT_ONCE = "SELECT pg_try_advisory_xact_lock_shared(hashtextextended('decisions', %s))"
NO_AUDIT = "SELECT pg_advisory_xact_lock(hashtextextended('decisions', %s))"
# Who shares a slice waits for a table at the most so long: the others wait for him, of which the database does not know.
PATIENCE = "SET LOCAL lock_timeout = '30s'"
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


# Left out where a city had no decision when the audit was opened: of a table that was empty when it was last counted the
# planner does not know which index leads to a line, and may read all that the earlier slices stored for each line. The order
# has every line looked up before the first row is written, so that the statement does not scan what it puts in itself.
UNLESS_SAME = """
LEFT JOIN LATERAL (
    SELECT d.id, d.policy_version, d.outcome, d.amount_fen, d.known, d.payee, d.rows
    FROM decision d
    WHERE d.city_code = %(city)s AND d.claim_line_id = made.line
    ORDER BY d.claim_line_id DESC, d.id DESC
    LIMIT 1
) latest ON TRUE
WHERE latest.id IS NULL
   OR (latest.policy_version, latest.outcome, latest.amount_fen, latest.known, latest.payee)
      IS DISTINCT FROM (made.version, made.outcome, made.fen, made.known, made.payee)
   {or_else}
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
    """The lines of the people of these ranges in a region, which one statement audits by all its sheets.

    `first`: nothing had ever been decided in the city when the audit was opened, so that no line has a latest decision.
    `run`: the number under which several connections share it.
    """

    place: Place
    people: tuple[tuple[int, int], ...]
    sheets: tuple[Sheet, ...]
    first: bool = False
    run: int | None = None

    @property
    def chosen(self) -> Chosen:
        """Its lines; of a slice that is shared those of the ranges that nobody else has taken."""
        return replace(of_region(self.place.city_code, self.place.region_code, people=self.people), run=self.run)

    @property
    def versions(self) -> set[str]:
        """The policy versions that speak for its classes."""
        return {policies.version for sheet in self.sheets for policies in sheet.sets.values()}


@dataclass(frozen=True)
class Turn:
    """The part of one connection in a slice that several share.

    `begun`: the first of them keeps off large checks. `over`: whose statement has ended or was broken off.
    """

    number: int
    begun: Event
    over: Sequence[Event]

    def begin(self, cursor: CursorWrapper, city_code: int) -> bool:
        """Keep off large checks until the transaction ends; False where one waits, and the others take all ranges.

        Only the first waits for a check. Who waited behind a check that waits for the first would never get his turn: the first
        waits for him in the end.
        """
        if self.number == 0:
            cursor.execute(AUDITS, [city_code])
            self.begun.set()
            return True
        self.begun.wait()
        cursor.execute(AUDITS_AT_ONCE, [city_code])
        return bool(cursor.fetchone()[0])

    def meet(self) -> None:
        """Wait until nobody reads the slice any more."""
        self.over[self.number].set()
        for other in self.over:
            other.wait()

    def leave(self) -> None:
        """Whether it ended well or not, nobody waits for this one any more."""
        if self.number == 0:
            self.begun.set()
        self.over[self.number].set()


@dataclass
class Moved:
    """How many lines went from one outcome to another, with the fen that pass before and after, and a few line ids."""

    lines: int = 0
    fen_before: int = 0
    fen_after: int = 0
    examples: tuple[int, ...] = ()


def slices(place: Place, *, store: PolicyStore | None = None, size: int = SLICE) -> list[Slice]:
    """The work of an audit of a region: every line once, by its class's own texts (of `store`, by default those in force)."""
    city, region = place.city_code, place.region_code
    found = tuple(sheets(store or lawbook(), claim_days(city, region)))
    return [Slice(place, people, found) for people in people_of_slices(city, size)] if found else []


def people_of_slices(city_code: int, size: int = SLICE) -> list[tuple[tuple[int, int], ...]]:
    """All people with claim lines of a city: the ranges of each slice of about `size` lines, all of much the same size."""
    part = min(PART, size)
    parts = line_people(city_code, part)
    number = min(len(parts), max(1, round(len(parts) * part / size)))
    return [tuple(parts[first::number]) for first in range(number)]


def compare(city_code: int, region_code: int, *, store: PolicyStore | None = None) -> dict[tuple[str, str], Moved]:
    """What an audit would find, nothing stored: by (latest decision or "none", outcome now).

    `store` are other texts than those in force, a draft laid over them for instance.
    """
    found: dict[tuple[str, str], Moved] = {}
    for part in slices(Place(city_code, region_code), store=store):
        text, parameters = judged(part.chosen, part.sheets, dict.fromkeys(part.versions, 0))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SETTINGS)
            cursor.execute(COMPARE.format(judged=text), parameters | {"city": city_code})
            for before, after, lines, fen_before, fen_after, examples in cursor.fetchall():
                moved = found.setdefault((before, after), Moved())
                moved.lines += lines
                moved.fen_before += fen_before
                moved.fen_after += fen_after
                moved.examples = (*moved.examples, *examples)[:5]
    return found


@act("subsidies.open_audit", label="开始复核补贴决定", grants=GRANTS, on="place")
def open_audit(*, actor: Actor, at: datetime, place: Place, size: int = SLICE) -> list[Slice]:
    """The slices of an audit of the place; the bases of their decisions are made, so that no slice waits for another."""
    first = not Decision.objects.filter(city_code=place.city_code).exists()
    parts = [replace(part, first=first) for part in slices(place, size=size)]
    for sheet in parts[0].sheets if parts else ():
        bases(place.city_code, sheet)
    return parts


@act("subsidies.audit", label="复核补贴决定", grants=GRANTS, on="place", beside=("turn",))
def audit_slice(*, actor: Actor, at: datetime, place: Place, part: Slice, turn: Turn | None = None) -> int:
    """Decide the lines of a slice again and store what differs from each line's latest decision; returns how many.

    In a transaction of its own: an audit that was broken off goes on where it stopped by storing nothing twice. Who shares the
    slice in his `turn` waits for the others before the transaction ends, which until then keeps them from its ranges.
    """
    city = place.city_code
    ids = {version: basis for sheet in part.sheets for version, basis in bases(city, sheet).items()}
    text, parameters = judged(part.chosen, part.sheets, ids)
    unless_same = "" if part.first else UNLESS_SAME.format(or_else="")
    with connection.cursor() as cursor:
        if turn is None:
            cursor.execute(AUDITS, [city])
        elif turn.begin(cursor, city):
            cursor.execute(PATIENCE)
        else:
            return 0
        cursor.execute(SETTINGS)
        cursor.execute(STORE.format(judged=text, unless_same=unless_same), parameters | {"at": at})
        stored = cursor.rowcount
    if turn is not None:
        turn.meet()
    return stored


def audit_region(*, actor: Actor, at: datetime, place: Place, workers: int = 2, size: int = SLICE) -> int:
    """Audit every claim of a place, on so many connections at once; returns how many decisions were stored."""
    parts = open_audit(actor=actor, at=at, place=place, size=size * workers)
    if workers == 1:
        return sum(audit_slice(actor=actor, at=at, place=place, part=part) for part in parts)
    return sum(_audit_together(actor, at, part, workers) for part in parts)


def _audit_together(actor: Actor, at: datetime, part: Slice, workers: int) -> int:
    """A slice audited on several connections: each begins at another place of it and takes ranges until none is free.

    So they come to their ends together, whichever was slower or had the heavier ranges. What one of them had when it broke off is
    free again, for the others or for the next audit.
    """
    run, begun, over = secrets.randbits(62), Event(), [Event() for _ in range(workers)]

    def one(number: int) -> int:
        turn, begin = Turn(number, begun, over), number * len(part.people) // workers
        own = replace(part, people=part.people[begin:] + part.people[:begin], run=run)
        try:
            return audit_slice(actor=actor, at=at, place=part.place, part=own, turn=turn)
        finally:
            turn.leave()
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(one, range(workers)))
