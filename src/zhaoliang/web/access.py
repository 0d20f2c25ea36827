"""Who may open a page: every view says which act or question it serves, so that the permission grid can be generated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from zhaoliang.kernel.acts import Declaration
from zhaoliang.kernel.roles import Access

View = Callable[..., HttpResponse]
AccessOf = Callable[..., Access | None]


@dataclass(frozen=True)
class PageRule:
    """What a view asks of its visitor: `declaration` for every method, `act` besides for what it changes."""

    declaration: Declaration
    act: Declaration | None
    access: AccessOf | None


def page(
    declaration: Declaration, *, act: Declaration | None = None, access: AccessOf | None = None
) -> Callable[[View], View]:
    """Guard a view: `declaration` must allow the actor on what `access(request, **address)` returns (None: nowhere special).

    The anonymous are sent to sign in and come back; others get the refusal that says who may. With `act`, every method
    but GET and HEAD needs that act too (its service checks again on the object).
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **address: Any) -> HttpResponse:
            actor = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
            wanted = act if act is not None and request.method not in {"GET", "HEAD"} else declaration
            if actor.is_anonymous and not wanted.public:
                return redirect_to_login(request.get_full_path())
            wanted.check(actor, access(request, *args, **address) if access else None)
            return view(request, *args, **address)

        guarded.page = PageRule(declaration, act, access)  # type: ignore[attr-defined]  # read by the grid test
        return guarded

    return decorate
