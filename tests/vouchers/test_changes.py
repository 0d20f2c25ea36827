"""Changes of a published batch: two people, the money with them, slots that never fall below what was claimed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from factories.actors import TIANJIN, actor
from factories.funds import budget
from factories.vouchers import AT, batch, crowd, voucher, worker
from zhaoliang.kernel.errors import BadInput, Busy, Exhausted, SamePerson, WrongState
from zhaoliang.kernel.roles import Role
from zhaoliang.recoveries.proof import prove
from zhaoliang.registry.models import Notice
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.models import BatchChange, BatchSlot, VoucherBatch
from zhaoliang.vouchers.services import Wish

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1")]


def _propose(source: VoucherBatch, kind: str, **wish: object) -> BatchChange:
    wished = Wish(kind, "测试原因", **wish)  # type: ignore[arg-type]  # one keyword of the wish
    return services.propose_change(actor=actor(Role.FUND_OFFICER), at=AT, batch=source, wish=wished)


def _done(change: BatchChange) -> BatchChange:
    return services.approve_change(actor=actor(Role.APPROVER), at=AT, change=change)


def _slots(source: VoucherBatch) -> list[tuple[int, int]]:
    return list(BatchSlot.objects.filter(city_code=TIANJIN, batch=source).values_list("quota", "claimed"))


@pytest.mark.mission("G2")
def test_topped_up_with_its_money_and_shrunk_to_what_is_unclaimed() -> None:
    money = budget(10_000_00, year=2026)
    source = batch(quota=5, amount_fen=100_00, budget_account=money)
    _done(_propose(source, "top_up", quantity=60))
    source.refresh_from_db()
    assert source.quota == sum(quota for quota, _ in _slots(source)) == 65
    assert selectors.funnel(source)["held_fen"] == 65 * 100_00
    held = [voucher(source) for _ in range(2)]
    with pytest.raises(refusals.NotEnoughLeft, match="63 张"):
        _done(_propose(source, "shrink", quantity=64))
    BatchChange.objects.filter(city_code=TIANJIN, batch=source, state="proposed").update(state="refused")
    _done(_propose(source, "shrink", quantity=62))
    source.refresh_from_db()
    assert (source.quota, selectors.funnel(source)["left"]) == (3, 1)
    assert all(claimed <= quota for quota, claimed in _slots(source))
    assert selectors.funnel(source)["held_fen"] == 3 * 100_00
    money.refresh_from_db()
    assert money.balance_fen == 10_000_00 - 300_00
    assert prove(TIANJIN).findings == ()
    assert {one.state for one in held} == {"claimed"}


def test_a_top_up_beyond_the_budget_changes_nothing() -> None:
    source = batch(quota=5, amount_fen=100_00, budget_account=budget(600_00, year=2026))
    change = _propose(source, "top_up", quantity=2)
    with pytest.raises(Exhausted):
        _done(change)
    change.refresh_from_db()
    source.refresh_from_db()
    assert (change.state, source.quota, sum(quota for quota, _ in _slots(source))) == ("proposed", 5, 5)


def test_two_people_decide_by_service_and_by_database() -> None:
    source = batch()
    who = actor(Role.FUND_OFFICER)
    change = services.propose_change(actor=who, at=AT, batch=source, wish=Wish("top_up", "原因", quantity=1))
    for same in (who, actor(Role.APPROVER, person_id=who.person_id)):
        with pytest.raises(SamePerson):
            services.approve_change(actor=same, at=AT, change=change)
    with pytest.raises(IntegrityError, match="batch_change_two_"), transaction.atomic():
        BatchChange.objects.filter(city_code=TIANJIN, pk=change.pk).update(
            state="approved", decided_by_user=who.user_id, decided_by_person=who.person_id
        )
    assert services.refuse_change(actor=who, at=AT, change=change).state == "refused"
    with pytest.raises(WrongState):
        _done(change)


def test_one_open_wish_of_a_kind_and_only_sensible_ones() -> None:
    source = batch()
    _propose(source, "top_up", quantity=1)
    with pytest.raises(Busy):
        _propose(source, "top_up", quantity=1)
    for kind, wish in (
        ("shrink", {"quantity": 10}),
        ("top_up", {"quantity": 0}),
        ("extend", {"use_until": source.use_until - timedelta(days=1)}),
        ("extend", {}),
        ("void", {}),
    ):
        with pytest.raises(BadInput):
            _propose(source, kind, **wish)
    with pytest.raises(WrongState):
        _propose(batch(state="draft"), "top_up", quantity=1)


@pytest.mark.mission("C4")
def test_an_extended_validity_keeps_vouchers_alive_and_tells_their_holders_once() -> None:
    source = batch()
    held = voucher(source)
    later = source.use_until + timedelta(days=30)
    _done(_propose(source, "extend", use_until=later))
    source.refresh_from_db()
    assert source.use_until == later
    told = Notice.objects.get(city_code=TIANJIN, person=held.person)
    assert (told.kind, told.subject_id) == ("voucher_extended", held.pk)


@pytest.mark.mission("C4")
def test_a_void_voucher_frees_its_place_and_its_holder_is_told_why() -> None:
    source = batch(quota=1)
    held = voucher(source)
    _done(_propose(source, "void", voucher=held))
    held.refresh_from_db()
    assert (held.state, held.ended_reason) == ("void", "测试原因")
    assert "测试原因" in Notice.objects.get(city_code=TIANJIN, person=held.person).text
    other = crowd(1)[0]
    assert services.claim_voucher(actor=worker(other), at=AT, person=other, batch=source, declared=True)
    with pytest.raises(refusals.HasOne):
        services.claim_voucher(actor=worker(held.person), at=AT, person=held.person, batch=source, declared=True)


def test_a_voucher_whose_subsidy_is_claimed_is_not_void() -> None:
    held = voucher(verified=True)
    type(held).objects.filter(city_code=TIANJIN, pk=held.pk).update(state="in_claim")
    held.refresh_from_db()
    with pytest.raises(refusals.InClaim):
        _propose(held.batch, "void", voucher=held)
