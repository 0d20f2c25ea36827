"""Keys of partner systems: issued once, shown once, kept only as a keyed hash."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from zhaoliang.kernel import crypto
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import PartnerKey, User

SCOPES = {
    "vouchers.verify": "验券",
    "vouchers.claim": "代本人领券",
    "vouchers.use": "凭券码用券",
    "attendance.sign_in": "读卡器签到",
    "attendance.progress": "上报线上学习",
    "subsidies.decisions": "读取本机构申领的决定",
}
PREFIX = "zlk_"
_ADMINISTER = {Role.ADMINISTRATOR: Reach.REGION, Role.SYSTEM: Reach.ANY}


class KeyGone(Refusal):
    """The key was revoked before."""

    code: ClassVar[str] = "key_gone"


def new_secret() -> str:
    """A fresh key of 256 random bits, to be shown to the partner once."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(secret: str) -> bytes:
    """What is kept of a key (32 bytes)."""
    return crypto.keyed_hash(secret, purpose="partner")


@act("registry.issue_partner_key", label="发放接口密钥", grants=_ADMINISTER, on="place")
def issue_partner_key(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    user: User,
    name: str,
    secret: str,
    scopes: Sequence[str],
    expires_at: datetime,
) -> PartnerKey:
    """Keep the hash of `secret` (made by `new_secret`) for an account with the partner role in this place.

    Raises BadInput for an unknown scope, an expiry that is over, or an account that is no partner here.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadInput("密钥没有发放。", f"授权范围只有：{'、'.join(SCOPES.values())}。", "请重新选择授权范围。")
    if expires_at <= at:
        raise BadInput(
            "密钥没有发放。", "到期时间已经过了。", "请填写将来的到期时间。", fields={"expires_at": "要晚于现在。"}
        )
    if not user.assignments.filter(role=Role.PARTNER, city_code=place.city_code).exists():
        raise BadInput("密钥没有发放。", "这个账号在本市没有“对接系统”角色。", "请先授予角色。")
    return PartnerKey.objects.create(
        user=user, name=name.strip(), key_hash=key_hash(secret), scopes=sorted(set(scopes)), expires_at=expires_at
    )


@act("registry.revoke_partner_key", label="停用接口密钥", grants=_ADMINISTER, on="place")
def revoke_partner_key(*, actor: Actor, at: datetime, place: Place, partner_key: PartnerKey) -> PartnerKey:
    """Stop a key of this place for good, from this moment. Raises KeyGone when it was stopped before."""
    stopped = PartnerKey.objects.filter(
        pk=partner_key.pk, revoked_at__isnull=True, user__assignments__city_code=place.city_code
    ).update(revoked_at=at)
    if not stopped:
        raise KeyGone("密钥没有停用。", "它已经停用，或不属于本市。", "请刷新列表。")
    partner_key.revoked_at = at
    return partner_key
