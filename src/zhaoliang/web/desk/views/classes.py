"""Classes: the list, a new one, and the one page of a class with its spine from filing to payment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance import perms as attendance_perms
from zhaoliang.attendance import services as attendance
from zhaoliang.attendance.roll import floor_of
from zhaoliang.attendance.selectors import class_so_far
from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.classes import perms as class_perms
from zhaoliang.classes import selectors, services
from zhaoliang.classes.forecast import Outlook, forecast
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.classes.services.filing import filing_decision, incomplete
from zhaoliang.classes.states import CLASS
from zhaoliang.evaluation import perms as evaluation_perms
from zhaoliang.evaluation import selectors as evaluation
from zhaoliang.evaluation import services as opinions
from zhaoliang.evaluation.models import Exam
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.masking import mask_phone
from zhaoliang.policy import Outcome, RuleResult
from zhaoliang.registry import selectors as registry
from zhaoliang.subsidies import perms as claim_perms
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies import services as claims
from zhaoliang.subsidies.models import Claim
from zhaoliang.subsidies.services.mass import LARGE
from zhaoliang.subsidies.tasks import assemble_many
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
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
# From the claim on, its own lines say what is due.
FORECAST = ("draft", "filed", "accepted", "running", "ended", "assessed")
REACHED = {"draft": 0, "filed": 0, "accepted": 2, "running": 2, "ended": 3, "assessed": 4, "in_claim": 4, "closed": 6}


@dataclass(frozen=True)
class TraineeRow:
    """A trainee with the minutes taught and credited so far, whether that is below the region's floor, and what to expect."""

    enrolment: Enrolment
    planned: int
    credited: int
    low: bool
    outlook: Outlook | None


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
    """Put a refusal's messages at their fields; returns the refusal when it says more than they do (a clash, a clause)."""
    for name, text in problem.fields.items():
        form.add_error(name if name in form.fields else None, text)
    told = problem.fields and isinstance(problem, BadInput) and problem.clause is None
    return None if told else problem


@page(class_perms.PAGE, access=subject(selectors.training_class))
@require_GET
def class_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A class: each step shows its problems before they cost money."""
    found: TrainingClass = request.subject
    shown, access = selectors.class_page(found), found.access()
    sees_claim = claim_perms.CLAIM.allows(request.actor, access)
    claim = subsidies.claim_of_class(city, pk) if sees_claim else None
    exam = evaluation.exam_of(found)
    last = shown.sessions[-1] if shown.sessions else None
    so_far, floor = class_so_far(found, request.at), floor_of(found)
    sees_roster = class_perms.ROSTER.allows(request.actor, access)
    roster = selectors.roster(found) if sees_roster else []
    looked_ahead = forecast(found, roster) if roster and found.state in FORECAST else None
    editable = found.state == "draft" and may(request, services.add_session, access)
    heard = evaluation_perms.OPINIONS.allows(request.actor, access) and found.state in opinions.OPINION_STATES
    context = {
        "found": found,
        "page": shown,
        "job": job_to_show(assemble_many, found) if claim is None and len(roster) >= LARGE else None,
        "opinions": evaluation.opinions_on(found) if heard else None,
        "may_improve": heard and may(request, opinions.improve, access),
        "phone": mask_phone(found.responsible_phone),
        "steps": _steps(request, found, shown.listed, exam, claim),
        "missing": incomplete(found).values() if found.state == "draft" else (),
        "filing": _filing(found, chinese_day(request.at)) if sees_roster else None,
        "trainees": [
            TraineeRow(
                one,
                *(minutes := so_far.get(one.pk, (0, 0))),
                floor is not None and floor.verified and minutes[1] < minutes[0] * floor.value,
                looked_ahead.lines[one.pk] if looked_ahead else None,
            )
            for one in roster
        ],
        "forecast": looked_ahead,
        "taught": bool(so_far),
        "hours_by_kind": {"theory": 0, "practice": 0, "safety": 0} | shown.hours_by_kind,
        "exam": exam,
        "claim": claim,
        "sees_board": attendance_perms.BOARD.allows(request.actor, access),
        "editable": editable,
        "session_form": forms.SessionForm(teachers=selectors.teachers_of(found.provider), last=last),
        "dates_form": forms.DatesForm(
            initial={"starts_on": found.starts_on, "ends_on": found.ends_on, "exam_on": found.exam_on}
        ),
        "teacher_form": forms.TeacherForm(),
        "textbook_form": forms.TextbookForm(),
        "may_file": found.state == "draft" and may(request, services.file_class, access),
        "may_withdraw": CLASS.allows(found.state, "withdraw") and may(request, services.withdraw_class, access),
        "may_start": found.state == "accepted" and may(request, attendance.start_class, access),
        "may_end": found.state == "running" and may(request, attendance.end_class, access),
        "may_evaluate": claim is not None
        and may(request, claims.assemble_evaluation, access)
        and subsidies.evaluation_due(found),
        "may_claim": found.state == "assessed" and may(request, claims.assemble_claim, access),
    }
    return render(request, "desk/class.html", context)


@dataclass(frozen=True)
class Filing:
    """What the rules of filing say: of the class as it was filed, or as it would be filed today; worst first."""

    on: date
    results: tuple[RuleResult, ...]
    refused: int
    open: int


def _filing(found: TrainingClass, today: date) -> Filing | None:
    if found.state not in ("draft", "filed", "accepted"):
        return None
    on = chinese_day(found.filed_at) if found.filed_at and found.state != "draft" else today
    decision = filing_decision(found, on)
    order = (Outcome.FAIL, Outcome.CANNOT_TELL, Outcome.PASS)
    results = tuple(one for outcome in order for one in decision.with_outcome(outcome))
    return Filing(on, results, len(decision.refusals), len(decision.questions))


def _steps(
    request: DeskRequest, found: TrainingClass, listed: int, exam: Exam | None, claim: Claim | None
) -> list[Step]:
    """The spine; each step leads to where it is done, as far as the visitor may go there."""
    reached = REACHED.get(found.state, 0)
    here_at = [found.city_code, found.pk]
    board = attendance_perms.BOARD.allows(request.actor, found.access()) and reached >= 2
    paid = claim is not None and claim.state in ("paying", "settled")
    urls = (
        "#filing",
        "#roster",
        reverse("provider:board", args=here_at) if board else "#plan",
        reverse("provider:exam", args=[exam.city_code, exam.pk]) if exam else "",
        reverse("provider:claim", args=[claim.city_code, claim.pk]) if claim else "",
        f"{reverse('provider:payments')}?claim={claim.pk}" if claim and paid else "",
    )
    words: list[StepState] = []
    for index in range(len(STAGES)):
        if index < reached or (index == 1 and listed and reached < 2):
            words.append("done")
        elif index == reached or (index == 1 and not listed and reached == 0):
            words.append("problem" if found.state in ("withdrawn", "stopped") else "now")
        else:
            words.append("next")
    return [Step(label, word, url=url) for label, word, url in zip(STAGES, words, urls, strict=True)]


_OF_CLASS: dict[str, Any] = {"fetch": selectors.training_class, "argument": "training_class", "back": class_url}
file_class = act_view(services.file_class, say="已提交备案，等待人社部门审核。", **_OF_CLASS)
improve = act_view(opinions.improve, say="改进措施已登记，下一期备案时审核人员会看到。", texts=("text",), **_OF_CLASS)
withdraw = act_view(services.withdraw_class, say="班级已撤回。", texts=("reason",), **_OF_CLASS)
start = act_view(attendance.start_class, say="已开班，名册不再变动。", **_OF_CLASS)
end = act_view(attendance.end_class, say="已结课，可以安排考核了。", **_OF_CLASS)
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
