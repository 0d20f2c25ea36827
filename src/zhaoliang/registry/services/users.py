"""Acts on accounts and roles. An administrator works below himself: never on himself, never above."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import ClassVar

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal
from zhaoliang.kernel.roles import ORGANISATION_ROLES, Actor, Place, Reach, Role, region_covers
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Organisation, RoleAssignment, User

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{2,59}")
_ADMINISTER = {Role.ADMINISTRATOR: Reach.REGION, Role.SYSTEM: Reach.ANY}


class UsernameTaken(Refusal):
    """Another account has this sign-in name."""

    code: ClassVar[str] = "username_taken"


class NotYours(Forbidden):
    """The account or role lies beside or above the administrator, or is his own."""

    code: ClassVar[str] = "not_yours"


@act("registry.create_user", label="建立账号", grants=_ADMINISTER, on="place")
def create_user(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    username: str,
    name: str,
    password: str | None = None,
    person_id: int | None = None,
    city_code: int | None,
) -> User:
    """An account without roles. Without a password it can sign in only through the identity service (workers).

    Raises BadInput (name, weak password), UsernameTaken.
    """
    sign_in_name = username.strip().lower()
    if not _USERNAME.fullmatch(sign_in_name):
        raise BadInput(
            what="登录名不能用。",
            why="登录名为 3 至 60 位小写字母、数字和 . _ @ -，以字母或数字开头。",
            next_step="请换一个登录名。",
            fields={"username": "请用字母和数字，3 至 60 位。"},
        )
    user = User(username=sign_in_name, name=name.strip(), person_id=person_id, city_code=city_code, date_joined=at)
    _set_password(user, password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as problem:
        raise UsernameTaken(
            what="这个登录名已经有人用了。",
            next_step="请换一个登录名。",
            fields={"username": "已被使用。"},
        ) from problem
    return user


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as problem:
        raise BadInput(
            what="密码太弱。",
            why="".join(problem.messages),
            next_step="请换一个密码，至少 12 位。",
            fields={"password": "".join(problem.messages)},
        ) from problem
    user.set_password(password)


@act("registry.assign_role", label="授予角色", grants=_ADMINISTER, on="place")
def assign_role(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    user: User,
    role: Role,
    region_code: int,
    organisation: Organisation | None = None,
    valid_from: date,
) -> RoleAssignment:
    """Give a user a role in a region within `place`, or in an organisation. A role that had ended begins again.

    An administrator's own role is given only from a region above it. Raises NotYours, BadInput.
    """
    _require_below(actor, user)
    region = selectors.region(region_code)
    if not region_covers(place.region_code, region_code):
        raise _not_yours("要授予的地区不在本次办理的地区之内。")
    if role is Role.ADMINISTRATOR and not _administers_above(actor, region_code):
        raise _not_yours("管理员角色只能由上级地区的管理员授予。")
    if role is Role.SYSTEM:
        raise _not_yours("系统时钟不是给人用的角色。")
    if role in ORGANISATION_ROLES and organisation is None:
        raise BadInput(
            what="还没有选机构。",
            why="机构人员的角色要落在一家机构上。",
            next_step="请选择机构。",
            fields={"organisation": "请选择机构。"},
        )
    if organisation is not None and not region_covers(place.region_code, organisation.region_id):
        raise _not_yours("这家机构不在本次办理的地区之内。")
    if role is Role.WORKER and user.person_id is None:
        raise BadInput(
            what="这个账号还没有实名。", why="劳动者角色只给实名账号。", next_step="请本人用实名身份认证登录。"
        )
    assignment, made = RoleAssignment.objects.get_or_create(
        user=user,
        role=role,
        region=region,
        organisation_id=organisation.pk if organisation else None,
        defaults={
            "city_code": organisation.city_code if organisation else region.city_code,
            "valid_from": valid_from,
        },
    )
    if not made and assignment.valid_to is not None:
        assignment.valid_from, assignment.valid_to = valid_from, None
        assignment.save(update_fields=["valid_from", "valid_to"])
    return assignment


@act("registry.end_role", label="收回角色", grants=_ADMINISTER, on="place")
def end_role(*, actor: Actor, at: datetime, place: Place, assignment: RoleAssignment, valid_to: date) -> RoleAssignment:
    """Let a role end; `valid_to` is its last day. Raises NotYours, BadInput."""
    _require_below(actor, assignment.user)
    if not region_covers(place.region_code, assignment.region_id):
        raise _not_yours("这个角色不在本次办理的地区之内。")
    if assignment.role == Role.ADMINISTRATOR and not _administers_above(actor, assignment.region_id):
        raise _not_yours("管理员角色只能由上级地区的管理员收回。")
    if valid_to < assignment.valid_from:
        raise BadInput(what="结束日期早于开始日期。", next_step="请重新填写。", fields={"valid_to": "请重新填写。"})
    assignment.valid_to = valid_to
    assignment.save(update_fields=["valid_to"])
    return assignment


@act("registry.set_user_active", label="停用或启用账号", grants=_ADMINISTER, on="place")
def set_user_active(*, actor: Actor, at: datetime, place: Place, user: User, active: bool) -> User:
    """Stop or re-open an account all of whose roles lie within `place`. Raises NotYours."""
    _require_all_within(actor, place, user)
    user.is_active = active
    user.save(update_fields=["is_active"])
    return user


@act("registry.set_password", label="重设密码", grants=_ADMINISTER, on="place")
def set_password(*, actor: Actor, at: datetime, place: Place, user: User, password: str) -> User:
    """Give a new password to an account all of whose roles lie within `place`. Raises NotYours, BadInput."""
    _require_all_within(actor, place, user)
    _set_password(user, password)
    user.save(update_fields=["password"])
    return user


@act("registry.reset_second_factor", label="重置第二重验证", grants=_ADMINISTER, on="place")
def reset_second_factor(*, actor: Actor, at: datetime, place: Place, user: User) -> User:
    """Remove authenticator, passkeys and recovery codes of somebody who lost them; the next sign-in sets up new ones.

    Only for an account all of whose roles lie within `place`. Raises NotYours.
    """
    _require_all_within(actor, place, user)
    Authenticator.objects.filter(user_id=user.pk).delete()
    return user


def _not_yours(why: str) -> NotYours:
    return NotYours(what="不能给这个账号办理。", why=why, next_step="请联系上级人社部门的系统管理员。")


def _require_below(actor: Actor, user: User) -> None:
    own = actor.user_id == user.pk if actor.user_id is not None else False
    same_person = actor.person_id is not None and actor.person_id == user.person_id
    if own or same_person:
        raise _not_yours("管理员不能给自己（或自己的另一个账号）增减角色、重设密码。")


def _require_all_within(actor: Actor, place: Place, user: User) -> None:
    """Whoever may stop an account or set its password can act as it: its every role must lie below the actor."""
    _require_below(actor, user)
    for assignment in user.assignments.all():
        if not region_covers(place.region_code, assignment.region_id):
            raise _not_yours("这个账号在别的地区还有角色。")
        if assignment.role == Role.ADMINISTRATOR and not _administers_above(actor, assignment.region_id):
            raise _not_yours("这是同级或上级的管理员账号。")


def _administers_above(actor: Actor, region_code: int) -> bool:
    return any(
        held.role is Role.SYSTEM
        or (
            held.role is Role.ADMINISTRATOR
            and held.region_code != region_code
            and region_covers(held.region_code, region_code)
        )
        for held in actor.assignments
    )
