"""消息: what the platform told me, each leading to what it is about."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from zhaoliang.kernel.roles import Place
from zhaoliang.registry import perms, selectors
from zhaoliang.registry.services import read_notices
from zhaoliang.web.access import page
from zhaoliang.web.acting import given
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.notices import paged
from zhaoliang.web.worker.me import me, own

ADDRESSES = {
    "voucher": "worker:voucher",
    "voucher_batch": "worker:batch",
    "enrolment": "worker:enrolment",
    "claim_line": "worker:subsidy",
    "recovery_case": "worker:recovery",
    "certificate": "worker:certificate",
}


@page(perms.NOTICES, access=own)
def notices(request: ActorRequest) -> HttpResponse:
    """Everything I was told, newest first."""
    person = me(request)
    found = selectors.notices_of(city_code=person.city_code, person=person)
    context = {
        "tab": "me",
        "page": paged(request, found, ADDRESSES),
        "unread": selectors.unread_notices(city_code=person.city_code, person_id=person.pk),
    }
    return render(request, "worker/notices.html", context)


@require_POST
@page(perms.NOTICES, act=read_notices.declaration, access=own)
def read(request: ActorRequest) -> HttpResponse:
    """I have read them all."""
    person = me(request)
    read_notices(**given(request), place=Place(person.city_code, person.region_id, person_id=person.pk))
    return redirect("worker:notices")
