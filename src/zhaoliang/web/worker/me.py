"""The worker behind a request: the own file, and the access rule of pages that show nothing else."""

from __future__ import annotations

from typing import Any

from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.roles import Access, Actor, Assignment, Role
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Person
from zhaoliang.web.actors import ActorRequest


def own(request: ActorRequest, **address: Any) -> Access | None:
    """Access to one's own file, for pages whose address names no object."""
    actor: Actor = request.actor
    post = _post(actor)
    return Access(post.city_code, post.region_code, person_id=actor.person_id) if post else None


def me(request: ActorRequest) -> Person:
    """The worker's own file in the city of the account. Raises NotFound when the account has none."""
    actor: Actor = request.actor
    post = _post(actor)
    if post is None or actor.person_id is None:
        raise NotFound(
            what="没有找到您的档案。",
            why="这个账号还没有关联实名档案。",
            next_step="请退出后用电子社保卡身份重新登录，或到人社窗口建档。",
        )
    return selectors.person(post.city_code, actor.person_id)


def _post(actor: Actor) -> Assignment | None:
    return next((one for one in actor.assignments if one.role is Role.WORKER), None)
