"""Cost sharing: the shares sum, receipts count once, wrong ones go by two people, nobody pays or is paid twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

import seeds
from factories import registry
from factories.subsidies import ASSESSED, CITY, FULL_FEN, Case, approved, assembled, case
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.errors import BadInput, Refusal, SamePerson
from zhaoliang.kernel.roles import Role
from zhaoliang.sharing.models import CostShare, ShareReceipt
from zhaoliang.sharing.selectors import paid_for
from zhaoliang.sharing.services import decide_voiding, enter_receipt, propose_voiding, set_shares
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import CheckResult, ClaimLine
from zhaoliang.subsidies.shares import cost_standings

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F6")]

PRICE = 6_000_00
PAID_ON = date(2026, 5, 28)


def shared(made: Case, price_fen: int = PRICE, weights: tuple[str, str, str] = ("60", "20", "20")) -> CostShare:
    """The class shares its price before it begins; what the class went through later stands again afterwards."""
    here = TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk)
    here.update(state="accepted")
    government, enterprise, person = (Decimal(one) for one in weights)
    row = set_shares(
        actor=made.staff,
        at=registry.AT,
        training_class=made.training_class,
        price_fen=price_fen,
        government=government,
        enterprise=enterprise,
        person=person,
        document="收费备案和三方协议",
    )
    here.update(state="assessed")
    return row


def pay(made: Case, payer: str, places: list[int], total_fen: int, number: str, **more: Any) -> ShareReceipt:
    return enter_receipt(
        **{
            "actor": made.staff,
            "at": ASSESSED,
            "training_class": made.training_class,
            "payer": payer,
            "payer_name": "测试企业",
            "people": [made.enrolments[place] for place in places],
            "total_fen": total_fen,
            "paid_on": PAID_ON,
            "number": number,
        }
        | more
    )


def standing(made: Case, place: int = 0) -> Any:
    return cost_standings(made.enrolments)[made.enrolments[place].pk]


def test_the_shares_sum_to_the_price_whatever_the_per_cents() -> None:
    made = case(1, with_vouchers=False)
    seed = seeds.fresh_seed()
    random = Random(seed)
    for _ in range(20):
        first = random.randint(0, 10_000)
        second = random.randint(0, 10_000 - first)
        parts = [Decimal(one) / 100 for one in (first, second, 10_000 - first - second)]
        price = random.randint(1, 2_000_000)
        row = shared(made, price, (str(parts[0]), str(parts[1]), str(parts[2])))
        assert row.government_fen + row.enterprise_fen + row.person_fen == price, seed
        for fen, part in zip((row.government_fen, row.enterprise_fen, row.person_fen), parts, strict=True):
            assert abs(fen - price * part / 100) < 1, seed
    with pytest.raises(BadInput) as refused:
        shared(made, PRICE, ("60", "20", "19.99"))
    assert refused.value.fields == {"government": "三方的比例加起来要等于 100。"}


def test_an_enterprise_pays_for_its_people_and_the_parts_sum_to_the_receipt() -> None:
    made = case(3, with_vouchers=False)
    shared(made)
    receipt = pay(made, "enterprise", [0, 1, 2], 3_600_01, "QY-1")
    held = paid_for(CITY, [one.pk for one in made.enrolments])
    assert sorted(one.enterprise_fen for one in held.values()) == [1_200_00, 1_200_00, 1_200_01]
    assert receipt.total_fen == sum(one.total_fen for one in held.values())
    with pytest.raises(Refusal, match="收据号 QY-1 已经登记过"):
        pay(made, "person", [0], 1_00, " QY-1 ")
    with pytest.raises(Refusal, match="会超过每人收费"):
        pay(made, "person", [0], 4_800_01, "GR-1")
    for wrong, field in (
        ({"people": []}, "people"),
        ({"people": made.enrolments[:2]}, "people"),
        ({"people": case(1, with_vouchers=False).enrolments}, "people"),
        ({"paid_on": date(2026, 12, 1)}, "paid_on"),
        ({"total_fen": 0}, "total_fen"),
        ({"number": " "}, "number"),
    ):
        with pytest.raises(BadInput) as refused:
            pay(made, "person", [0], wrong.pop("total_fen", 1_00), wrong.pop("number", "GR-2"), **wrong)
        assert list(refused.value.fields) == [field]
    # Who has begun to pay may rely on the shares.
    TrainingClass.objects.filter(city_code=CITY, pk=made.training_class.pk).update(state="accepted")
    with pytest.raises(Refusal, match="已经有人缴费"):
        shared(made)


def test_a_wrong_receipt_goes_by_two_people_and_its_number_is_free_again() -> None:
    made = case(1, with_vouchers=False)
    shared(made)
    receipt = pay(made, "person", [0], 1_200_00, "GR-1")
    asked = propose_voiding(actor=made.staff, at=ASSESSED, receipt=receipt, reason="金额登错")
    with pytest.raises(Refusal, match="正在等人核对"):
        propose_voiding(actor=made.staff, at=ASSESSED, receipt=receipt, reason="金额登错")
    # The same natural person with an account of the bureau.
    twin = registry.actor_with(Role.REVIEWER, person=registry.person())
    twin = type(twin)(twin.user_id, made.staff.person_id, twin.name, twin.assignments)
    with pytest.raises(SamePerson):
        decide_voiding(actor=twin, at=ASSESSED, voiding=asked, agree=True)
    assert standing(made).paid.person_fen == 1_200_00
    decide_voiding(actor=made.reviewer, at=ASSESSED, voiding=asked, agree=True)
    assert standing(made).paid.person_fen == 0
    again = pay(made, "person", [0], 1_300_00, "GR-1")
    kept = propose_voiding(actor=made.staff, at=ASSESSED, receipt=again, reason="想想又不对")
    decide_voiding(actor=made.reviewer, at=ASSESSED, voiding=kept, agree=False)
    assert standing(made).paid.person_fen == 1_300_00


def test_what_the_provider_holds_beyond_the_price_is_given_back_once() -> None:
    # 3,780 from the government, 1,500 from the enterprise, 2,000 from the person: 1,280 beyond 6,000, all of it the person's.
    made = case(1)
    shared(made)
    pay(made, "enterprise", [0], 1_500_00, "QY-1")
    paid = pay(made, "person", [0], 2_000_00, "GR-1")
    given: dict[str, Any] = {"actor": made.staff, "enrolment": made.enrolments[0], "paid_on": PAID_ON, "at": ASSESSED}
    with pytest.raises(Refusal, match=r"现在应退本人 ¥0\.00"):
        services.refund_share(**given, payer="person", amount_fen=1_00, number="TF-1")
    approved(made)
    found = standing(made)
    assert (found.subsidy_fen, found.provider_fen, found.surplus_fen) == (FULL_FEN, 7_280_00, 1_280_00)
    assert (found.refund_person_fen, found.refund_enterprise_fen) == (1_280_00, 0)
    with pytest.raises(Refusal):
        services.refund_share(**given, payer="enterprise", amount_fen=1, number="TF-1")
    services.refund_share(**given, payer="person", amount_fen=1_280_00, number="TF-1")
    assert (standing(made).surplus_fen, standing(made).borne_fen) == (0, 720_00)
    with pytest.raises(Refusal, match=r"现在应退本人 ¥0\.00"):
        services.refund_share(**given, payer="person", amount_fen=1, number="TF-2")
    # The receipt that the refund rests on cannot be undone before it.
    asked = propose_voiding(actor=made.staff, at=ASSESSED, receipt=paid, reason="登错")
    with pytest.raises(Refusal, match="已经退过费"):
        decide_voiding(actor=made.reviewer, at=ASSESSED, voiding=asked, agree=True)
    assert standing(made).paid.person_fen == 720_00


def test_who_advanced_the_fee_is_paid_by_the_government_and_not_by_the_provider_too() -> None:
    made = case(1, prepaid_by_person=True)
    shared(made)
    pay(made, "person", [0], PRICE, "GR-1")
    claim = approved(made)
    [line] = ClaimLine.objects.filter(city_code=CITY, claim=claim)
    assert (line.payee, line.amount_fen) == ("person", FULL_FEN)
    found = standing(made)
    assert (found.surplus_fen, found.borne_fen, found.excess_fen) == (0, PRICE - FULL_FEN, 0)
    with pytest.raises(Refusal, match="政府补贴已经发给本人"):
        services.refund_share(
            actor=made.staff,
            at=ASSESSED,
            enrolment=made.enrolments[0],
            payer="person",
            amount_fen=FULL_FEN,
            paid_on=PAID_ON,
            number="TF-1",
        )


def alerts(line: ClaimLine) -> str:
    result = CheckResult.objects.get(city_code=CITY, pk=line.check_result_id)
    return result.findings.get("cost_shares", {}).get("words", "")


def test_a_verifier_stops_a_subsidy_for_what_was_not_paid_or_is_paid_already() -> None:
    prepaid = case(2, prepaid_by_person=True)
    shared(prepaid)
    pay(prepaid, "person", [0], 1_000_00, "GR-1")
    claim = assembled(prepaid)
    services.confirm_claim(actor=prepaid.staff, at=ASSESSED, claim=claim)
    low, none = ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id")
    assert (low.state, alerts(low)) == ("to_person", "补贴发给本人，金额高于本人实缴")
    assert (none.state, alerts(none)) == ("to_person", "名册写本人垫付，没有登记本人的缴费收据")
    whole = case(2)
    shared(whole)
    pay(whole, "enterprise", [0], PRICE, "QY-1")
    full, plain = ClaimLine.objects.filter(city_code=CITY, claim=assembled(whole)).order_by("id")
    assert (full.state, alerts(full)) == ("to_person", "个人和企业已缴足每人收费，补贴会使机构收入超过收费")
    assert (plain.state, alerts(plain)) == ("passed", "")
