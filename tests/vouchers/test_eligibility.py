"""The policies are asked at the claim itself: a no refuses with its clause, what nobody knows is declared, never refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factories import registry
from factories.classes import GROUP
from factories.vouchers import AT, batch, worker
from zhaoliang.kernel.roles import system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group, record_status
from zhaoliang.vouchers import passes, refusals, services
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2", "C3")]


def _claim(source: VoucherBatch, person: Person) -> Voucher:
    return services.claim_voucher(actor=worker(person), at=AT, person=person, batch=source, declared=True)


def _known(*, birth: date = date(1990, 5, 1), **holds: bool) -> Person:
    person = registry.person(birth=birth)
    system, day = system_actor(), AT.date() - timedelta(days=5)
    add_group(actor=system, at=AT, person=person, group=GROUP, evidence="register", source="测试比对", valid_from=day)
    for kind in ("pension", "establishment", "student"):
        record_status(
            actor=system,
            at=AT,
            person=person,
            kind=kind,
            holds=holds.get(kind, False),
            source="测试比对",
            checked_on=day,
        )
    return person


def test_who_draws_a_pension_is_refused_with_the_clause_at_every_door() -> None:
    source, retired = batch(), _known(pension=True)
    with pytest.raises(refusals.NotForYou, match="已按月领取养老保险待遇") as refused:
        _claim(source, retired)
    assert refused.value.clause is not None
    assert refused.value.next_step
    # The gate's way: without a pass it claims for nobody.
    with pytest.raises(refusals.NotForYou, match="已按月领取养老保险待遇"):
        passes.claim_pass(actor=worker(retired), at=AT, person=retired, batch=source, declared=True)
    assert not Voucher.objects.filter(city_code=source.city_code, person=retired).exists()
    # A voucher that only signs in is for exactly such people.
    assert _claim(batch(kind="sign_in_only", amount_fen=0), retired).state == "claimed"


def test_what_nobody_knows_is_declared_and_never_refused() -> None:
    source, stranger, known = batch(), registry.person(), _known()
    assert "已按月领取养老保险待遇" in _claim(source, stranger).declaration
    assert "已按月领取养老保险待遇" not in _claim(source, known).declaration


def test_who_is_old_enough_before_the_voucher_ends_may_claim_it() -> None:
    source = batch()
    sixteenth = source.use_until.date() - timedelta(days=30)
    assert _claim(source, _known(birth=sixteenth.replace(year=sixteenth.year - 16))).state == "claimed"
    child = _known(birth=sixteenth.replace(year=sixteenth.year - 12))
    with pytest.raises(refusals.NotForYou, match="16"):
        _claim(source, child)
