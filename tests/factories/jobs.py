"""The worker of the tests: runs what waits, now and here."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.jobs.running import perform
from zhaoliang.kernel.models import Job


def run_waiting(at: datetime) -> list[Job]:
    """Run every queued job; the rows as they are afterwards."""
    with national():
        rows = list(Job.objects.filter(state="queued").order_by("pk"))
    for row in rows:
        perform(row.city_code, row.pk, at)
        row.refresh_from_db()
    return rows
