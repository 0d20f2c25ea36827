"""Who may open a page: every view says which act or question it serves, so that the permission grid can be generated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from zhaoliang.kernel.acts import Declaration
from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.roles import BUREAU_ROLES, ROLE_LABELS, Access, Actor, Role

View = Callable[..., HttpResponse]
AccessOf = Callable[..., Access | None]

# The roles that count on the pages of a face (by its URL namespace). An officer's screen shows what is said of a claim
# before it is decided: that a school may see its own claim does not open it there.
FACES = {
    "bureau": BUREAU_ROLES,
    "provider": frozenset({Role.PROVIDER, Role.EVALUATOR}),
    "worker": frozenset({Role.WORKER}),
}


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

    Only the roles of the page's own face count. The anonymous are sent to sign in and come back; others get the refusal
    that says who may. With `act`, every method but GET and HEAD needs that act too (its service checks again on the object).
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **address: Any) -> HttpResponse:
            actor: Actor = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
            wanted = [declaration] if act is None or request.method in {"GET", "HEAD"} else [declaration, act]
            if actor.is_anonymous and not all(one.public for one in wanted):
                return redirect_to_login(request.get_full_path())
            if not all(one.public for one in wanted):
                actor = _on_face(request, actor)
            reached = access(request, *args, **address) if access else None
            for one in wanted:
                one.check(actor, reached)
            return view(request, *args, **address)

        guarded.page = PageRule(declaration, act, access)  # type: ignore[attr-defined]  # read by the grid test
        return guarded

    return decorate


def rule_of(view: Callable[..., Any]) -> PageRule:
    """The rule that a view was guarded with by `page`. Raises KeyError for one that was not."""
    return vars(view)["page"]


def _on_face(request: HttpRequest, actor: Actor) -> Actor:
    """The actor with the roles that count on the face that the address belongs to. Raises Forbidden when none is left."""
    match = request.resolver_match
    roles = FACES.get(match.namespace) if match is not None else None
    if roles is None:
        return actor
    held = tuple(one for one in actor.assignments if one.role in roles)
    if not held:
        raise Forbidden(
            "您的账号不能打开这个页面。",
            f"这里供{'、'.join(ROLE_LABELS[role] for role in Role if role in roles)}使用。",
            "请回到您自己的首页，或换一个账号登录。",
        )
    return replace(actor, assignments=held)
