"""Questions about jobs."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from zhaoliang.kernel.jobs.declaring import JobKind
from zhaoliang.kernel.models import Job


def job(city_code: int, job_id: int) -> Job | None:
    """One job."""
    return Job.objects.filter(city_code=city_code, pk=job_id).first()


def jobs_of(city_code: int, user_id: int | None) -> QuerySet[Job]:
    """What an account started in a city, the last first."""
    return Job.objects.filter(city_code=city_code, actor_user_id=user_id).order_by("-queued_at", "-pk")


def job_to_show(kind: JobKind, subject: Any) -> Job | None:
    """The last job of a kind about a row, for the row's page: while it is open, or to say why there is no result."""
    last = (
        Job.objects.filter(
            city_code=subject.access().city_code,
            kind=kind.name,
            subject_type=subject._meta.label_lower,
            subject_id=subject.pk,
        )
        .order_by("-pk")
        .first()
    )
    return None if last is None or last.state == "done" else last
