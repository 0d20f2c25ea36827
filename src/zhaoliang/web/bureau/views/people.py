"""People: found by the exact number of a document, shown masked, every look recorded."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.classes import selectors as classes
from zhaoliang.employment import selectors as findings
from zhaoliang.employment import services as employment
from zhaoliang.employment.models import FactFinding
from zhaoliang.kernel.acts import Act, Declaration
from zhaoliang.kernel.days import age_on, chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry import perms, selectors, services
from zhaoliang.registry.models import Person
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts

WHYS = dict(forms.PersonSearchForm.WHYS)


@page(perms.FILE, access=here)
@require_http_methods(["GET", "POST"])
def people(request: DeskRequest) -> HttpResponse:
    """Find a person. A POST, so that the number is in no address and no log."""
    form = forms.PersonSearchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        why = said.pop("why")
        try:
            found = selectors.search_file(
                actor=request.actor,
                at=request.at,
                city_code=desk_of(request).city_code,
                why=f"按证件号码查找：{WHYS[why]}",
                **said,
            )
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            return redirect(f"{person_url(found)}?why={why}")
    return render(request, "bureau/people.html", {"form": form}, status=422 if form.errors else 200)


def person_url(found: Person) -> str:
    return reverse("bureau:person", args=[found.city_code, found.pk])


@page(perms.FILE, access=subject(selectors.person))
@require_GET
def person(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A person's file: groups, statuses, vouchers, classes, subsidies; numbers masked, the look recorded."""
    why = WHYS.get(request.GET.get("why", ""), "从业务页面打开个人档案")
    found = selectors.open_file(actor=request.actor, at=request.at, city_code=city, person_id=pk, why=why)
    today = chinese_day(request.at)
    access, jobs = found.access(), findings.jobs_of(found)
    looks = desk_selectors.looks_at(city, pk) if perms.FILE.allows(request.actor, access) else []
    context = {
        "found": found,
        "masked": selectors.masked(found),
        "age": age_on(found.birth_date, today),
        "groups": selectors.groups_on(found, today),
        "statuses": desk_selectors.statuses_of(found),
        "vouchers": vouchers.vouchers_of(found),
        "enrolments": classes.enrolments_of(found),
        "lines": subsidies.lines_of_person(city, pk),
        "grants": selectors.grants_of(pk),
        "looks": looks,
        "why": why,
        "jobs": jobs,
        "findings": findings.findings_of(found),
        "finding_form": forms.FindingForm([job for job in jobs if job.voided_on is None], prefix="finding")
        if may(request, employment.propose_finding, access)
        else None,
        "may_decide": may(request, employment.decide_finding, access),
        "forms": [
            (form, name, label, action)
            for form, name, label, action, service in (
                (forms.CardForm(prefix="card"), "bureau:person_card", "更正收款账号", "更正账号", services.set_card),
                (
                    forms.GroupForm(prefix="group"),
                    "bureau:person_group",
                    "认定人员类别",
                    "登记类别",
                    services.add_group,
                ),
                (
                    forms.StatusForm(prefix="status"),
                    "bureau:person_status",
                    "登记身份比对结果",
                    "登记结果",
                    services.record_status,
                ),
            )
            if may(request, service, access)
        ],
    }
    return render(request, "bureau/person.html", context)


def _form_view(service: Act[Any], form_class: type[forms.PlainForm], prefix: str, say: str) -> Any:
    """A POST of one of the forms on a person's page; wrong fields come back on a page of their own."""
    declaration: Declaration = service.declaration

    @page(declaration, access=subject(selectors.person))
    @require_POST
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found: Person = request.subject
        form = form_class(request.POST, prefix=prefix)
        if form.is_valid():
            try:
                service(**given(request), person=found, **form.cleaned_data)
            except Refusal as problem:
                if not problem.fields:
                    return refused(request, problem, person_url(found))
                forms.refuse(form, problem)
            else:
                toasts.say(request, say)
                return redirect(person_url(found))
        context = {"form": form, "title": declaration.label, "back": person_url(found), "action": "重新提交"}
        return render(request, "bureau/one_form.html", context, status=422)

    return view


set_card = _form_view(services.set_card, forms.CardForm, "card", "收款账号已更正。")
add_group = _form_view(services.add_group, forms.GroupForm, "group", "人员类别已登记。")
record_status = _form_view(services.record_status, forms.StatusForm, "status", "比对结果已登记。")


@page(employment.propose_finding.declaration, access=subject(selectors.person))
@require_POST
def propose_finding(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Say that the identity or a job is untrue; another officer decides."""
    found: Person = request.subject
    form = forms.FindingForm(findings.jobs_of(found), request.POST, prefix="finding")
    if form.is_valid():
        about = form.cleaned_data["about"]
        kind, job = ("identity", None) if about == "identity" else ("job", findings.job(city, int(about)))
        try:
            employment.propose_finding(
                **given(request), person=found, kind=kind, job=job, text=form.cleaned_data["text"]
            )
        except Refusal as problem:
            if not problem.fields:
                return refused(request, problem, person_url(found))
            forms.refuse(form, problem)
        else:
            toasts.say(request, "已提请认定，等另一位同事决定；在此以前什么都不变。")
            return redirect(person_url(found))
    context = {"form": form, "title": "提请认定事实不实", "back": person_url(found), "action": "重新提交"}
    return render(request, "bureau/one_form.html", context, status=422)


def _person_of(finding: FactFinding) -> str:
    return f"{person_url(finding.person)}#findings"


decide_finding = act_view(
    employment.decide_finding,
    fetch=findings.finding,
    argument="finding",
    texts=("text",),
    also=lambda request, _: {"confirms": request.POST.get("decision") == "confirm"},
    say="已作出决定；认定不实的，涉及的补贴当晚逐条重新核定。",
    back=_person_of,
)
lift_finding = act_view(
    employment.lift_finding,
    fetch=findings.finding,
    argument="finding",
    texts=("text",),
    say="已撤销认定，涉及的补贴当晚逐条重新核定。",
    back=_person_of,
)
