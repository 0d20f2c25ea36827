"""Background work of the kernel: jobs are run and picked up again, and the audit log of the last hour is sealed."""

from __future__ import annotations

from datetime import UTC, datetime

from procrastinate.contrib.django import app

from zhaoliang.kernel import audit
from zhaoliang.kernel.jobs import running


@app.periodic(cron="5 * * * *")
@app.task(queueing_lock="kernel.seal_audit_log", pass_context=False)
def seal_audit_log(timestamp: int) -> None:
    """Seal every city's unsealed events; `timestamp` is the moment the clock struck (unix seconds)."""
    for city_code in audit.cities():
        audit.seal(city_code=city_code, at=datetime.fromtimestamp(timestamp, UTC))


@app.task(name=running.TASK)
def run_job(city_code: int, job_id: int) -> None:
    """Run one job; its own page says what came of it."""
    running.perform(city_code, job_id, datetime.now(UTC))


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="kernel.pick_up_jobs", pass_context=False)
def pick_up_jobs(timestamp: int) -> None:
    """Go on with jobs whose worker died; `timestamp` is the moment the clock struck (unix seconds)."""
    running.pick_up()
