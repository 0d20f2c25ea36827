"""活动页: one batch of vouchers for everybody to see and to pass on, with what is left and the way to claim."""

from __future__ import annotations

import segno
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from zhaoliang.registry.models import GroupMembership
from zhaoliang.vouchers import perms, selectors
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import reading

SHOWN = 60
GROUPS = dict(GroupMembership.GROUPS)


@page(perms.OPEN)
@require_GET
def activity(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """What the voucher is, for whom, how many are left, from when; a button to claim, a link and a code to pass on. Raises NotFound."""
    found = selectors.offered_batch(city, pk, request.at)
    if found is None:
        raise reading.not_now(selectors.batch(city, pk), request.at)
    address = f"{settings.PUBLIC_URL}{reverse('portal:activity', args=[city, pk])}"
    code = segno.make(address, error="m", boost_error=False)
    context = {
        "section": "projects",
        "batch": found,
        "early": found.phase(request.at) == "early",
        "groups": [GROUPS[one] for one in found.groups],
        "usable": list(selectors.usable_projects(found)[:SHOWN]),
        "address": address,
        # Drawn by segno from our own address: no foreign text is in it.
        "svg": mark_safe(code.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)),
    }
    return render(request, "portal/activity.html", context)
