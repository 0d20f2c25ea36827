"""The account money leaves from: two people, the number typed twice, no batch without it, none from a replaced one."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from factories.actors import actor
from factories.payments import authorised, built, pays_from
from factories.subsidies import APPROVED, CITY, HEPING, approved, case
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.errors import BadInput, Refusal, SamePerson, WrongState
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Place, Role
from zhaoliang.payments import selectors, services
from zhaoliang.payments.models import PayingAccount, PaymentBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3")]

FUND = FundSource.EMPLOYMENT_SUBSIDY
HERE = Place(CITY, HEPING)
FIRST, SECOND = "0302000123456789", "0302000199998888"


def entered(officer: Actor, number: str = FIRST) -> PayingAccount:
    return services.set_paying_account(
        actor=officer,
        at=APPROVED,
        place=HERE,
        fund_source=FUND,
        bank_name="测试银行",
        bank_code="",
        account_name="测试专户",
        account_number=number,
    )


def officer() -> Actor:
    return actor(Role.FUND_OFFICER, region_code=HEPING)


def finance(person_id: int | None = None) -> Actor:
    return actor(Role.FINANCE, region_code=HEPING, person_id=person_id)


def test_one_enters_another_confirms_and_the_one_before_is_kept() -> None:
    who = officer()
    account = entered(who)
    assert selectors.account_in_use(CITY, HEPING, FUND) is None
    with pytest.raises(SamePerson):
        services.confirm_paying_account(
            actor=finance(who.person_id), at=APPROVED, account=account, account_number=FIRST
        )
    with pytest.raises(BadInput, match="不一样"):
        services.confirm_paying_account(actor=finance(), at=APPROVED, account=account, account_number=SECOND)
    with pytest.raises(Refusal, match="等复核"):
        entered(officer(), SECOND)
    services.confirm_paying_account(actor=finance(), at=APPROVED, account=account, account_number="0302 0001-2345 6789")
    assert selectors.account_in_use(CITY, HEPING, FUND) == account
    with pytest.raises(Refusal, match="不用再登记"):
        entered(officer())
    other = entered(officer(), SECOND)
    # Until it is confirmed the first one pays on.
    assert selectors.account_in_use(CITY, HEPING, FUND) == account
    services.confirm_paying_account(actor=finance(), at=APPROVED, account=other, account_number=SECOND)
    assert selectors.account_in_use(CITY, HEPING, FUND) == other
    states = [(one.account_masked, one.state) for one in selectors.paying_accounts(CITY, HEPING)]
    assert states == [("**** 8888", "confirmed"), ("**** 6789", "replaced")]
    changes = StateChange.objects.filter(city_code=CITY, machine="paying_account", object_id=account.pk)
    assert list(changes.order_by("id").values_list("event", flat=True)) == ["confirm", "replace"]


def test_a_refused_account_is_never_used_and_says_why() -> None:
    account = entered(officer())
    with pytest.raises(BadInput):
        services.refuse_paying_account(actor=finance(), at=APPROVED, account=account, note="")
    services.refuse_paying_account(actor=finance(), at=APPROVED, account=account, note="开户许可证上的户名不同")
    with pytest.raises(WrongState):
        services.confirm_paying_account(actor=finance(), at=APPROVED, account=account, account_number=FIRST)
    assert selectors.account_in_use(CITY, HEPING, FUND) is None


def test_the_number_is_encrypted_and_the_database_keeps_one_in_use_by_two_people() -> None:
    account = pays_from(HERE, FUND, FIRST)
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_number FROM paying_account WHERE city_code = %s AND id = %s", [CITY, account.pk])
        (stored,) = cursor.fetchall()
    assert FIRST.encode() not in bytes(stored[0])
    rows = PayingAccount.objects.filter(city_code=CITY, pk=account.pk)
    second = entered(officer(), SECOND)
    with pytest.raises(IntegrityError), transaction.atomic():
        PayingAccount.objects.filter(city_code=CITY, pk=second.pk).update(state="confirmed")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(decided_by_person=account.entered_by_person)


def test_a_batch_without_a_confirmed_account_says_what_to_do_and_one_of_a_replaced_account_stays() -> None:
    made = case(2)
    approved(made)
    fund = made.training_class.project.fund_source
    batch = services.build_batch(actor=made.officer, at=APPROVED, place=made.place, fund_source=fund)
    entered(officer())
    with pytest.raises(Refusal, match="没有封存批次") as caught:
        services.seal_batch(actor=made.officer, at=APPROVED, batch=batch)
    assert "付款账户" in caught.value.next_step
    waiting = PayingAccount.objects.get(city_code=CITY)
    services.confirm_paying_account(actor=made.finance, at=APPROVED, account=waiting, account_number=FIRST)
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=batch)
    batch = services.authorise_batch(actor=made.finance, at=APPROVED, batch=batch)
    assert batch.paying_account == waiting
    other = entered(officer(), SECOND)
    services.confirm_paying_account(actor=made.finance, at=APPROVED, account=other, account_number=SECOND)
    with pytest.raises(Refusal, match="“已更换”，不是在用的账户"):
        services.send_batch(actor=made.officer, at=APPROVED, batch=PaymentBatch.objects.get(city_code=CITY))
    services.dissolve_batch(actor=made.officer, at=APPROVED, batch=batch, reason="付款账户更换")
    again = services.seal_batch(actor=made.officer, at=APPROVED, batch=built(made))
    services.authorise_batch(actor=made.finance, at=APPROVED, batch=again)
    sent = services.send_batch(
        actor=made.officer, at=APPROVED, batch=PaymentBatch.objects.get(pk=again.pk, city_code=CITY)
    )
    assert sent.paying_account == other


@pytest.mark.parametrize("state", ["entered", "refused", None])
def test_no_money_leaves_from_an_account_that_is_not_confirmed(state: str | None) -> None:
    made = case(1)
    approved(made)
    batch = authorised(made)
    if state is None:
        # As batches were that had been sealed before there were paying accounts.
        PaymentBatch.objects.filter(city_code=CITY, pk=batch.pk).update(paying_account=None)
    else:
        PayingAccount.objects.filter(city_code=CITY, pk=batch.paying_account_id).update(state=state)
    with pytest.raises(Refusal, match="没有登记付款账户" if state is None else "不是在用的账户") as caught:
        services.send_batch(actor=made.officer, at=APPROVED, batch=batch)
    assert "复核" in caught.value.next_step
    batch.refresh_from_db()
    assert batch.state == "authorised"
    # There is a way on: the batch never left, so it is given up and its lines wait for the next one.
    assert services.dissolve_batch(actor=made.officer, at=APPROVED, batch=batch, reason="没有在用的付款账户")
