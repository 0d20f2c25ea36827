"""Which claim lines a rule decided, and how: from the law down to the money, the other half of the cent trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from zhaoliang.kernel.roles import within
from zhaoliang.policy import Outcome
from zhaoliang.subsidies.models import ClaimLine

LETTERS = {"p": Outcome.PASS, "f": Outcome.FAIL, "u": Outcome.CANNOT_TELL}

# The lines of a city with what their current decision answers to the wanted rules; a basis says at which place.
_ANSWERED = """
    WITH asked AS (
        SELECT basis.id, wanted.rule, wanted.place::int AS place
          FROM decision_basis AS basis, unnest(basis.rules) WITH ORDINALITY AS wanted(rule, place)
         WHERE basis.city_code = %s AND wanted.rule = ANY(%s)
    )
    SELECT {columns}
      FROM claim_line AS line
      JOIN decision ON decision.city_code = line.city_code AND decision.id = line.decision_id
      JOIN asked ON asked.id = decision.basis_id
     WHERE line.city_code = %s AND decision.city_code = %s {more}
"""


@dataclass(frozen=True)
class Use:
    """How often a rule was asked of the lines decided so far, and what it answered."""

    passed: int = 0
    refused: int = 0
    open: int = 0

    @property
    def asked(self) -> int:
        return self.passed + self.refused + self.open

    def plus(self, other: Use) -> Use:
        """Both together."""
        return Use(self.passed + other.passed, self.refused + other.refused, self.open + other.open)


def uses(city_code: int, rule_ids: Collection[str]) -> Mapping[str, Use]:
    """How the current decisions of a city answer these rules; rules never asked are left out."""
    statement = _ANSWERED.format(
        columns="asked.rule, substr(decision.answers, asked.place, 1) AS letter, count(*)",
        more="GROUP BY asked.rule, letter",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [city_code, sorted(rule_ids), city_code, city_code])
        rows = cursor.fetchall()
    found: dict[str, dict[str, int]] = {}
    for rule, letter, count in rows:
        found.setdefault(rule, {})[letter] = count
    return {rule: Use(letters.get("p", 0), letters.get("f", 0), letters.get("u", 0)) for rule, letters in found.items()}


def lines_by(city_code: int, region_code: int, rule_id: str, outcome: Outcome) -> QuerySet[ClaimLine]:
    """The lines of a region whose current decision answers the rule so, latest first."""
    letter = next(key for key, value in LETTERS.items() if value is outcome)
    statement = _ANSWERED.format(columns="line.id", more="AND substr(decision.answers, asked.place, 1) = %s")
    answered = RawSQL(statement, [city_code, [rule_id], city_code, city_code, letter])
    project_region = within("claim__region_id", region_code)
    return (
        ClaimLine.objects.filter(city_code=city_code, pk__in=answered, **project_region)
        .select_related("claim__provider", "person", "occupation")
        .order_by("-id")
    )
