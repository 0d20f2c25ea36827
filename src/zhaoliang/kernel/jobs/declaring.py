"""Declaring a kind of job: `@job` gives it the act that starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction

from zhaoliang.kernel.acts import Act, act
from zhaoliang.kernel.errors import Busy
from zhaoliang.kernel.jobs.reporting import PLACE, Run, actor_as_json
from zhaoliang.kernel.jobs.states import OPEN
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import Access, Actor, Reach, Role

Work = Callable[[Run], Mapping[str, Any] | None]


@dataclass(frozen=True)
class JobKind:
    """A declared kind: `start` is the act that queues it, `work` what the worker does (its answer is kept as `result`).

    `private` are parameters that nobody needs when the job has ended, and that are not kept beyond it.
    """

    name: str
    label: str
    work: Work
    start: Act[Job]
    private: tuple[str, ...] = ()


KINDS: dict[str, JobKind] = {}


def job(
    name: str, *, label: str, grants: Mapping[Role, Reach], private: tuple[str, ...] = ()
) -> Callable[[Work], JobKind]:
    """Declare a kind of job in a folder's `tasks.py`, where the worker finds it.

    `start(actor=, at=, subject=, title=, link=, **parameters)` is an act on `subject` (a row, or a Place): it queues the job
    in its own transaction and answers with its row. `title` names it in lists, `link` is the page of its result, parameters
    are small plain data (a file is kept in a table first). The same subject and parameters again while one is open answer
    with that one; other parameters raise Busy. The work may be begun again after a killed worker: give `run.key` to its act.
    What people wrote stands in parameters named in `private`, which are dropped when the job ends.
    """

    def decorate(work: Work) -> JobKind:
        @act(name, label=label, grants=grants, on="subject")
        def start(
            *, actor: Actor, at: datetime, subject: Any, title: str = "", link: str = "", **parameters: Any
        ) -> Job:
            return _queue(name, label, actor, at, subject, title, link, parameters)

        kind = KINDS[name] = JobKind(name, label, work, start, private)
        return kind

    return decorate


def _queue(
    kind: str,
    label: str,
    actor: Actor,
    at: datetime,
    subject: Any,
    title: str,
    link: str,
    parameters: dict[str, Any],
) -> Job:
    from zhaoliang.kernel.jobs.running import defer

    access: Access = subject.access()
    is_row = isinstance(subject, models.Model)
    about = {
        "city_code": access.city_code,
        "kind": kind,
        "subject_type": subject._meta.label_lower if is_row else PLACE,
        "subject_id": subject.pk if is_row else None,
    }
    try:
        with transaction.atomic():
            row = Job.objects.create(
                **about,
                region_code=access.region_code,
                organisation_ids=sorted(access.organisation_ids),
                person_id=access.person_id,
                title=title[:200] or label,
                link=link,
                parameters=parameters,
                actor_user_id=actor.user_id,
                actor_name=actor.name,
                actor=actor_as_json(actor),
                queued_at=at,
            )
    except IntegrityError:
        found = Job.objects.filter(**about, state__in=OPEN).first()
        if found is None or found.parameters != parameters:
            raise Busy(
                what=f"没有开始“{label}”。",
                why="同一件事正在后台进行。",
                next_step="请等它完成，或先取消它，再做一次。",
            ) from None
        return found
    defer(row)
    return row
