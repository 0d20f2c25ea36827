"""Classes: the list, a new one, and the one page of a class with its spine from filing to payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import services as attendance
from zhaoliang.attendance.selectors import class_totals
from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.classes import perms as class_perms
from zhaoliang.classes import selectors, services
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.services.filing import incomplete
from zhaoliang.classes.states import CLASS
from zhaoliang.evaluation import selectors as evaluation
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_phone
from zhaoliang.registry import selectors as registry
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies import services as claims
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.components.parts import Step, StepState
from zhaoliang.web.desk import forms, perms
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("name", "班级", lambda row: row.name, order="name", wide=True),
    Column("project", "项目", lambda row: row.project.name),
    Column("starts", "开班", lambda row: row.starts_on, "date", "starts_on"),
    Column("ends", "结课", lambda row: row.ends_on, "date", "ends_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "class"),
)
STAGES = ("备案", "名册", "上课", "考核", "申领", "到账")
REACHED = {"draft": 0, "filed": 0, "accepted": 2, "running": 2, "ended": 3, "assessed": 4, "in_claim": 4, "closed": 6}


@dataclass(frozen=True)
class TraineeRow:
    """A trainee with the minutes taught and credited so far."""

    enrolment: Enrolment
    planned: int
    credited: int

    @property
    def low(self) -> bool:
        """Whether the trainee has missed more than a fifth of all planned minutes up to now."""
        return self.planned > 0 and self.credited * 100 < self.planned * 80


def class_url(row: TrainingClass) -> str:
    return reverse("provider:class", args=[row.city_code, row.pk])


@page(perms.PROVIDER, access=here)
@require_GET
def class_list(request: DeskRequest) -> HttpResponse:
    """The classes of the organisation, newest first."""
    rows = selectors.classes_of(own(request))
    return render(request, "desk/class_list.html", {"table": table(request, rows, COLUMNS, url=class_url, unit="个班")})


@page(perms.PROVIDER, act=services.draft_class.declaration, access=here)
@require_http_methods(["GET", "POST"])
def class_new(request: DeskRequest) -> HttpResponse:
    """Draft a class of a listed project."""
    organisation = own(request)
    projects = [one for one in catalogue.projects_of(organisation) if one.state == "listed"]
    form = forms.ClassForm(request.POST or None, projects=projects, sites=registry.sites_of(organisation))
    problem = None
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        chosen = {
            "project": next(one for one in projects if one.pk == said["project"]),
            "site": next(one for one in registry.sites_of(organisation) if one.pk == said["site"]),
        }
        try:
            made = services.draft_class(**given(request), **(said | chosen))
        except Refusal as found:
            problem = spread(form, found)
        else:
            toasts.say(request, "班级已建立，请继续排课、传名册。")
            return redirect(class_url(made))
    return render(request, "desk/class_new.html", {"form": form, "refusal": problem, "projects": projects})


def spread(form: Any, problem: Refusal) -> Refusal | None:
    """Put a refusal's messages at their fields; returns the refusal when some part belongs to no field."""
    for name, text in problem.fields.items():
        form.add_error(name if name in form.fields else None, text)
    return None if problem.fields else problem


@page(class_perms.PAGE, access=subject(selectors.training_class))
@require_GET
def class_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A class: each step shows its problems before they cost money."""
    found: TrainingClass = request.subject
    shown, access = selectors.class_page(found), found.access()
    claim = subsidies.claim_of_class(city, pk)
    last = shown.sessions[-1] if shown.sessions else None
    totals = class_totals(found)
    sees_roster = class_perms.ROSTER.allows(request.actor, access)
    context = {
        "found": found,
        "page": shown,
        "phone": mask_phone(found.responsible_phone),
        "steps": _steps(found, shown.listed),
        "missing": incomplete(found).values() if found.state == "draft" else (),
        "trainees": [
            TraineeRow(one, *totals.get(one.pk, (0, 0))) for one in (selectors.roster(found) if sees_roster else ())
        ],
        "taught": any(planned for planned, _ in totals.values()),
        "hours_by_kind": {"theory": 0, "practice": 0, "safety": 0} | shown.hours_by_kind,
        "exam": evaluation.exam_of(found),
        "claim": claim,
        "editable": found.state == "draft" and may(request, services.add_session, access),
        "session_form": forms.SessionForm(teachers=selectors.teachers_of(found.provider), last=last),
        "teacher_form": forms.TeacherForm(),
        "textbook_form": forms.TextbookForm(),
        "may_file": found.state == "draft" and may(request, services.file_class, access),
        "may_withdraw": CLASS.allows(found.state, "withdraw") and may(request, services.withdraw_class, access),
        "may_start": found.state == "accepted" and may(request, attendance.start_class, access),
        "may_end": found.state == "running" and may(request, attendance.end_class, access),
        "may_claim": found.state == "assessed" and may(request, claims.assemble_claim, access),
    }
    return render(request, "desk/class.html", context)


def _steps(found: TrainingClass, listed: int) -> list[Step]:
    reached = REACHED.get(found.state, 0)
    words: list[StepState] = []
    for index in range(len(STAGES)):
        if index < reached or (index == 1 and listed and reached < 2):
            words.append("done")
        elif index == reached or (index == 1 and not listed and reached == 0):
            words.append("problem" if found.state in ("withdrawn", "stopped") else "now")
        else:
            words.append("next")
    return [Step(label, word) for label, word in zip(STAGES, words, strict=True)]


def _with_form(service: Act[Any], form_of: Any, arguments_of: Any, say: str) -> Any:
    """A POST view that fills one of the class page's forms; a wrong one comes back as a page with the messages."""

    @page(service.declaration, access=subject(selectors.training_class))
    @require_http_methods(["POST"])
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found: TrainingClass = request.subject
        form = form_of(request, found)
        problem = None
        if form.is_valid():
            try:
                service(**given(request), **arguments_of(found, form))
            except Refusal as refusal:
                problem = spread(form, refusal)
                if problem is not None:
                    return refused(request, problem, class_url(found))
            else:
                toasts.say(request, say)
                return redirect(class_url(found) + "#plan")
        context = {"form": form, "found": found, "action": say, "refusal": problem}
        return render(request, "desk/class_form.html", context, status=422)

    return view


def _session_arguments(found: TrainingClass, form: forms.SessionForm) -> dict[str, Any]:
    said = form.cleaned_data
    begins, ends = form.period()
    teacher = next(one for one in selectors.teachers_of(found.provider) if one.pk == said["teacher"])
    kept = {name: said[name] for name in ("kind", "hours", "content", "room", "textbook")}
    return {"training_class": found, "teacher": teacher, "starts_at": begins, "ends_at": ends, **kept}


add_session = _with_form(
    services.add_session,
    lambda request, found: forms.SessionForm(request.POST, teachers=selectors.teachers_of(found.provider)),
    _session_arguments,
    "已排入课程表。",
)
add_textbook = _with_form(
    services.add_textbook,
    lambda request, found: forms.TextbookForm(request.POST),
    lambda found, form: {"training_class": found, **form.cleaned_data},
    "教材已列入。",
)
add_teacher = _with_form(
    services.add_teacher,
    lambda request, found: forms.TeacherForm(request.POST),
    lambda found, form: {"organisation": found.provider, **form.cleaned_data},
    "教师已登记，可以排课了。",
)
_OF_CLASS: dict[str, Any] = {"fetch": selectors.training_class, "argument": "training_class", "back": class_url}
file_class = act_view(services.file_class, say="已提交备案，等待人社部门审核。", **_OF_CLASS)
withdraw = act_view(services.withdraw_class, say="班级已撤回。", texts=("reason",), **_OF_CLASS)
start = act_view(attendance.start_class, say="已开班，名册不再变动。", **_OF_CLASS)
end = act_view(attendance.end_class, say="已结课，可以安排考核了。", **_OF_CLASS)
remove_session = act_view(
    services.remove_session,
    fetch=selectors.session,
    argument="session",
    say="已从课程表移除。",
    back=lambda session: class_url(session.training_class) + "#plan",
)
remove_enrolment = act_view(
    services.remove_enrolment,
    fetch=selectors.enrolment,
    argument="enrolment",
    say="已移出名册，培训券退回本人可用。",
    texts=("reason",),
    back=lambda row: class_url(row.training_class) + "#roster",
)
drop_enrolment = act_view(
    services.drop_enrolment,
    fetch=selectors.enrolment,
    argument="enrolment",
    say="已登记中途退出。",
    texts=("reason",),
    back=lambda row: class_url(row.training_class) + "#roster",
)
