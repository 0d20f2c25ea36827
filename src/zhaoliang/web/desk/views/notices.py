"""消息: what the platform told this organisation."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.kernel.roles import Place
from zhaoliang.registry import perms, selectors
from zhaoliang.registry.services import read_notices
from zhaoliang.web.access import page
from zhaoliang.web.acting import given
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.notices import paged

ADDRESSES = {"training_class": "provider:class", "claim": "provider:claim", "recovery_case": "provider:recovery"}


@page(perms.NOTICES, access=here)
@require_GET
def notices(request: DeskRequest) -> HttpResponse:
    """Everything the organisation was told, newest first."""
    organisation = own(request)
    found = selectors.notices_of(city_code=organisation.city_code, organisation=organisation)
    context = {
        "page": paged(request, found, ADDRESSES),
        "unread": selectors.unread_notices(city_code=organisation.city_code, organisation_id=organisation.pk),
    }
    return render(request, "desk/notices.html", context)


@require_POST
@page(perms.NOTICES, act=read_notices.declaration, access=here)
def read(request: DeskRequest) -> HttpResponse:
    """The organisation has read them all."""
    organisation = own(request)
    place = Place(organisation.city_code, organisation.region_id, organisation.pk)
    read_notices(**given(request), place=place, organisation=organisation)
    return redirect("provider:notices")
