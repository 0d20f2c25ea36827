"""The apprentices of a class: each with the agreement, and the advance that is claimed for them."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang.apprenticeships.selectors import agreements_of, progress, scheme_of
from zhaoliang.apprenticeships.services import set_scheme, sign_agreement
from zhaoliang.attendance.selectors import class_totals
from zhaoliang.classes import perms as class_perms
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.subsidies import services
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest
from zhaoliang.web.desk.forms import AgreementForm, SchemeForm
from zhaoliang.web.desk.views.classes import class_url, spread


def agreements_url(row: TrainingClass) -> str:
    return reverse("provider:agreements", args=[row.city_code, row.pk])


@page(class_perms.ROSTER, act=sign_agreement.declaration, access=subject(classes.training_class))
@require_http_methods(["GET", "POST"])
def agreements(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Who has an agreement and who has none; a POST records one."""
    found: TrainingClass = request.subject
    roster = classes.roster(found)
    signed = agreements_of(city, [one.pk for one in roster])
    missing = [one for one in roster if one.pk not in signed]
    about_scheme = request.POST.get("form") == "scheme"
    form = AgreementForm(None if about_scheme else request.POST or None, apprentices=missing)
    scheme_form = SchemeForm(request.POST if about_scheme else None)
    problem: Refusal | None = None
    if about_scheme and scheme_form.is_valid():
        try:
            set_scheme(**given(request), training_class=found, **scheme_form.cleaned_data)
        except Refusal as refusal:
            problem = spread(scheme_form, refusal)
        else:
            toasts.say(request, "培养方案已登记。")
            return redirect(agreements_url(found))
    if request.method == "POST" and not about_scheme and form.is_valid():
        said: dict[str, Any] = dict(form.cleaned_data)
        enrolment = next(one for one in missing if one.pk == said.pop("apprentice"))
        try:
            made = sign_agreement(**given(request), enrolment=enrolment, **said)
        except Refusal as refusal:
            problem = spread(form, refusal)
        else:
            noted = f"还要人工核对：{'；'.join(made.notes)}。" if made.notes else ""
            toasts.say(request, f"{enrolment.person.name}的培养协议已登记。{noted}")
            return redirect(agreements_url(found))
    minutes, today = class_totals(found) if signed else {}, chinese_day(request.at)
    context = {
        "found": found,
        "scheme": scheme_of(found),
        "scheme_form": scheme_form if may(request, set_scheme, found.access()) else None,
        "rows": [
            (one, made, progress(made, found.starts_on, today, minutes.get(one.pk, (0, 0))) if made else None)
            for one in roster
            for made in [signed.get(one.pk)]
        ],
        "signed": len(signed),
        "form": form if missing else None,
        "refusal": problem,
        "may_advance": signed
        and found.state in ("accepted", "running")
        and may(request, services.assemble_advance, found.access()),
    }
    return render(request, "desk/agreements.html", context)


advance = act_view(
    services.assemble_advance,
    fetch=classes.training_class,
    argument="training_class",
    say="预支申领已自动生成，请在申领列表里核对提交。",
    back=class_url,
)
