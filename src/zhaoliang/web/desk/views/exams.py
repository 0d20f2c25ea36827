"""Examinations and certificates, for the evaluation organisation (and, to look, the provider)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.certificates import perms as certificate_perms
from zhaoliang.certificates import selectors as certificates
from zhaoliang.certificates import services as issuing
from zhaoliang.classes import selectors as classes
from zhaoliang.evaluation import excel, perms, selectors, services
from zhaoliang.evaluation.models import Exam
from zhaoliang.evaluation.rules import ResultInput
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk import forms
from zhaoliang.web.desk import perms as desk
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.views.roster import workbook
from zhaoliang.web.tables import Column, table


def exam_url(exam: Exam) -> str:
    return reverse("provider:exam", args=[exam.city_code, exam.pk])


COLUMNS = (
    Column("class", "班级", lambda row: row.training_class.name, order="training_class__name", wide=True),
    Column("provider", "培训机构", lambda row: row.training_class.provider.short_name),
    Column("evaluator", "评价机构", lambda row: row.evaluator.short_name),
    Column("held", "考核日期", lambda row: row.held_on, "date", "held_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "exam"),
    Column("recorded", "登记人数", lambda row: row.recorded if row.state != "planned" else None, "count"),
    # Not before publication: until then a second person may still change it.
    Column("passed", "合格人数", lambda row: row.passed if row.state == "published" else None, "count"),
)
MOST_COMING = 100


@page(desk.EXAMS, access=here)
@require_GET
def exam_list(request: DeskRequest) -> HttpResponse:
    """Classes that wait for an examination, and the examinations held."""
    organisation = own(request)
    context = {
        "waiting": list(selectors.classes_awaiting(organisation)),
        "coming": list(classes.classes_to_examine(organisation)[:MOST_COMING]),
        "table": table(request, selectors.exams_with_tally(organisation), COLUMNS, url=exam_url, unit="次考核"),
    }
    return render(request, "desk/exam_list.html", context)


@page(services.plan_exam.declaration, access=subject(classes.training_class))
@require_http_methods(["GET", "POST"])
def exam_plan(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Arrange the examination of an ended class."""
    found = request.subject
    if request.method == "GET":
        return render(request, "desk/exam_plan.html", {"found": found, "held_on": found.exam_on})
    back = reverse("provider:exams")
    try:
        held_on = date.fromisoformat(request.POST.get("held_on", ""))
    except ValueError:
        problem = BadInput("考核没有安排。", "日期要写成 2026-03-24 这样。", "请重新选择考核日期。")
        return refused(request, problem, request.path)
    try:
        exam = services.plan_exam(**given(request), training_class=found, held_on=held_on)
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "考核已安排，可以登记成绩。")
    return redirect(exam_url(exam))


@page(perms.EXAM, access=subject(selectors.exam))
@require_GET
def exam(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One examination: scores, publication, certificates."""
    return _exam_page(request, request.subject)


def _exam_page(
    request: DeskRequest, found: Exam, *, findings: tuple[excel.Finding, ...] = (), status: int = 200
) -> HttpResponse:
    access, recorded = found.access(), {one.enrolment_id: one for one in selectors.results(found)}
    holds = selectors.is_staff_of(request.actor, found.evaluator)
    editable = holds and found.state != "published" and may(request, services.record_results, access)
    context = {
        "found": found,
        "rows": [(one, recorded.get(one.pk)) for one in selectors.candidates(found)] if editable else [],
        "results": list(recorded.values()),
        "tally": selectors.tally(found),
        "certificates": certificates.certificates_of_exam(found),
        "editable": editable,
        "form": forms.FileForm(),
        "findings": findings,
        "may_publish": holds and found.state == "recorded" and may(request, services.publish_results, access),
        "recorder": selectors.recorded_by(found, request.actor),
        "may_issue": found.state == "published"
        and selectors.is_staff_of(request.actor, issuing.issuer_of(found))
        and may(request, issuing.issue_for_exam, access),
    }
    return render(request, "desk/exam.html", context, status=status)


def _tenths(text: str) -> int | None:
    """A score as typed (78 or 78.5) in tenths; None for an empty box. Raises InvalidOperation, ValueError."""
    if not text.strip():
        return None
    tenths = Decimal(text.strip()) * 10
    if tenths != tenths.to_integral_value():
        raise ValueError
    return int(tenths)


@page(services.record_results.declaration, access=subject(selectors.exam))
@require_http_methods(["POST"])
def record(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Scores typed on the page: both empty means the trainee did not sit."""
    found: Exam = request.subject
    results, findings = [], []
    for number, enrolment in enumerate(selectors.candidates(found), start=1):
        try:
            theory, practice = (
                _tenths(request.POST.get(f"{part}-{enrolment.pk}", "")) for part in ("theory", "practice")
            )
        except (InvalidOperation, ValueError):
            findings.append(excel.Finding(number, enrolment.person.name, "成绩要填 0 到 100 的数，最多一位小数。"))
            continue
        results.append(ResultInput(enrolment.pk, theory, practice))
    if findings:
        return _exam_page(request, found, findings=tuple(findings), status=422)
    return _record(request, found, results)


def _record(request: DeskRequest, found: Exam, results: list[ResultInput]) -> HttpResponse:
    try:
        services.record_results(**given(request), exam=found, results=results)
    except Refusal as problem:
        return refused(request, problem, exam_url(found))
    toasts.say(request, "成绩已登记，请另一位同事核对后公布。")
    return redirect(exam_url(found))


@page(services.record_results.declaration, access=subject(selectors.exam))
@require_http_methods(["POST"])
def upload(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Scores from the filled-in template: all or nothing."""
    found: Exam = request.subject
    form = forms.FileForm(request.POST, request.FILES)
    if not form.is_valid():
        return refused(request, BadInput("成绩没有导入。", "没有选择文件。", "请选择填好的成绩表。"), exam_url(found))
    try:
        read = excel.read_results(found, form.cleaned_data["file"].read())
    except Refusal as problem:
        return refused(request, problem, exam_url(found))
    if read.findings:
        return _exam_page(request, found, findings=tuple(read.findings), status=422)
    return _record(request, found, read.results)


@page(perms.EXAM, access=subject(selectors.exam))
@require_GET
def sheet(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The results sheet to fill in, or as published."""
    found: Exam = request.subject
    content = excel.export(found) if found.state == "published" else excel.template(found)
    return workbook(content, "results.xlsx")


publish = act_view(
    services.publish_results, fetch=selectors.exam, argument="exam", say="成绩已公布，可以发证。", back=exam_url
)


@page(issuing.issue_for_exam.declaration, access=subject(selectors.exam))
@require_http_methods(["POST"])
def issue(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Issue the certificates of everyone who passed."""
    found: Exam = request.subject
    try:
        made = issuing.issue_for_exam(**given(request), exam=found, issued_on=chinese_day(request.at))
    except Refusal as problem:
        return refused(request, problem, exam_url(found))
    toasts.say(request, f"已发证 {len(made)} 本。")
    return redirect(exam_url(found))


@page(certificate_perms.CERTIFICATE, access=subject(certificates.certificate))
@require_GET
def certificate_pdf(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The certificate as PDF."""
    found = request.subject
    answer = HttpResponse(certificates.pdf(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{found.number}.pdf"'
    return answer
