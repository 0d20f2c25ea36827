"""What the city and the national registers hold of the people of a class: read in bulk, a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.employment.models import JobRecord
from zhaoliang.employment.selectors import jobs_of_people
from zhaoliang.kernel.days import day_start
from zhaoliang.registry.models import GroupMembership, PersonGrant, PersonStatus
from zhaoliang.registry.selectors import grants_of_people, groups_of_people, known_statuses, statuses_of_people

# A draft filing binds nobody: another provider must not be able to block a trainee with it.
BINDING = ("filed", "accepted", "running", "ended", "assessed", "in_claim", "closed")


@dataclass(frozen=True)
class Clash:
    """A session of another class a person is enrolled in; `certain` is false where only the days are known to meet."""

    class_name: str
    class_id: int
    starts_at: datetime
    certain: bool


@dataclass
class Known:
    """One person on the day a class starts: statuses and groups by kind, grants of the whole country, clashes."""

    statuses: dict[str, PersonStatus] = field(default_factory=dict)
    groups: dict[str, GroupMembership] = field(default_factory=dict)
    grants: list[PersonGrant] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    jobs: list[JobRecord] = field(default_factory=list)


def known_people(
    *, city_code: int, person_ids: Collection[int], start: date, end: date, training_class: TrainingClass | None
) -> dict[int, Known]:
    """What is on file of these people, by national number; six queries whatever their number.

    Without a class (or with one that has no timetable yet) a clash of days between `start` and `end` is not certain.
    """
    known: dict[int, Known] = {person_id: Known() for person_id in person_ids}
    wanted = sorted(known)
    answers: dict[int, list[PersonStatus]] = defaultdict(list)
    for status in statuses_of_people(city_code=city_code, person_ids=wanted, on=start):
        answers[status.person_id].append(status)
    for person_id, rows in answers.items():
        known[person_id].statuses = known_statuses(rows, start)
    # The strongest evidence is written last and stays.
    for membership in groups_of_people(city_code=city_code, person_ids=wanted, on=start):
        known[membership.person_id].groups[membership.group] = membership
    for grant in grants_of_people(wanted):
        known[grant.person_id].grants.append(grant)
    for person_id, jobs in jobs_of_people(city_code, wanted).items():
        known[person_id].jobs.extend(jobs)
    _add_clashes(known, city_code, start, end, training_class)
    return known


def _add_clashes(
    known: dict[int, Known], city_code: int, start: date, end: date, training_class: TrainingClass | None
) -> None:
    elsewhere = Enrolment.objects.filter(
        city_code=city_code,
        person_id__in=sorted(known),
        state__in=("listed", "attending", "completed"),
        training_class__state__in=BINDING,
        training_class__starts_on__lte=end,
        training_class__ends_on__gte=start,
    )
    own: list[ClassSession] = []
    if training_class is not None:
        elsewhere = elsewhere.exclude(training_class_id=training_class.pk)
        own = list(ClassSession.objects.filter(city_code=city_code, training_class=training_class))
    people: dict[int, list[int]] = defaultdict(list)
    for class_id, person_id in elsewhere.values_list("training_class_id", "person_id"):
        people[class_id].append(person_id)
    if not people:
        return
    sessions = (
        ClassSession.objects.filter(
            city_code=city_code,
            training_class_id__in=sorted(people),
            period__overlap=(day_start(start), day_start(end + timedelta(days=1))),
        )
        .select_related("training_class")
        .order_by("period")
    )
    for session in sessions:
        meets = not own or any(
            session.period.lower < mine.period.upper and mine.period.lower < session.period.upper for mine in own
        )
        if meets:
            clash = Clash(session.training_class.name, session.training_class_id, session.period.lower, bool(own))
            for person_id in people[session.training_class_id]:
                known[person_id].clashes.append(clash)


def enrolled_people(training_class: TrainingClass | None) -> frozenset[int]:
    """National numbers of those on the roster of a class."""
    if training_class is None:
        return frozenset()
    rows = Enrolment.objects.filter(city_code=training_class.city_code, training_class=training_class).exclude(
        state="removed"
    )
    return frozenset(rows.values_list("person_id", flat=True))
