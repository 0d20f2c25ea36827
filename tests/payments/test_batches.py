"""From approved line to bank: batches of two people, never sent twice, every line paid once or waiting with its reason."""

from __future__ import annotations

import csv
import io

import pytest
from django.db import IntegrityError, connection, transaction
from python_calamine import CalamineWorkbook

from factories import jobs as worker
from factories import registry
from factories.payments import answered, authorised, built, pays_from, sent
from factories.subsidies import APPROVED, CITY, FULL_FEN, HEPING, approved, case
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import FundSource
from zhaoliang.funds.selectors import transfers_of, verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Forbidden, Refusal, SamePerson, WrongState
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.payments import selectors, services, tasks
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.registry.models import Notice, Organisation
from zhaoliang.registry.services import set_card
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G3")]

FUND = FundSource.EMPLOYMENT_SUBSIDY


def lines(batch: PaymentBatch) -> list[PaymentLine]:
    return list(
        PaymentLine.objects.select_related("claim_line__voucher")
        .filter(city_code=CITY, batch=batch)
        .order_by("sequence")
    )


def test_a_batch_holds_each_approved_line_once() -> None:
    made = case(3)
    claim = approved(made)
    batch = built(made)
    claim.refresh_from_db()
    assert claim.state == "paying"
    assert [(line.sequence, line.attempt, line.amount_fen) for line in lines(batch)] == [
        (1, 1, FULL_FEN),
        (2, 1, FULL_FEN),
        (3, 1, FULL_FEN),
    ]
    with pytest.raises(Refusal, match="没有等待拨付"):
        built(made)


def test_the_trainee_who_paid_is_paid_on_his_card() -> None:
    made = case(1, prepaid_by_person=True)
    approved(made)
    (line,) = lines(built(made))
    assert (line.payee_name, line.account_number) == (made.people[0].name, made.people[0].card_number)


def test_a_line_without_an_account_stays_behind_with_the_reason() -> None:
    made = case(2, prepaid_by_person=True, with_cards=False)
    # Nobody can tell yet whose accounts they are.
    approved(made, judged=True)
    with pytest.raises(Refusal, match="没有登记社会保障卡银行账号"):
        built(made)
    card = registry.inventor().bank_card()
    set_card(actor=_desk(made), at=APPROVED, person=made.people[0], card_number=card)
    assert [line.account_number for line in lines(built(made))] == [card]
    waiting = selectors.waiting_lines(CITY, HEPING, FUND, on=chinese_day(APPROVED))
    assert [(one.owed.person_name, one.missing) for one in waiting] == [
        (made.people[1].name, "学员没有登记社会保障卡银行账号")
    ]


def _desk(made: object) -> Actor:
    return registry.actor_with(Role.REVIEWER)


def test_the_authoriser_is_somebody_else_also_behind_another_account() -> None:
    made = case(1)
    approved(made)
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=built(made))
    again = registry.actor_with(Role.FINANCE)
    same = Actor(again.user_id, made.officer.person_id, "同一人", again.assignments)
    with pytest.raises(SamePerson):
        services.authorise_batch(actor=same, at=APPROVED, batch=batch)
    with pytest.raises(Forbidden):
        services.authorise_batch(actor=made.officer, at=APPROVED, batch=batch)


def test_the_database_refuses_what_the_services_refuse() -> None:
    made = case(2)
    approved(made)
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=built(made))
    first = lines(batch)[0]
    alive_twice = (
        "INSERT INTO payment_line (city_code, batch_id, claim_line_id, sequence, attempt, payee_name, account_number,"
        " account_masked, amount_fen, state, bank_reference, failure) SELECT city_code, batch_id, claim_line_id, 99, 2,"
        " payee_name, account_number, account_masked, amount_fen, 'waiting', '', '' FROM payment_line"
        " WHERE city_code = %s AND id = %s"
    )
    attacks = [
        ("UPDATE payment_batch SET authorised_by_user = sealed_by_user WHERE city_code = %s AND id = %s", batch.pk),
        ("UPDATE payment_batch SET authorised_by_person = sealed_by_person WHERE city_code = %s AND id = %s", batch.pk),
        ("UPDATE payment_line SET amount_fen = 0 WHERE city_code = %s AND id = %s", first.pk),
        ("UPDATE payment_line SET state = 'paid_twice' WHERE city_code = %s AND id = %s", first.pk),
        (alive_twice, first.pk),
    ]
    for statement, pk in attacks:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [CITY, pk])


def test_lines_changed_after_sealing_stop_the_authorisation() -> None:
    made = case(2)
    approved(made)
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=built(made))
    PaymentLine.objects.filter(city_code=CITY, pk=lines(batch)[0].pk).update(amount_fen=FULL_FEN + 1)
    with pytest.raises(Refusal, match="封存时是 2 笔"):
        services.authorise_batch(actor=made.finance, at=APPROVED, batch=batch)


def test_the_bank_file_is_the_same_bytes_every_time_and_holds_every_line() -> None:
    made = case(2)
    approved(made)
    batch = sent(made)
    content = selectors.file_as_sent(batch)
    assert content == bank_file(batch)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows[0] == ["批次号", "行号", "户名", "账号", "金额", "用途"]
    assert [row[1:5] for row in rows[1:]] == [
        [str(number), made.provider.name, made.provider.account_number, "3780.00"] for number in (1, 2)
    ]
    text = bank_file(batch, "csv").decode("gb18030")
    assert [row[4] for row in csv.reader(io.StringIO(text))][1:] == ["3780.00", "3780.00"]


def test_account_numbers_are_not_stored_in_clear() -> None:
    made = case(1)
    approved(made)
    batch = built(made)
    with connection.cursor() as cursor:
        cursor.execute("SELECT payment_line::text FROM payment_line WHERE city_code = %s", [CITY])
        stored = str(cursor.fetchall())
    account = lines(batch)[0].account_number
    assert account not in stored
    assert account.encode().hex() not in stored


def test_from_unknown_nothing_is_sent_before_the_bank_has_answered() -> None:
    made = case(1)
    approved(made)
    batch = services.mark_unknown(actor=made.officer, at=APPROVED, batch=sent(made))
    for forbidden in (services.send_batch, services.seal_batch):
        with pytest.raises(WrongState):
            forbidden(actor=made.officer, at=APPROVED, batch=batch)
    with pytest.raises(WrongState):
        services.dissolve_batch(actor=made.officer, at=APPROVED, batch=batch, reason="重新编制")
    with pytest.raises(Refusal, match="是否送达还不清楚"):
        answered(made, batch, answer_file(bank_file(batch)))
    batch = services.confirm_not_sent(actor=made.officer, at=APPROVED, batch=batch)
    assert (batch.state, lines(batch)[0].state) == ("authorised", "waiting")
    batch = services.send_batch(actor=made.officer, at=APPROVED, batch=batch)
    assert batch.state == "sent"


def test_an_unknown_batch_the_bank_has_is_answered_like_any_other() -> None:
    made = case(1)
    approved(made)
    batch = services.mark_unknown(actor=made.officer, at=APPROVED, batch=authorised(made))
    batch = services.confirm_sent(actor=made.officer, at=APPROVED, batch=batch)
    # The school hears only now that its money is under way.
    [told] = Notice.objects.filter(city_code=CITY, kind="payment_sent", organisation=made.provider)
    assert "1 笔补贴共 ¥3,780.00 已送银行" in told.text
    answered(made, batch, answer_file(bank_file(batch)))
    batch.refresh_from_db()
    assert (batch.state, lines(batch)[0].state) == ("settled", "paid")


@pytest.mark.parametrize("point", faults.points("payments.build"))
def test_a_crash_while_building_leaves_no_batch(point: str) -> None:
    made = case(2)
    approved(made)
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        built(made)
    assert not PaymentBatch.objects.filter(city_code=CITY).exists()
    assert len(lines(built(made))) == 2


@pytest.mark.parametrize("point", faults.points("payments.send"))
def test_a_crash_while_sending_leaves_the_batch_authorised(point: str) -> None:
    made = case(1)
    approved(made)
    batch = authorised(made)
    with pytest.raises(faults.Crash), transaction.atomic(), faults.armed(point):
        services.send_batch(actor=made.officer, at=APPROVED, batch=batch)
    batch.refresh_from_db()
    assert (batch.state, batch.file_sha256, lines(batch)[0].state) == ("authorised", None, "waiting")
    assert services.send_batch(actor=made.officer, at=APPROVED, batch=batch).state == "sent"


def test_a_dissolved_batch_gives_its_lines_to_the_next_one() -> None:
    made = case(2)
    approved(made)
    batch = services.dissolve_batch(actor=made.officer, at=APPROVED, batch=built(made), reason="账号待核")
    assert batch.state == "dissolved"
    assert [line.attempt for line in lines(built(made))] == [2, 2]


def test_a_failed_line_is_paid_after_its_card_was_corrected() -> None:
    made = case(2, prepaid_by_person=True)
    claim = approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch), {1: "账号户名不符"}))
    batch.refresh_from_db()
    first, second = lines(batch)
    assert (batch.state, first.state, first.failure, second.state) == ("settled", "failed", "账号户名不符", "paid")
    failed = ClaimLine.objects.get(city_code=CITY, pk=first.claim_line_id)
    assert failed.state == "failed"
    assert first.claim_line.voucher is not None
    assert first.claim_line.voucher.state == "in_claim"
    with pytest.raises(Refusal, match="账号户名不符"):
        services.retry_line(actor=made.officer, at=APPROVED, line=failed)
    person = made.people[0]
    set_card(actor=_desk(made), at=APPROVED, person=person, card_number=registry.inventor().bank_card())
    services.retry_line(actor=made.officer, at=APPROVED, line=failed)
    second_batch = sent(made)
    (again,) = lines(second_batch)
    assert again.attempt == 2
    answered(made, second_batch, answer_file(bank_file(second_batch)))
    claim.refresh_from_db()
    made.training_class.refresh_from_db()
    assert (claim.state, made.training_class.state) == ("settled", "closed")
    assert verify_books(CITY) == []


def test_the_whole_claim_paid_kills_its_vouchers_and_closes_the_class() -> None:
    made = case(3)
    claim = approved(made)
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch)))
    claim.refresh_from_db()
    made.training_class.refresh_from_db()
    assert (claim.state, made.training_class.state) == ("settled", "closed")
    for line in lines(batch):
        assert line.claim_line.voucher is not None
        assert line.claim_line.voucher.state == "redeemed"
        assert [transfer.kind for transfer in transfers_of(CITY, "claim_line", line.claim_line_id)] == ["accrue", "pay"]
    assert verify_books(CITY) == []


@pytest.mark.mission("I3")
def test_who_is_barred_after_the_batch_was_built_is_not_paid_and_the_rest_goes_on() -> None:
    bad, good = case(1), case(1)
    for made in (bad, good):
        approved(made)
    batch = services.seal_batch(actor=good.officer, at=APPROVED, batch=built(good))
    assert len(lines(batch)) == 2
    Organisation.objects.filter(city_code=CITY, pk=bad.provider.pk).update(state="suspended")
    with pytest.raises(Refusal, match="其中 1 笔不得拨付"):
        services.authorise_batch(actor=good.finance, at=APPROVED, batch=batch)
    batch = services.leave_out_barred(actor=good.officer, at=APPROVED, batch=batch)
    assert (batch.state, batch.sealed_by_user, batch.total_fen) == ("building", None, 0)
    # What was split off is a batch of its own that was never sent; its line waits, and no batch takes it.
    apart = PaymentBatch.objects.get(city_code=CITY, state="dissolved")
    [held] = lines(apart)
    assert (held.payee_name, held.state, held.claim_line.state) == (bad.provider.name, "failed", "approved")
    with pytest.raises(Refusal, match="没有等待拨付"):
        built(good)
    [why] = selectors.waiting_lines(CITY, HEPING, FUND, on=chinese_day(APPROVED))
    assert "解除以后再拨" in why.missing
    with pytest.raises(Refusal, match="没有不得拨付的收款单位"):
        services.leave_out_barred(actor=good.officer, at=APPROVED, batch=batch)
    batch = services.seal_batch(actor=good.officer, at=APPROVED, batch=batch)
    batch = services.authorise_batch(actor=good.finance, at=APPROVED, batch=batch)
    [line] = lines(batch)
    assert (line.payee_name, batch.lines_count) == (good.provider.name, 1)
    Organisation.objects.filter(city_code=CITY, pk=good.provider.pk).update(state="suspended")
    with pytest.raises(Refusal, match="没有送银行"):
        services.send_batch(actor=good.officer, at=APPROVED, batch=batch)
    with pytest.raises(Refusal, match="撤出以后就空了"):
        services.leave_out_barred(actor=good.officer, at=APPROVED, batch=batch)


@pytest.mark.mission("I3")
def test_an_enterprise_that_is_barred_is_paid_nothing_by_whichever_name_it_is_found() -> None:
    enterprise = registry.organisation(kind="enterprise", account_number=registry.inventor().bank_card())
    made = case(2, employer_uscc=enterprise.uscc)
    approved(made)
    ClaimLine.objects.filter(city_code=CITY, claim__provider=made.provider).update(payee="enterprise")
    batch = built(made)
    assert {line.payee_name for line in lines(batch)} == {enterprise.name}
    Organisation.objects.filter(city_code=CITY, pk=enterprise.pk).update(state="removed")
    with pytest.raises(Refusal, match="没有封存"):
        services.seal_batch(actor=made.officer, at=APPROVED, batch=batch)
    services.dissolve_batch(actor=made.officer, at=APPROVED, batch=batch, reason="企业被移出目录")
    with pytest.raises(Refusal, match="没有等待拨付"):
        built(made)
    # The school that taught may be barred: it is not the one that is paid.
    Organisation.objects.filter(city_code=CITY, pk=enterprise.pk).update(state="listed")
    Organisation.objects.filter(city_code=CITY, pk=made.provider.pk).update(state="suspended")
    assert len(lines(built(made))) == 2


def test_the_organisation_that_is_paid_hears_of_it_and_not_the_school() -> None:
    enterprise = registry.organisation(kind="enterprise", account_number=registry.inventor().bank_card())
    made = case(2, employer_uscc=enterprise.uscc)
    approved(made)
    ClaimLine.objects.filter(city_code=CITY, claim__provider=made.provider).update(payee="enterprise")
    batch = sent(made)
    answered(made, batch, answer_file(bank_file(batch), {2: "账号已销户"}))
    told = Notice.objects.filter(city_code=CITY, kind__startswith="payment_").order_by("id")
    assert [(one.kind, one.organisation_id) for one in told] == [
        ("payment_sent", enterprise.pk),
        ("payment_failed", enterprise.pk),
        ("payment_paid", enterprise.pk),
    ]
    assert "1 笔补贴被银行退回：账号已销户" in told[1].text


def test_large_batches_are_jobs_that_are_done_once_or_leave_nothing() -> None:
    made = case(2)
    approved(made)
    pays_from(made.place, FUND)
    given = {"actor": made.officer, "at": APPROVED, "subject": made.place, "fund_source": FUND.value}
    row = tasks.build_many.start(**given)
    row.cancel_asked = True
    row.save(update_fields=["cancel_asked"])
    worker.run_waiting(APPROVED)
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert not PaymentBatch.objects.filter(city_code=CITY, region_code=HEPING).exists()
    tasks.build_many.start(**given)
    worker.run_waiting(APPROVED)
    batch = PaymentBatch.objects.get(city_code=CITY, region_code=HEPING)
    assert [line.amount_fen for line in lines(batch)] == [FULL_FEN, FULL_FEN]
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=batch)
    batch = services.authorise_batch(actor=made.finance, at=APPROVED, batch=batch)
    leaving = {"actor": made.officer, "at": APPROVED, "subject": batch, "file_kind": "csv"}
    stopped = tasks.send_many.start(**leaving)
    stopped.cancel_asked = True
    stopped.save(update_fields=["cancel_asked"])
    worker.run_waiting(APPROVED)
    batch.refresh_from_db()
    assert (batch.state, {line.state for line in lines(batch)}) == ("authorised", {"waiting"})
    tasks.send_many.start(**leaving)
    worker.run_waiting(APPROVED)
    batch.refresh_from_db()
    assert (batch.state, batch.file_kind, {line.state for line in lines(batch)}) == ("sent", "csv", {"sent"})
    assert selectors.file_as_sent(batch) == bank_file(batch, "csv")
