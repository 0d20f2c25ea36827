"""The recovery desk and the finance desk's new pages, walked through as people do."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pypdf
import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from factories.identity import sign_in
from factories.jobs import run_waiting
from factories.recoveries import LATER, case_of, line_of, paid, revoke
from factories.registry import actor_with, person, user
from factories.subsidies import CITY, FULL_FEN, HEPING
from zhaoliang.funds.models import Account, BookCheck, BookClosing, BudgetOrder
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.payments.models import PaymentLine
from zhaoliang.recoveries.models import Correction, RecoveryCase
from zhaoliang.registry.models import Person, User
from zhaoliang.registry.selectors import notices_of

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G5", "G2")]
Desk = Callable[..., Client]


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def at(name: str, *args: Any) -> str:
    return reverse(f"bureau:{name}", args=args)


def test_a_revoked_certificate_is_found_told_answered_paid_back_in_parts_and_closed(
    desk: Desk, at_time: Callable[[datetime], None]
) -> None:
    at_time(LATER)
    made = paid(1, prepaid_by_person=True)
    line = line_of(made)
    officer = desk(Role.FUND_OFFICER, region_code=HEPING)
    assert "没有要追回的款项" in text(officer.get(at("recoveries")))
    revoke(line)
    assert officer.post(at("recoveries_look")).status_code == 302
    [job] = run_waiting(LATER)
    assert (job.state, job.result) == ("done", {"found": 1})
    shown = text(officer.get(at("recoveries")))
    case = case_of(line)
    assert all(word in shown for word in ("¥3,780.00", mask_name(line.person.name), "已通知，等待回复"))
    assert line.person.name not in shown
    page = text(officer.get(at("recovery", CITY, case.pk)))
    assert all(word in page for word in ("证书", "转应收追回", "登记到账", "第九条"))
    [notice] = notices_of(city_code=CITY, person=line.person).filter(kind="recovery")
    assert "3,780.00" in notice.title
    worker = sign_in(Client(), User.objects.filter(person_id=line.person_id).first() or _account(line.person_id))
    mine = text(worker.get(reverse("worker:recovery", args=[CITY, case.pk])))
    assert "把回复送给经办部门" in mine
    assert worker.post(reverse("worker:recovery", args=[CITY, case.pk]), {"text": "想分两期退"}).status_code == 302
    assert "想分两期退" in text(officer.get(at("recovery", CITY, case.pk)))
    terms = {"way": "instalments", "parts": "2", "first_on": "2026-09-01", "note": "本人申请"}
    assert officer.post(at("recovery_agree", CITY, case.pk), terms).status_code == 302
    for number, reference in ((1, "HK1"), (2, "HK2")):
        receipt = {"amount_fen": "1890.00", "received_on": "2026-08-12", "bank_reference": reference}
        assert officer.post(at("recovery_receive", CITY, case.pk), receipt).status_code == 302, number
    case.refresh_from_db()
    assert (case.state, case.collected_fen) == ("recovered", FULL_FEN)
    assert "全部退还" in text(officer.get(at("recovery", CITY, case.pk)))
    trace = text(officer.get(at("trace", CITY, line.pk)))
    assert "审批以后的变化" in trace
    assert at("recovery", CITY, case.pk) in trace
    file = officer.get(at("recoveries_export") + "?state=recovered")
    assert load_workbook(io.BytesIO(file.content)).active["A2"].value == mask_name(line.person.name)


def _account(person_id: int) -> User:
    return user(Role.WORKER, person=Person.objects.get(city_code=CITY, pk=person_id))


def test_a_case_is_refused_handed_over_and_written_off_by_two_people(
    desk: Desk, at_time: Callable[[datetime], None]
) -> None:
    at_time(LATER)
    line = line_of(paid(1))
    reviewer, approver = desk(Role.REVIEWER, region_code=HEPING), desk(Role.APPROVER, region_code=HEPING)
    someone = person()
    officer = desk(Role.FUND_OFFICER, region_code=HEPING, person=someone)
    same = desk(Role.APPROVER, region_code=HEPING, person=someone)
    form = {"cause": "identity", "amount_fen": "-1", "text": "查"}
    assert "金额不能小于零" in text(reviewer.post(at("line_correct", CITY, line.pk), form), 422)
    form = {
        "cause": "identity",
        "amount_fen": "0",
        "text": "经核查，参加培训的是另一个人（津人社局发〔2022〕20号 第四条）",
    }
    assert reviewer.post(at("line_correct", CITY, line.pk), form).status_code == 302
    correction = Correction.objects.get(city_code=CITY)
    assert "参加培训的是另一个人" in text(approver.get(at("recoveries")))
    assert approver.post(at("correction_confirm", CITY, correction.pk)).status_code == 302
    case = RecoveryCase.objects.get(city_code=CITY)
    provider = desk(made_staff(line))
    assert "退还补贴" in text(provider.get(reverse("provider:recoveries")))
    assert "应退还" in text(provider.get(reverse("provider:recovery", args=[CITY, case.pk])))
    assert officer.post(at("recovery_refuse", CITY, case.pk), {"note": "机构拒绝退还"}).status_code == 302
    assert officer.get(at("recovery_document", CITY, case.pk)).status_code == 409
    to = {"to": "和平区公安分局", "note": "涉嫌骗取补贴"}
    assert officer.post(at("recovery_propose_hand_over", CITY, case.pk), to).status_code == 302
    assert "审批前的草稿" in printed(officer.get(at("recovery_document", CITY, case.pk)))
    no = {"note": "先催收一次"}
    assert approver.post(at("recovery_keep_here", CITY, case.pk), no).status_code == 302
    assert officer.post(at("recovery_propose_hand_over", CITY, case.pk), to).status_code == 302
    assert same.post(at("recovery_hand_over", CITY, case.pk)).status_code == 403
    assert approver.post(at("recovery_hand_over", CITY, case.pk)).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.handed_to, case.handed_at) == ("handed_over", "和平区公安分局", LATER)
    assert "占用天数和利息" in text(officer.get(at("recovery", CITY, case.pk)))
    document = printed(approver.get(at("recovery_document", CITY, case.pk)))
    for word in (
        case.payee_name,
        line.claim.provider.uscc,
        "和平区公安分局",
        "参加培训的是另一个人",
        "尚欠¥3,780.00",
        "移送司法机关处理",
        "通知：请退还补贴",
        f"ZL{PaymentLine.objects.get(city_code=CITY).pk:012d}",
        "30天",
    ):
        assert word in document, word
    assert "审批前的草稿" not in document
    assert line.person.document_number not in document
    assert AuditEvent.objects.filter(city_code=CITY, detail={"why": "下载移送书"}).count() == 2
    assert officer.post(at("recovery_propose_write_off", CITY, case.pk), {"note": "法院终结执行"}).status_code == 302
    assert approver.post(at("recovery_write_off", CITY, case.pk)).status_code == 302
    case.refresh_from_db()
    assert case.state == "written_off"
    assert "核销损失" in text(officer.get(at("recovery", CITY, case.pk)))


def printed(answer: Any) -> str:
    """The text of a PDF without its spaces."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    return "".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages).split())


def made_staff(line: Any) -> Any:
    return actor_with(Role.PROVIDER, organisation=line.claim.provider, person=person())


def test_the_finance_desk_moves_budget_closes_a_month_and_reports(
    desk: Desk, at_time: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_time(LATER)
    line = line_of(paid(2))
    officer, finance = desk(Role.FUND_OFFICER, region_code=CITY), desk(Role.FINANCE, region_code=CITY)
    account = Account.objects.filter(city_code=CITY, kind="budget").earliest("pk")
    page = text(officer.get(at("account", CITY, account.pk)))
    assert all(word in page for word in ("调出预算", "预算结转下年", "缴回预算"))
    terms = {"nature": "bonus", "amount_fen": "100.00", "memo": "奖补文件"}
    assert officer.post(at("account", CITY, account.pk), terms).status_code == 302
    sent = {"amount_fen": "50.00", "memo": "调剂文件", "to_region": "120102"}
    assert officer.post(at("budget_send", CITY, account.pk), sent).status_code == 302
    order = BudgetOrder.objects.get(city_code=CITY, nature="send")
    assert order.reference in text(officer.get(at("books")))
    more = {"amount_fen": "99999999.00", "memo": "缴回"}
    assert "余额不足" in text(officer.post(at("budget_return", CITY, account.pk), more), 409)
    books = text(officer.get(at("books")))
    assert "全部相符" in books
    assert "没有结过账" in books
    assert officer.post(at("closing_propose"), {"through": "2026-06-15"}).status_code == 422
    assert officer.post(at("closing_propose"), {"through": "2026-06-30"}).status_code == 302
    proposed = BookClosing.objects.get(city_code=CITY)
    assert "核对无误，结账" in text(finance.get(at("books")))
    assert finance.post(at("closing_close", CITY, proposed.pk)).status_code == 302
    assert "账目已经结到 2026年6月30日" in text(finance.get(at("books")))
    assert finance.post(at("books_check")).status_code == 302
    assert BookCheck.objects.get(city_code=CITY).findings == 0
    # Books too large to be proved for each look show the check that was kept, and are proved as a job.
    monkeypatch.setattr("zhaoliang.recoveries.proof.PROVED_AT_ONCE", 1)
    monkeypatch.setattr("zhaoliang.web.bureau.views.budgets.PROVED_AT_ONCE", 1)
    assert "以后记的账还不在内" in text(finance.get(at("books")))
    assert finance.post(at("books_check")).status_code == 302
    assert "核验全部账目" in text(finance.get(at("books")))
    [job] = run_waiting(LATER)
    assert (job.state, job.result["findings"]) == ("done", 0)
    assert BookCheck.objects.filter(city_code=CITY).count() == 2
    for by, word in (("source", "就业补助资金"), ("region", "和平区"), ("group", "登记失业"), ("project", "焊工")):
        shown = text(finance.get(at("fund_report"), {"by": by}))
        assert word in shown, by
        assert "7,560.00" in shown, by
    book = load_workbook(io.BytesIO(finance.get(at("fund_report_excel"), {"by": "project"}).content)).active
    assert book["C2"].value == 7560
    assert finance.get(at("fund_report_pdf"), {"by": "source", "year": "2026"}).content[:5] == b"%PDF-"
    assert line.state == "paid"
    assert date(2026, 6, 30) == proposed.through
