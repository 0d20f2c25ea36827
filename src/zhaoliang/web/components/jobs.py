"""What the part that shows a job needs, on a page and when it is asked for again."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import Actor

SECONDS = 2


def job_context(job: Job, viewer: Actor | None, refreshes: bool) -> dict[str, Any]:
    """`refreshes`: the page around it is asked for again when the job ends. Only who started the job may cancel it."""
    address = [job.city_code, job.pk]
    why = job.refusal
    return {
        "job": job,
        "seconds": SECONDS,
        "poll_url": reverse("job", args=address) + ("?then=refresh" if refreshes else ""),
        "cancel_url": reverse("job_cancel", args=address),
        "may_cancel": job.is_open
        and not job.cancel_asked
        and viewer is not None
        and viewer.user_id is not None
        and viewer.user_id == job.actor_user_id,
        "refusal": Refusal(why["what"], why["why"], why["next"]) if why else None,
    }
