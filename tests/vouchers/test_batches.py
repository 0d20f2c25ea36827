"""Batches: terms, two people, the budget reserved and released, what a batch became."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import TIANJIN, actor
from factories.funds import account, budget
from factories.vouchers import AT, batch, listed_project, terms, voucher, worker
from zhaoliang.funds.models import FundSource
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel.errors import BadInput, Exhausted, Forbidden, SamePerson, WrongState
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.vouchers import perms, refusals, selectors, services
from zhaoliang.vouchers.models import BatchSlot, VoucherBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1")]

OFFICER = Role.FUND_OFFICER


def test_published_with_its_budget_reserved_and_its_quota_spread() -> None:
    money = budget(10_000_00, year=2026)
    source = batch(quota=45, amount_fen=100_00, budget_account=money)
    money.refresh_from_db()
    assert (source.state, money.balance_fen) == ("open", 5_500_00)
    assert source.reserved_account.balance_fen == 4_500_00
    shares = list(BatchSlot.objects.filter(city_code=TIANJIN, batch=source).values_list("quota", flat=True))
    assert (len(shares), sum(shares), max(shares) - min(shares)) == (32, 45, 1)
    assert [row.kind for row in transfers_of(TIANJIN, "voucher_batch", source.pk)] == ["reserve"]


def test_a_budget_that_does_not_reach_publishes_nothing() -> None:
    source = batch(state="submitted", quota=10, amount_fen=100_00, budget_account=budget(999_99, year=2026))
    with pytest.raises(Exhausted, match=r"差 ¥0\.01"):
        services.publish_batch(actor=actor(Role.APPROVER), at=AT, batch=source)
    source.refresh_from_db()
    assert (source.state, source.reserved_account_id) == ("submitted", None)
    assert not BatchSlot.objects.filter(city_code=TIANJIN, batch=source).exists()


def test_two_people_also_when_one_has_two_accounts() -> None:
    source = batch(state="draft")
    first = actor(OFFICER)
    source = services.submit_batch(actor=first, at=AT, batch=source)
    for same in (first, actor(Role.APPROVER, person_id=first.person_id)):
        with pytest.raises(SamePerson):
            services.publish_batch(actor=same, at=AT, batch=source)
    assert services.publish_batch(actor=actor(OFFICER), at=AT, batch=source).state == "open"


@pytest.mark.parametrize("column", ["user", "person"])
def test_the_database_refuses_one_person_for_both_steps(column: str) -> None:
    source = batch()
    with pytest.raises(IntegrityError, match="voucher_batch_two_"), transaction.atomic():
        VoucherBatch.objects.filter(city_code=TIANJIN, pk=source.pk).update(
            **{f"published_by_{column}": getattr(source, f"submitted_by_{column}")}
        )


def test_a_returned_batch_is_revised_and_submitted_again() -> None:
    source = batch(state="submitted", quota=10)
    source = services.return_batch(actor=actor(Role.APPROVER), at=AT, batch=source)
    wanted = replace(terms(), quota=20, budget_account=budget(50_000_00, year=2026))
    source = services.revise_batch(actor=actor(OFFICER), at=AT, batch=source, terms=wanted)
    source = services.submit_batch(actor=actor(OFFICER), at=AT, batch=source)
    with pytest.raises(WrongState):
        services.revise_batch(actor=actor(OFFICER), at=AT, batch=source, terms=wanted)
    assert services.publish_batch(actor=actor(Role.APPROVER), at=AT, batch=source).quota == 20


def test_wrong_terms_are_named_field_by_field() -> None:
    project = listed_project()
    wrong = replace(
        terms(project),
        name=" ",
        kind="lottery",
        quota=0,
        amount_fen=0,
        groups=("05", "77"),
        claim_from=AT + timedelta(days=2),
        claim_until=AT + timedelta(days=1),
        use_until=AT,
        declaration="",
        budget_account=account("budget", fund_source=FundSource.SECTOR),
    )
    with pytest.raises(BadInput) as refused:
        services.draft_batch(actor=actor(OFFICER), at=AT, place=Place(TIANJIN, TIANJIN), terms=wrong)
    assert set(refused.value.fields) == {
        "name",
        "kind",
        "quota",
        "amount_fen",
        "groups",
        "claim_until",
        "use_until",
        "declaration",
        "budget_account",
    }
    assert "77" in refused.value.fields["groups"]


def test_a_directed_batch_names_its_groups_unless_a_list_does() -> None:
    assert "groups" in terms(kind="directed").problems()
    assert terms(kind="directed", groups=("06",)).problems() == {}
    assert terms(kind="directed", issue="targeted").problems() == {}


def test_only_a_budget_account_pays_for_vouchers() -> None:
    wrong = replace(terms(), budget_account=account("payable"))
    assert "budget_account" in wrong.problems()


def test_a_sign_in_voucher_carries_no_money() -> None:
    assert "amount_fen" in replace(terms(), kind="sign_in_only").problems()
    source = batch(kind="sign_in_only", amount_fen=0)
    assert source.reserved_account.balance_fen == 0
    assert voucher(source).amount_fen == 0


def test_an_unlisted_project_or_a_window_gone_by_is_not_published() -> None:
    unlisted = batch(listed_project(state="suspended"), state="submitted")
    with pytest.raises(WrongState, match="项目库"):
        services.publish_batch(actor=actor(Role.APPROVER), at=AT, batch=unlisted)
    late = batch(state="submitted")
    with pytest.raises(BadInput, match="已经过了"):
        services.publish_batch(actor=actor(Role.APPROVER), at=late.claim_until, batch=late)


def test_suspended_and_resumed() -> None:
    source = batch(state="suspended")
    source = services.resume_batch(actor=actor(OFFICER), at=AT, batch=source)
    assert voucher(source).state == "claimed"


@pytest.mark.mission("G2")
def test_settled_only_when_no_voucher_can_cost_money_and_then_the_rest_goes_back() -> None:
    source = batch(quota=5, amount_fen=100_00)
    unused = voucher(source)
    voucher(source, used=True)
    services.close_batch(actor=actor(OFFICER), at=AT, batch=source)
    with pytest.raises(refusals.StillAlive, match="“已领取” 1 张、“已使用” 1 张"):
        services.settle_batch(actor=actor(OFFICER), at=AT, batch=source)
    services.return_voucher(actor=worker(unused.person), at=AT, voucher=unused)
    for row in source.vouchers.filter(city_code=TIANJIN, state="used"):
        services.undo_use(actor=system_actor(), at=AT, voucher=row)
    late = source.use_until + timedelta(days=1)
    services.expire_due(actor=system_actor(), at=late, place=Place(TIANJIN, TIANJIN))
    settled = services.settle_batch(actor=actor(OFFICER), at=late, batch=source)
    assert selectors.funnel(settled) == {
        "quota": 5,
        "left": 5,
        "claimed": 0,
        "used": 0,
        "verified": 0,
        "in_claim": 0,
        "redeemed": 0,
        "returned": 1,
        "expired": 1,
        "void": 0,
        "reserved_fen": 500_00,
        "released_fen": 500_00,
        "held_fen": 0,
        "accrued_fen": 0,
    }
    settled.budget_account.refresh_from_db()
    assert settled.budget_account.balance_fen == 500_00
    assert verify_books(TIANJIN) == []


def test_an_open_batch_is_not_settled() -> None:
    with pytest.raises(WrongState):
        services.settle_batch(actor=actor(OFFICER), at=AT, batch=batch())


@pytest.mark.parametrize("role", [Role.WORKER, Role.PROVIDER, Role.INSPECTOR, Role.AUDITOR, Role.ADMINISTRATOR])
def test_other_roles_do_not_make_batches(role: Role) -> None:
    someone = actor(role, organisation_id=1)
    with pytest.raises(Forbidden):
        services.draft_batch(actor=someone, at=AT, place=Place(TIANJIN, TIANJIN), terms=terms())
    with pytest.raises(Forbidden):
        services.publish_batch(actor=someone, at=AT, batch=batch(state="submitted"))


@pytest.mark.mission("C8")
def test_the_bureaus_list_stays_in_its_region() -> None:
    city, district = batch(), batch(region_code=120102, quota=3)
    assert [row.pk for row in selectors.batches_of(TIANJIN, TIANJIN)] == [district.pk, city.pk]
    assert [(row.pk, row.left) for row in selectors.batches_of(TIANJIN, 120102, state="open")] == [(district.pk, 3)]
    assert not perms.BATCH.allows(actor(Role.REVIEWER, region_code=120101), district.access())
    assert perms.MINE.allows(worker(registry.person()), None)
