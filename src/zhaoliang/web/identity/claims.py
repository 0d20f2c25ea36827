"""From the claims of the identity service to a person's file and account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Forbidden, NotFound
from zhaoliang.kernel.identifiers.other_documents import parse_kind
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry import selectors, services
from zhaoliang.registry.models import User

_ACTOR = system_actor("实名身份认证")


@dataclass(frozen=True)
class VerifiedIdentity:
    """What the identity service vouches for. `verified_at` is when it last saw the person, None when it does not say."""

    name: str
    document_type: str
    document_number: str = field(repr=False)
    phone: str = field(repr=False)
    region_code: int
    verified_at: datetime | None


def incomplete(why: str) -> Forbidden:
    """The refusal for an answer of the service that does not identify anybody."""
    return Forbidden(
        what="没有登录：身份认证服务没有给出完整的实名信息。",
        why=why,
        next_step="请在身份认证服务里完成实名后再来；仍不行的，请联系当地人社部门。",
    )


def read_claims(data: Mapping[str, Any], settings: Mapping[str, Any]) -> VerifiedIdentity:
    """The identity in the ID token and user information. Raises Forbidden, InvalidIdentifier."""
    token, information = data.get("id_token") or {}, data.get("userinfo") or {}
    # OpenID Connect Core 5.3.2: user information of another subject must not be used.
    if information and token and information.get("sub") != token.get("sub"):
        raise incomplete("两次回答说的不是同一个人。")
    claims = {**information, **token}
    names = settings["claims"]
    name, number = str(claims.get(names["name"]) or ""), str(claims.get(names["number"]) or "")
    if not name or not number:
        raise incomplete("缺少姓名或证件号码。")
    kind = claims.get(names["type"])
    region = str(claims.get(names["region"]) or "")
    seen = token.get("auth_time")
    return VerifiedIdentity(
        name=name,
        document_type=parse_kind(str(kind)).value if kind else "resident_id",
        document_number=number,
        phone=str(claims.get(names["phone"]) or ""),
        region_code=int(region) if region.isdigit() else int(settings["region"]),
        verified_at=datetime.fromtimestamp(int(seen), tz=UTC) if isinstance(seen, int | float) else None,
    )


def account_of(identity: VerifiedIdentity, *, at: datetime) -> User:
    """The worker's account of a verified person; file, account and role are made at the first sign-in.

    Raises NameMismatch, InvalidIdentifier, BadInput.
    """
    try:
        region = selectors.region(identity.region_code)
    except NotFound:
        raise incomplete("所在地区不在行政区划表里。") from None
    place = Place(region.city_code, region.code)
    person = services.register_person(
        actor=_ACTOR,
        at=at,
        place=place,
        name=identity.name,
        document_type=identity.document_type,
        document_number=identity.document_number,
        phone=identity.phone,
        region_code=region.code,
    )
    user = selectors.user_of_person(person.pk)
    if user is None:
        user = services.create_user(
            actor=_ACTOR,
            at=at,
            place=place,
            username=selectors.worker_username(person.pk),
            name=person.name,
            person_id=person.pk,
            city_code=region.city_code,
        )
    services.assign_role(
        actor=_ACTOR,
        at=at,
        place=place,
        user=user,
        role=Role.WORKER,
        region_code=region.code,
        valid_from=chinese_day(at),
    )
    return user
