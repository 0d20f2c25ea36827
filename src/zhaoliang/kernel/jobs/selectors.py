"""Questions about jobs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.jobs.declaring import JobKind
from zhaoliang.kernel.jobs.reporting import PLACE
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import Place


def job(city_code: int, job_id: int) -> Job | None:
    """One job."""
    return Job.objects.filter(city_code=city_code, pk=job_id).first()


def last_done(kind: JobKind, subject: CityModel) -> Job | None:
    """The last job of a kind about a row that was done, for its result."""
    about = {"kind": kind.name, "subject_type": subject._meta.label_lower, "subject_id": subject.pk, "state": "done"}
    return Job.objects.filter(city_code=subject.city_code, **about).order_by("-pk").first()


def jobs_of(city_code: int, user_id: int | None) -> QuerySet[Job]:
    """What an account started in a city, the last first."""
    return Job.objects.filter(city_code=city_code, actor_user_id=user_id).order_by("-queued_at", "-pk")


def job_to_show(kind: JobKind, subject: Any) -> Job | None:
    """The last job of a kind about a row or a place, for its page: while it is open, or to say why there is no result."""
    access = subject.access()
    about = (
        {"subject_type": PLACE, "region_code": access.region_code}
        if isinstance(subject, Place)
        else {"subject_type": subject._meta.label_lower, "subject_id": subject.pk}
    )
    last = Job.objects.filter(city_code=access.city_code, kind=kind.name, **about).order_by("-pk").first()
    return None if last is None or last.state == "done" else last
