"""What a running job knows of itself, and how far it says it is.

Progress is saved on a connection of its own, in short transactions: it shows while the work's own transaction is open. The
same connection holds the job's advisory lock, which PostgreSQL lets go when the worker dies in whatever way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import Actor, Assignment, Place, Role, region_covers

# How the keys of jobs begin; nobody else may give such a key, or a job would take what it did not do for done.
KEY_PREFIX = "job:"
# Pages ask every few seconds; more often is work for nobody.
SECONDS_BETWEEN = 1.0
_LOCK = "hashtextextended('zhaoliang.job:' || %s, 0)"
_PROGRESS = (
    "UPDATE job SET done_count = %s, total_count = %s, message = %s "
    "WHERE city_code = %s AND id = %s AND state = 'running' RETURNING cancel_asked"
)


class Cancelled(Exception):
    """Somebody asked to stop; raised by `report`, so that the transaction in hand is rolled back."""


class Run:
    """One run of a job: who asked (`actor`, with what he may still do), when it runs (`at`), about what, with which `parameters`."""

    def __init__(self, row: Job, at: datetime, side: BaseDatabaseWrapper) -> None:
        self.row, self.at, self.parameters = row, at, row.parameters
        self.actor = as_of_now(actor_from(row.actor), at)
        self._side = side
        self._reported = 0.0

    @property
    def key(self) -> str:
        """The idempotency key for the job's one act: done once, however often a worker dies."""
        return f"{KEY_PREFIX}{self.row.pk}"

    def part_key(self, part: int | str) -> str:
        """The idempotency key for one part of a job done in several acts."""
        return f"{self.key}:{part}"

    @property
    def subject(self) -> Any:
        """What the job was started on, as it is now."""
        if self.row.subject_type == PLACE:
            return Place(self.row.city_code, self.row.region_code, next(iter(self.row.organisation_ids), None))
        model = apps.get_model(self.row.subject_type)
        return model._default_manager.get(city_code=self.row.city_code, pk=self.row.subject_id)

    def report(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is; saved at most once a second, and at the end. Raises Cancelled when asked to stop."""
        moment = time.monotonic()
        if moment - self._reported < SECONDS_BETWEEN and done != total:
            return
        self._reported = moment
        given = [done, total, message[:200], self.row.city_code, self.row.pk]
        asked = _save(self._side, given)
        if asked is None:
            # Others cannot see the row yet: we run inside the transaction that made it.
            asked = _save(connection, given)
        if asked:
            raise Cancelled


PLACE = "place"
_running: ContextVar[Run | None] = ContextVar("running_job", default=None)


def report(done: int, total: int | None = None, message: str = "") -> None:
    """Say how far the job in progress is; does nothing outside one, so that services may call it wherever they count."""
    run = _running.get()
    if run is not None:
        run.report(done, total, message)


def in_job() -> bool:
    """Whether this runs in the background, where nobody waits for a page."""
    return _running.get() is not None


@contextmanager
def running(run: Run) -> Iterator[Run]:
    """Let `report` speak for this run."""
    token = _running.set(run)
    try:
        yield run
    finally:
        _running.reset(token)


@contextmanager
def held(row: Job) -> Iterator[BaseDatabaseWrapper | None]:
    """The job's lock, on a connection of its own; None where another worker has it."""
    side = connection.copy()
    try:
        with side.cursor() as cursor:
            cursor.execute(f"SELECT pg_try_advisory_lock({_LOCK})", [row.pk])
            got = cursor.fetchone() == (True,)
        yield side if got else None
    finally:
        side.close()


def _save(via: Any, given: list[Any]) -> bool | None:
    """Save the progress; whether somebody asked to stop, None where the job is not seen running."""
    with via.cursor() as cursor:
        cursor.execute(_PROGRESS, given)
        found = cursor.fetchone()
        return None if found is None else found[0]


def actor_as_json(actor: Actor) -> dict[str, Any]:
    """An actor as he stood when he asked, to be kept with the job."""
    return {
        "user_id": actor.user_id,
        "person_id": actor.person_id,
        "name": actor.name,
        "assignments": [
            [one.role.value, one.region_code, one.city_code, one.organisation_id] for one in actor.assignments
        ],
    }


def actor_from(stored: Mapping[str, Any]) -> Actor:
    """The actor again."""
    held_roles = tuple(Assignment(Role(role), *places) for role, *places in stored["assignments"])
    return Actor(stored["user_id"], stored["person_id"], stored["name"], held_roles)


def as_of_now(actor: Actor, at: datetime) -> Actor:
    """An actor with those of his roles that he had when he asked and still has; none where his account is gone or closed."""
    if actor.user_id is None:
        return actor
    accounts: Any = get_user_model()._default_manager
    account = accounts.filter(pk=actor.user_id, is_active=True).first()
    held = account.actor(on=chinese_day(at)).assignments if account is not None else ()
    return replace(actor, assignments=tuple(one for one in actor.assignments if any(_holds(now, one) for now in held)))


def _holds(now: Assignment, then: Assignment) -> bool:
    """Whether a role of now includes one of then: of the same organisation, or of a region that is no narrower."""
    if (now.role, now.organisation_id) != (then.role, then.organisation_id):
        return False
    if then.organisation_id is not None:
        return now.city_code == then.city_code
    return region_covers(now.region_code, then.region_code)
