"""The rules over many claim lines in one statement a policy set, from the tables to decisions ready to be stored.

Policy sets that mean the same (the same texts with the same figures) share a statement, whatever day or place they are
for, as do those whose texts differ in nothing that the statement asks: a city's years of classes come down to a few.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from zhaoliang.policy import Outcome, PolicySet, PolicyStore
from zhaoliang.policy.counts import ALIKE
from zhaoliang.policy.model import Count
from zhaoliang.policy.sql import Statement, compile_set, history_columns
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.facts_sql import CLASS_FACTS, LINE_FACTS, SLOTS, Chosen, gathered, known_text
from zhaoliang.subsidies.models import ClaimLine, Decision, DecisionBasis
from zhaoliang.subsidies.stored import keep_library

PHASE = "claim"
# What a line keeps beside its decision, handed through the statement.
CARRIED = ("id", "basis", "version", "prepaid", "known", "evidence")
# What the lines of a class have in common, handed through its part of the statement.
SHARED = ("claim_id", "basis", "version", "alike", "certified", "certificate_due", *CLASS_FACTS)
OFFERED = {*LINE_FACTS, *(f"{name}_den" for name, kind in LINE_FACTS.items() if kind == "fraction")}


@dataclass(frozen=True)
class Sheet:
    """A statement with the policy sets it speaks for, by region and first day of class."""

    statement: Statement
    sets: Mapping[tuple[int, date], PolicySet]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules in the order of `answers`."""
        return tuple(rule.id for rule in self.statement.rules)

    @property
    def known(self) -> tuple[str, ...]:
        """The facts a decision keeps, as `name:kind`, in order; what was counted of earlier grants comes last."""
        counted = (f"{count.column}:number" for count in self.counts)
        return (*(f"{name}:{kind}" for name, kind in LINE_FACTS.items()), *counted)

    @property
    def counts(self) -> tuple[Count, ...]:
        """What the statement counts of earlier grants."""
        read = {column.name for column in self.statement.columns}
        return tuple(count for count in self.statement.policies.counts if count.column in read)


def sheets(store: PolicyStore, classes: Iterable[tuple[int, date]], scheme: str = "training") -> list[Sheet]:
    """The fewest statements that speak for classes of these regions and first days, by the texts of `store`."""
    turns = _turns(store)
    bound: dict[tuple[int, int], tuple[PolicySet, dict[tuple[int, date], PolicySet]]] = {}
    grouped: dict[tuple[Any, ...], dict[tuple[int, date], PolicySet]] = {}
    for region, day in classes:
        # Between two days on which anything begins or ends, one set stands for all days.
        stretch = (region, bisect_right(turns, day))
        if stretch not in bound:
            policies = store.for_place(region, scheme, day)
            bound[stretch] = (policies, grouped.setdefault(_meaning(policies), {}))
        policies, alike = bound[stretch]
        alike[region, day] = policies
    found: dict[tuple[Any, ...], Sheet] = {}
    for meaning, alike in grouped.items():
        one = Sheet(_compiled(meaning, next(iter(alike.values()))), alike)
        statement = one.statement
        asked = (statement.once, statement.head, statement.tail, one.rules, one.counts)
        found[asked] = Sheet(found[asked].statement, {**found[asked].sets, **alike}) if asked in found else one
    return list(found.values())


def _turns(store: PolicyStore) -> list[date]:
    """Every day on which a text or one of its figures begins, or is no longer in force."""
    turns: set[date] = set()
    for document in store.documents:
        turns |= {document.start} | ({document.end + timedelta(days=1)} if document.end else set())
        values = [value for parameter in document.parameters.values() for value in parameter.values]
        versions = [version for table in document.tables.values() for version in table.versions]
        turns |= {dated.start for dated in (*values, *versions) if dated.start is not None}
    return sorted(turns)


def _meaning(policies: PolicySet) -> tuple[Any, ...]:
    """Equal for sets of the same texts whose dated figures are in the same stretch on their days."""
    stretches = []
    for document in policies.documents:
        for dated in (*document.parameters.values(), *document.tables.values()):
            held = dated.on(policies.on)
            stretches.append(held.start if held else date.max)
    return (policies.scheme, policies.sources, tuple(stretches))


_statements: dict[tuple[Any, ...], Statement] = {}


def _compiled(meaning: tuple[Any, ...], policies: PolicySet) -> Statement:
    held = _statements.get(meaning)
    if held is None:
        if len(_statements) >= 64:
            _statements.clear()
        held = _statements[meaning] = compile_set(
            policies, PHASE, carried=CARRIED, shared=CLASS_FACTS, shared_carried=SHARED
        )
    return held


def bases(city_code: int, sheet: Sheet) -> dict[str, int]:
    """The ids of the bases of a sheet's policy versions, made where they are missing (inside an act)."""
    shape = hashlib.sha256("\n".join([*sheet.known, *SLOTS, *sheet.rules]).encode()).hexdigest()[:16]
    versions = {policies.version: policies.sources for policies in sheet.sets.values()}
    found = _bases_held(city_code, versions, shape)
    missing = sorted(versions.keys() - found.keys())
    if missing:
        library = keep_library()
        # In one statement; who makes the same at the same time is waited for, and his are read.
        DecisionBasis.objects.bulk_create(
            [
                DecisionBasis(
                    city_code=city_code,
                    policy_version=version,
                    phase=PHASE,
                    shape=shape,
                    facts=list(sheet.known),
                    slots=list(SLOTS),
                    rules=list(sheet.rules),
                    texts=list(versions[version]),
                    library=library,
                )
                for version in missing
            ],
            ignore_conflicts=True,
        )
        found |= _bases_held(city_code, missing, shape)
    return found


def _bases_held(city_code: int, versions: Iterable[str], shape: str) -> dict[str, int]:
    rows = DecisionBasis.objects.filter(
        city_code=city_code, policy_version__in=list(versions), phase=PHASE, shape=shape
    )
    return dict(rows.values_list("policy_version", "pk"))


def judged(chosen: Chosen, given: Sequence[Sheet], ids: Mapping[str, int]) -> tuple[str, dict[str, Any]]:
    """The select that decides the chosen lines of the sheets' regions and first days, with its parameters.

    Columns: line, version, outcome, fen, basis, known, rows, answers, steps, payee. `ids` are the bases by version. The
    facts are gathered once for all sheets; each sheet's statement reads its own lines of them.
    """
    compared = _compared([count for sheet in given for count in sheet.counts])
    found = gathered(chosen, more=compared, bound=(BOUND, BOUND_COLUMNS))
    shared = "".join(f",\n{_shared(sheet, number)}" for number, sheet in enumerate(given))
    branches = " UNION ALL ".join(_judged(sheet, number, compared) for number, sheet in enumerate(given))
    # The sheet comes first: every branch passes by the lines of the others, and reads no further than that.
    text = f"""
WITH {found.classes}{shared}
SELECT judged.id AS line,
       judged.version,
       CASE
           WHEN judged.outcome = 1 THEN 'fail'
           WHEN judged.outcome = 0 AND judged.fen > 0 THEN 'pass'
           ELSE 'cannot_tell'
       END AS outcome,
       judged.fen,
       judged.basis,
       judged.known,
       judged.evidence AS rows,
       judged.answers,
       judged.steps,
       CASE WHEN judged.prepaid THEN 'person' ELSE coalesce(judged.payee, 'provider') END AS payee
FROM {f"{found.ranges} CROSS JOIN LATERAL " if found.ranges else ""}(
WITH {found.parts},
gathered AS MATERIALIZED (SELECT l.sheet, {found.lines.removeprefix("SELECT ")})
{branches}
) judged"""
    bound = [(key, number, policies) for number, sheet in enumerate(given) for key, policies in sheet.sets.items()]
    return text, found.parameters | {
        "bound_regions": [region for (region, _), _, _ in bound],
        "bound_days": [day for (_, day), _, _ in bound],
        "bound_sheets": [number for _, number, _ in bound],
        "bound_ids": [ids[policies.version] for _, _, policies in bound],
        "bound_versions": [policies.version for _, _, policies in bound],
    }


# Which sheet and which policy version speak for a class, by the region of its project and its first day.
BOUND = """LEFT JOIN unnest(
    %(bound_regions)s::int[], %(bound_days)s::date[], %(bound_sheets)s::int[], %(bound_ids)s::bigint[],
    %(bound_versions)s::text[]
) AS bound (region_id, class_start, sheet, basis, version)
    ON bound.region_id = p.region_id AND bound.class_start = k.starts_on"""
BOUND_COLUMNS = ("bound.sheet", "bound.basis", "bound.version")


def _shared(sheet: Sheet, number: int) -> str:
    """What the classes of a sheet share, worked out once a class, as a named relation."""
    before, after = (part.replace("%", "%%") for part in sheet.statement.once)
    return f"sheet_{number} AS MATERIALIZED ({before}(SELECT * FROM classes WHERE sheet = {number}){after})"


def _judged(sheet: Sheet, number: int, compared: Collection[str]) -> str:
    """The gathered lines of a sheet decided, with what its classes share."""
    statement = sheet.statement
    counted = [count.column for count in sheet.counts]
    shared = [f's."{name}"' for name in (*SHARED, *statement.once_columns) if name != "claim_id"]
    # What the platform does not hold (yet) is unknown, and sends to a person at the most.
    unknown = [
        f'NULL::{column.sql_type} AS "{column.name}"'
        for column in statement.columns
        if column.name not in OFFERED and column.name not in counted and column.name not in compared
    ]
    relation = (
        f"(SELECT g.*, {', '.join([*shared, *unknown])} FROM gathered g JOIN sheet_{number} s ON s.claim_id = g.claim_id"
        f" WHERE g.sheet = {number})"
    )
    if counted:
        found = history_columns(sheet.counts, "looked", HISTORY, on="class_start")
        listed = ", ".join(f"n.{column}" for column in counted)
        relation = (
            f"(WITH looked AS MATERIALIZED (SELECT * FROM {relation} lines) SELECT looked.*, {listed} FROM looked"
            f" JOIN {found} n ON n.id = looked.id OFFSET 0)"
        )
    return (
        f"{statement.head.replace('%', '%%')}(SELECT facts.*, {known_text(counted)} AS known FROM {relation} facts)"
        f"{statement.tail.replace('%', '%%')}"
    )


# The earlier grants of the lines of `looked`, as `history_columns` reads them. A grant says neither kind nor class.
HISTORY = """(
    SELECT l.id, g.scheme, g.granted_on AS "on", g.occupation_code AS occupation, l.levels[g.level + 1] AS level,
           NULL::text AS kind, NULL::text AS certificate, NULL::text AS class,
           CASE WHEN g.fund_source IN ('employment_subsidy', 'unemployment_insurance', 'special_account')
               THEN g.fund_source ELSE 'other' END AS fund_source
    FROM looked l
    JOIN person_grant g ON g.person_id = l.person_id AND g.withdrawn_on IS NULL
        AND (l.own_grant IS NULL OR (g.granted_on, g.id) < (l.own_on, l.own_grant))
)"""


def _compared(counts: Sequence[Count]) -> dict[str, str]:
    """Further columns of the lines that counting needs; a day or a likeness the platform does not hold is unknown."""
    if not counts:
        return {}
    ranks = ", ".join(f"'{code}'" for code in lawbook().facts.codes["level"])
    wanted = {"person_id": "l.person_id", "own_on": "l.own_on", "own_grant": "l.own_grant", "levels": f"ARRAY[{ranks}]"}
    for count in counts:
        wanted |= {ALIKE[name]: "NULL::text" for name in count.same if ALIKE[name] not in OFFERED}
        wanted |= {count.by: "NULL::date"} if count.by and count.by not in OFFERED else {}
    return wanted


def sheet_of(policies: PolicySet) -> Sheet:
    """The statement of one policy set."""
    return Sheet(_compiled(_meaning(policies), policies), {(policies.region_code, policies.on): policies})


def decided(chosen: Chosen, policies: PolicySet) -> dict[int, Decision]:
    """The decisions on lines of one policy set from the facts of now, not saved, by line id (inside an act)."""
    sheet = sheet_of(policies)
    text, parameters = judged(chosen, [sheet], bases(chosen.city_code, sheet))
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        rows = cursor.fetchall()
    return {
        line: Decision(
            city_code=chosen.city_code,
            claim_line_id=line,
            policy_version=version,
            outcome=outcome,
            amount_fen=fen,
            basis_id=basis,
            known=known,
            rows=ids,
            answers=answers,
            steps=steps,
            payee=payee,
        )
        for line, version, outcome, fen, basis, known, ids, answers, steps, payee in rows
    }


def put_decisions(lines: Sequence[ClaimLine], made: Mapping[int, Decision]) -> None:
    """Note on lines of one city the saved decisions made on them: amount (0 unless it passes) and payee; one statement."""
    if not lines:
        return
    for line in lines:
        decision = line.decision = made[line.pk]
        line.amount_fen = (decision.amount_fen or 0) if decision.outcome == Outcome.PASS else 0
        line.payee = decision.payee
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE claim_line SET decision_id = put.decision, amount_fen = put.fen, payee = put.payee
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) AS put (line, decision, fen, payee)
            WHERE claim_line.city_code = %s AND claim_line.id = put.line
            """,
            [
                [line.pk for line in lines],
                [made[line.pk].pk for line in lines],
                [line.amount_fen for line in lines],
                [line.payee for line in lines],
                lines[0].city_code,
            ],
        )
