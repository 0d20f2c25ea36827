"""The one preference a browser keeps for itself: the large type."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

YEAR_SECONDS = 365 * 24 * 3600


@require_POST
def display(request: HttpRequest) -> HttpResponse:
    """Sets or clears 大字版 and goes back to the page it was asked on."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = HttpResponseRedirect(target)
    large = "1" if request.POST.get("large") == "1" else "0"
    # Readable by scripts on purpose: the switch also works without a page load.
    response.set_cookie("zl_large", large, max_age=YEAR_SECONDS, samesite="Lax")
    return response
