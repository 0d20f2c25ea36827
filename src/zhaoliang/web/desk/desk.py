"""Whose desk this is: the organisation the visitor works for, and how pages about one object are guarded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.errors import Forbidden, NotFound, Refusal
from zhaoliang.kernel.roles import ORGANISATION_ROLES, Access
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Organisation
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts


class DeskRequest(ActorRequest):
    """A request on this desk: `subject` is the object of the page, fetched once by its guard."""

    subject: Any
    own: Organisation


def own(request: DeskRequest) -> Organisation:
    """The organisation the visitor works for. Raises Forbidden for who works for none."""
    made = getattr(request, "own", None)
    if made is None:
        held = [one for one in request.actor.assignments if one.role in ORGANISATION_ROLES and one.organisation_id]
        if not held:
            raise Forbidden("这里是培训机构和评价机构的工作台。", "您的账号没有所属机构。", "请用机构账号登录。")
        made = request.own = registry.organisation(held[0].city_code, held[0].organisation_id or 0)
    return made


def here(request: DeskRequest, **_: Any) -> Access:
    """Access of pages about the visitor's own organisation."""
    return own(request).access()


def subject(fetch: Callable[[int, int], Any]) -> Callable[..., Access]:
    """Access of a page about one object: fetched once and kept as `request.subject`. Raises NotFound."""

    def access(request: DeskRequest, city: int, pk: int, **_: Any) -> Access:
        found = fetch(city, pk)
        if found is None:
            raise NotFound("没有找到这项内容。", "编号不对，或已经不在了。", "请从列表进入。")
        request.subject = found
        return found.access()

    return access


def given(request: DeskRequest) -> dict[str, Any]:
    """Who acts, when, and the key of the form: what every act is given."""
    return {"actor": request.actor, "at": request.at, "key": request.POST.get("key") or None}


def may(request: DeskRequest, service: Act[Any], access: Access) -> bool:
    """Whether the visitor could do this there: only then its button is shown."""
    return service.declaration.allows(request.actor, access)


def refused(request: DeskRequest, problem: Refusal, back_url: str) -> HttpResponse:
    """The page of a refusal that leads back to where it was asked."""
    return render(request, "errors/refusal.html", {"refusal": problem, "back_url": back_url}, status=problem.status)


def act_view(
    service: Act[Any],
    *,
    fetch: Callable[[int, int], Any],
    argument: str,
    say: str,
    back: Callable[[Any], str],
    texts: tuple[str, ...] = (),
) -> Callable[..., HttpResponse]:
    """A view that runs `service` on what `fetch(city, pk)` finds, then goes back with one line. `texts` are form fields."""

    @page(service.declaration, access=subject(fetch))
    @require_POST
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found = request.subject
        try:
            written: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in texts}
            service(**given(request), **(written | {argument: found}))
        except Refusal as problem:
            return refused(request, problem, back(found))
        toasts.say(request, say)
        return redirect(back(found))

    return view
