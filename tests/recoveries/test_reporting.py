"""The reports of money whichever way it is cut, beside payments, returns, repayments, set-offs and recoveries."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from factories.payments import sent
from factories.recoveries import LATER, case_of, corrected, line_of, paid, paid_back, revoke
from factories.registry import actor_with, person
from factories.subsidies import CITY, FULL_FEN, HEPING, Case, approved, case
from zhaoliang.cli.trace import afterwards
from zhaoliang.demo.bank import answer_file
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.payments import services
from zhaoliang.payments.agreement import agreements
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import BankTotal, PaidTotal, PaymentBatch, PaymentLine, ReconciliationCase
from zhaoliang.recoveries.proof import prove
from zhaoliang.recoveries.reporting import By, fund_use
from zhaoliang.recoveries.selectors import cases_of_reference
from zhaoliang.recoveries.services import agree, reassess, set_off
from zhaoliang.subsidies.models import PaymentDue

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G1", "G4")]

CUTS: tuple[By, ...] = ("source", "region", "group", "project")


def kept_from_a_payment(made: Case) -> None:
    """The first line must come back; the second, which the bank had sent back, is kept for it."""
    first, second = line_of(made), line_of(made, 1)
    services.retry_line(actor=made.officer, at=LATER, line=second, same_account=True)
    revoke(first)
    reassess(actor=system_actor(), at=LATER, line=first)
    officer, opened = actor_with(Role.FUND_OFFICER), case_of(first)
    agree(actor=officer, at=LATER, case=opened, way="set_off", first_on=chinese_day(LATER), note="从下次应付款中抵扣")
    set_off(actor=officer, at=LATER, case=opened, line=line_of(made, 1))


def returned_and_paid_again(made: Case, batch: PaymentBatch) -> None:
    """The third line's money comes back late; a statement of the month before, brought in this month, says it was paid again."""
    content = answer_file(bank_file(batch), {2: "账号有误", 3: "账号已销户"})
    services.import_return(actor=system_actor(), at=LATER, batch=batch, file_name="退汇.xlsx", content=content)
    decided(ReconciliationCase.objects.get(city_code=CITY, kind="returned"), "returned", LATER)
    due = PaymentDue.objects.get(city_code=CITY, purpose="repayment")
    services.retry_payment_due(actor=made.officer, at=LATER, due=due, same_account=True)
    [line] = PaymentLine.objects.filter(city_code=CITY, batch=sent(made))
    statement_of(made, line, tail=line.account_number)


def decided(case_: ReconciliationCase, answer: str, at: datetime) -> None:
    """One person proposes, another agrees."""
    first, second = (actor_with(role, person=person()) for role in (Role.FUND_OFFICER, Role.FINANCE))
    services.propose_case(actor=first, at=at, case=case_, answer=answer, text="已与银行核实", evidence="银行复函 3")
    services.decide_case(actor=second, at=at, case=case_, agrees=True)


def statement_of(made: Case, *lines: PaymentLine, tail: str, number: str = "LS9") -> None:
    """A statement brought in in August: the bank paid the lines, in one sum, on 30 July."""
    head = "交易日期,借方金额,贷方金额,余额,对方户名,对方账号,流水号,摘要\n"
    references = "/".join(line.reference for line in lines)
    row = f"2026-07-30,{3780 * len(lines)}.00,,1,张三,{tail},{number},{references}\n"
    services.import_statement(
        actor=system_actor(), at=LATER, place=made.place, file_name="流水.csv", content=(head + row).encode("gb18030")
    )


def test_every_cut_of_the_report_comes_to_the_same_and_the_months_agree_with_the_bank() -> None:
    made = paid(4, {2: "账号有误"})
    batch = PaymentBatch.objects.get(city_code=CITY)
    kept_from_a_payment(made)
    returned_and_paid_again(made, batch)
    line = line_of(made, 3)
    corrected(line, 100_000)
    paid_back(line, 50_000, "HK7")
    # An auditor follows the cent beyond the payment, and back from the money that was returned.
    later = "\n".join(afterwards(line))
    for word in ("追回事项", "转应收追回", "追回到账", "流水号 HK7", "¥500.00"):
        assert word in later, word
    assert [one.claim_line_id for one in cases_of_reference(0, "HK7")] == [line.pk]
    assert cases_of_reference(CITY, "") == []
    for year, fund in ((None, ""), (2026, ""), (None, "employment_subsidy")):
        cut = {by: fund_use(CITY, HEPING, by=by, year=year, fund_source=fund) for by in CUTS}
        sums = {by: _sums(rows) for by, rows in cut.items()}
        assert set(sums.values()) == {(4 * FULL_FEN, FULL_FEN + 50_000, FULL_FEN - 150_000)}, sums
        for by in ("group", "project"):
            assert sum(row.payments or 0 for row in cut[by]) == 4
    assert fund_use(CITY, HEPING, by="project", year=2025) == []
    july, august = agreements(CITY, HEPING, date(2026, 7, 1), date(2026, 12, 1))
    # What was kept never went through the bank; what the bank paid in July was booked in August.
    assert (july.platform_fen, july.bank_fen, july.late_fen) == (3 * FULL_FEN, 4 * FULL_FEN, -FULL_FEN)
    assert (august.platform_fen, august.bank_fen, august.late_fen) == (0, -FULL_FEN, FULL_FEN)
    assert (july.agrees, august.agrees) == (True, True)
    assert prove(CITY).findings == ()
    _derived_again()


def test_what_nobody_has_booked_stays_a_difference_of_the_banks_month_until_two_people_decide() -> None:
    made = case(1)
    approved(made)
    [line] = PaymentLine.objects.filter(city_code=CITY, batch=sent(made))
    statement_of(made, line, tail="0000")
    year = (date(2026, 1, 1), date(2026, 12, 1))
    [july] = agreements(CITY, HEPING, *year)
    assert (july.month, july.platform_fen, july.bank_fen, july.late_fen) == ("2026-07", None, FULL_FEN, 0)
    assert not july.agrees
    decided(ReconciliationCase.objects.get(city_code=CITY, kind="account_differs"), "paid", LATER + timedelta(days=30))
    july, september = agreements(CITY, HEPING, *year)
    assert (july.late_fen, july.agrees) == (-FULL_FEN, True)
    assert (september.month, september.platform_fen, september.late_fen, september.agrees) == (
        "2026-09",
        FULL_FEN,
        FULL_FEN,
        True,
    )


def test_a_decision_against_what_the_bank_says_explains_nothing() -> None:
    made = case(1)
    approved(made)
    [line] = PaymentLine.objects.filter(city_code=CITY, batch=sent(made))
    statement_of(made, line, tail=line.account_number)
    # Paid once more by another reference, and taken for money that came back.
    statement_of(made, line, tail=line.account_number, number="LS10")
    decided(
        ReconciliationCase.objects.get(city_code=CITY, kind="twice_in_file"), "returned", LATER + timedelta(days=30)
    )
    july, august, september = agreements(CITY, HEPING, date(2026, 7, 1), date(2026, 12, 1))
    assert (july.bank_fen, july.late_fen, july.bank_difference) == (2 * FULL_FEN, -FULL_FEN, -FULL_FEN)
    assert (august.platform_fen, august.late_fen, august.agrees) == (FULL_FEN, FULL_FEN, True)
    assert (september.platform_fen, september.late_fen, september.bank_difference) == (-FULL_FEN, 0, -FULL_FEN)


def test_one_payment_for_lines_of_two_funds_is_explained_where_the_banks_month_has_it() -> None:
    first, second = case(1), case(1)
    approved(first)
    batch = sent(first)
    approved(second)
    other = sent(second)
    PaymentBatch.objects.filter(city_code=CITY, pk=other.pk).update(fund_source="special_account")
    lines = PaymentLine.objects.filter(city_code=CITY, batch__in=(batch, other)).order_by("id")
    statement_of(first, *lines, tail="")
    decided(ReconciliationCase.objects.get(city_code=CITY, kind="merged"), "paid", LATER)
    [july] = agreements(CITY, HEPING, date(2026, 7, 1), date(2026, 7, 1))
    assert (july.fund_source, july.bank_fen, july.late_fen) == (batch.fund_source, 2 * FULL_FEN, -2 * FULL_FEN)
    assert july.agrees


def _sums(rows: list[Any]) -> tuple[int, int, int]:
    return (
        sum(row.paid_fen for row in rows),
        sum(row.recovered_fen for row in rows),
        sum(row.owed_fen for row in rows),
    )


def _derived_again() -> None:
    """Totals that an older program did not count are found by the proof and follow from the entries again."""
    before = sorted(PaidTotal.objects.filter(city_code=CITY).values_list("month", "set_off", "payments", "amount_fen"))
    PaidTotal.objects.filter(city_code=CITY, month=date(2026, 7, 1)).update(payments=0, amount_fen=0)
    assert {one.check for one in prove(CITY).findings} == {"total"}
    services.derive_totals(actor=system_actor(), at=LATER, place=Place(CITY, CITY))
    assert prove(CITY).findings == ()
    after = sorted(PaidTotal.objects.filter(city_code=CITY).values_list("month", "set_off", "payments", "amount_fen"))
    assert after == before
    assert BankTotal.objects.filter(city_code=CITY).count() == 3


def test_no_report_reads_single_payments() -> None:
    paid(2)
    before = _reports()
    # Where there are no payments, no bank rows and no lines, and of the entries none that pays, they say the same.
    with national(), connection.cursor() as cursor:
        for table in ("payment_line", "bank_return_line", "claim_line"):
            cursor.execute(f"CREATE TEMPORARY TABLE {table} (LIKE public.{table}) ON COMMIT DROP")
        cursor.execute(
            "CREATE TEMPORARY TABLE transfer ON COMMIT DROP AS"
            " SELECT * FROM public.transfer WHERE kind NOT IN ('pay', 'reverse')"
        )
    assert not PaymentLine.objects.filter(city_code=CITY).exists()
    assert _reports() == before


def _reports() -> list[Any]:
    """Every report of money, none of them empty."""
    made = [fund_use(CITY, HEPING, by=by) for by in CUTS]
    made.append(agreements(CITY, HEPING, date(2026, 7, 1), date(2026, 7, 1)))
    assert all(made)
    return made
