"""The worker of the tests: runs what waits, now and here."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.jobs.reporting import actor_from
from zhaoliang.kernel.jobs.running import perform
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.models import RoleAssignment, User


def run_waiting(at: datetime) -> list[Job]:
    """Run every queued job; the rows as they are afterwards."""
    with national():
        rows = list(Job.objects.filter(state="queued").order_by("pk"))
    for row in rows:
        account_of(actor_from(row.actor))
        perform(row.city_code, row.pk, at)
        row.refresh_from_db()
    return rows


def account_of(actor: Actor) -> User | None:
    """The account behind an actor of the tests, made where he has none: a job runs with the roles its account still has."""
    if actor.user_id is None:
        return None
    account, made = User.objects.get_or_create(
        pk=actor.user_id, defaults={"username": f"t{actor.user_id}", "name": actor.name, "person_id": actor.person_id}
    )
    for held in actor.assignments if made else ():
        RoleAssignment.objects.create(
            user=account,
            role=held.role.value,
            region_id=held.region_code,
            city_code=held.city_code,
            organisation_id=held.organisation_id,
            valid_from=date(2025, 1, 1),
        )
    return account
