"""Questions about jobs and insurance of many people at once: a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import OuterRef, QuerySet

from zhaoliang.employment.models import FactFinding, JobRecord, UnemploymentInsurance
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.roles import within
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
    return JobRecord.objects.filter(city_code=city_code, person_id=person_id, from_on__gte=since, voided_on=None)


def jobs_of(person: Person, *, everywhere: bool = False) -> list[JobRecord]:
    """A person's jobs, latest first; `everywhere` in all cities."""
    rows = JobRecord.objects.order_by("-from_on", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    # The file number is the same in every city, so it finds a person's rows in all of them.
    with national():
        return list(rows.filter(person_id=person.pk))


def job(city_code: int, job_id: int) -> JobRecord:
    """A job record. Raises NotFound."""
    found = JobRecord.objects.filter(city_code=city_code, pk=job_id).first()
    if found is None:
        raise NotFound("没有这条就业记录。", "本市没有这个编号的记录。", "请从个人档案进入。")
    return found


def finding(city_code: int, finding_id: int) -> FactFinding:
    """A finding with its person and job. Raises NotFound."""
    rows = FactFinding.objects.select_related("person__region", "job")
    found = rows.filter(city_code=city_code, pk=finding_id).first()
    if found is None:
        raise NotFound("没有这项事实认定。", "本市没有这个编号的认定。", "请从个人档案进入。")
    return found


def findings_of(person: Person) -> list[FactFinding]:
    """What was proposed, found and dropped about a person, latest first."""
    rows = FactFinding.objects.select_related("job").filter(city_code=person.city_code, person=person)
    return list(rows.order_by("-id"))


def findings_to_decide(city_code: int, region_code: int) -> QuerySet[FactFinding]:
    """The findings that wait for a second person in a region, oldest first."""
    rows = FactFinding.objects.select_related("person").filter(city_code=city_code, state="proposed")
    return rows.filter(**within("person__region_id", region_code)).order_by("id")


def insurance_of_people(city_code: int, person_ids: Collection[int]) -> dict[int, UnemploymentInsurance]:
    """The latest answer of the insurance register on each of these people."""
    rows = UnemploymentInsurance.objects.filter(city_code=city_code, person_id__in=sorted(person_ids))
    return {row.person_id: row for row in rows.order_by("as_of", "id")}
