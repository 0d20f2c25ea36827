"""What every page knows: whether this is the demo, the signed-in actor, and the desk around the page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.selectors import unread_notices
from zhaoliang.web import gate
from zhaoliang.web.bureau import nav as bureau
from zhaoliang.web.components.parts import Face
from zhaoliang.web.desk import nav as provider
from zhaoliang.web.worker.offline import account_tag


def face(request: HttpRequest) -> dict[str, Any]:
    """Template context shared by all faces."""
    actor = getattr(request, "actor", None)
    return {
        "demo": settings.DEMO,
        "actor": actor,
        "account": account_tag(actor) if actor is not None and request.path.startswith("/my/") else "",
        "face": _desk(request),
        "gate": gate.address(request),
    }


def _desk(request: HttpRequest) -> Face:
    """The side bar and the person shown around the page; anonymous visitors and error pages get an empty one."""
    actor = getattr(request, "actor", None)
    if actor is None or actor.is_anonymous:
        return Face()
    if request.path.startswith("/bureau/"):
        return bureau.face(request, actor)
    if request.path.startswith("/desk/"):
        return provider.face(request, actor)
    if request.path.startswith("/my/"):
        return Face(person=actor.name, unread=_unread(actor))
    return Face(person=actor.name)


def _unread(actor: Actor) -> int:
    """How many notices wait for the worker in the city of the account."""
    cities = [one.city_code for one in actor.assignments if one.role is Role.WORKER]
    if actor.person_id is None or not cities:
        return 0
    return unread_notices(city_code=cities[0], person_id=actor.person_id)
