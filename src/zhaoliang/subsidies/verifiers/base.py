"""What a verifier is: one listed, versioned question about every line of a claim, answered by one statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zhaoliang.kernel.errors import Clause
from zhaoliang.policy import PolicySet
from zhaoliang.registry.lawbook import clause_of, lawbook

ANSWERS: Mapping[str, str] = {"y": "没有发现问题", "n": "发现问题", "u": "说不准"}

# The lines a statement is asked about: what every verifier may read. `since` and `until` are the month the claim was made in.
LINES = """
    SELECT l.id, l.person_id, l.enrolment_id, l.certificate_id, l.occupation_id, coalesce(l.level, 0) AS level, l.kind, l.payee,
           CASE l.kind
               WHEN 'enterprise_direct' THEN 'training'
               WHEN 'apprentice_advance' THEN 'apprenticeship'
               ELSE l.kind
           END AS scheme,
           c.id AS claim_id, c.provider_id, coalesce(k.starts_on, c.rules_on) AS starts_on,
           coalesce(k.ends_on, c.rules_on) AS ends_on,
           date_trunc('month', c.created_at AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai' AS since,
           (date_trunc('month', c.created_at AT TIME ZONE 'Asia/Shanghai') + INTERVAL '1 month')
               AT TIME ZONE 'Asia/Shanghai' AS until
    FROM claim c
    JOIN claim_line l ON l.city_code = c.city_code AND l.claim_id = c.id
    LEFT JOIN training_class k ON k.city_code = c.city_code AND k.id = c.training_class_id
    WHERE c.city_code = %(city)s AND c.id = %(claim)s AND l.city_code = %(city)s AND l.id = ANY(%(lines)s::bigint[])
"""


@dataclass(frozen=True)
class Verifier:
    """One automatic check. A "no" or a "cannot tell" sends the line to a person; it refuses nobody by itself.

    `finds` is a select from `lines` (see LINES) that gives a row for each line that is not a plain yes: `id`, `answer`
    ("n" or "u"), `ids` (a jsonb object: table → ids of the rows it rests on), `words` (Chinese, without names or numbers of
    other people). A line without a row is a yes. The version rises whenever the meaning changes. `cite` is the clause,
    `given` what the statement needs of the policies in force on the first day of class. A `national` one looks over all
    cities.
    """

    name: str
    label: str
    version: int
    cite: str
    does: str
    finds: str
    national: bool = False
    given: Callable[[PolicySet], Mapping[str, Any]] = field(default=lambda policies: {})

    @property
    def mark(self) -> str:
        """Name and version, as results keep it."""
        return f"{self.name}:{self.version}"

    @property
    def clause(self) -> Clause:
        """The clause that asks for the check."""
        return clause_of(lawbook().citation(self.cite))
