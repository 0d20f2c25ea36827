"""Automatic checks of claim lines: the list of verifiers, and running them over a whole claim.

Each verifier is one set-based statement (`base.Verifier`). What all of them answered on a line is one append-only row
(`check_result`): a letter a verifier in the order of its suite, and for every letter that is not a yes its evidence.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db import connection

from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.db.national import national
from zhaoliang.policy import PolicySet
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.models import CheckResult, CheckSuite, Claim, ClaimLine
from zhaoliang.subsidies.verifiers.base import ANSWERS, LINES, Answer, Found, Verifier
from zhaoliang.subsidies.verifiers.grants import ELSEWHERE, HIGHER, ONE_PER_CERTIFICATE, SAME, YEARLY
from zhaoliang.subsidies.verifiers.papers import CERTIFICATE, GROUP
from zhaoliang.subsidies.verifiers.people import ACCOUNT, CLASH, IDENTITY
from zhaoliang.subsidies.verifiers.providers import PROVIDER
from zhaoliang.subsidies.verifiers.shares import SHARES

__all__ = [
    "ANSWERS",
    "VERIFIERS",
    "Checked",
    "Found",
    "Verifier",
    "checks_of",
    "found_by",
    "verify_claim",
    "verify_lines",
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

# A result that says the same as the line's latest one is not stored again; `alerts` on the line follow in any case.
_STORE = """
WITH asked AS (
    SELECT l.id, l.check_result_id,
           coalesce(f.answers, %(clean)s) AS answers, coalesce(f.findings, '{}'::jsonb) AS findings
    FROM claim_line l
    LEFT JOIN unnest(%(ids)s::bigint[], %(answers)s::text[], %(findings)s::jsonb[]) AS f (id, answers, findings)
        ON f.id = l.id
    WHERE l.city_code = %(city)s AND l.id = ANY(%(lines)s::bigint[])
),
stored AS (
    INSERT INTO check_result (city_code, claim_line_id, suite_id, answers, findings, at)
    SELECT %(city)s, a.id, %(suite)s, a.answers, a.findings, %(at)s
    FROM asked a
    LEFT JOIN check_result r ON r.city_code = %(city)s AND r.id = a.check_result_id
    WHERE r.id IS NULL OR (r.suite_id, r.answers, r.findings) IS DISTINCT FROM (%(suite)s::bigint, a.answers, a.findings)
    RETURNING claim_line_id, id, length(translate(answers, 'y', '')) AS alerts
)
UPDATE claim_line SET check_result_id = stored.id, alerts = stored.alerts
FROM stored
WHERE claim_line.city_code = %(city)s AND claim_line.id = stored.claim_line_id
RETURNING claim_line.id, claim_line.check_result_id, claim_line.alerts
"""


def found_by(verifier: Verifier, claim: Claim, line_ids: Sequence[int], policies: PolicySet) -> Iterator[Found]:
    """What one verifier has to say of these lines of a claim; one statement whatever their number."""
    parameters: dict[str, Any] = {
        "city": claim.city_code,
        "claim": claim.pk,
        "lines": id_array(line_ids),
        **verifier.given(policies),
    }
    with national() if verifier.national else nullcontext(), connection.cursor() as cursor:
        cursor.execute(f"WITH lines AS MATERIALIZED ({LINES}) {verifier.finds}", parameters)
        rows = cursor.fetchall()
    for line_id, answer, ids, words in rows:
        found = json.loads(ids) if isinstance(ids, str) else ids
        yield Found(
            line_id, verifier.name, cast(Answer, answer), {table: rows for table, rows in found.items() if rows}, words
        )


def verify_claim(claim: Claim, lines: Sequence[ClaimLine], at: datetime) -> set[int]:
    """`verify_lines` about lines at hand, which take over what was found (`check_result_id`, `alerts`)."""
    changed = verify_lines(claim, [line.pk for line in lines], at)
    for line in lines:
        if line.pk in changed:
            line.check_result_id, line.alerts = changed[line.pk]
    return set(changed)


def verify_lines(claim: Claim, ids: Sequence[int], at: datetime) -> dict[int, tuple[int, int]]:
    """Ask every verifier about lines of a locked claim and keep what they answer (plain; inside an act).

    Returns the result and the number of alerts of each line whose answers are new or changed.
    """
    policies = policies_for(claim.region_id, on=claim.rules_on)
    found: dict[int, dict[str, Found]] = {}
    for verifier in VERIFIERS:
        for one in found_by(verifier, claim, ids, policies):
            found.setdefault(one.line_id, {})[one.verifier] = one
    marked = sorted(found)
    parameters = {
        "city": claim.city_code,
        "lines": id_array(ids),
        "suite": _suite().pk,
        "at": at,
        "clean": "y" * len(VERIFIERS),
        "ids": marked,
        "answers": [
            "".join(found[line][one.name].answer if one.name in found[line] else "y" for one in VERIFIERS)
            for line in marked
        ],
        "findings": [
            json.dumps(
                {name: {"ids": one.ids, "words": one.words} for name, one in found[line].items()}, ensure_ascii=False
            )
            for line in marked
        ],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STORE, parameters)
        return {line: (result, alerts) for line, result, alerts in cursor.fetchall()}


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
