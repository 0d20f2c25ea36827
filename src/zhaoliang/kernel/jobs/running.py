"""Running jobs: by the worker, once at a time, and again when a worker died."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from zhaoliang.kernel import idempotency
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import Forbidden, Refusal
from zhaoliang.kernel.jobs.declaring import KINDS, JobKind
from zhaoliang.kernel.jobs.reporting import Cancelled, Run, held, running
from zhaoliang.kernel.jobs.states import JOB, OPEN
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import BUREAU_ROLES, ORGANISATION_ROLES, Actor, Reach, Role, system_actor

# A job whose worker died this often is what kills it.
MOST_RUNS = 3
TASK = "kernel.run_job"
CLOCK: dict[Role, Reach] = {Role.SYSTEM: Reach.ANY}
WHO_STARTS: dict[Role, Reach] = {
    **dict.fromkeys(sorted(BUREAU_ROLES), Reach.REGION),
    **dict.fromkeys(sorted(ORGANISATION_ROLES), Reach.ORGANISATION),
}
log = structlog.get_logger("jobs")


@act("jobs.begin", label="开始后台任务", grants=CLOCK, on="row")
def begin(*, actor: Actor, at: datetime, row: Job) -> Job:
    """The job is being worked on from now on, or again. Raises WrongState."""
    JOB.fire(row, "begin" if row.state == "queued" else "resume", started_at=at, runs=row.runs + 1)
    return row


@act("jobs.finish", label="完成后台任务", grants=CLOCK, on="row")
def finish(*, actor: Actor, at: datetime, row: Job, result: Mapping[str, Any]) -> Job:
    """The job is done, with its result. Raises WrongState."""
    JOB.fire(row, "finish", **_ended(row, at), result=dict(result))
    return row


@act("jobs.fail", label="记录后台任务没有完成", grants=CLOCK, on="row")
def fail(*, actor: Actor, at: datetime, row: Job, refusal: Mapping[str, Any]) -> Job:
    """The job did nothing or stopped half way: why, in the words of a refusal. Raises WrongState."""
    JOB.fire(row, "fail", **_ended(row, at), refusal=dict(refusal))
    return row


@act("jobs.stop", label="停下已取消的后台任务", grants=CLOCK, on="row")
def stop(*, actor: Actor, at: datetime, row: Job) -> Job:
    """A running job has stopped as it was asked to. Raises WrongState."""
    JOB.fire(row, "cancel", **_ended(row, at))
    return row


@act("jobs.cancel", label="取消后台任务", grants=WHO_STARTS, on="row")
def cancel(*, actor: Actor, at: datetime, row: Job) -> Job:
    """Ask a job to stop: at once while it waits, else where it next reports. By who started it. Raises Forbidden, WrongState."""
    if actor.user_id != row.actor_user_id:
        raise Forbidden("没有取消。", f"这个任务是{row.actor_name}开始的。", "请由本人取消。")
    found = Job.objects.select_for_update(no_key=True).get(city_code=row.city_code, pk=row.pk)
    if found.state == "running":
        found.cancel_asked = True
        found.save(update_fields=["cancel_asked"])
    else:
        JOB.fire(found, "cancel", **_ended(found, at))
    return found


def _ended(row: Job, at: datetime) -> dict[str, Any]:
    kind = KINDS.get(row.kind)
    private = kind.private if kind else ()
    return {
        "ended_at": at,
        "parameters": {name: row.parameters[name] for name in row.parameters if name not in private},
    }


def defer(row: Job) -> None:
    """Hand a job to the worker, in the transaction in progress; nothing happens where it already waits there."""
    task = app.configure_task(TASK, queueing_lock=f"job:{row.pk}")
    try:
        with transaction.atomic():
            task.defer(city_code=row.city_code, job_id=row.pk)
    except AlreadyEnqueued:
        log.info("job_already_waits", job_id=row.pk)


def perform(city_code: int, job_id: int, at: datetime) -> None:
    """Run one job now, unless it ended or another worker has it; refusals and faults end it, and say why on its page."""
    row = Job.objects.get(city_code=city_code, pk=job_id)
    with held(row) as side:
        if side is None:
            return
        row.refresh_from_db()
        if row.state not in OPEN:
            return
        clock: dict[str, Any] = {"actor": system_actor(), "at": at, "row": row}
        kind = KINDS.get(row.kind)
        if kind is None or row.runs >= MOST_RUNS:
            fail(**clock, refusal=_broken("后台程序做到一半就中断了。" if kind else "程序已经换了版本。"))
            return
        begin(**clock)
        try:
            with running(Run(row, at, side)) as run:
                result = _worked(kind, run)
        except Cancelled:
            stop(**clock)
        except Refusal as refusal:
            fail(**clock, refusal=refusal.as_dict())
        except Exception:
            log.exception("job_failed", job_id=row.pk, kind=row.kind)
            fail(**clock, refusal=_broken("程序出了错，技术人员可以在日志里看到。"))
        else:
            finish(**clock, result=result or {})


def _worked(kind: JobKind, run: Run) -> Mapping[str, Any] | None:
    """The work's answer. What was committed before a worker died is done, also where its starter has lost his role since."""
    try:
        _require_role(kind, run)
    except Forbidden:
        if idempotency.was_done(city_code=run.row.city_code, actor=run.actor, key=run.key):
            return None
        raise
    return kind.work(run)


def _require_role(kind: JobKind, run: Run) -> None:
    """Raise Forbidden where who started the job may not do so any more: hours or a restart may lie between."""
    if not kind.start.declaration.allows(run.actor, run.subject.access()):
        raise Forbidden(
            what=f"没有做“{kind.label}”。",
            why="开始这项任务的账号现在没有这样做的权限：角色已到期或被收回，或者账号已停用。",
            next_step="请由现在负责的同事重新开始；如果角色有误，请联系本单位的系统管理员。",
        )


def _broken(why: str) -> dict[str, Any]:
    return Refusal("任务没有完成。", why, "请再开始一次；还是不行，请联系系统管理员。").as_dict()


def pick_up() -> int:
    """Hand every open job that nobody works on to the worker again. Returns how many."""
    with national():
        rows = list(Job.objects.filter(state__in=OPEN).only("id"))
    count = 0
    for row in rows:
        with held(row) as side:
            if side is not None:
                defer(row)
                count += 1
    return count
