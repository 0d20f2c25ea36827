"""What the bureau holds against the organisation: each step with its grounds and last day, and the organisation's answer."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhaoliang.kernel.days import chinese_day
from zhaoliang.registry import perms, selectors, services
from zhaoliang.registry.standing import standing_on
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, may
from zhaoliang.web.desk.desk import DeskRequest, here, own


@page(perms.SANCTIONS, access=here)
@require_GET
def sanctions(request: DeskRequest) -> HttpResponse:
    """How the organisation stands today and every step taken against it."""
    found = own(request)
    today = chinese_day(request.at)
    context = {
        "found": found,
        "standing": standing_on(found, today),
        "sanctions": selectors.sanctions_of(found),
        "today": today,
        "may_reply": may(request, services.reply_sanction, found.access()),
    }
    return render(request, "desk/sanctions.html", context)


reply = act_view(
    services.reply_sanction,
    fetch=selectors.sanction,
    argument="sanction",
    texts=("text",),
    say="陈述申辩已提交，决定以前会看。",
    back=lambda found: reverse("provider:sanctions"),
)
