"""What a person was granted, nationally: the row whose uniqueness refuses a second payment anywhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from zhaoliang.kernel.acts import act, running
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.lawbook import clause_of, lawbook
from zhaoliang.registry.models import Person, PersonGrant, Region


class GrantedElsewhere(Refusal):
    """The person already has the subsidy for this occupation and level, here or in another city."""

    code: ClassVar[str] = "granted_elsewhere"


def record_grant(
    *,
    person_id: int,
    scheme: str,
    occupation_code: str,
    level: int,
    city_code: int,
    claim_line_id: int | None,
    certificate_number: str,
    fund_source: str,
    granted_on: date,
    source: str,
) -> PersonGrant:
    """Note a granted subsidy; inside the act that approves it. `level` is the ladder's rank, 0 for none (repeatable).

    Raises GrantedElsewhere when the person has one of that scheme, occupation and level anywhere (人社部发〔2025〕10号
    五（十一）: nationwide comparison before payment), RuntimeError outside an act.
    """
    running()
    try:
        with transaction.atomic():
            return PersonGrant.objects.create(
                person_id=person_id,
                scheme=scheme,
                occupation_code=occupation_code,
                level=level,
                city_code=city_code,
                claim_line_id=claim_line_id,
                certificate_number=certificate_number,
                fund_source=fund_source,
                granted_on=granted_on,
                source=source,
            )
    except IntegrityError as problem:
        raise _elsewhere(person_id, scheme, occupation_code, level, problem) from problem


def _elsewhere(
    person_id: int, scheme: str, occupation_code: str, level: int, problem: IntegrityError
) -> GrantedElsewhere:
    """What is to be said where the register refused a second grant; raises the problem itself where there is no first."""
    earlier = PersonGrant.objects.filter(
        person_id=person_id, scheme=scheme, occupation_code=occupation_code, level=level, withdrawn_on__isnull=True
    ).first()
    if earlier is None:
        raise problem
    region = Region.objects.filter(pk=earlier.city_code).first()
    where = region.name if region else "另一城市"
    return GrantedElsewhere(
        what="同一职业同一等级的补贴不能再发。",
        why=f"{where}已于{format_cn_date(earlier.granted_on)}发过一次（来源：{earlier.source}）。",
        next_step="请核对证书的职业和等级；如果那一笔有误，请先由发放地更正。",
        clause=clause_of(lawbook().citation("cn/renshebufa-2025-10#5.11")),
    )


def withdraw_grant(*, person_id: int, city_code: int, claim_line_id: int, on: date) -> int:
    """Note that the subsidy of a line was taken back whole, or never went out; inside the act that says so.

    What a person no longer has counts against him nowhere: the same training may be subsidised once again. Returns how many
    grants the line had. Raises RuntimeError outside an act.
    """
    running()
    return PersonGrant.objects.filter(
        person_id=person_id, city_code=city_code, claim_line_id=claim_line_id, withdrawn_on__isnull=True
    ).update(withdrawn_on=Greatest(F("granted_on"), Value(on)))


def restore_grant(*, person_id: int, city_code: int, claim_line_id: int) -> None:
    """A subsidy that was given back is due after all; inside the act that says so.

    Raises GrantedElsewhere when the person was granted the same meanwhile, RuntimeError outside an act.
    """
    running()
    # A line that was refused, appealed and given back has several: the last one stands for it.
    held = PersonGrant.objects.filter(person_id=person_id, city_code=city_code, claim_line_id=claim_line_id)
    grant = held.order_by("-id").first()
    if grant is None or grant.withdrawn_on is None:
        return
    try:
        with transaction.atomic():
            held.filter(pk=grant.pk).update(withdrawn_on=None)
    except IntegrityError as problem:
        raise _elsewhere(person_id, grant.scheme, grant.occupation_code, grant.level, problem) from problem


@act(
    "registry.report_grant",
    label="登记其他平台已发补贴",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def report_grant(
    *,
    actor: Actor,
    at: datetime,
    person: Person,
    scheme: str,
    occupation_code: str,
    level: int,
    city_code: int,
    certificate_number: str,
    fund_source: str,
    granted_on: date,
    source: str,
) -> PersonGrant:
    """Note what another city or platform reported as paid, so that it counts here. Raises GrantedElsewhere when known."""
    return record_grant(
        person_id=person.pk,
        scheme=scheme,
        occupation_code=occupation_code,
        level=level,
        city_code=city_code,
        claim_line_id=None,
        certificate_number=certificate_number,
        fund_source=fund_source,
        granted_on=granted_on,
        source=source,
    )
