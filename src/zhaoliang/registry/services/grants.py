"""What a person was granted, nationally: the row whose uniqueness refuses a second payment anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from django.db import IntegrityError, connection, transaction
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
        raise _elsewhere(person_id, scheme, occupation_code, level) from problem


@dataclass(frozen=True, slots=True)
class Granted:
    """A line's subsidy to be noted: `level` is the ladder's rank, 0 for none (repeatable)."""

    person_id: int
    occupation_code: str
    level: int
    claim_line_id: int
    certificate_number: str


# One after another as given: two approvals of the same people wait for each other in one order.
_NOTE = """
INSERT INTO person_grant (
    person_id, scheme, occupation_code, level, city_code, claim_line_id, certificate_number, fund_source, granted_on, source
)
SELECT person, %(scheme)s, occupation, level, %(city)s, line, certificate, %(fund)s, %(on)s, %(source)s
FROM unnest(%(people)s::bigint[], %(occupations)s::text[], %(levels)s::int[], %(lines)s::bigint[], %(certificates)s::text[])
    WITH ORDINALITY AS given (person, occupation, level, line, certificate, place)
ORDER BY place
ON CONFLICT DO NOTHING
RETURNING claim_line_id
"""


def record_grants(
    entries: Sequence[Granted], *, scheme: str, city_code: int, fund_source: str, granted_on: date, source: str
) -> dict[int, GrantedElsewhere]:
    """`record_grant` for many lines of a city at once, in their order; inside the act that approves them.

    Returns the refusal of each line whose person has the subsidy already. Raises RuntimeError outside an act.
    """
    running()
    given = {
        "scheme": scheme,
        "city": city_code,
        "fund": fund_source,
        "on": granted_on,
        "source": source,
        "people": [one.person_id for one in entries],
        "occupations": [one.occupation_code for one in entries],
        "levels": [one.level for one in entries],
        "lines": [one.claim_line_id for one in entries],
        "certificates": [one.certificate_number for one in entries],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, given)
        noted = {line for (line,) in cursor.fetchall()}
    return {
        one.claim_line_id: _elsewhere(one.person_id, scheme, one.occupation_code, one.level)
        for one in entries
        if one.claim_line_id not in noted
    }


def _elsewhere(person_id: int, scheme: str, occupation_code: str, level: int) -> GrantedElsewhere:
    """What is to be said where the register refused a second grant. Raises DoesNotExist where there is no first."""
    earlier = (
        PersonGrant.objects.filter(
            person_id=person_id, scheme=scheme, occupation_code=occupation_code, level=level, withdrawn_on__isnull=True
        )
        .order_by("id")[:1]
        .get()
    )
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
        raise _elsewhere(person_id, grant.scheme, grant.occupation_code, grant.level) from problem


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
