"""The desk's first page: what is taught today, what is due; and the verification of vouchers."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.attendance.selectors import BoardSession, class_board
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import TrainingClass
from zhaoliang.evaluation import selectors as evaluation
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Place, Role
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.vouchers import services as vouchers
from zhaoliang.vouchers.selectors import is_qr
from zhaoliang.web.access import page
from zhaoliang.web.desk import forms, perms
from zhaoliang.web.desk.desk import DeskRequest, here, own


@dataclass(frozen=True)
class Due:
    """Something that waits for this organisation: what, why, and where to do it."""

    title: str
    text: str
    url: str


NEXT = {
    "draft": ("补齐材料，提交备案", ""),
    "accepted": ("到期开班", ""),
    "ended": ("安排考核", ""),
    "assessed": ("生成补贴申领", ""),
}


@page(perms.HOME, access=here)
@require_GET
def home(request: DeskRequest) -> HttpResponse:
    """Today's lessons and what is due."""
    organisation, today = own(request), chinese_day(request.at)
    provides = request.actor.has(Role.PROVIDER)
    rows = list(classes.classes_of(organisation)[:200]) if provides else []
    today_boards: list[tuple[TrainingClass, list[BoardSession]]] = [
        (one, board)
        for one in rows
        if one.state == "running" and one.starts_on <= today <= one.ends_on and (board := class_board(one, today))
    ]
    waiting = list(evaluation.classes_awaiting(organisation)) if request.actor.has(Role.EVALUATOR) else []
    context = {"today": today, "boards": today_boards, "dues": _dues(rows, waiting), "provides": provides}
    return render(request, "desk/home.html", context)


def _dues(rows: list[TrainingClass], waiting: list[TrainingClass]) -> list[Due]:
    found = [
        Due(
            NEXT[one.state][0],
            one.name,
            reverse("provider:class", args=[one.city_code, one.pk]),
        )
        for one in rows
        if one.state in NEXT
    ]
    for one in rows:
        claim = subsidies.claim_of_class(one.city_code, one.pk) if one.state == "in_claim" else None
        if claim is not None and claim.state in ("assembled", "returned"):
            found.append(
                Due("核对并提交补贴申领", one.name, reverse("provider:claim", args=[claim.city_code, claim.pk]))
            )
    found += [Due("安排考核", one.name, reverse("provider:exam_plan", args=[one.city_code, one.pk])) for one in waiting]
    return found


@page(perms.PROVIDER, act=vouchers.verify_voucher.declaration, access=here)
@require_http_methods(["GET", "POST"])
def verify(request: DeskRequest) -> HttpResponse:
    """Type or scan a voucher: is it genuine, and what is it good for."""
    form = forms.VerifyForm(request.POST or None)
    answer = problem = None
    if request.method == "POST" and form.is_valid():
        organisation, code = own(request), form.cleaned_data["code"].strip()
        place = Place(organisation.city_code, organisation.region_id, organisation.pk)
        try:
            answer = vouchers.verify_voucher(
                actor=request.actor,
                at=request.at,
                place=place,
                code=code,
                organisation=organisation,
                method="scanned" if is_qr(code) else "typed",
            )
        except Refusal as found:
            problem = found
        form = forms.VerifyForm()
    context = {"form": form, "answer": answer, "refusal": problem}
    return render(request, "desk/verify.html", context, status=problem.status if problem else 200)
