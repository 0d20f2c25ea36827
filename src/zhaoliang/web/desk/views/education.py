"""An enterprise's own fund for staff education: what it reported of each year, and the form for the next."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang.funds.education import asked_of, spendings
from zhaoliang.funds.services import report_education
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import given
from zhaoliang.web.components import toasts
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.forms import EducationForm


@page(report_education.declaration, access=here)
@require_http_methods(["GET", "POST"])
def education(request: DeskRequest) -> HttpResponse:
    """The reported years with the front line's share, and the form."""
    organisation, year = own(request), chinese_day(request.at).year
    form = EducationForm(request.POST or None, initial={"year": year - 1})
    if request.method == "POST" and form.is_valid():
        try:
            report_education(**given(request), organisation=organisation, **form.cleaned_data)
        except Refusal as problem:
            for name, message in problem.fields.items() or [("", str(problem))]:
                form.add_error(name or None, message)
        else:
            toasts.say(request, "已填报。")
            return redirect(reverse("provider:education"))
    context = {
        "form": form,
        "rows": spendings(organisation.city_code, organisation.region_id, organisation_id=organisation.pk),
        "asked": asked_of(organisation.region_id, year),
        "may_report": organisation.kind == "enterprise",
    }
    return render(request, "desk/education.html", context, status=422 if form.errors else 200)
