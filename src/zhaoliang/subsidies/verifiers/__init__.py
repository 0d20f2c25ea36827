"""Automatic checks of claim lines: the list of verifiers, and running them over a whole claim.

Each verifier is one set-based select (`base.Verifier`), all of them together one statement. What all of them answered on a
line is one append-only row (`check_result`): a letter a verifier in the order of its suite, and for every letter that is not
a yes its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.db.national import national
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.models import CheckResult, CheckSuite, Claim, ClaimLine
from zhaoliang.subsidies.verifiers.base import ANSWERS, LINES, Verifier
from zhaoliang.subsidies.verifiers.grants import ELSEWHERE, HIGHER, ONE_PER_CERTIFICATE, SAME, YEARLY
from zhaoliang.subsidies.verifiers.papers import CERTIFICATE, GROUP
from zhaoliang.subsidies.verifiers.people import ACCOUNT, CLASH, IDENTITY
from zhaoliang.subsidies.verifiers.providers import PROVIDER
from zhaoliang.subsidies.verifiers.shares import SHARES

__all__ = [
    "ANSWERS",
    "VERIFIERS",
    "Checked",
    "Verifier",
    "checks_of",
    "store_results",
    "verify_claim",
]

VERIFIERS: tuple[Verifier, ...] = (
    ELSEWHERE,
    YEARLY,
    SAME,
    HIGHER,
    ONE_PER_CERTIFICATE,
    GROUP,
    CERTIFICATE,
    IDENTITY,
    ACCOUNT,
    PROVIDER,
    CLASH,
    SHARES,
)
BY_NAME: Mapping[str, Verifier] = {one.name: one for one in VERIFIERS}

# Everything the verifiers say of the lines, made into a result a line; of evidence only what there is. A result that says the
# same as the line's latest one is not stored again; by this order the planner finds it also in a table it knows nothing of.
_STORE = """
WITH lines AS MATERIALIZED ({lines}),
found AS ({found}),
marked AS (
    SELECT f.id, {letters} AS answers, jsonb_object_agg(
               f.name,
               jsonb_build_object(
                   'ids',
                   (SELECT coalesce(jsonb_object_agg(i.key, i.value), '{{}}') FROM jsonb_each(f.ids) i
                    WHERE i.value NOT IN ('[]'::jsonb, 'null'::jsonb)),
                   'words', f.words
               )
           ) AS findings
    FROM found f
    GROUP BY f.id
),
asked AS (
    SELECT l.id, coalesce(m.answers, %(clean)s) AS answers, coalesce(m.findings, '{{}}'::jsonb) AS findings
    FROM lines l
    LEFT JOIN marked m ON m.id = l.id
),
stored AS (
    INSERT INTO check_result (city_code, claim_line_id, suite_id, answers, findings, at)
    SELECT %(city)s, a.id, %(suite)s, a.answers, a.findings, %(at)s
    FROM asked a
    LEFT JOIN LATERAL (
        SELECT x.id, x.suite_id, x.answers, x.findings
        FROM check_result x
        WHERE x.city_code = %(city)s AND x.claim_line_id = a.id
        ORDER BY x.claim_line_id DESC, x.id DESC
        LIMIT 1
    ) r ON TRUE
    WHERE r.id IS NULL OR (r.suite_id, r.answers, r.findings) IS DISTINCT FROM (%(suite)s::bigint, a.answers, a.findings)
    ORDER BY a.id
    RETURNING claim_line_id, id, length(translate(answers, 'y', '')) AS alerts
)
"""
_KEPT = "SELECT claim_line_id FROM stored ORDER BY claim_line_id"
_NOTED = """
UPDATE claim_line SET check_result_id = stored.id, alerts = stored.alerts
FROM stored
WHERE claim_line.city_code = %(city)s AND claim_line.id = stored.claim_line_id
RETURNING claim_line.id, claim_line.check_result_id, claim_line.alerts
"""


def verify_claim(claim: Claim, lines: Sequence[ClaimLine], at: datetime) -> set[int]:
    """Ask every verifier about lines at hand of a locked claim, which take over what was found (plain; inside an act).

    Returns the lines whose answers are new or changed (`check_result_id`, `alerts`).
    """
    rows = _asked(claim, [line.pk for line in lines], at, _NOTED)
    changed = {line: (result, alerts) for line, result, alerts in rows}
    for line in lines:
        if line.pk in changed:
            line.check_result_id, line.alerts = changed[line.pk]
    return set(changed)


def store_results(claim: Claim, ids: Sequence[int], at: datetime) -> list[int]:
    """Ask every verifier about lines of a locked claim and keep what they answer, the lines untouched (plain; inside an act).

    Returns the lines whose answers are new or changed: their latest result is for the caller to note on them.
    """
    return [line for (line,) in _asked(claim, ids, at, _KEPT)]


def _asked(claim: Claim, ids: Sequence[int], at: datetime, then: str) -> list[tuple[Any, ...]]:
    """All verifiers in one statement over these lines, whose answer `then` gives."""
    policies = policies_for(claim.region_id, on=claim.rules_on)
    parameters: dict[str, Any] = {
        "city": claim.city_code,
        "claim": claim.pk,
        "lines": id_array(ids),
        "suite": _suite().pk,
        "at": at,
        "clean": "y" * len(VERIFIERS),
    }
    for one in VERIFIERS:
        parameters |= one.given(policies)
    # Some of them look over all cities.
    with national(), connection.cursor() as cursor:
        cursor.execute(_statement() + then, parameters)
        return cursor.fetchall()


@cache
def _statement() -> str:
    found = " UNION ALL ".join(
        f"SELECT {place} AS place, '{one.name}' AS name, f.id, f.answer::text, f.ids::jsonb, f.words FROM ({one.finds}) f"
        for place, one in enumerate(VERIFIERS)
    )
    letters = " || ".join(
        f"coalesce(max(f.answer) FILTER (WHERE f.place = {place}), 'y')" for place in range(len(VERIFIERS))
    )
    return _STORE.format(lines=LINES, found=found, letters=letters)


def _suite() -> CheckSuite:
    """The list of verifiers with their versions as it is now, kept once."""
    made, _ = CheckSuite.objects.get_or_create(verifiers=[one.mark for one in VERIFIERS])
    return made


@dataclass(frozen=True)
class Checked:
    """One verifier's answer on a line, as it was asked: its version then, its words, the rows it rests on."""

    verifier: Verifier | None
    name: str
    version: int
    answer: str
    words: str
    ids: Mapping[str, list[int]]

    @property
    def label(self) -> str:
        """The Chinese label; the bare name of a verifier that is no longer asked."""
        return self.verifier.label if self.verifier else self.name


def checks_of(result: CheckResult) -> list[Checked]:
    """A stored result verifier by verifier, problems first."""
    rows = []
    for mark, answer in zip(result.suite.verifiers, result.answers, strict=True):
        name, _, version = mark.partition(":")
        said = result.findings.get(name, {})
        rows.append(Checked(BY_NAME.get(name), name, int(version), answer, said.get("words", ""), said.get("ids", {})))
    return sorted(rows, key=lambda row: "nuy".index(row.answer))
