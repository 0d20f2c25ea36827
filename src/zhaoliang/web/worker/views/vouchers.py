"""我的券: the vouchers I hold, each with its way to the money, its QR code, who checked it, and giving it back."""

from __future__ import annotations

from typing import Any

import segno
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from zhaoliang.classes import selectors as classes
from zhaoliang.classes.services import undo_refused
from zhaoliang.kernel.errors import NotFound
from zhaoliang.vouchers import perms, selectors, services
from zhaoliang.vouchers.models import Voucher
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.paging import part
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.offline import kept_on_phone
from zhaoliang.web.worker.progress import Journey, journeys

USABLE_SHOWN = 60


@kept_on_phone
@page(perms.MINE, access=own)
def vouchers(request: ActorRequest) -> HttpResponse:
    """All my vouchers, live ones first."""
    found = journeys(me(request))
    context = {
        "tab": "vouchers",
        "live": [one for one in found if one.live],
        "over": [one for one in found if not one.live],
    }
    return render(request, "worker/vouchers.html", context)


@kept_on_phone
@page(perms.MINE, access=own)
def voucher(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One voucher of mine. Raises NotFound."""
    found = mine(request, city, pk)
    context: dict[str, Any] = {
        "tab": "vouchers",
        "one": found,
        "checks": part(request, selectors.checks_of(found.voucher)),
    }
    class_id = found.voucher.class_id
    if found.voucher.state in ("used", "verified") and class_id is not None:
        used_for = classes.training_class(city, class_id)
        may_undo = used_for is None or undo_refused(found.voucher, used_for, request.at) is None
        context |= {"used_for": used_for, "may_undo": may_undo}
    if found.voucher.state == "claimed":
        context["usable"] = list(selectors.usable_projects(found.voucher.batch)[:USABLE_SHOWN])
    return render(request, "worker/voucher.html", context)


@never_cache
@kept_on_phone
@page(perms.MINE, access=own)
def qr(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """The code to show, good for sixty seconds and renewed by itself; with `?part` only the code. Raises NotFound."""
    found = mine(request, city, pk).voucher
    if found.state not in ("claimed", "used", "verified"):
        raise NotFound(what="这张券不用再出示了。", why="它已经进入补贴申领，或已经终止。", next_step="请看券的进展。")
    context = {"tab": "vouchers", "voucher": found, "svg": _svg(found, request), "seconds": _seconds()}
    return render(request, "worker/_qr.html" if "part" in request.GET else "worker/qr.html", context)


@require_POST
@page(perms.MINE, act=services.return_voucher.declaration, access=own)
def give_back(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Give an unused voucher back; its place is free for somebody else at once."""
    found = mine(request, city, pk).voucher
    services.return_voucher(actor=request.actor, at=request.at, voucher=found, key=request.POST.get("key"))
    toasts.say(request, "券已退回。还想学，可以重新领。")
    return redirect("worker:vouchers")


def mine(request: ActorRequest, city: int, pk: int) -> Journey:
    """A voucher of mine with what came of it. Raises NotFound."""
    person = me(request)
    found = next((one for one in journeys(person) if (one.voucher.city_code, one.voucher.pk) == (city, pk)), None)
    if found is None:
        raise NotFound(what="没有这张培训券。", why="它不在您名下，或已经换了。", next_step="请从“我的券”里打开。")
    return found


def _seconds() -> int:
    return int(selectors.QR_LIFE.total_seconds())


def _svg(voucher: Voucher, request: ActorRequest) -> str:
    code = segno.make(selectors.qr_token(voucher, request.at), error="m", boost_error=False)
    # Drawn by segno from our own token: no foreign text is in it.
    return mark_safe(code.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None))
