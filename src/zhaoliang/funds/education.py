"""The fund for staff education of enterprises: how much of it went to the front line, and whether that is enough.

国务院就业促进和劳动保护工作领导小组 2025-06-20 意见 六（十七）: 确保60%以上用于一线职工教育和培训. Guidance to the enterprise: it is shown
and flagged, and refuses nobody a subsidy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property

from django.db.models import Max

from zhaoliang.funds.models import EducationSpending
from zhaoliang.kernel.roles import within
from zhaoliang.policy import PolicyError
from zhaoliang.registry.lawbook import policies_for

SHARE = "front_line_share"


@dataclass(frozen=True)
class Asked:
    """The least share of the front line, and the clause that asks for it."""

    share: Fraction
    clause: str


def asked_of(region_code: int, year: int) -> Asked | None:
    """What the texts in force at a year's end ask of an enterprise; None where none asks for anything."""
    try:
        found = policies_for(region_code, on=date(year, 12, 31)).parameter(SHARE)
    except PolicyError:
        return None
    if isinstance(found.value, date):
        raise TypeError(f"{SHARE} must be a ratio, not a day")
    return Asked(Fraction(found.value), f"{found.citation}{'' if found.citation.verified else '（未核实）'}")


@dataclass(frozen=True)
class Spending:
    """An enterprise's year with what is asked of it."""

    row: EducationSpending
    asked: Asked | None

    @cached_property
    def enough(self) -> bool | None:
        """Whether the front line got its share; None where nothing was spent or no text asks."""
        share = self.row.share
        return None if share is None or self.asked is None else share >= self.asked.share

    @property
    def lacking_fen(self) -> int:
        """How much more of what was spent the front line should have got (fen, rounded up)."""
        if self.enough is not False or self.asked is None:
            return 0
        least = self.row.spent_fen * self.asked.share
        return -(-least.numerator // least.denominator) - self.row.front_line_fen


def spendings(
    city_code: int, region_code: int, *, year: int | None = None, organisation_id: int | None = None
) -> list[Spending]:
    """The newest report of each enterprise and year in a region, the latest year first, those below the share before others."""
    rows = EducationSpending.objects.filter(city_code=city_code, **within("region_code", region_code))
    if year is not None:
        rows = rows.filter(year=year)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    newest = rows.values("organisation_id", "year").annotate(newest=Max("id")).values("newest")
    found = EducationSpending.objects.filter(city_code=city_code, pk__in=newest).select_related("organisation")
    asked: dict[tuple[int, int], Asked | None] = {}
    made = []
    for row in found:
        key = (row.region_code, row.year)
        if key not in asked:
            asked[key] = asked_of(*key)
        made.append(Spending(row, asked[key]))
    return sorted(made, key=lambda one: (-one.row.year, one.enough is not False, one.row.organisation.name))


def front_line_total(found: list[Spending]) -> Fraction | None:
    """The front line's share of all that was spent; None where nothing was."""
    spent = sum(one.row.spent_fen for one in found)
    return Fraction(sum(one.row.front_line_fen for one in found), spent) if spent else None
