"""Questions about the history of 以工代训."""

from __future__ import annotations

import base64
from collections.abc import Collection

from django.db.models import QuerySet

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import within
from zhaoliang.registry.models import Person
from zhaoliang.worktraining.excel import Past, read_past
from zhaoliang.worktraining.models import WorkTrainingGrant, WorkTrainingImport


def past_import(city_code: int, pk: int) -> WorkTrainingImport | None:
    """One file that was read."""
    return WorkTrainingImport.objects.filter(city_code=city_code, pk=pk).first()


def rows_of(found: WorkTrainingImport) -> list[Past]:
    """What a file that waits would bring in, in the order of its rows; nothing once it was taken."""
    if not found.content:
        return []
    return read_past(base64.b64decode(found.content), on=chinese_day(found.read_at)).grants


def imports_in(city_code: int, region_code: int) -> QuerySet[WorkTrainingImport]:
    """The files of a region, newest first; those with faults too."""
    rows = WorkTrainingImport.objects.filter(city_code=city_code, **within("region_code", region_code))
    return rows.order_by("-read_at", "-id")


def grants_in(city_code: int, region_code: int) -> QuerySet[WorkTrainingGrant]:
    """The past grants of a region with their people, the latest first."""
    rows = WorkTrainingGrant.objects.filter(city_code=city_code, **within("source__region_code", region_code))
    return rows.select_related("person", "source").order_by("-granted_on", "-id")


def past_grants_of(person: Person, *, everywhere: bool = False) -> list[WorkTrainingGrant]:
    """The past grants for a person, latest first; `everywhere` of all cities."""
    rows = WorkTrainingGrant.objects.order_by("-granted_on", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    with national():
        return list(rows.filter(person_id=person.pk))


def held_months(city_code: int, person_ids: Collection[int]) -> dict[tuple[int, str], list[WorkTrainingGrant]]:
    """What is on file for these people, by person and enterprise; one query."""
    found: dict[tuple[int, str], list[WorkTrainingGrant]] = {}
    for row in WorkTrainingGrant.objects.filter(city_code=city_code, person_id__in=list(person_ids)):
        found.setdefault((row.person_id, row.employer_uscc), []).append(row)
    return found
