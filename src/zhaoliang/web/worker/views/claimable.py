"""能领的补贴: found from my certificates and trainings, claimed in one step; the account it goes to is confirmed beside it."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.policy import Outcome
from zhaoliang.registry import services as registry
from zhaoliang.registry.selectors import masked
from zhaoliang.subsidies import perms, services
from zhaoliang.subsidies.entitlements import Entitlement, entitlements
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, refused
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.worker.me import me, own


def claimable_now(found: Sequence[Entitlement]) -> list[Entitlement]:
    """What was not claimed yet and no rule refuses."""
    return [one for one in found if one.claimed is None and one.outcome is not Outcome.FAIL]


@page(perms.LINE, act=services.apply_for.declaration, access=own)
@require_http_methods(["GET", "POST"])
def claimable(request: ActorRequest) -> HttpResponse:
    """What I can claim, have claimed and cannot claim; a POST claims one."""
    person = me(request)
    found = entitlements(person, on=chinese_day(request.at))
    if request.method == "POST":
        return _claim(request, found)
    context = {
        "tab": "me",
        "person": masked(person),
        "open": claimable_now(found),
        "claimed": [one for one in found if one.claimed is not None],
        "closed": [one for one in found if one.claimed is None and one.outcome is Outcome.FAIL],
    }
    return render(request, "worker/claimable.html", context)


def _claim(request: ActorRequest, found: Sequence[Entitlement]) -> HttpResponse:
    """Claim the one whose kind and record the form names. Raises BadInput for what is not mine."""
    wanted = request.POST.get("of", "")
    chosen = next((one for one in found if one.of == wanted), None)
    if chosen is None:
        raise BadInput(
            what="没有申领。", why="没有找到您选的这一项。", next_step="请回到“能领的补贴”重新选。", fields={}
        )
    try:
        line = services.apply_for(
            **given(request),
            person=chosen.line.person,
            kind=chosen.kind,
            certificate=chosen.line.certificate,
            training=chosen.training,
        )
    except Refusal as problem:
        return refused(request, problem, reverse("worker:claimable"))
    toasts.say(request, "已申领。人社部门审核、公示以后，钱会发到您的社会保障卡。")
    return redirect("worker:subsidy", line.city_code, line.pk)


@page(registry.set_card.declaration, access=own)
@require_POST
def card(request: ActorRequest) -> HttpResponse:
    """Put down the account that subsidies go to."""
    try:
        registry.set_card(**given(request), person=me(request), card_number=request.POST.get("card_number", "").strip())
    except Refusal as problem:
        return refused(request, problem, reverse("worker:claimable"))
    toasts.say(request, "账号已登记。")
    return redirect("worker:claimable")
