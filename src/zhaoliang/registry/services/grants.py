"""What a person was granted, nationally: the row whose uniqueness refuses a second payment anywhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.db import IntegrityError, transaction

from zhaoliang.kernel.acts import act, running
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
        earlier = PersonGrant.objects.filter(
            person_id=person_id, scheme=scheme, occupation_code=occupation_code, level=level
        ).first()
        if earlier is None:
            raise
        region = Region.objects.filter(pk=earlier.city_code).first()
        where = region.name if region else "另一城市"
        raise GrantedElsewhere(
            what="同一职业同一等级的补贴不能再发。",
            why=f"{where}已于 {earlier.granted_on.isoformat()} 发过一次（来源：{earlier.source}）。",
            next_step="请核对证书的职业和等级；如果那一笔有误，请先由发放地更正。",
            clause=clause_of(lawbook().citation("cn/renshebufa-2025-10#5.11")),
        ) from problem


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
