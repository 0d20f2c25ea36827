"""Questions about needs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from zhaoliang.kernel.roles import within
from zhaoliang.needs.models import Demand
from zhaoliang.registry.models import Organisation


@dataclass(frozen=True)
class Wanted:
    """How many people are wanted in one occupation and level, over how many demands."""

    occupation_code: str
    occupation: str
    level: int | None
    headcount: int
    demands: int


def open_demands(city_code: int, region_code: int) -> QuerySet[Demand]:
    """Demands not yet answered in a region and below, the earliest start first."""
    return (
        Demand.objects.filter(city_code=city_code, **within("region_id", region_code), state="open")
        .select_related("enterprise", "region", "occupation")
        .order_by("start_on", "id")
    )


def demands_of(enterprise: Organisation) -> QuerySet[Demand]:
    """All demands of an enterprise, newest first."""
    return (
        Demand.objects.filter(city_code=enterprise.city_code, enterprise=enterprise)
        .select_related("occupation", "region")
        .order_by("-posted_at", "-id")
    )


def demand(city_code: int, demand_id: int) -> Demand | None:
    """One demand, None when there is none in the city."""
    return (
        Demand.objects.filter(city_code=city_code, pk=demand_id)
        .select_related("enterprise", "region", "occupation")
        .first()
    )


def wanted(city_code: int, region_code: int) -> list[Wanted]:
    """Open demands of a region merged by occupation and level, the most wanted first (mission A1)."""
    rows = (
        Demand.objects.filter(city_code=city_code, **within("region_id", region_code), state="open")
        .values("occupation_id", "occupation__name", "level")
        .annotate(people=Sum("headcount"), demands=Count("id"))
        .order_by("-people", "occupation_id", "level")
    )
    return [
        Wanted(row["occupation_id"], row["occupation__name"], row["level"], row["people"], row["demands"])
        for row in rows
    ]
