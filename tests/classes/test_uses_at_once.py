"""One person's vouchers used in one moment for classes that meet: one is taken, whichever way each came in; others never wait."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from concurrency import at_once
from factories.actors import TIANJIN
from factories.classes import accepted, draft
from factories.registry import user
from factories.vouchers import AT, batch, crowd, voucher
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.services import use_voucher

pytestmark = [pytest.mark.commits, pytest.mark.mission("C5", "D2")]


@pytest.fixture
def meeting() -> list[TrainingClass]:
    """Two accepted classes of two providers with the same timetable."""
    return [accepted(draft()) for _ in range(2)]


def by_page(held: Voucher, of: TrainingClass) -> str:
    use_voucher(actor=system_actor(), at=AT, voucher=held, provider=of.provider, project=of.project, class_id=of.pk)
    return "ok"


def by_gate(held: list[Voucher], of: list[TrainingClass], people: list[Person]) -> list[str]:
    """A group in one transaction, as the gate sends it."""
    users = [user(Role.WORKER, person=person).pk for person in people]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT answer FROM use_through_gate(%s, %s, %s, %s, %s, %s, %s, %s, %s, '{}') ORDER BY place",
            [
                TIANJIN,
                [one.pk for one in held],
                [one.pk for one in of],
                [one.pk for one in people],
                users,
                ["本人"] * len(held),
                [f"gate-{one.pk}" for one in held],
                [one.pk.to_bytes(32, "big") for one in held],
                AT,
            ],
        )
        return [answer for (answer,) in cursor.fetchall()]


def test_two_uses_of_one_person_in_one_moment_for_classes_that_meet_are_one(meeting: list[TrainingClass]) -> None:
    sources = [batch(one.project, at=AT, quota=20) for one in meeting]
    people = crowd(12)
    held = {person.pk: [voucher(source, person=person) for source in sources] for person in people}
    # Groups of three hold several people at once, the other way round than the pages ask: they must not lock each other up.
    calls: list[Any] = [
        partial(by_gate, [held[one.pk][0] for one in three], [meeting[0]] * 3, three)
        for three in (people[n : n + 3][::-1] for n in range(0, len(people), 3))
    ]
    half = people[:6]
    calls += [partial(by_gate, [held[one.pk][1] for one in half], [meeting[1]] * len(half), half)]
    calls += [partial(by_page, held[one.pk][1], meeting[1]) for one in people[6:]]
    outcome = at_once(calls)
    said = [one for answer in outcome.answers for one in (answer if isinstance(answer, list) else [answer])]
    assert set(outcome.kinds()) <= {"TimesMeet"}, outcome.errors
    assert said.count("ok") == len(people)
    assert said.count("clash") + len(outcome.errors) == len(people)
    used = Voucher.objects.filter(city_code=TIANJIN, state="used").values_list("person_id", flat=True)
    assert sorted(used) == sorted(person.pk for person in people)


def test_who_is_in_the_middle_of_a_use_keeps_nobody_else_waiting(
    meeting: list[TrainingClass], owner: psycopg.Connection[Any]
) -> None:
    source = batch(meeting[0].project, at=AT)
    busy, other = voucher(source), voucher(source)
    with owner.transaction(), transaction.atomic(), connection.cursor() as cursor:
        owner.execute("SELECT hold_uses(%s, %s)", [TIANJIN, [busy.person_id]])
        # Whoever waited for it would be told so instead of waiting for ever.
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        assert by_page(other, meeting[0]) == "ok"
        with pytest.raises(OperationalError, match="lock timeout"):
            by_page(busy, meeting[0])
