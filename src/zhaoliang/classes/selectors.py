"""Questions about classes."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.models import (
    ClassSession,
    Enrolment,
    KeptForecast,
    RefusedRoster,
    RosterImport,
    Teacher,
    Textbook,
    TrainingClass,
)
from zhaoliang.classes.roster.mend import Mends, apply
from zhaoliang.classes.roster.read import RosterFile, read_roster
from zhaoliang.kernel.days import chinese_day, day_start
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import within
from zhaoliang.registry.models import Organisation, Person


@dataclass(frozen=True)
class ClassPage:
    """Everything a class page shows; read with a fixed number of queries."""

    training_class: TrainingClass
    sessions: list[ClassSession]
    textbooks: list[Textbook]
    listed: int
    imports: list[RosterImport]

    @property
    def hours_by_kind(self) -> dict[str, int]:
        """Planned teaching hours by kind of session."""
        hours: dict[str, int] = {}
        for session in self.sessions:
            hours[session.kind] = hours.get(session.kind, 0) + session.hours
        return hours


def _classes(city_code: int) -> QuerySet[TrainingClass]:
    return TrainingClass.objects.filter(city_code=city_code).select_related(
        "project__entry", "project__occupation", "project__provider", "project__evaluator", "provider", "site"
    )


def training_class(city_code: int, class_id: int) -> TrainingClass | None:
    """One class with project, provider and site."""
    return _classes(city_code).filter(pk=class_id).first()


def locked_class(training_class: TrainingClass) -> TrainingClass:
    """The class as it is now with its project, provider and site, locked for the rest of the act."""
    rows = _classes(training_class.city_code).select_for_update(of=("self",), no_key=True)
    return rows.get(pk=training_class.pk)


def class_page(training_class: TrainingClass) -> ClassPage:
    """The filing of a class as pages show it."""
    of_class = {"city_code": training_class.city_code, "training_class": training_class}
    return ClassPage(
        training_class,
        list(ClassSession.objects.filter(**of_class).select_related("teacher").order_by("period", "id")),
        list(Textbook.objects.filter(**of_class).order_by("id")),
        Enrolment.objects.filter(**of_class).exclude(state="removed").count(),
        list(RosterImport.objects.filter(**of_class).order_by("-at", "-id")[:20]),
    )


def roster(training_class: TrainingClass) -> list[Enrolment]:
    """The trainees of a class with person and voucher, those taken off left out, by name."""
    return list(
        Enrolment.objects.filter(city_code=training_class.city_code, training_class=training_class)
        .exclude(state="removed")
        .select_related("person", "voucher__batch", "training_class__project")
        .order_by("person__pinyin_key", "id")
    )


def kept_forecasts(city_code: int, enrolment_ids: Collection[int]) -> dict[int, KeptForecast]:
    """The latest forecast kept of each of these enrolments; one query."""
    rows = KeptForecast.objects.filter(city_code=city_code, enrolment_id__in=list(enrolment_ids)).order_by("id")
    return {row.enrolment_id: row for row in rows}


@dataclass(frozen=True)
class Expected:
    """What a class under way lets expect: fen in all, fen that hang on open questions, trainees, those refused."""

    training_class: TrainingClass
    fen: int
    open_fen: int
    trainees: int
    refused: int


def expected_by_class(provider: Organisation) -> list[Expected]:
    """The forecasts kept at filing of the provider's classes that have no claim yet, by the day of examination; two queries."""
    under_way = ("filed", "accepted", "running", "ended", "assessed")
    classes = list(classes_of(provider).filter(state__in=under_way).order_by("exam_on", "id"))
    rows = (
        KeptForecast.objects.filter(
            city_code=provider.city_code,
            enrolment__training_class_id__in=[one.pk for one in classes],
            enrolment__state__in=("listed", "attending", "completed"),
        )
        .order_by("id")
        .values_list("enrolment__training_class_id", "enrolment_id", "outcome", "fen")
    )
    latest: dict[int, dict[int, tuple[str, int]]] = {one.pk: {} for one in classes}
    for class_id, enrolment_id, outcome, fen in rows:
        latest[class_id][enrolment_id] = (outcome, fen)
    return [
        Expected(
            one,
            sum(fen for _, fen in latest[one.pk].values()),
            sum(fen for outcome, fen in latest[one.pk].values() if outcome == "cannot_tell"),
            len(latest[one.pk]),
            sum(outcome == "fail" for outcome, _ in latest[one.pk].values()),
        )
        for one in classes
        if latest[one.pk]
    ]


def enrolments_in(city_code: int, class_id: int, *states: str) -> list[Enrolment]:
    """The enrolments of a class in these states with person and voucher, in order of the roster."""
    return list(
        Enrolment.objects.filter(city_code=city_code, training_class_id=class_id, state__in=states)
        .select_related("person", "voucher__batch")
        .order_by("id")
    )


def held_to_the_end(training_class: TrainingClass) -> QuerySet[Enrolment]:
    """Who took part in a class to the end, without those on a voucher that only opens the door (打卡签到专用券)."""
    rows = Enrolment.objects.filter(
        city_code=training_class.city_code, training_class=training_class, state__in=("attending", "completed")
    )
    return rows.filter(Q(voucher__isnull=True) | ~Q(voucher__batch__kind="sign_in_only"))


def is_roster_of(training_class: TrainingClass, size: int) -> bool:
    """Whether a class has at least `size` trainees on its roster."""
    rows = Enrolment.objects.filter(city_code=training_class.city_code, training_class=training_class)
    return len(rows.values_list("id")[:size]) == size


def class_ended_on(training_class: TrainingClass) -> date | None:
    """The day a class was ended, in China; None while it runs."""
    changes = StateChange.objects.filter(
        city_code=training_class.city_code, machine="class", object_id=training_class.pk, event="end"
    )
    at = changes.order_by("-id").values_list("at", flat=True).first()
    return chinese_day(at) if at is not None else None


def enrolment(city_code: int, enrolment_id: int) -> Enrolment | None:
    """One enrolment with its person, voucher and class."""
    return (
        Enrolment.objects.filter(city_code=city_code, pk=enrolment_id)
        .select_related("person", "voucher__batch", "training_class__project")
        .first()
    )


def enrolments_of(person: Person) -> list[Enrolment]:
    """The classes a person is or was in, newest first."""
    return list(
        Enrolment.objects.filter(city_code=person.city_code, person=person)
        .exclude(state="removed")
        .select_related("training_class__project__occupation", "training_class__provider", "training_class__site")
        .order_by("-training_class__starts_on", "-id")
    )


def every_enrolment_of(person: Person, *, everywhere: bool = False) -> list[Enrolment]:
    """All enrolments of a person, those taken off a roster too, newest first: of the city, or of all (for the holder)."""
    rows = Enrolment.objects.select_related("training_class__project__occupation", "training_class__provider")
    rows = rows.order_by("-training_class__starts_on", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    with national():
        return list(rows.filter(person_id=person.pk))


def classes_of(provider: Organisation) -> QuerySet[TrainingClass]:
    """All classes of a provider with the number of their trainees (`listed`), newest first."""
    trainees = Count("enrolments", filter=~Q(enrolments__state="removed") & Q(enrolments__city_code=provider.city_code))
    return (
        _classes(provider.city_code).filter(provider=provider).annotate(listed=trainees).order_by("-starts_on", "-id")
    )


def classes_to_review(city_code: int, region_code: int) -> QuerySet[TrainingClass]:
    """Filings that wait for a reviewer of the region, the nearest deadline first."""
    return (
        _classes(city_code)
        .filter(**within("project__region_id", region_code), state="filed")
        .order_by("review_due_on", "filed_at", "id")
    )


def ended_classes(evaluator: Organisation) -> QuerySet[TrainingClass]:
    """The classes whose teaching is over in projects that the organisation evaluates, longest waiting first."""
    return _classes(evaluator.city_code).filter(project__evaluator=evaluator, state="ended").order_by("ends_on", "id")


def classes_to_start(today: date) -> list[TrainingClass]:
    """Accepted classes of all cities whose first day has come, for the clock."""
    with national():
        return list(TrainingClass.objects.filter(state="accepted", starts_on__lte=today).order_by("city_code", "id"))


def classes_to_end(last_day: date) -> list[TrainingClass]:
    """Running classes of all cities whose last session was on `last_day` or before, for the clock."""
    later = ClassSession.objects.filter(
        city_code=OuterRef("city_code"),
        training_class_id=OuterRef("pk"),
        period__endswith__gt=day_start(last_day + timedelta(days=1)),
    )
    with national():
        return list(TrainingClass.objects.filter(~Exists(later), state="running").order_by("city_code", "id"))


def classes_to_examine(evaluator: Organisation) -> QuerySet[TrainingClass]:
    """The accepted and running classes of projects that the organisation evaluates, the next examination first."""
    rows = _classes(evaluator.city_code).filter(project__evaluator=evaluator, state__in=("accepted", "running"))
    return rows.order_by("exam_on", "id")


def classes_of_project(project: Project) -> list[int]:
    """The numbers of all classes of a project that were held or are being held."""
    found = TrainingClass.objects.filter(city_code=project.city_code, project=project)
    return list(found.exclude(state__in=("draft", "filed", "withdrawn")).order_by("id").values_list("pk", flat=True))


def live_classes(city_code: int, project_id: int) -> list[TrainingClass]:
    """The classes of a project that were neither withdrawn nor stopped, newest first."""
    return list(
        _classes(city_code)
        .filter(project_id=project_id)
        .exclude(state__in=("withdrawn", "stopped"))
        .order_by("-starts_on", "-id")
    )


def classes_ahead(
    city_code: int, project_ids: Collection[int], first: date, last: date
) -> list[tuple[TrainingClass, int]]:
    """The filed and accepted classes of these projects that begin after the first day and not after the last, the next first;
    each with how many are on its roster.
    """
    on_roster = Count("enrolments", filter=Q(enrolments__city_code=city_code) & ~Q(enrolments__state="removed"))
    rows = (
        _classes(city_code)
        .filter(
            project_id__in=list(project_ids),
            state__in=("filed", "accepted"),
            starts_on__gt=first,
            starts_on__lte=last,
        )
        .select_related("site", "provider", "project")
        .annotate(listed=on_roster)
        .order_by("starts_on", "id")
    )
    # Any: what is annotated is no attribute of the model to the type checker.
    return [(row, row.listed) for row in cast("Iterable[Any]", rows)]


def sessions(training_class: TrainingClass) -> list[ClassSession]:
    """The timetable in order of time."""
    return list(
        ClassSession.objects.filter(city_code=training_class.city_code, training_class=training_class)
        .select_related("teacher", "training_class__project", "training_class__site")
        .order_by("period", "id")
    )


def sessions_on(training_class: TrainingClass, on: date) -> list[ClassSession]:
    """The sessions of a Chinese day with their teachers, in order of time."""
    return list(
        ClassSession.objects.filter(
            city_code=training_class.city_code,
            training_class=training_class,
            period__overlap=(day_start(on), day_start(on + timedelta(days=1))),
        )
        .select_related("teacher")
        .order_by("period", "id")
    )


def sessions_taught(provider: Organisation, on: date) -> QuerySet[ClassSession]:
    """The sessions of a provider's running classes on a Chinese day with class and teacher, in order of time."""
    return (
        ClassSession.objects.filter(
            city_code=provider.city_code,
            training_class__provider=provider,
            training_class__state="running",
            period__overlap=(day_start(on), day_start(on + timedelta(days=1))),
        )
        .select_related("teacher", "training_class")
        .order_by("period", "id")
    )


def session(city_code: int, session_id: int) -> ClassSession | None:
    """One session with its class and site."""
    return (
        ClassSession.objects.filter(city_code=city_code, pk=session_id)
        .select_related("teacher", "training_class__project", "training_class__site")
        .first()
    )


def sessions_over(after: datetime, until: datetime) -> list[int]:
    """The ids of the sessions of all cities that ended between two moments, for the clock."""
    with national():
        ended = ClassSession.objects.filter(period__endswith__gt=after, period__endswith__lte=until)
        return sorted(ended.values_list("pk", flat=True))


def every_session(ids: list[int]) -> list[ClassSession]:
    """These sessions of any city with class and project, by city and time, for the clock."""
    with national():
        found = ClassSession.objects.filter(pk__in=ids).select_related("training_class__project")
        return list(found.order_by("city_code", "period", "id"))


def textbook(city_code: int, textbook_id: int) -> Textbook | None:
    """One textbook with its class."""
    return (
        Textbook.objects.filter(city_code=city_code, pk=textbook_id)
        .select_related("training_class__project", "training_class__site")
        .first()
    )


def teachers_of(provider: Organisation) -> list[Teacher]:
    """The teachers a provider has registered, by name."""
    return list(Teacher.objects.filter(city_code=provider.city_code, organisation=provider).order_by("name", "id"))


def roster_import(city_code: int, import_id: int) -> RosterImport | None:
    """One import with its class."""
    return (
        RosterImport.objects.filter(city_code=city_code, pk=import_id).select_related("training_class__project").first()
    )


def refused_imports_of(provider: Organisation) -> list[RosterImport]:
    """The refused rosters of a provider's drafts that still wait to be mended, with their class; latest first."""
    rows = RosterImport.objects.select_related("training_class").filter(
        city_code=provider.city_code,
        training_class__provider=provider,
        training_class__state="draft",
        refused_rosters__city_code=provider.city_code,
        refused_rosters__isnull=False,
    )
    return list(rows.order_by("-at", "-id"))


def mends_of(found: RosterImport) -> Mends:
    """The corrections typed so far for a refused import; none once its workbook is gone."""
    kept = RefusedRoster.objects.filter(city_code=found.city_code, roster_import=found).first()
    return Mends.loaded(kept.mends) if kept else Mends()


def refused_roster(found: RosterImport) -> RosterFile | None:
    """The roster of a refused import with the corrections typed so far, rows taken out still in it.

    None when it is no longer kept: a later upload took its place, the class was filed, or a week has passed.
    """
    kept = RefusedRoster.objects.filter(city_code=found.city_code, roster_import=found).first()
    if kept is None:
        return None
    file = read_roster(base64.b64decode(kept.content), file_name=found.file_name)
    return apply(file, Mends(Mends.loaded(kept.mends).cells))


def counted_import(training_class: TrainingClass, digest: bytes) -> RosterImport | None:
    """The import by which this very file (its SHA-256) already enrolled people in the class."""
    return RosterImport.objects.filter(
        city_code=training_class.city_code, training_class=training_class, sha256=digest, imported__gt=0
    ).first()


def classes_given(city_code: int, project_id: int, digest: bytes) -> list[int]:
    """The classes of a project this very file was handed in for, newest first."""
    return list(
        RosterImport.objects.filter(city_code=city_code, training_class__project_id=project_id, sha256=digest)
        .order_by("-at", "-id")
        .values_list("training_class_id", flat=True)
    )
