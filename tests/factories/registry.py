"""Rows of the registry for tests, made through the services wherever a page would make them so."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from zhaoliang.kernel.identifiers.invent import Inventor
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.roles import Actor, Assignment, Place, Role, system_actor
from zhaoliang.registry import services
from zhaoliang.registry.models import Organisation, Person, RoleAssignment, Sanction, Site, User

CITY = 120000
HEPING = 120101
AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
PASSWORD = "zhaoliang-测试-2026"

_numbers = itertools.count(1)
_inventor = Inventor(20260302, region_code=120100)
# A place and a birthday have only 500 numbers for men: the sixteen districts take turns.
_districts = itertools.cycle([Inventor(20260302, region_code=code) for code in range(120101, 120117)])


def inventor() -> Inventor:
    """The source of invented numbers of this test process."""
    return _inventor


def place(region_code: int = HEPING, *, organisation: Organisation | None = None, city_code: int = CITY) -> Place:
    """Where a new thing comes to be."""
    return Place(city_code, region_code, organisation.pk if organisation else None)


def resident_id(birth: date = date(1990, 5, 1), sex: Sex = Sex.MALE) -> str:
    """A valid, invented resident number nobody got before in this run."""
    return next(_districts).resident_id(birth=birth, sex=sex)


def person(
    *,
    name: str | None = None,
    number: str | None = None,
    birth: date = date(1990, 5, 1),
    sex: Sex = Sex.MALE,
    region_code: int = HEPING,
    city_code: int = CITY,
    with_card: bool = True,
    at: datetime = AT,
    **given: Any,
) -> Person:
    """A person's file."""
    return services.register_person(
        actor=system_actor(),
        at=at,
        place=place(region_code, city_code=city_code),
        name=name or _inventor.name(),
        document_type="resident_id",
        document_number=number or resident_id(birth, sex),
        phone=_inventor.mobile(),
        card_number=_inventor.bank_card() if with_card else "",
        region_code=region_code,
        **given,
    )


def organisation(
    *,
    kind: str = "private_provider",
    region_code: int = HEPING,
    city_code: int = CITY,
    listed: bool = True,
    evaluator: bool = False,
    name: str | None = None,
    at: datetime = AT,
    **given: Any,
) -> Organisation:
    """An organisation, in the directory unless `listed=False`; `evaluator=True` for an evaluation organisation."""
    number = next(_numbers)
    if evaluator:
        given.setdefault("evaluator_prefix", f"S{number:04d}12000000")
    made = services.register_organisation(
        actor=system_actor(),
        at=at,
        place=place(region_code, city_code=city_code),
        name=name or f"测试第{number}职业培训学校",
        short_name=f"测试{number}校",
        uscc=_inventor.uscc(registrar="52"),
        kind="evaluation" if evaluator else kind,
        region_code=region_code,
        **given,
    )
    if listed:
        services.list_organisation(
            actor=system_actor(), at=at, organisation=made, as_provider=not evaluator, as_evaluator=evaluator
        )
        made.refresh_from_db()
    return made


def site(organisation: Organisation, *, at: datetime = AT, **given: Any) -> Site:
    """A teaching site in the middle of Tianjin."""
    arguments: dict[str, Any] = {
        "name": "测试教学点",
        "address": "测试路 1 号",
        "region_code": organisation.region_id,
        "longitude": Decimal("117.195000"),
        "latitude": Decimal("39.118000"),
    }
    return services.add_site(actor=system_actor(), at=at, organisation=organisation, **arguments | given)


def user(
    role: Role | None = None,
    *,
    region_code: int = HEPING,
    city_code: int = CITY,
    organisation: Organisation | None = None,
    person: Person | None = None,
    username: str | None = None,
    password: str | None = None,
    name: str | None = None,
    valid_from: date = date(2025, 1, 1),
    at: datetime = AT,
) -> User:
    """An account with at most one role; without `password` it cannot sign in by form."""
    made = services.create_user(
        actor=system_actor(),
        at=at,
        place=place(region_code, city_code=city_code),
        username=username or f"t{next(_numbers)}-{role or 'none'}",
        name=name or (person.name if person else f"测试{_inventor.name()}"),
        password=password,
        person_id=person.pk if person else None,
        city_code=city_code,
    )
    if role is not None:
        services.assign_role(
            actor=system_actor(),
            at=at,
            place=place(region_code, city_code=city_code),
            user=made,
            role=role,
            region_code=region_code,
            organisation=organisation,
            valid_from=valid_from,
        )
    return made


def actor(made: User) -> Actor:
    """The actor of an account, all its roles counted."""
    rows = RoleAssignment.objects.filter(user=made)
    return Actor(
        made.pk,
        made.person_id,
        made.name,
        tuple(Assignment(Role(row.role), row.region_id, row.city_code, row.organisation_id) for row in rows),
    )


def actor_with(role: Role, **given: Any) -> Actor:
    """The actor of a new account with this role; the arguments are those of `user`."""
    return actor(user(role, **given))


def sanctioned(held: Organisation, violation: str, *, told: datetime, blacklist: bool = False) -> Sanction:
    """A decision against an organisation, told on a day and imposed by another person eight days later."""
    inspector, approver = (actor_with(role, person=person()) for role in (Role.INSPECTOR, Role.APPROVER))
    made = services.propose_sanction(
        actor=inspector,
        at=told,
        organisation=held,
        violation=violation,
        text="现场检查，3人缺课而签到表有签名",
        blacklist=blacklist,
    )
    return services.decide_sanction(
        actor=approver, at=told + timedelta(days=8), sanction=made, imposes=True, text="事实清楚，证据充分，予以处理"
    )
