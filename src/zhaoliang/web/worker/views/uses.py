"""Using my voucher: the classes it is good for, what each would pay, one tap, and taking it back before the class begins."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from zhaoliang.classes import selectors as classes
from zhaoliang.classes import services as classing
from zhaoliang.classes.eligibility import decided
from zhaoliang.classes.known import known_people
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.policy import Decision, Outcome
from zhaoliang.vouchers import perms, selectors, services
from zhaoliang.vouchers.models import Voucher
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.identity.stepup import confirm_first, recently_verified
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.views.find import SEEN_MINUTES
from zhaoliang.web.worker.views.vouchers import mine

SHOWN = 60


@dataclass(frozen=True)
class Choice:
    """A class the voucher is good for, with what the policies would pay."""

    training_class: TrainingClass
    free: int
    decision: Decision | None

    @property
    def fen(self) -> int | None:
        """The subsidy as it stands; None where none is paid or it can't be told."""
        if self.decision is None or self.decision.outcome is Outcome.FAIL:
            return None
        return self.decision.fen

    @property
    def why_not(self) -> str:
        """Why nothing would be paid, in one line; '' where something may be."""
        return self.decision.refusals[0].says if self.decision is not None and self.decision.refusals else ""


def choices(request: ActorRequest, voucher: Voucher) -> list[Choice]:
    """The classes before their beginning that this voucher is good for, the next one first."""
    on = chinese_day(request.at)
    last = chinese_day(voucher.batch.use_until)
    projects = list(selectors.usable_projects(voucher.batch)[:SHOWN])
    rows = classes.classes_ahead(voucher.city_code, [one.pk for one in projects], on, last)
    person = me(request)
    known = known_people(city_code=person.city_code, person_ids=[person.pk], start=on, end=on, training_class=None)[
        person.pk
    ]
    paying = voucher.batch.kind != "sign_in_only"
    said = {one.pk: decided(person, one, known, voucher.batch, on)[0] for one in projects} if paying else {}
    return [Choice(row, max(0, row.capacity - listed), said.get(row.project_id)) for row, listed in rows]


@never_cache
@require_http_methods(["GET", "POST"])
@page(perms.MINE, act=services.use_voucher.declaration, access=own)
def use(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Choose a class and use the voucher for it. Raises NotFound, and what the act refuses."""
    voucher = mine(request, city, pk).voucher
    refused: Refusal | None = None
    offered = choices(request, voucher) if voucher.state == "claimed" else []
    if request.method == "POST":
        if not recently_verified(request, SEEN_MINUTES):
            return confirm_first(request, back_to=request.path)
        try:
            classing.use_own(
                actor=request.actor,
                at=request.at,
                voucher=voucher,
                class_id=_class_id(request),
                key=request.POST.get("key"),
            )
        except Refusal as caught:
            refused = caught
        else:
            toasts.say(request, "券已用在这个班。开班前可以撤销。")
            return redirect("worker:voucher", city=city, pk=pk)
    context = {"tab": "vouchers", "voucher": voucher, "choices": offered, "refused": refused}
    return render(request, "worker/use.html", context, status=refused.status if refused else 200)


def _class_id(request: ActorRequest) -> int:
    text = request.POST.get("class_id", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput("没有使用。", "还没有选班级。", "请先选一个班，再点“用这张券”。")
    return int(text)


@require_POST
@page(perms.MINE, act=classing.undo_own_use.declaration, access=own)
def undo(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Take the use back before the class begins. Raises NotFound, and what the act refuses."""
    voucher = mine(request, city, pk).voucher
    classing.undo_own_use(actor=request.actor, at=request.at, voucher=voucher, key=request.POST.get("key"))
    toasts.say(request, "已撤销，这张券又可以用了。")
    return redirect("worker:voucher", city=city, pk=pk)
