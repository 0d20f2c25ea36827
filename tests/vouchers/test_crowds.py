"""Many at once on the real database: the quota is exact, a voucher is used once, nothing fails without a clear word."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from concurrency import at_once
from factories import registry
from factories.actors import TIANJIN, actor
from factories.funds import budget
from factories.vouchers import AT, batch, crowd, listed_project, voucher, worker
from seeds import size
from zhaoliang.funds.selectors import verify_books
from zhaoliang.funds.services import allocate
from zhaoliang.kernel.errors import WrongState
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.vouchers import selectors, services
from zhaoliang.vouchers.models import BatchSlot, Voucher, VoucherBatch, VoucherCheck
from zhaoliang.vouchers.scope import Scope

pytestmark = [pytest.mark.commits, pytest.mark.mission("C2")]


def claim(source: VoucherBatch, person: Person) -> Voucher:
    return services.claim_voucher(actor=worker(person), at=AT, person=person, batch=source, declared=True)


def slots_say(source: VoucherBatch) -> int:
    return sum(BatchSlot.objects.filter(city_code=TIANJIN, batch=source).values_list("claimed", flat=True))


@pytest.mark.sized
def test_five_times_as_many_people_as_vouchers() -> None:
    quota = size(ci=50, nightly=100)
    people = crowd(5 * quota)
    for _ in range(size(ci=1, nightly=50)):
        source = batch(quota=quota)
        outcome = at_once(partial(claim, source, person) for person in people)
        assert outcome.kinds() == {"NoneLeft": 4 * quota}, [
            one for one in outcome.errors if type(one).__name__ != "NoneLeft"
        ][:2]
        claimed = Voucher.objects.filter(city_code=TIANJIN, batch=source, state="claimed")
        assert claimed.count() == quota == slots_say(source) == len(outcome.answers)
        assert len({made.person_id for made in outcome.answers}) == quota == len({one.code for one in outcome.answers})


def test_claims_while_the_batch_is_topped_up_and_shrunk_never_leave_its_slots() -> None:
    source = batch(quota=20, amount_fen=100_00, budget_account=budget(100_000_00, year=2026))
    changes = [
        services.propose_change(
            actor=actor(Role.FUND_OFFICER), at=AT, batch=source, wish=services.Wish(kind, "测试", quantity=10)
        )
        for kind in ("top_up", "shrink")
    ]
    calls = [partial(claim, source, person) for person in crowd(40)]
    calls[10:10] = [
        partial(services.approve_change, actor=actor(Role.APPROVER), at=AT, change=change) for change in changes
    ]
    outcome = at_once(calls)
    assert set(outcome.kinds()) <= {"NoneLeft", "NotEnoughLeft"}, outcome.kinds()
    source.refresh_from_db()
    slots = BatchSlot.objects.filter(city_code=TIANJIN, batch=source)
    claimed = Voucher.objects.filter(city_code=TIANJIN, batch=source, state="claimed").count()
    assert claimed == slots_say(source) <= source.quota == sum(slots.values_list("quota", flat=True))
    assert selectors.funnel(source)["held_fen"] == source.quota * 100_00
    assert verify_books(TIANJIN) == []


def test_a_claim_killed_in_the_middle_leaves_its_place_to_another(owner: psycopg.Connection[Any]) -> None:
    source = batch(quota=50)
    people = crowd(199)
    victim = registry.person()

    def killed() -> Voucher:
        with transaction.atomic():
            made = claim(source, victim)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                row = cursor.fetchone()
            owner.execute("SELECT pg_terminate_backend(%s)", row)
            made.refresh_from_db()
            return made

    outcome = at_once([*(partial(claim, source, person) for person in people), killed])
    assert len(outcome.answers) == 50
    assert outcome.kinds() == {"NoneLeft": 149, "OperationalError": 1}
    assert not Voucher.objects.filter(city_code=TIANJIN, person=victim).exists()
    assert Voucher.objects.filter(city_code=TIANJIN, batch=source).count() == 50 == slots_say(source)


def test_one_person_clicking_twenty_times() -> None:
    source, person = batch(quota=50), registry.person()
    outcome = at_once(partial(claim, source, person) for _ in range(20))
    assert len(outcome.answers) == 1
    assert outcome.kinds() == {"HasOne": 19}
    assert slots_say(source) == 1


@pytest.mark.mission("C5")
@pytest.mark.sized
def test_one_voucher_used_at_twenty_providers_at_once_is_used_at_one() -> None:
    projects = [listed_project() for _ in range(20)]
    held = voucher(batch(scope=Scope()))
    tries = size(ci=100, nightly=200)
    terms = {"actor": system_actor(), "at": AT, "voucher": held}
    outcome = at_once(
        partial(services.use_voucher, **terms, provider=one.provider, project=one, class_id=number)
        for number in range(1, tries + 1)
        for one in [projects[number % 20]]
    )
    assert len(outcome.answers) == 1
    assert outcome.kinds() == {"UsedAlready": tries - 1}
    held.refresh_from_db()
    (winner,) = outcome.answers
    assert (held.class_id, held.provider_id) == (winner.class_id, winner.provider_id)


@pytest.mark.mission("C4")
def test_returned_and_claimed_again_all_at_once() -> None:
    """Places given back go to others while they are claimed; the same person's return and claim never lock each other up."""
    source = batch(quota=8)
    holders = crowd(8)
    held = [claim(source, person) for person in holders]
    others = crowd(12)
    returns = [
        partial(services.return_voucher, actor=worker(row.person), at=AT, voucher=row) for row in held for _ in range(2)
    ]
    claims = [partial(claim, source, person) for person in [*holders, *others]]
    outcome = at_once([call for pair in zip(returns, claims, strict=False) for call in pair] + claims[len(returns) :])
    assert set(outcome.kinds()) <= {"NoneLeft", "HasOne", WrongState.__name__}
    alive = Voucher.objects.filter(city_code=TIANJIN, batch=source, state="claimed").count()
    assert alive == slots_say(source) <= 8
    assert Voucher.objects.filter(city_code=TIANJIN, batch=source, state="returned").count() == 8


def test_closing_stops_the_claims_in_flight() -> None:
    source = batch(quota=500)
    people = crowd(60)
    officer = actor(Role.FUND_OFFICER)
    close = partial(services.close_batch, actor=officer, at=AT, batch=source)
    calls = [partial(claim, source, person) for person in people]
    outcome = at_once([*calls[:30], close, *calls[30:]], threads=12)
    assert set(outcome.kinds()) <= {"NotOpen"}
    assert len(outcome.answers) + len(outcome.errors) == 61
    assert Voucher.objects.filter(city_code=TIANJIN, batch=source).count() == slots_say(source)
    assert len(outcome.answers) - 1 == slots_say(source)


@pytest.mark.mission("C9")
def test_guesses_at_the_same_moment_are_counted_too() -> None:
    provider = registry.organisation()
    guesser = actor(Role.PROVIDER, organisation_id=provider.pk)
    place = Place(TIANJIN, TIANJIN, provider.pk)
    terms = {"actor": guesser, "at": AT, "place": place, "organisation": provider, "method": "api"}
    outcome = at_once(partial(services.verify_voucher, code=str(new_code(TIANJIN)), **terms) for _ in range(40))
    assert [answer.answer for answer in outcome.answers] == ["not_found"] * 10
    assert outcome.kinds() == {"TooManyTries": 30}
    assert VoucherCheck.objects.filter(city_code=TIANJIN, organisation=provider).count() == 10


@pytest.mark.mission("G2")
def test_two_officers_publish_from_one_budget() -> None:
    """Eight batches for money that reaches for three: three are published, the books stay right."""
    first = batch(state="submitted", quota=10, amount_fen=100_00)
    money = first.budget_account
    rest = [
        batch(first.project, state="submitted", quota=10, amount_fen=100_00, budget_account=money) for _ in range(7)
    ]
    allocate(actor=actor(Role.FUND_OFFICER), at=AT, account=money, amount_fen=2_000_00, memo="追加")
    outcome = at_once(
        partial(services.publish_batch, actor=actor(Role.APPROVER), at=AT, batch=row) for row in [first, *rest]
    )
    assert len(outcome.answers) == 3
    assert outcome.kinds() == {"Exhausted": 5}
    money.refresh_from_db()
    assert money.balance_fen == 0
    assert verify_books(TIANJIN) == []
    assert all(selectors.funnel(row)["held_fen"] == 1_000_00 for row in outcome.answers)


def test_expired_by_the_clock_while_somebody_uses_it() -> None:
    source = batch(quota=40)
    held = [voucher(source) for _ in range(10)]
    project, late = source.project, source.use_until + timedelta(seconds=1)
    clock = partial(services.expire_due, actor=system_actor(), at=late, place=Place(TIANJIN, TIANJIN))
    uses = [
        partial(
            services.use_voucher,
            actor=system_actor(),
            at=source.use_until,
            voucher=row,
            provider=project.provider,
            project=project,
            class_id=1,
        )
        for row in held
    ]
    outcome = at_once([*uses[:5], clock, *uses[5:], clock], threads=6)
    assert set(outcome.kinds()) <= {WrongState.__name__, "Expired"}
    states = Voucher.objects.filter(city_code=TIANJIN, batch=source).values_list("state", flat=True)
    used = sum(1 for state in states if state == "used")
    assert sorted(set(states) - {"used", "expired"}) == sorted({"claimed"} & set(states))
    assert slots_say(source) == used + sum(1 for state in states if state == "claimed")
