"""The books and the payment batches as fund officer and finance see them, and the trace of a cent."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from factories import funds, payments, registry, subsidies
from factories.jobs import run_waiting
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import Account
from zhaoliang.funds.selectors import verify_books
from zhaoliang.kernel import faults
from zhaoliang.kernel.jobs.running import perform
from zhaoliang.kernel.models import AuditEvent, Job
from zhaoliang.kernel.roles import Role
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import (
    BankReturn,
    BankReturnLine,
    BankUpload,
    PayingAccount,
    PaymentBatch,
    PaymentLine,
    ReconciliationCase,
)
from zhaoliang.registry.models import Organisation
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N4")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]


def _url(name: str, of: object) -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk])  # type: ignore[attr-defined]  # any city row


@pytest.mark.mission("G3")
def test_from_approved_lines_to_the_bank_and_back(desk: Desk, at_time: Clock) -> None:
    made, barred = subsidies.case(2), subsidies.case(1)
    subsidies.approved(made)
    subsidies.approved(barred)
    at_time(subsidies.APPROVED)
    officer, finance = desk(made.officer), desk(made.finance)
    page = officer.get(reverse("bureau:payments")).content.decode()
    assert "3 笔" in page
    fund = made.training_class.project.fund_source
    answer = officer.post(reverse("bureau:payments"), {"key": "b", "fund_source": fund})
    batch = PaymentBatch.objects.get(city_code=registry.CITY)
    assert answer["Location"] == _url("payment_batch", batch)
    assert officer.get(_url("bank_file", batch)).status_code == 409
    # Nothing leaves without an account that a second person confirmed, who types its number again.
    without = officer.post(_url("payment_seal", batch), {"key": "s"})
    assert (without.status_code, "付款账户" in without.content.decode()) == (409, True)
    accounts = reverse("bureau:paying_accounts")
    assert "还没有付款账户" in officer.get(accounts).content.decode()
    number = "0302000123456789"
    said = {
        "key": "n",
        "fund_source": fund,
        "bank_name": "测试银行",
        "account_name": "资金专户",
        "account_number": "12",
    }
    assert "账号应为 8 到 32 位数字" in officer.post(accounts, said).content.decode()
    officer.post(accounts, said | {"key": "n2", "account_number": number})
    account = PayingAccount.objects.get(city_code=registry.CITY)
    confirm = _url("paying_account_confirm", account)
    assert officer.post(confirm, {"key": "c", "account_number": number}).status_code == 403
    assert finance.post(confirm, {"key": "c1", "account_number": f"{number}0"}).status_code == 422
    finance.post(confirm, {"key": "c2", "account_number": number})
    shown = finance.get(accounts).content.decode()
    assert "1 个付款账户在用" in shown
    assert number not in shown
    officer.post(_url("payment_seal", batch), {"key": "s2"})
    assert officer.post(_url("payment_authorise", batch), {"key": "x"}).status_code == 403
    assert batch.number in finance.get(reverse("bureau:home")).content.decode()
    # A school that was suspended meanwhile is left out; the others' payments are sealed and authorised anew.
    assert officer.post(_url("payment_leave_out", batch), {"key": "l"}).status_code == 409
    Organisation.objects.filter(city_code=batch.city_code, pk=barred.provider.pk).update(state="suspended")
    kept_back = finance.post(_url("payment_authorise", batch), {"key": "a1"})
    assert (kept_back.status_code, "其中 1 笔不得拨付" in kept_back.content.decode()) == (409, True)
    leave_out = _url("payment_leave_out", batch)
    assert leave_out in officer.get(_url("payment_batch", batch)).content.decode()
    assert finance.post(leave_out, {"key": "l1"}).status_code == 403
    left = officer.post(leave_out, {"key": "l2"}, follow=True).content.decode()
    assert "不得拨付的明细已撤出" in left
    assert barred.provider.name not in left
    officer.post(_url("payment_seal", batch), {"key": "s3"})
    finance.post(_url("payment_authorise", batch), {"key": "a"})
    officer.post(_url("payment_send", batch), {"key": "t"})
    file = officer.get(_url("bank_file", batch))
    assert file["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(city_code=batch.city_code, detail={"why": "下载银行文件"}).count() == 1
    answered = answer_file(file.content, {1: "账号户名不符"})
    upload = {"key": "i", "file": SimpleUploadedFile("回单.xlsx", answered)}
    answer = officer.post(_url("payment_import", batch), upload, follow=True)
    text = answer.content.decode()
    assert "现在还什么都没有改动" in text
    assert not BankReturn.objects.filter(city_code=batch.city_code).exists()
    booked = officer.post(answer.redirect_chain[-1][0], {"key": "k"}, follow=True).content.decode()
    assert "2 行都对上了" in booked
    assert "银行退回" in booked
    batch.refresh_from_db()
    assert batch.state == "settled"
    page = officer.get(_url("payment_batch", batch)).content.decode()
    assert "2 笔中 1 笔到账，1 笔被银行退回" in page
    failed = ClaimLine.objects.get(city_code=batch.city_code, state="failed")
    assert officer.post(_url("line_retry", failed), {"key": "r"}).status_code == 409
    officer.post(_url("line_retry", failed), {"key": "r2", "same_account": "yes"})
    failed.refresh_from_db()
    assert failed.state == "approved"


@pytest.mark.mission("G3", "G4")
def test_a_statement_is_looked_at_booked_and_its_case_decided_by_two(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(2)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer, finance = desk(made.officer), desk(made.finance)
    first, second = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch).order_by("sequence")
    rows = [
        "交易日期,借方金额,贷方金额,流水号,摘要",
        f"2026-07-14,3780.00,,Y1,{first.reference}",
        f"2026-07-14,3000.00,,Y2,{second.reference}",
    ]
    file = SimpleUploadedFile("流水.csv", "\n".join(rows).encode())
    shown = officer.post(reverse("bureau:reconciliation"), {"key": "u", "file": file}, follow=True)
    assert "1 笔" in shown.content.decode()
    booked = officer.post(shown.redirect_chain[-1][0], {"key": "k"}, follow=True).content.decode()
    assert "1 行要向银行核实" in booked
    # The file itself, with whole account numbers, is kept no longer than it takes to decide.
    assert BankUpload.objects.get(city_code=batch.city_code).content == ""
    # Whoever comes back to it sees what became of it, and cannot book it again.
    assert "1 行要向银行核实" in officer.get(shown.redirect_chain[-1][0], follow=True).content.decode()
    again = officer.post(shown.redirect_chain[-1][0], {"key": "again"})
    assert again.status_code == 409
    assert "这份文件已经处理过" in again.content.decode()
    assert BankReturn.objects.filter(city_code=batch.city_code).count() == 1
    case = ReconciliationCase.objects.get(city_code=batch.city_code)
    queue = officer.get(reverse("bureau:reconciliation")).content.decode()
    assert _url("reconciliation_case", case) in queue
    assert "应为 ¥3,780.00，银行是 ¥3,000.00" in queue
    said = {"key": "p", "answer": "failed", "text": "银行少付后已退回", "evidence": ""}
    assert officer.post(_url("case_propose", case), said).status_code == 422
    officer.post(_url("case_propose", case), said | {"key": "p2", "evidence": "银行复函三号"})
    assert officer.post(_url("case_decide", case), {"key": "d", "agrees": "yes"}).status_code == 403
    assert "同意，按退回登记" in finance.get(_url("reconciliation_case", case)).content.decode()
    finance.post(_url("case_decide", case), {"key": "d2", "agrees": "yes"})
    case.refresh_from_db()
    batch.refresh_from_db()
    assert (case.state, batch.state) == ("closed", "settled")
    row = BankReturnLine.objects.get(city_code=batch.city_code, bank_reference="Y1")
    back = officer.get(_url("bank_line", row))
    assert back["Location"] == f"{_url('trace', first.claim_line)}?from=bank"
    found = officer.get(reverse("bureau:trace_search"), {"reference": first.reference})
    assert found["Location"] == back["Location"]
    assert "银行少付后已退回" in officer.get(_url("payment_batch", batch)).content.decode()


@pytest.mark.mission("G4")
def test_platform_bank_and_finance_sheet_agree_or_say_where_not(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(2)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    payments.answered(made, batch, answer_file(officer.get(_url("bank_file", batch)).content))
    address = reverse("bureau:agreement")
    text = officer.get(address).content.decode()
    assert "账实相符，财政报表还没有导入" in text
    for amount, word in (("7000.00", "¥560.00"), ("7560.00", "三方相符")):
        sheet = f"资金渠道,月份,支出金额\n就业补助资金,2026-07,{amount}\n".encode()
        file = SimpleUploadedFile("财政.csv", sheet)
        assert officer.post(address, {"key": amount, "file": file}).status_code == 302
        assert word in officer.get(address).content.decode()
    wrong = SimpleUploadedFile("财政.csv", "资金渠道,月份,支出金额\n别的钱,2026-07,1\n".encode())
    answer = officer.post(address, {"key": "w", "file": wrong})
    assert answer.status_code == 422
    assert "第 2 行的资金渠道" in answer.content.decode()
    exported = _sheet(officer.get(reverse("bureau:agreement_export")).content)
    assert exported[1][:3] == ["2026年7月", "就业补助资金", 7560.0]


@pytest.mark.mission("G3")
def test_nothing_is_sent_from_unknown_and_no_answer_is_booked(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(1)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    officer.post(_url("payment_unknown", batch), {"key": "u"})
    page = officer.get(_url("payment_batch", batch)).content.decode()
    assert "不知道银行是否收到" in page
    assert _url("payment_send", batch) not in page
    assert officer.post(_url("payment_send", batch), {"key": "again"}).status_code == 409
    upload = {"key": "i", "file": SimpleUploadedFile("回单.xlsx", b"x")}
    assert officer.post(_url("payment_import", batch), upload).status_code in (409, 422)
    officer.post(_url("payment_confirm", batch), {"key": "c"})
    batch.refresh_from_db()
    assert batch.state == "sent"


def test_a_large_bank_file_is_looked_at_and_booked_by_the_worker(
    desk: Desk, at_time: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhaoliang.web.bureau.views.reconciliation.BOOKED_AT_ONCE", 1)
    made = subsidies.case(2)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    answered = answer_file(bank_file(batch), {1: "账号户名不符"})
    upload = {"key": "i", "file": SimpleUploadedFile("回单.xlsx", answered)}
    answer = officer.post(_url("payment_import", batch), upload, follow=True)
    page = answer.redirect_chain[-1][0]
    assert "2 行，正在核对" in answer.content.decode()
    [job] = run_waiting(subsidies.APPROVED)
    assert job.state == "done"
    looked = officer.get(page).content.decode()
    assert "1 笔" in looked
    assert "可以入账" in looked
    assert not BankReturn.objects.filter(city_code=batch.city_code).exists()
    assert "银行文件入账" in officer.post(page, {"key": "k"}, follow=True).content.decode()
    # The worker dies after the money was booked and before it was committed; the next one does all of it, once.
    job = Job.objects.get(city_code=batch.city_code, kind="payments.book_upload")
    with faults.armed("payments.import:end"), pytest.raises(faults.Crash), transaction.atomic():
        perform(batch.city_code, job.pk, subsidies.APPROVED)
    assert verify_books(batch.city_code) == []
    assert PaymentLine.objects.filter(city_code=batch.city_code, state="sent").count() == 2
    [job] = run_waiting(subsidies.APPROVED)
    assert job.state == "done"
    assert "2 行都对上了" in officer.get(page, follow=True).content.decode()
    states = PaymentLine.objects.filter(city_code=batch.city_code).values_list("state", flat=True)
    assert sorted(states) == ["failed", "paid"]
    assert verify_books(batch.city_code) == []


def test_a_file_that_is_none_says_what_to_do_and_changes_nothing(desk: Desk) -> None:
    made = subsidies.case(1)
    subsidies.approved(made)
    batch = payments.sent(made)
    upload = {"key": "i", "file": SimpleUploadedFile("回单.xlsx", b"not a workbook")}
    answer = desk(made.officer).post(_url("payment_import", batch), upload)
    assert answer.status_code == 422
    assert "银行文件没有导入" in answer.content.decode()
    assert not BankReturn.objects.filter(city_code=batch.city_code).exists()


@pytest.mark.mission("G2")
def test_an_account_reads_like_a_bank_statement(desk: Desk) -> None:
    account = funds.budget(5_000_00, region_code=registry.HEPING)
    officer = desk(Role.FUND_OFFICER)
    said = {"key": "m", "nature": "allocate", "amount_fen": "1,200.50", "memo": "测试预算文件二号"}
    officer.post(_url("account", account), said)
    officer.post(_url("account", account), said)
    account.refresh_from_db()
    assert account.balance_fen == 6_200_50
    text = officer.get(_url("account", account)).content.decode()
    assert "¥6,200.50" in text
    assert "测试预算文件二号" in text
    source = Account.objects.get(city_code=account.city_code, kind="appropriation")
    assert _url("account", source) in text


@pytest.mark.mission("G2")
def test_an_amount_that_is_none_stays_in_the_form(desk: Desk) -> None:
    account = funds.budget(5_000_00, region_code=registry.HEPING)
    officer = desk(Role.FUND_OFFICER)
    for wrong in ("", "一百", "-5", "1.234"):
        answer = officer.post(_url("account", account), {"key": "m", "amount_fen": wrong, "memo": "文件"})
        assert answer.status_code == 422, wrong
    account.refresh_from_db()
    assert account.balance_fen == 5_000_00


@pytest.mark.mission("G4")
def test_the_trial_balance_is_proved_on_the_page(desk: Desk) -> None:
    funds.budget(5_000_00, region_code=registry.HEPING)
    text = desk(Role.AUDITOR).get(reverse("bureau:books")).content.decode()
    assert "账目核验：全部相符" in text
    assert "就业补助资金" in text


@pytest.mark.mission("G2", "F1")
def test_the_trace_leads_from_the_bank_reference_to_the_clause_and_adds_up(desk: Desk, at_time: Clock) -> None:
    made = subsidies.case(1)
    subsidies.approved(made)
    batch = payments.sent(made)
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    payments.answered(made, batch, answer_file(officer.get(_url("bank_file", batch)).content))
    reference = f"{batch.number}{1:06d}"
    answer = desk(Role.AUDITOR).get(reverse("bureau:trace_search"), {"reference": reference}, follow=True)
    line = ClaimLine.objects.get(city_code=batch.city_code)
    assert answer.redirect_chain[0][0] == f"{_url('trace', line)}?from=bank"
    view = answer.context["view"]
    assert [one.code for one in view.stations] == [
        "voucher", "bank", "payments", "transfers", "line", "steps", "rules",
    ]  # fmt: skip
    assert [(one.label, one.amount_fen, one.agrees) for one in view.proof] == [
        ("规则算出", 3_780_00, None),
        ("申领明细", 3_780_00, True),
        ("记账应付", 3_780_00, True),
        ("记账支付", 3_780_00, True),
        ("银行到账", 3_780_00, True),
    ]
    text = answer.content.decode()
    assert "第九条" in text
    assert reference in text
    assert "按当时的政策重算，结果相同" in text
    assert made.people[0].card_number not in text
    clauses = {clause.url.partition("#")[0] for row in view.rules for clause in row.clauses}
    assert {url: officer.get(url).status_code for url in clauses} == dict.fromkeys(clauses, 200)
    assert len(clauses) > 2


@pytest.mark.mission("G2")
def test_a_trace_on_its_way_says_how_far_it_came(desk: Desk) -> None:
    made = subsidies.case(1)
    claim = subsidies.confirmed(made)
    line = ClaimLine.objects.get(city_code=claim.city_code, claim=claim)
    view = desk(Role.AUDITOR).get(_url("trace", line)).context["view"]
    assert {one.code for one in view.stations if one.reached} == {"rules", "steps", "line", "voucher"}
    assert [one.amount_fen for one in view.proof] == [3_780_00, 3_780_00, None, None, None]


def test_a_statement_is_exported_as_it_is_filtered(desk: Desk) -> None:
    account = funds.budget(5_000_00, region_code=registry.HEPING)
    officer = desk(Role.FUND_OFFICER)
    everything = _sheet(officer.get(_url("account_export", account)).content)
    nothing = _sheet(officer.get(_url("account_export", account), {"until": "2020-01-01"}).content)
    assert everything[0][:3] == ["时间", "种类", "摘要"]
    assert everything[1][5] == 5000.0
    assert nothing == [everything[0]]


def _sheet(content: bytes) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
