"""The reports of money on paper, as another program reads them: Chinese text, page numbers, sums that agree with the rows."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pypdf
import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from factories import payments, subsidies
from zhaoliang.demo.bank import answer_file
from zhaoliang.funds.models import Account
from zhaoliang.payments.excel import bank_file
from zhaoliang.payments.models import PaymentLine
from zhaoliang.web.bureau import reports

pytestmark = [pytest.mark.django_db, pytest.mark.mission("G1", "G2", "G3")]

Clock = Callable[[datetime], None]
Desk = Callable[..., Client]
AMOUNT = re.compile(r"-?¥[\d,]+\.\d\d")


def printed(client: Client, address: str, **query: str) -> tuple[str, list[int]]:
    """The text of a PDF without its spaces, and every amount in it in fen."""
    answer = client.get(address, query)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    reader = pypdf.PdfReader(io.BytesIO(answer.content))
    fonts = {name for page in reader.pages for name in _fonts(page)}
    assert fonts, "no font is embedded"
    assert all("NotoSansSC" in name for name in fonts)
    text = "".join("".join(page.extract_text() for page in reader.pages).split())
    assert f"第{len(reader.pages)}页，共{len(reader.pages)}页" in text
    amounts = [int(re.sub(r"[^\d-]", "", found)) for found in AMOUNT.findall(text)]
    return text, amounts


def _fonts(page: Any) -> list[str]:
    found = page["/Resources"]["/Font"].values()
    return [font.get_object()["/BaseFont"] for font in found]


def url(name: str, of: Any = None) -> str:
    return reverse(f"bureau:{name}", args=[of.city_code, of.pk] if of is not None else [])


def test_reports_print_with_sums_that_agree(desk: Desk, at_time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    made = subsidies.case(3)
    subsidies.approved(made)
    batch = payments.sent(made)
    payments.answered(made, batch, answer_file(bank_file(batch), {1: "账号户名不符"}))
    at_time(subsidies.APPROVED)
    officer = desk(made.officer)
    lines = PaymentLine.objects.filter(city_code=batch.city_code, batch=batch)
    fen = sum(lines.values_list("amount_fen", flat=True))

    text, amounts = printed(officer, url("payment_pdf", batch))
    for word in (
        batch.number,
        "付款账户",
        "****6789",
        "已到账2笔",
        "银行退回1笔",
        "账号户名不符",
        "合计（3行）",
        "复核：",
    ):
        assert word in text, word
    assert amounts.count(fen) == 1
    assert amounts.count(fen // 3) == 3 + 1  # each line, and the one the bank sent back
    assert all(line.account_number not in text for line in lines)
    officer_page = officer.get(url("payment_batch", batch)).content.decode()
    assert url("payment_pdf", batch) in officer_page

    payable = Account.objects.get(city_code=batch.city_code, kind="payable")
    text, amounts = printed(officer, url("account_pdf", payable))
    # Three accruals in, two payments out; the opening balance is nothing, the closing one what is still owed.
    assert "期初余额¥0.00" in text
    assert f"期末余额¥{fen // 3 // 100:,}.00" in text
    assert sorted(amounts)[-1] == fen
    assert amounts.count(fen // 3 * 2) >= 1

    text, amounts = printed(officer, url("books_pdf"))
    assert "就业补助资金" in text
    for word in ("试算平衡表", "财政拨入", "预算可用", "已付出", "全部相符"):
        assert word in text, word
    # The fund's row and the row of sums: each amount twice, and both end in nothing.
    assert all(amounts.count(one) % 2 == 0 for one in amounts)
    assert amounts.count(0) >= 2

    sheet = load_workbook(io.BytesIO(officer.get(url("books_excel")).content)).active
    assert sheet is not None
    head, *rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert (head[0], head[-1], [row[-1] for row in rows]) == ("资金渠道", "合计（元）", [0] * len(rows))
    page = officer.get(url("books")).content.decode()
    assert all(url(name) in page for name in ("books_excel", "books_pdf"))

    text, amounts = printed(officer, url("agreement_pdf"))
    for word in ("对账表", "平台账支付", "银行付出", "结论相符", "就业补助资金", "复核："):
        assert word in text, word
    # What the books paid and what the bank says, in the row and in the sum.
    assert amounts.count(fen // 3 * 2) == 4
    assert url("agreement_pdf") in officer.get(url("agreement")).content.decode()

    for by, word in (("source", "就业补助资金"), ("region", "和平区"), ("group", "登记失业"), ("project", "焊工")):
        text, amounts = printed(officer, url("fund_report_pdf"), by=by)
        assert word in text, by
        paid = fen // 3 * 2
        assert amounts.count(paid) >= 4, "paid and net, in the row and in the sum"

    monkeypatch.setattr(reports, "MOST_PRINTED", 2)
    refused = officer.get(url("payment_pdf", batch))
    assert (refused.status_code, "请导出 Excel" in refused.content.decode()) == (409, True)
