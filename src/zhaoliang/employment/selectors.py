"""Questions about jobs and insurance of many people at once: a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, QuerySet

from zhaoliang.employment.models import JobRecord, UnemploymentInsurance
from zhaoliang.kernel.db.national import national
from zhaoliang.registry.models import Person


def jobs_of_people(city_code: int, person_ids: Collection[int]) -> dict[int, list[JobRecord]]:
    """The jobs of these people in the order they began, by national number."""
    found: dict[int, list[JobRecord]] = {person_id: [] for person_id in person_ids}
    rows = JobRecord.objects.filter(city_code=city_code, person_id__in=sorted(found)).order_by("from_on", "id")
    for row in rows:
        found[row.person_id].append(row)
    return found


def jobs_since(city_code: int, person_id: OuterRef, since: OuterRef) -> QuerySet[JobRecord]:
    """Jobs a person began on a day or later, both columns of the outer query: for `Exists`."""
    return JobRecord.objects.filter(city_code=city_code, person_id=person_id, from_on__gte=since)


def jobs_of(person: Person, *, everywhere: bool = False) -> list[JobRecord]:
    """A person's jobs, latest first; `everywhere` in all cities."""
    rows = JobRecord.objects.order_by("-from_on", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    # The file number is the same in every city, so it finds a person's rows in all of them.
    with national():
        return list(rows.filter(person_id=person.pk))


def insurance_of_people(city_code: int, person_ids: Collection[int]) -> dict[int, UnemploymentInsurance]:
    """The latest answer of the insurance register on each of these people."""
    rows = UnemploymentInsurance.objects.filter(city_code=city_code, person_id__in=sorted(person_ids))
    return {row.person_id: row for row in rows.order_by("as_of", "id")}
