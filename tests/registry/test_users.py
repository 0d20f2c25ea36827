"""Accounts and roles: an administrator works below himself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from factories import registry as make
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.roles import Role
from zhaoliang.registry import services
from zhaoliang.registry.models import User

ON = date(2026, 3, 2)


def assign(actor: Any, user: User, role: Role, region_code: int = make.HEPING, **given: Any) -> Any:
    return services.assign_role(
        actor=actor,
        at=make.AT,
        place=make.place(region_code),
        user=user,
        role=role,
        region_code=region_code,
        valid_from=ON,
        **given,
    )


@pytest.mark.django_db
@pytest.mark.mission("B5")
def test_an_administrator_makes_staff_of_his_region() -> None:
    administrator = make.actor_with(Role.ADMINISTRATOR, region_code=120000)
    made = services.create_user(
        actor=administrator,
        at=make.AT,
        place=make.place(),
        username=" New.Reviewer ",
        name="测试甲",
        password=make.PASSWORD,
        city_code=make.CITY,
    )
    assert made.username == "new.reviewer"
    assert made.check_password(make.PASSWORD)
    assert assign(administrator, made, Role.REVIEWER).region_id == make.HEPING
    assert made.is_staff_account


@pytest.mark.django_db
@pytest.mark.mission("B5")
def test_nobody_administers_beside_or_above_himself() -> None:
    user = make.user(Role.ADMINISTRATOR)
    administrator, somebody = make.actor(user), make.user()
    for role, region_code in [
        (Role.REVIEWER, 120102),
        (Role.REVIEWER, 120000),
        (Role.ADMINISTRATOR, 120102),
        (Role.ADMINISTRATOR, make.HEPING),
        (Role.SYSTEM, make.HEPING),
    ]:
        with pytest.raises(Forbidden):
            assign(administrator, somebody, role, region_code)
    assert not somebody.assignments.exists()
    city = make.actor_with(Role.ADMINISTRATOR, region_code=120000)
    assert assign(city, somebody, Role.ADMINISTRATOR).role == Role.ADMINISTRATOR


@pytest.mark.django_db
@pytest.mark.mission("B5")
def test_nobody_raises_himself_nor_his_second_account() -> None:
    person = make.person()
    user = make.user(Role.ADMINISTRATOR, person=person)
    twin = make.user(person=person)
    for own in (user, twin):
        with pytest.raises(services.NotYours):
            assign(make.actor(user), own, Role.APPROVER)
        with pytest.raises(services.NotYours):
            services.set_password(
                actor=make.actor(user), at=make.AT, place=make.place(), user=own, password=make.PASSWORD
            )


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["set_password", "set_user_active"])
def test_an_account_with_roles_elsewhere_is_not_his_to_take_over(act: str) -> None:
    administrator = make.actor_with(Role.ADMINISTRATOR)
    wanted: dict[str, Any] = {"password": make.PASSWORD} if act == "set_password" else {"active": False}
    for other in (make.user(Role.REVIEWER, region_code=120000), make.user(Role.ADMINISTRATOR)):
        with pytest.raises(services.NotYours):
            getattr(services, act)(actor=administrator, at=make.AT, place=make.place(), user=other, **wanted)
    below = make.user(Role.REVIEWER)
    getattr(services, act)(actor=administrator, at=make.AT, place=make.place(), user=below, **wanted)
    below.refresh_from_db()
    assert below.check_password(make.PASSWORD) if act == "set_password" else not below.is_active


@pytest.mark.django_db
def test_a_role_ends_and_begins_again() -> None:
    administrator, user = make.actor_with(Role.ADMINISTRATOR), make.user()
    given = assign(administrator, user, Role.REVIEWER)
    with pytest.raises(BadInput):
        services.end_role(
            actor=administrator, at=make.AT, place=make.place(), assignment=given, valid_to=date(2026, 3, 1)
        )
    services.end_role(actor=administrator, at=make.AT, place=make.place(), assignment=given, valid_to=ON)
    again = assign(administrator, user, Role.REVIEWER)
    assert (again.pk, again.valid_to) == (given.pk, None)


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.PROVIDER, Role.EVALUATOR, Role.PARTNER])
def test_organisation_roles_name_an_organisation_within_reach(role: Role) -> None:
    administrator, user = make.actor_with(Role.ADMINISTRATOR), make.user()
    with pytest.raises(BadInput):
        assign(administrator, user, role)
    with pytest.raises(services.NotYours):
        assign(administrator, user, role, organisation=make.organisation(region_code=120102))
    ours = make.organisation()
    assert assign(administrator, user, role, organisation=ours).organisation_id == ours.pk


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "a b"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
    ],
)
def test_weak_passwords_and_odd_names_are_refused(change: dict[str, str], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        services.create_user(
            actor=make.actor_with(Role.ADMINISTRATOR),
            at=make.AT,
            place=make.place(),
            name="测试",
            city_code=make.CITY,
            **{"username": "reviewer-x", "password": make.PASSWORD} | change,
        )
    assert field in caught.value.fields


@pytest.mark.django_db
def test_a_sign_in_name_is_given_once() -> None:
    make.user(username="taken-name")
    with pytest.raises(services.UsernameTaken):
        make.user(username="Taken-Name")
