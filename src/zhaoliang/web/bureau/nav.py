"""The desk's side bar: what this person may open, and what waits there."""

from __future__ import annotations

from django.http import HttpRequest

from zhaoliang.kernel.roles import Actor
from zhaoliang.web.components.parts import Face


def face(request: HttpRequest, actor: Actor) -> Face:
    """The desk around a page for this actor."""
    return Face(person=actor.name)
