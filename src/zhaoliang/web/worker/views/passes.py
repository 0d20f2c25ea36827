"""Passes for the gate, asked for by a page's script: who and what was checked here, for a few minutes.

Without a pass, or without the gate, the forms of the pages do the same acts.
"""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from zhaoliang.attendance import passes as attendance_passes
from zhaoliang.attendance import perms as attendance_perms
from zhaoliang.attendance import selectors as attendance
from zhaoliang.attendance.services import sign_in
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.vouchers import passes, selectors
from zhaoliang.vouchers import perms as vouchers_perms
from zhaoliang.vouchers.services import claim_voucher, use_voucher
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.identity.stepup import require_seen
from zhaoliang.web.worker import perms
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.views.classes import DEVICE_COOKIE
from zhaoliang.web.worker.views.find import SEEN_MINUTES


def _refused(refusal: Refusal) -> JsonResponse:
    return JsonResponse(refusal.as_dict(), status=refusal.status)


@never_cache
@require_POST
@page(perms.FIND, act=claim_voucher.declaration, access=own)
def claim(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """The pass to claim a batch, after the declaration (`declared=on`) and with the person seen just now."""
    person = me(request)
    batch = selectors.claimable_batch(city, pk, request.at)
    try:
        if batch is None:
            raise NotFound("没有这张正在发放的培训券。", "它可能已经停发。", "请看看其他能领的培训券。")
        declared = request.POST.get("declared") == "on"
        token = passes.claim_pass(actor=request.actor, at=request.at, person=person, batch=batch, declared=declared)
        require_seen(request, SEEN_MINUTES, "没有领取。", "请在培训券页面点“领取”，按提示核验。")
    except Refusal as refusal:
        return _refused(refusal)
    return JsonResponse({"pass": token})


@never_cache
@require_POST
@page(vouchers_perms.MINE, act=use_voucher.declaration, access=own)
def holder(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """The pass to use a voucher of mine."""
    person = me(request)
    if not any((one.city_code, one.pk) == (city, pk) for one in selectors.vouchers_of(person, everywhere=True)):
        raise NotFound("没有这张培训券。", "它不在您名下。", "请从“我的券”里打开。")
    try:
        require_seen(request, SEEN_MINUTES, "没有使用。", "请在用券页面点“用这张券”，按提示核验。")
    except Refusal as refusal:
        return _refused(refusal)
    return JsonResponse({"pass": passes.holder_pass(actor=request.actor, at=request.at, person=person)})


def _access_of(request: ActorRequest, city: int, pk: int) -> Access | None:
    found = attendance.attendance(city, pk)
    return found.access() if found is not None else own(request)


@never_cache
@require_POST
@page(attendance_perms.MINE, act=sign_in.declaration, access=_access_of)
def session(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """The pass to sign in for a session with this phone, also later when it was without network."""
    found = attendance.attendance(city, pk)
    if found is None:
        raise NotFound("没有这次课。", "课表可能改了。", "请回到“上课”刷新后再签到。")
    device = request.COOKIES.get(DEVICE_COOKIE, "")
    signer = request.POST.get("signer", "")
    token = attendance_passes.sign_in_pass(
        actor=request.actor, at=request.at, attendance=found, device=device, signer=signer
    )
    return JsonResponse({"pass": token})
