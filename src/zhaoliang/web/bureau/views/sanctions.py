"""Sanctions against an organisation: proposed with their grounds, decided and lifted by a second person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry import selectors, services
from zhaoliang.registry.models import Organisation, Sanction
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau.desk import DeskRequest, Due, clock_of
from zhaoliang.web.components import toasts

_OVER = ("lifted", "dropped", "lapsed")


@dataclass(frozen=True)
class Shown:
    """A sanction with what this officer may do with it now."""

    one: Sanction
    due: Due | None
    may_decide: bool
    may_accept: bool
    may_ask_lift: bool
    may_lift: bool


def shown(request: DeskRequest, found: Organisation) -> list[Shown]:
    """The sanctions of an organisation, each with its open acts: what is not over first, the latest first."""
    access, clock = found.access(), clock_of(request)
    decides = may(request, services.decide_sanction, access)
    accepts = may(request, services.accept_rectification, access)
    rows = []
    for one in selectors.sanctions_of(found):
        waiting, binding = one.state in ("noticed", "replied"), one.state in ("in_force", "lift_asked")
        due = one.decide_by if waiting else one.rectify_by if binding and one.rectified_on is None else None
        rows.append(
            Shown(
                one,
                clock.due(due),
                waiting and decides,
                binding and one.rectify_by is not None and one.rectified_on is None and accepts,
                one.state == "in_force" and may(request, services.ask_lift, access),
                one.state == "lift_asked" and may(request, services.decide_lift, access),
            )
        )
    return sorted(rows, key=lambda row: row.one.state in _OVER)


@page(services.propose_sanction.declaration, access=subject(selectors.organisation))
@require_http_methods(["GET", "POST"])
def propose(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Tell an organisation what is held against it; the ladder names the step."""
    found: Organisation = request.subject
    form = forms.SanctionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.propose_sanction(**given(request), organisation=found, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, f"已告知机构：拟{made.step_label}，由另一位同事决定。")
            return redirect(f"{_url(found)}#sanctions")
    context = {
        "form": form,
        "title": f"处理“{found.short_name}”",
        "back": _url(found),
        "action": "告知机构，开始陈述申辩期",
    }
    return render(request, "bureau/one_form.html", context, status=422 if form.errors else 200)


def _url(found: Organisation) -> str:
    return reverse("bureau:organisation", args=[found.city_code, found.pk])


def _back(found: Sanction) -> str:
    return f"{_url(found.organisation)}#sanctions"


def _yes(name: str, argument: str) -> Any:
    return lambda request, _: {argument: request.POST.get(name) == "yes"}


_PARTS: dict[str, Any] = {"fetch": selectors.sanction, "argument": "sanction", "back": _back}
decide = act_view(
    services.decide_sanction, texts=("text",), also=_yes("imposes", "imposes"), say="决定已作出并告知机构。", **_PARTS
)
accept = act_view(services.accept_rectification, texts=("text",), say="整改已验收。", **_PARTS)
ask_lift = act_view(services.ask_lift, texts=("text",), say="已提请解除，由另一位同事决定。", **_PARTS)
decide_lift = act_view(services.decide_lift, also=_yes("lifts", "lifts"), say="已处理解除申请。", **_PARTS)
