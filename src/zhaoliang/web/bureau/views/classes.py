"""Class filings: the list, the filing with everything it holds, accept or return."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, cast

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhaoliang.attendance import perms as attendance_perms
from zhaoliang.attendance import selectors as attendance_selectors
from zhaoliang.attendance.roll import MARKS, roll
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.classes import perms, selectors, services
from zhaoliang.classes.models import ClassSession, Enrolment, Teacher, TrainingClass
from zhaoliang.classes.services.filing import filing_decision, incomplete
from zhaoliang.classes.states import CLASS
from zhaoliang.evaluation import perms as evaluation_perms
from zhaoliang.evaluation.selectors import class_before, opinions_on
from zhaoliang.evaluation.services import OPINION_STATES
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.masking import mask_phone
from zhaoliang.policy import Decision, Outcome, RuleResult
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import GroupMembership
from zhaoliang.registry.standing import Gate, standing_on
from zhaoliang.sharing import selectors as sharing_selectors
from zhaoliang.sharing import services as sharing
from zhaoliang.sharing.models import ShareVoiding
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, may, subject
from zhaoliang.web.bureau import forms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, clock_of, desk_of, here
from zhaoliang.web.rolls import excel_of
from zhaoliang.web.shares import shares_shown
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("name", "班级", lambda row: row.name, order="name", wide=True),
    Column("provider", "机构", lambda row: row.provider.short_name, order="provider__pinyin_key"),
    Column("starts", "开班", lambda row: row.starts_on, "date", "starts_on"),
    Column("listed", "学员", lambda row: row.listed, "count", "listed"),
    Column("hours", "课时", lambda row: row.hours, "count", "hours"),
    Column("due", "审核截止", lambda row: row.review_due_on if row.state == "filed" else None, "date", "review_due_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "class"),
)
GROUPS = dict(GroupMembership.GROUPS)


@dataclass(frozen=True)
class TeachingDay:
    """The sessions of one day of the timetable."""

    on: date
    sessions: tuple[ClassSession, ...]

    @property
    def hours(self) -> int:
        return sum(session.hours for session in self.sessions)


@dataclass(frozen=True)
class TeacherLoad:
    """A teacher of the class with the hours he teaches in it."""

    teacher: Teacher
    hours: int


@page(perms.PAGE, access=here)
@require_GET
def class_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The classes of the region."""
    wanted = forms.StateFilter(CLASS, request.GET, hint="班级或机构", without=("draft",))
    rows = desk_selectors.classes(desk_of(request), state=wanted.said("state"), text=wanted.said("text"))
    if export:
        return excel("开班备案", COLUMNS, ordered(request, rows, COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:classes_export"),
        "table": table(request, rows, COLUMNS, url=class_url, unit="个班"),
    }
    return render(request, "bureau/class_list.html", context)


def class_url(row: TrainingClass) -> str:
    return reverse("bureau:class", args=[row.city_code, row.pk])


def found_class(city: int, pk: int) -> TrainingClass:
    """A class, for pages. Raises NotFound."""
    found = selectors.training_class(city, pk)
    if found is None:
        raise NotFound(what="没有这个班级。", why="本市没有这个编号的班级。", next_step="请从列表进入。")
    return found


@page(perms.PAGE, access=subject(found_class))
@require_GET
def class_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A filing: what the rules say, the plan by day, teachers, textbooks, exam, the roster in figures."""
    found: TrainingClass = request.subject
    shown = selectors.class_page(found)
    decision = _filed(found)
    heard = evaluation_perms.OPINIONS.allows(request.actor, found.access())
    before = class_before(found) if heard else None
    roster = selectors.roster(found) if perms.ROSTER.allows(request.actor, found.access()) else []
    context = {
        "found": found,
        "page": shown,
        "due": clock_of(request).due(found.review_due_on) if found.state == "filed" else None,
        "phone": mask_phone(found.responsible_phone),
        "results": _worst_first(decision),
        "standing": standing_on(found.provider, clock_of(request).today).told(Gate.OPENING)
        if found.state == "filed"
        else None,
        "missing": incomplete(found).values() if found.state == "filed" else (),
        "days": _days(shown.sessions),
        "loads": _loads(shown.sessions),
        "kinds": _kinds(shown),
        "roster": roster,
        "summary": _summary(roster),
        "shown": shares_shown(found, roster),
        "share_clause": lawbook().citation(sharing.CLAUSE),
        "may_void": may(request, sharing.decide_voiding, found.access()),
        "events": timelines.events(desk_selectors.changes_of("class", city, pk), CLASS),
        "opinions": opinions_on(found) if heard and found.state in OPINION_STATES else None,
        "before": before,
        "opinions_before": opinions_on(before) if before is not None else None,
        "may_roll": attendance_perms.ROLL.allows(request.actor, found.access()),
        "may_review": may(request, services.accept_class, found.access()),
    }
    return render(request, "bureau/class.html", context)


def _filed(found: TrainingClass) -> Decision | None:
    """What the rules say of a filing; None before it is filed."""
    if not found.filed_at:
        return None
    return filing_decision(found, chinese_day(found.filed_at))


def _worst_first(decision: Decision | None) -> list[RuleResult]:
    order = [Outcome.FAIL, Outcome.CANNOT_TELL, Outcome.PASS]
    return sorted(decision.results, key=lambda one: order.index(one.outcome)) if decision else []


def _days(sessions: list[ClassSession]) -> list[TeachingDay]:
    by_day = groupby(sessions, key=lambda session: chinese_day(cast("datetime", session.period.lower)))
    return [TeachingDay(day, tuple(found)) for day, found in by_day]


def _loads(sessions: list[ClassSession]) -> list[TeacherLoad]:
    hours: Counter[int] = Counter()
    teachers: dict[int, Teacher] = {}
    for session in sessions:
        teachers[session.teacher.pk] = session.teacher
        hours[session.teacher.pk] += session.hours
    return [TeacherLoad(teachers[pk], count) for pk, count in hours.most_common()]


def _kinds(shown: selectors.ClassPage) -> list[tuple[str, int, int]]:
    """Hours filed beside hours the project asks for. Safety is taught as part of theory or practice."""
    project = shown.training_class.project
    asked = {"theory": project.theory_hours, "practice": project.practice_hours, "safety": project.safety_hours}
    words = dict(forms.choices_of(ClassSession, "kind"))
    return [(words[kind], shown.hours_by_kind.get(kind, 0), hours) for kind, hours in asked.items()]


def _summary(roster: list[Enrolment]) -> dict[str, Any]:
    groups = Counter(GROUPS.get(row.group, row.group) for row in roster)
    return {
        "people": len(roster),
        "vouchers": sum(row.voucher is not None for row in roster),
        "prepaid": sum(row.prepaid_by_person for row in roster),
        "groups": groups.most_common(),
    }


@page(attendance_perms.ROLL, access=subject(selectors.training_class))
@require_GET
def roll_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The roll as it stands: who came, minutes and rates by person and day, doubts and corrections; names are masked."""
    found: TrainingClass = request.subject
    whole = roll(found, request.at)
    context = {
        "found": found,
        "roll": whole,
        "words": [(mark, ATTENDANCE.states[state]) for state, mark in MARKS.items()],
        "today": whole.heads_on(chinese_day(request.at)),
        "doubts": attendance_selectors.doubts_of_class(found),
        "corrections": attendance_selectors.corrections_of_class(found),
        "may_see_doubts": attendance_perms.DOUBTS.allows(request.actor, found.access()),
    }
    return render(request, "bureau/class_attendance.html", context)


@page(attendance_perms.ROLL, access=subject(selectors.training_class))
@require_GET
def roll_export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The roll of a class as an Excel file."""
    return excel_of(request.subject, request.at)


accept = act_view(
    services.accept_class,
    fetch=found_class,
    argument="training_class",
    say="已同意备案，机构可以按计划开班。",
    back=class_url,
)
send_back = act_view(
    services.return_class,
    fetch=found_class,
    argument="training_class",
    texts=("reason",),
    say="已退回，原因已告知机构。",
    back=class_url,
)


def _class_of_voiding(voiding: ShareVoiding) -> str:
    return f"{class_url(voiding.receipt.training_class)}#shares"


confirm_voiding = act_view(
    sharing.decide_voiding,
    fetch=sharing_selectors.voiding,
    argument="voiding",
    also=lambda request, found: {"agree": True},
    say="收据已作废，机构可以重新登记。",
    back=_class_of_voiding,
)
decline_voiding = act_view(
    sharing.decide_voiding,
    fetch=sharing_selectors.voiding,
    argument="voiding",
    also=lambda request, found: {"agree": False},
    say="收据照旧有效。",
    back=_class_of_voiding,
)
