"""Partner systems identify themselves by a key: `Authorization: Bearer zlk_…`. What it may do is its scopes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Forbidden, Refusal
from zhaoliang.kernel.roles import Actor, Assignment, Place, Role
from zhaoliang.registry import selectors
from zhaoliang.registry.services.partners import SCOPES, key_hash
from zhaoliang.web.actors import actor_of


class BadKey(Refusal):
    """No key, or one that is unknown, expired or revoked."""

    code: ClassVar[str] = "bad_key"
    status: ClassVar[int] = 401
    decided: ClassVar[bool] = False


@dataclass(frozen=True)
class Partner:
    """A partner system: who acts, where, with which scopes."""

    actor: Actor
    assignment: Assignment
    scopes: frozenset[str]

    @property
    def place(self) -> Place:
        """Where its acts happen."""
        one = self.assignment
        return Place(one.city_code, one.region_code, one.organisation_id)

    def require(self, scope: str) -> None:
        """Raises Forbidden unless the key carries the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                what="没有执行：密钥没有这项授权。",
                why=f"这个接口要有“{SCOPES[scope]}”（{scope}）的授权。",
                next_step="请联系发放密钥的人社部门增加授权。",
            )


class PartnerAuth(HttpBearer):
    """Finds the partner of a request; `request.auth` is a `Partner`."""

    openapi_description = "人社部门发放的接口密钥。"

    def authenticate(self, request: HttpRequest, token: str) -> Partner:
        """Raises BadKey."""
        return partner_of(token, request.at)  # type: ignore[attr-defined]  # set by ActorMiddleware


def partner_of(token: str, at: datetime) -> Partner:
    """The partner system that holds this key. Raises BadKey."""
    key = selectors.live_partner_key(key_hash(token), at)
    actor = actor_of(key.user, on=chinese_day(at)) if key else None
    assignment = next((one for one in actor.assignments if one.role is Role.PARTNER), None) if actor else None
    if key is None or actor is None or assignment is None:
        raise no_key()
    return Partner(actor, assignment, frozenset(key.scopes))


def partner_in(request: HttpRequest, scope: str) -> Partner:
    """The partner of a request, whose key carries the scope. Raises Forbidden."""
    partner = cast(Partner, request.auth)  # type: ignore[attr-defined]  # set by ninja after PartnerAuth
    partner.require(scope)
    return partner


def no_key() -> BadKey:
    """The one answer to every wrong key, so that it does not tell which ones once existed."""
    return BadKey(
        what="没有执行：接口密钥不对。",
        why="请求头里没有密钥，或者密钥不存在、已到期、已停用。",
        next_step="请在请求头写 Authorization: Bearer 加密钥；没有密钥的，向当地人社部门申请。",
    )
