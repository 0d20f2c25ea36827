"""我能享受什么, signed in: the registers answer first, the worker only fills the gaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from factories import catalogue, classes, registry
from factories.identity import sign_in
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group, record_status

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1", "N2")]


@pytest.fixture(autouse=True)
def today(at_time: Callable[[datetime], None]) -> None:
    at_time(classes.AT)


def person(group: str = "06", *, pension: bool | None = False) -> Person:
    made = registry.person()
    someone = system_actor()
    add_group(
        actor=someone,
        at=classes.AT,
        person=made,
        group=group,
        evidence="register",
        source="测试比对",
        valid_from=classes.AT.date(),
    )
    if pension is not None:
        today = classes.AT.date()
        record_status(
            actor=someone,
            at=classes.AT,
            person=made,
            kind="pension",
            holds=pension,
            source="测试养老库",
            checked_on=today,
        )
    return made


def ask(client: Client, who: Person, project: int | None = None, **given: str) -> str:
    sign_in(client, registry.user(Role.WORKER, person=who))
    address = "/my/eligibility/" + (f"?project={project}" if project else "")
    return (client.post(address, given) if given else client.get(address)).content.decode()


def test_what_is_on_file_is_not_asked_and_says_where_it_is_from(client: Client) -> None:
    text = ask(client, person(), catalogue.project().pk)
    assert 'name="pension_drawn"' not in text
    assert 'name="person_age_at_start"' not in text
    assert "来自测试养老库" in text
    assert 'name="establishment_staff"' in text


def test_what_is_not_on_file_can_be_answered_and_nobody_is_refused_for_the_gap(client: Client) -> None:
    who, project = person(pension=None), catalogue.project().pk
    assert "不能享受补贴。" not in ask(client, who, project)
    assert "已按月领取养老保险待遇的人员不能享受补贴" in ask(client, who, project, pension_drawn="yes")


def test_an_answer_cannot_talk_a_register_over(client: Client) -> None:
    text = ask(client, person(pension=True), catalogue.project().pk, pension_drawn="no")
    assert "已按月领取养老保险待遇的人员不能享受补贴" in text


def test_of_two_groups_the_better_one_counts(client: Client) -> None:
    who = person("07")
    add_group(
        actor=system_actor(),
        at=classes.AT,
        person=who,
        group="12",
        evidence="register",
        source="测试比对",
        valid_from=classes.AT.date(),
    )
    text = ask(client, who)
    assert "培训生活费补贴" in text
    assert "生活费补贴只给" not in text
