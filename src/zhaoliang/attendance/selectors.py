"""Questions about attendance: minutes planned and credited, the board of a day, what a trainee signs next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum, When
from django.db.models.functions import TruncDate

from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt, MakeUp, SessionReview, SignIn
from zhaoliang.attendance.states import CAME
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.classes.selectors import every_session, sessions_on, sessions_over, sessions_taught
from zhaoliang.kernel.days import CHINA
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import within
from zhaoliang.registry.models import Organisation, Person

# Those who sign out do it within minutes of the end.
AFTER_CLASS = timedelta(minutes=15)
# Before the last weighing too: a strike of the clock may have broken off in the middle.
WEIGHED_AGAIN = timedelta(hours=6)


@dataclass(frozen=True)
class BoardSession:
    """One session of a day with the attendance of every trainee, by name."""

    session: ClassSession
    attendances: list[Attendance]

    @property
    def came(self) -> int:
        """How many were there, on time or late."""
        return sum(attendance.state in CAME for attendance in self.attendances)


@dataclass(frozen=True)
class TodaySession:
    """A session of the day in heads: how many are expected in it, how many came."""

    session: ClassSession
    expected: int
    came: int


def totals(enrolment: Enrolment) -> tuple[int, int]:
    """Planned and credited minutes of a trainee."""
    row = Attendance.objects.filter(city_code=enrolment.city_code, enrolment=enrolment).aggregate(
        planned=Sum("planned_minutes"), credited=Sum("credited_minutes")
    )
    return row["planned"] or 0, row["credited"] or 0


def class_totals(training_class: TrainingClass) -> dict[int, tuple[int, int]]:
    """Planned and credited minutes by enrolment id; one query."""
    rows = (
        Attendance.objects.filter(city_code=training_class.city_code, session__training_class=training_class)
        .values_list("enrolment_id")
        .annotate(planned=Sum("planned_minutes"), credited=Sum("credited_minutes"))
        .order_by("enrolment_id")
    )
    return {enrolment_id: (planned, credited) for enrolment_id, planned, credited in rows}


def class_so_far(training_class: TrainingClass, at: datetime) -> dict[int, tuple[int, int]]:
    """Planned and credited minutes of the sessions that are decided (`roll.is_decided`), by enrolment id; one query."""
    rows = (
        Attendance.objects.filter(city_code=training_class.city_code, session__training_class=training_class)
        .exclude(state="expected")
        .exclude(
            session__online=True,
            state__in=("present", "late"),
            period__endswith__gt=at,
            credited_minutes__lt=F("planned_minutes"),
        )
        .values_list("enrolment_id")
        .annotate(planned=Sum("planned_minutes"), credited=Sum("credited_minutes"))
        .order_by("enrolment_id")
    )
    return {enrolment_id: (planned, credited) for enrolment_id, planned, credited in rows}


def days_attended(city_code: int, enrolment_ids: Collection[int]) -> dict[int, int]:
    """On how many days each of these trainees was taught (some minutes counted), by enrolment id; one query."""
    rows = (
        Attendance.objects.filter(city_code=city_code, enrolment_id__in=list(enrolment_ids), credited_minutes__gt=0)
        .values_list("enrolment_id")
        .annotate(days=Count(TruncDate("period__startswith", tzinfo=CHINA), distinct=True))
        .order_by("enrolment_id")
    )
    return dict(rows)


def sessions_to_close(at: datetime) -> list[ClassSession]:
    """Sessions of all cities that are over while somebody is still expected, for the clock."""
    with national():
        waiting = Attendance.objects.filter(state="expected", session__period__endswith__lte=at)
        return every_session(sorted(set(waiting.values_list("session_id", flat=True))))


def sessions_to_weigh(at: datetime) -> list[ClassSession]:
    """Sessions of all cities that ended in the last three days with a sign-in that has not been weighed yet.

    Asked in two ways, so that neither reads all sign-ins of three days: sessions that were never weighed, and what came in late
    since the clock last weighed anything.
    """
    since, until = at - timedelta(days=3), at - AFTER_CLASS
    with national():
        weighed = SessionReview.objects.filter(session__period__endswith__gt=since)
        known = set(weighed.values_list("session_id", flat=True))
        last = SessionReview.objects.aggregate(last=Max("at"))["last"]
    found: set[int] = set()
    fresh: dict[int, list[int]] = defaultdict(list)
    for one in every_session([pk for pk in sessions_over(since, until) if pk not in known]):
        fresh[one.city_code].append(one.pk)
    for city_code, ids in fresh.items():
        signed = SignIn.objects.filter(city_code=city_code, direction="in", attendance__session_id__in=ids)
        found.update(signed.values_list("attendance__session_id", flat=True).distinct())
    if last is not None:
        with national():
            again = SessionReview.objects.filter(
                city_code=OuterRef("city_code"),
                session=OuterRef("attendance__session_id"),
                at__gte=OuterRef("received_at"),
            )
            late = SignIn.objects.filter(
                ~Exists(again),
                direction="in",
                received_at__gt=last - WEIGHED_AGAIN,
                attendance__session__period__endswith__gt=since,
                attendance__session__period__endswith__lte=until,
            )
            found.update(late.values_list("attendance__session_id", flat=True))
    return every_session(sorted(found))


def minutes_of_enrolments(city_code: int, enrolment_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Planned and credited minutes of trainees of any classes, by enrolment id; one query, none for nobody."""
    if not enrolment_ids:
        return {}
    rows = (
        Attendance.objects.filter(city_code=city_code, enrolment_id__in=list(enrolment_ids))
        .values_list("enrolment_id")
        .annotate(planned=Sum("planned_minutes"), credited=Sum("credited_minutes"))
        .order_by("enrolment_id")
    )
    return {enrolment_id: (planned, credited) for enrolment_id, planned, credited in rows}


def minutes_of(person: Person, *, everywhere: bool = False) -> dict[int, tuple[int, int]]:
    """A person's planned and credited minutes by enrolment id: of the city, or of all cities (for the holder)."""
    sums = Attendance.objects.values_list("enrolment_id").annotate(
        planned=Sum("planned_minutes"), credited=Sum("credited_minutes")
    )
    if not everywhere:
        rows = list(sums.filter(city_code=person.city_code, person=person))
    else:
        with national():
            rows = list(sums.filter(person_id=person.pk))
    return {enrolment_id: (planned, credited) for enrolment_id, planned, credited in rows}


def class_board(training_class: TrainingClass, on: date) -> list[BoardSession]:
    """The sessions of a Chinese day and who came; two queries."""
    city = training_class.city_code
    sessions = sessions_on(training_class, on)
    rows = (
        Attendance.objects.filter(city_code=city, session_id__in=[session.pk for session in sessions])
        .select_related("person", "enrolment__training_class__project", "session")
        .order_by("person__pinyin_key", "id")
    )
    by_session: dict[int, list[Attendance]] = {session.pk: [] for session in sessions}
    for attendance in rows:
        by_session[attendance.session_id].append(attendance)
    return [BoardSession(session, by_session[session.pk]) for session in sessions]


def taught_on(provider: Organisation, on: date) -> list[TodaySession]:
    """The sessions of a provider's running classes on a Chinese day, in order of time; one query."""
    here = Q(attendances__city_code=provider.city_code)
    rows = sessions_taught(provider, on).annotate(
        expected=Count("attendances", filter=here),
        came=Count("attendances", filter=here & Q(attendances__state__in=CAME)),
    )
    # Any: what is annotated is no attribute of the model to the type checker.
    return [TodaySession(row, row.expected, row.came) for row in cast("Iterable[Any]", rows)]


def attendances_of(enrolment: Enrolment) -> list[Attendance]:
    """A trainee's attendance of every session, in order of time."""
    return list(
        Attendance.objects.filter(city_code=enrolment.city_code, enrolment=enrolment)
        .select_related("session__teacher", "enrolment__training_class__project")
        .order_by("period", "id")
    )


def sign_ins_of(attendance: Attendance) -> list[SignIn]:
    """Every sign-in that reached us for an attendance, oldest first."""
    return list(
        SignIn.objects.filter(city_code=attendance.city_code, attendance=attendance).order_by("received_at", "id")
    )


def next_for(person: Person, at: datetime) -> Attendance | None:
    """The session a person is to sign in for now or next: the first not yet over that is still expected.

    Found first and joined afterwards: most ask in vain, and planning its eight tables costs a hundred times the look.
    """
    found = (
        Attendance.objects.filter(city_code=person.city_code, person=person, state="expected", period__endswith__gt=at)
        .order_by("period", "id")
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        return None
    return (
        Attendance.objects.filter(city_code=person.city_code, pk=found)
        .select_related("session__training_class__site", "session__teacher", "enrolment__training_class__project")
        .first()
    )


def attendance(city_code: int, attendance_id: int) -> Attendance | None:
    """One attendance with class, site and project."""
    return (
        Attendance.objects.filter(city_code=city_code, pk=attendance_id)
        .select_related("session__training_class__site", "enrolment__training_class__project", "person")
        .first()
    )


def flagged(training_class: TrainingClass) -> list[Attendance]:
    """Attendances of a class with a signal somebody should look at."""
    return list(
        Attendance.objects.filter(city_code=training_class.city_code, session__training_class=training_class)
        .exclude(flags=[])
        .select_related("person", "session", "enrolment__training_class__project")
        .order_by("period", "id")
    )


def corrections_of(attendance: Attendance) -> list[AttendanceCorrection]:
    """Every correction of an attendance, proposed or decided, oldest first."""
    return list(
        AttendanceCorrection.objects.filter(city_code=attendance.city_code, attendance=attendance).order_by(
            "proposed_at", "id"
        )
    )


def corrections_of_class(training_class: TrainingClass) -> list[AttendanceCorrection]:
    """Every correction in a class, those that wait first, then the newest."""
    return list(
        AttendanceCorrection.objects.filter(
            city_code=training_class.city_code, attendance__session__training_class=training_class
        )
        .select_related(*_LISTED)
        .annotate(waits=Case(When(state="proposed", then=0), default=1))
        .order_by("waits", "-proposed_at", "id")
    )


def disputes_of(enrolment: Enrolment) -> tuple[list[AttendanceDoubt], list[AttendanceCorrection], list[MakeUp]]:
    """A trainee's doubts, corrections and make-up lessons in a class, oldest first; three queries."""
    mine = {"city_code": enrolment.city_code, "attendance__enrolment": enrolment}
    return (
        list(AttendanceDoubt.objects.filter(**mine).order_by("opened_at", "id")),
        list(AttendanceCorrection.objects.filter(**mine).order_by("proposed_at", "id")),
        list(MakeUp.objects.filter(**mine).order_by("proposed_at", "id")),
    )


def inside(person: Person, at: datetime) -> Attendance | None:
    """The session a person is signed in for and has not left: the one going on, or about to begin."""
    return (
        Attendance.objects.filter(
            city_code=person.city_code,
            person=person,
            state__in=("present", "late"),
            signed_out_at=None,
            period__endswith__gt=at,
        )
        .select_related("session__training_class__site", "session__teacher", "enrolment__training_class__project")
        .order_by("period", "id")
        .first()
    )


def expected_in(session: ClassSession, person_id: int) -> Attendance | None:
    """What is expected of a person in a session."""
    return (
        Attendance.objects.filter(city_code=session.city_code, session=session, person_id=person_id)
        .select_related("session__training_class__site", "session__teacher", "enrolment__training_class__project")
        .first()
    )


_DOUBT = (
    "attendance__session__training_class__provider",
    "attendance__person",
    "attendance__enrolment__training_class__project",
)

# What a list names. Not the class a second time by way of the enrolment: the planner would take longer than the answer.
_LISTED = ("attendance__session__training_class__project", "attendance__person")


def doubt(city_code: int, doubt_id: int) -> AttendanceDoubt | None:
    """One doubt with its attendance, class and person."""
    return AttendanceDoubt.objects.filter(city_code=city_code, pk=doubt_id).select_related(*_DOUBT).first()


def open_doubts_of(person: Person) -> list[AttendanceDoubt]:
    """What a person is asked about, the nearest day first."""
    return list(
        AttendanceDoubt.objects.filter(
            city_code=person.city_code, attendance__person=person, state__in=("open", "answered")
        )
        .select_related(*_DOUBT)
        .order_by("answer_due_on", "id")
    )


def doubts_in(city_code: int, region_code: int) -> QuerySet[AttendanceDoubt]:
    """The doubts of a region with class and person, those that wait first, the heaviest first."""
    under = within("attendance__session__training_class__project__region_id", region_code)
    return (
        AttendanceDoubt.objects.filter(city_code=city_code, **under)
        .select_related(*_LISTED)
        .annotate(
            decided=Case(When(state__in=("open", "answered"), then=0), default=1),
            begins=F("attendance__period__startswith"),
        )
        .order_by("decided", "-score", "answer_due_on", "id")
    )


def doubts_of_class(training_class: TrainingClass) -> list[AttendanceDoubt]:
    """The doubts of a class, newest first."""
    return list(
        AttendanceDoubt.objects.filter(
            city_code=training_class.city_code, attendance__session__training_class=training_class
        )
        .select_related(*_DOUBT)
        .order_by("-opened_at", "id")
    )


def correction(city_code: int, correction_id: int) -> AttendanceCorrection | None:
    """One correction with its attendance, class and person."""
    return AttendanceCorrection.objects.filter(city_code=city_code, pk=correction_id).select_related(*_DOUBT).first()


def corrections_in(city_code: int, region_code: int) -> QuerySet[AttendanceCorrection]:
    """The corrections of a region that wait for their second person, oldest first."""
    under = within("attendance__session__training_class__project__region_id", region_code)
    return (
        AttendanceCorrection.objects.filter(city_code=city_code, state="proposed", **under)
        .select_related(*_LISTED)
        .order_by("proposed_at", "id")
    )


def make_up(city_code: int, make_up_id: int) -> MakeUp | None:
    """One make-up lesson with its attendance, class and person."""
    return MakeUp.objects.filter(city_code=city_code, pk=make_up_id).select_related(*_DOUBT, "teacher").first()


def make_ups_in(city_code: int, region_code: int) -> QuerySet[MakeUp]:
    """The make-up lessons of a region that wait for the bureau."""
    under = within("attendance__session__training_class__project__region_id", region_code)
    return (
        MakeUp.objects.filter(city_code=city_code, state="proposed", **under)
        .select_related(*_LISTED, "teacher")
        .order_by("proposed_at", "id")
    )


def make_ups_of_class(training_class: TrainingClass) -> list[MakeUp]:
    """The make-up lessons of a class, newest first."""
    return list(
        MakeUp.objects.filter(city_code=training_class.city_code, attendance__session__training_class=training_class)
        .select_related(*_DOUBT, "teacher")
        .order_by("-proposed_at", "id")
    )


def waiting_count(city_code: int, region_code: int) -> int:
    """How many doubts, corrections and make-up lessons of a region wait for the bureau; three counting statements."""
    doubts = doubts_in(city_code, region_code).filter(state__in=("open", "answered")).count()
    return doubts + corrections_in(city_code, region_code).count() + make_ups_in(city_code, region_code).count()
