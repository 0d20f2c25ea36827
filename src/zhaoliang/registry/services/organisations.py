"""Acts on organisations: their registration, the two directories, teaching sites and licences."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.identifiers.phone import parse_phone
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.pinyin import pinyin_key
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, region_covers
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Licence, Organisation, Site
from zhaoliang.registry.services.choices import known_values, label_of
from zhaoliang.registry.states import ORGANISATION

# 类别 1 位 + 机构代码 4 位 + 省级代码 2 位 + 站点序列码 6 位 (domain facts §1.1).
_EVALUATOR_PREFIX = re.compile(r"[A-Z]\d{12}")


class AlreadyRegistered(Refusal):
    """The city has an organisation of this code, or a licence for this time."""

    code: ClassVar[str] = "already_registered"


@act(
    "registry.register_organisation",
    label="登记机构",
    grants={Role.REVIEWER: Reach.REGION, Role.ADMINISTRATOR: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="place",
)
def register_organisation(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    name: str,
    short_name: str,
    uscc: str,
    kind: str,
    region_code: int,
    legal_representative: str = "",
    phone: str = "",
    bank_name: str = "",
    account_number: str = "",
    evaluator_prefix: str = "",
) -> Organisation:
    """A new organisation of the city, one row for each unified social credit code.

    `region_code` lies within `place`. Raises InvalidIdentifier, BadInput, AlreadyRegistered.
    """
    number = parse_uscc(uscc).number
    if kind not in known_values(Organisation, "kind") or not name.strip():
        raise BadInput(
            what="机构名称或类别没有填对。",
            next_step="请填写名称，并从列表里选择类别。",
            fields={"name": "请填写名称。"} if not name.strip() else {"kind": "请从列表里选择。"},
        )
    prefix = normalise(evaluator_prefix, drop="-")
    if prefix and not _EVALUATOR_PREFIX.fullmatch(prefix):
        raise BadInput(
            what="证书编码前段不正确。",
            why="应为类别 1 位字母、机构代码 4 位、省级代码 2 位、站点序列码 6 位，共 13 位。",
            next_step="请对照评价机构备案文件填写。",
            fields={"evaluator_prefix": "应为 1 位字母加 12 位数字。"},
        )
    if not region_covers(place.region_code, region_code):
        raise BadInput(
            what="机构所在地不在您的管辖地区。",
            next_step="请选择本地区的区县，或请所在地人社部门登记。",
            fields={"region_code": "不在您的管辖地区。"},
        )
    if selectors.organisation_by_uscc(place.city_code, number) is not None:
        raise _twice()
    try:
        with transaction.atomic():
            return Organisation.objects.create(
                city_code=place.city_code,
                name=name.strip(),
                short_name=short_name.strip() or name.strip()[:40],
                pinyin_key=pinyin_key(name),
                uscc=number,
                kind=kind,
                region=selectors.region(region_code),
                legal_representative=legal_representative.strip(),
                phone=parse_phone(phone).number if phone else "",
                bank_name=bank_name.strip(),
                account_number=normalise(account_number, drop="-"),
                evaluator_prefix=prefix,
                created_at=at,
            )
    except IntegrityError as problem:
        if selectors.organisation_by_uscc(place.city_code, number) is None:
            raise
        raise _twice() from problem


def _twice() -> AlreadyRegistered:
    return AlreadyRegistered(
        what="这家机构已经登记过了。",
        why="本市已有同一统一社会信用代码的机构；一家机构只有一份档案。",
        next_step="请在机构列表里按代码查找，在原档案上修改。",
        fields={"uscc": "本市已登记。"},
    )


@act(
    "registry.set_organisation_account",
    label="更正单位银行账号",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="organisation",
)
def set_organisation_account(
    *, actor: Actor, at: datetime, organisation: Organisation, account_number: str
) -> Organisation:
    """Replace the account that subsidies of an organisation are paid to; the bank compares its name. Raises BadInput."""
    number = normalise(account_number, drop="-")
    if not re.fullmatch(r"[0-9]{8,32}", number):
        raise BadInput(
            what="账号没有更正。",
            why="单位银行账号是 8 到 32 位数字。",
            next_step="请对照开户许可或印鉴卡填写。",
            fields={"account_number": "应为 8 到 32 位数字。"},
        )
    locked = Organisation.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=organisation.city_code, pk=organisation.pk
    )
    locked.account_number = number
    locked.save(update_fields=["account_number", "account_hash"])
    return locked


@act(
    "registry.list_organisation",
    label="列入机构目录",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="organisation",
)
def list_organisation(
    *, actor: Actor, at: datetime, organisation: Organisation, as_provider: bool, as_evaluator: bool
) -> Organisation:
    """Put an organisation into the directory of providers, of evaluators, or both (人社部发〔2025〕10号 三（二）).

    One already listed gets the two marks as given. Raises BadInput when neither is asked, WrongState when suspended.
    """
    if not (as_provider or as_evaluator):
        raise BadInput(what="没有选目录。", next_step="请至少选择培训机构目录或评价机构目录之一。")
    locked = Organisation.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=organisation.city_code, pk=organisation.pk
    )
    marks = {"in_provider_directory": as_provider, "in_evaluation_directory": as_evaluator}
    if locked.state != "listed":
        ORGANISATION.fire(locked, "list", **marks)
        return locked
    for field, value in marks.items():
        setattr(locked, field, value)
    locked.save(update_fields=list(marks))
    return locked


@act(
    "registry.add_site",
    label="登记教学点",
    grants={
        Role.PROVIDER: Reach.ORGANISATION,
        Role.EVALUATOR: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.SYSTEM: Reach.ANY,
    },
    on="organisation",
)
def add_site(
    *,
    actor: Actor,
    at: datetime,
    organisation: Organisation,
    name: str,
    address: str,
    region_code: int,
    longitude: Decimal,
    latitude: Decimal,
    radius_m: int | None = None,
    kind: str = "own",
) -> Site:
    """A teaching site: WGS84 degrees (not GCJ-02 as Chinese maps show them) and the sign-in radius in metres, 50-2000;
    without one the region's holds.

    Raises BadInput for a place outside China, a radius out of range or an unknown kind.
    """
    fields = {
        "kind": kind in known_values(Site, "kind"),
        "longitude": Decimal(73) <= longitude <= Decimal(136),
        "latitude": Decimal(3) <= latitude <= Decimal(54),
        "radius_m": radius_m is None or 50 <= radius_m <= 2000,
        "name": bool(name.strip()),
        "address": bool(address.strip()),
    }
    wrong = [field for field, right in fields.items() if not right]
    if wrong:
        labels = [label_of(Site, field) for field in wrong]
        raise BadInput(
            what=f"教学点没有登记：{'、'.join(labels)}不正确。",
            why="经纬度应在中国境内，签到半径为 50 至 2000 米。",
            next_step="请更正后重新提交。",
            fields=dict.fromkeys(wrong, "请更正。"),
        )
    return Site.objects.create(
        city_code=organisation.city_code,
        organisation=organisation,
        name=name.strip(),
        kind=kind,
        region=selectors.region(region_code),
        address=address.strip(),
        longitude=longitude,
        latitude=latitude,
        radius_m=radius_m,
    )


@act("registry.set_site_sign_in", label="设定教学点的签到规定", grants={Role.REVIEWER: Reach.REGION}, on="site")
def set_site_sign_in(
    *,
    actor: Actor,
    at: datetime,
    site: Site,
    reason: str,
    radius_m: int | None = None,
    opens_minutes: int | None = None,
    grace_minutes: int | None = None,
    closes_minutes: int | None = None,
) -> Site:
    """Where this site departs from its region: metres around it, minutes around the beginning of a session; None follows it.

    Holds for sessions signed in for from now on. Raises BadInput out of range or, where something departs, without a reason.
    """
    said = {
        "radius_m": (radius_m, 50, 2000),
        "opens_minutes": (opens_minutes, 0, 240),
        "grace_minutes": (grace_minutes, 0, 120),
        "closes_minutes": (closes_minutes, 0, 240),
    }
    wrong = {
        name: f"应为 {least} 至 {most}。"
        for name, (value, least, most) in said.items()
        if value is not None and not least <= value <= most
    }
    if grace_minutes is not None and closes_minutes is not None and closes_minutes < grace_minutes:
        wrong["closes_minutes"] = "停止签到不能早于开始算迟到。"
    departs = any(value is not None for value, _, _ in said.values())
    if departs and not reason.strip():
        wrong["sign_in_reason"] = "请写明为什么与本地规定不同。"
    if wrong:
        raise BadInput("签到规定没有保存。", "有的数字不在允许的范围，或没有写原因。", "请更正后再保存。", fields=wrong)
    for name, (value, _, _) in said.items():
        setattr(site, name, value)
    site.sign_in_reason = reason.strip() if departs else ""
    site.save(update_fields=[*said, "sign_in_reason"])
    return site


@act(
    "registry.add_licence",
    label="登记许可证",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="organisation",
)
def add_licence(
    *,
    actor: Actor,
    at: datetime,
    organisation: Organisation,
    kind: str,
    number: str,
    valid_from: date,
    valid_to: date,
) -> Licence:
    """A licence, valid from the first day to the last, both included. Raises BadInput, AlreadyRegistered on overlap."""
    if valid_to < valid_from:
        raise BadInput(
            what="有效期的起止日期颠倒了。", next_step="请重新填写日期。", fields={"valid_to": "不能早于开始日期。"}
        )
    try:
        with transaction.atomic():
            return Licence.objects.create(
                city_code=organisation.city_code,
                organisation=organisation,
                kind=kind,
                number=number,
                validity=DateRange(valid_from, valid_to + timedelta(days=1)),
            )
    except IntegrityError as problem:
        raise AlreadyRegistered(
            what="这段时间已经有同种许可证。",
            why="同一机构同一种许可证的有效期不能重叠。",
            next_step="请核对起止日期；换发新证的，新证从旧证到期的次日起算。",
        ) from problem


@act(
    "registry.grade_organisation",
    label="评定机构等级",
    grants={Role.REVIEWER: Reach.REGION, Role.INSPECTOR: Reach.REGION},
    on="organisation",
)
def grade_organisation(*, actor: Actor, at: datetime, organisation: Organisation, grade: str) -> Organisation:
    """Set the organisation's grade ('' for none); vouchers may be limited to grades (鲁人社字〔2025〕37号 2). Raises BadInput."""
    if grade not in {"", *known_values(Organisation, "grade")}:
        raise BadInput("等级没有填对。", next_step="请从列表里选择。", fields={"grade": "请从列表里选择。"})
    organisation.grade = grade
    organisation.save(update_fields=["grade"])
    return organisation
