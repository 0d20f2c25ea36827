"""One teaching site: where it is, and where its sign-in departs from the region's figures, both levels side by side."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from zhaoliang.attendance.services import SITE_FIGURES
from zhaoliang.classes.limits import Figure, figure
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry import perms, selectors, services
from zhaoliang.registry.models import Site
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, subject
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau.desk import DeskRequest
from zhaoliang.web.bureau.views.organisations import organisation_url
from zhaoliang.web.components import toasts


@dataclass(frozen=True)
class Level:
    """One figure on its two levels."""

    label: str
    region: Figure
    own: int | None

    @property
    def holds(self) -> int:
        """What holds at the site."""
        return self.region.value if self.own is None else self.own


@page(perms.ORGANISATION, act=services.set_site_sign_in.declaration, access=subject(selectors.site))
@require_http_methods(["GET", "POST"])
def site(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A teaching site and its sign-in figures."""
    found: Site = request.subject
    own = {name: getattr(found, name) for name in SITE_FIGURES}
    form = forms.SiteSignInForm(request.POST or None, initial=own | {"sign_in_reason": found.sign_in_reason})
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        try:
            services.set_site_sign_in(**given(request), site=found, reason=said.pop("sign_in_reason"), **said)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "签到规定已保存，之后的签到按它算。")
            return redirect("bureau:site", city, pk)
    today = chinese_day(request.at)
    levels = [
        Level(str(form.fields[name].label), figure(setting, region_code=found.region_id, on=today), own[name])
        for name, setting in SITE_FIGURES.items()
    ]
    context = {
        "found": found,
        "back": organisation_url(found.organisation),
        "levels": levels,
        "form": form,
        "may_set": may(request, services.set_site_sign_in, found.access()),
    }
    return render(request, "bureau/site.html", context, status=422 if form.errors else 200)
