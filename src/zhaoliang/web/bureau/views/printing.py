"""The reports of the finance desk on paper: trial balance, statement of an account, payments of a batch."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhaoliang.funds import perms as fund_perms
from zhaoliang.funds import selectors as funds
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.reporting import in_job
from zhaoliang.kernel.money import format_yuan
from zhaoliang.payments import perms, selectors
from zhaoliang.payments.agreement import agreements
from zhaoliang.payments.states import PAYMENT_BATCH, PAYMENT_LINE
from zhaoliang.recoveries.proof import shown_proof
from zhaoliang.web.access import page
from zhaoliang.web.acting import refused, subject
from zhaoliang.web.bureau import forms, reports
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views.funds import ENTRY_COLUMNS, balances_by_fund, period_of
from zhaoliang.web.bureau.views.payments import LINE_COLUMNS
from zhaoliang.web.bureau.views.reconciliation import AGREEMENT_COLUMNS
from zhaoliang.web.components import formats
from zhaoliang.web.tables import Column, excel


def _printed(request: DeskRequest, back: str, title: str, columns: Any, rows: Any, **given: Any) -> HttpResponse:
    try:
        return reports.pdf(title, columns, rows, at=request.at, by=request.actor.name, **given)
    except Refusal as problem:
        if in_job():
            # The job's own page says it.
            raise
        return refused(request, problem, back)


@page(fund_perms.BOOKS, access=here)
@require_GET
def books(request: DeskRequest, form: str = "pdf") -> HttpResponse:
    """The trial balance, on paper or as a sheet: a row a fund, a column a kind of account; each fund adds up to zero."""
    desk = desk_of(request)
    kinds, rows = balances_by_fund(desk.city_code)
    columns = (
        Column("fund", "资金渠道", lambda row: row[0], wide=True),
        *(Column(f"kind{number}", kind, partial(_amount, number), "money") for number, kind in enumerate(kinds)),
        Column("sum", "合计", lambda row: row[2], "money"),
    )
    title = f"试算平衡表-{desk.region_name}"
    if form == "excel":
        return excel(title, columns, rows)
    proof, check = shown_proof(desk.city_code)
    number = len(proof.findings) if proof else check.findings if check else None
    said = "还没有核验过" if number is None else "全部相符" if number == 0 else f"{number} 处不符"
    facts = [("单位", f"{desk.region_name}（全市账目）"), ("账目核验", said)]
    return _printed(
        request,
        reverse("bureau:books"),
        title,
        columns,
        rows,
        facts=facts,
        sums={column.key for column in columns[1:]},
        note="财政拨入记为负数：一个资金渠道的各类账户相加必须等于零。金额单位：元。",
    )


@page(perms.BATCH, access=here)
@require_GET
def agreement(request: DeskRequest) -> HttpResponse:
    """账实相符、账表相符 on paper: platform, bank and finance sheet by fund and month, to be signed."""
    desk = desk_of(request)
    since, until = forms.MonthFilter(request.GET, today=chinese_day(request.at)).period()
    rows = agreements(desk.city_code, desk.region_code, since, until)
    differing = sum(not row.agrees for row in rows)
    facts = [
        ("单位", desk.region_name),
        ("期间", f"{since:%Y年%-m月} 至 {until:%Y年%-m月}"),
        ("结论", f"{differing} 处对不上" if differing else "相符" if rows else "这段时间没有支付"),
    ]
    return _printed(
        request,
        reverse("bureau:agreement"),
        f"对账表-{desk.region_name}",
        AGREEMENT_COLUMNS,
        rows,
        facts=facts,
        sums={column.key for column in AGREEMENT_COLUMNS if column.kind == "money"},
        note="月底付出、下月才导入文件的写在“跨月入账”里，不算差额。抵扣没有经过银行，不在内。金额单位：元。",
    )


def _amount(number: int, row: tuple[str, list[int | None], int]) -> int | None:
    return row[1][number]


@page(fund_perms.BOOKS, access=subject(desk_selectors.account))
@require_GET
def account(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The statement of an account as a bank prints it: the oldest first, balance before and after."""
    found: Account = request.subject
    since, until = period_of(forms.PeriodFilter(request.GET))
    newest_first = funds.statement(found, since=since, until=until, limit=reports.MOST_PRINTED + 1)
    lines = newest_first[::-1]
    opening = lines[0].balance_fen - lines[0].change_fen if lines else None
    facts = [
        ("账户", f"{found.name}（{found.code}）"),
        ("种类", f"{dict(Account.KINDS)[found.kind]} · {FundSource(found.fund_source).label} · {found.year} 年度"),
        ("期间", _between(lines)),
        ("期初余额", format_yuan(opening) if opening is not None else "—"),
        ("期末余额", format_yuan(lines[-1].balance_fen) if lines else "—"),
    ]
    back = reverse("bureau:account", args=[city, pk])
    return _printed(request, back, f"对账单-{found.name}", ENTRY_COLUMNS, lines, facts=facts, sums={"out", "in"})


def _between(lines: list[Any]) -> str:
    if not lines:
        return "没有分录"
    return f"{formats.cn_date(lines[0].transfer.at)} 至 {formats.cn_date(lines[-1].transfer.at)}"


@page(perms.BATCH, access=subject(selectors.batch))
@require_GET
def batch(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What a batch paid: who let it go, from which account, what the bank said of each line. Numbers and names masked."""
    shown = selectors.batch_page(city, pk)
    found, payer = shown.batch, selectors.account_to_pay_from(shown.batch)
    facts = [
        ("批次", f"{found.number} · {PAYMENT_BATCH.states[found.state]}"),
        ("资金渠道", FundSource(found.fund_source).label),
        ("付款账户", f"{payer.account_name} {payer.bank_name} {payer.account_masked}" if payer else "—"),
        ("送出", formats.cn_datetime(found.sent_at) if found.sent_at else "还没有送出"),
        *(
            (PAYMENT_LINE.states[state], f"{number:,} 笔 {format_yuan(fen)}")
            for state, (number, fen) in sorted(shown.sums.items())
        ),
        *(
            (PAYMENT_BATCH.events[one.event], f"{one.actor_name} {formats.cn_datetime(one.at)}")
            for one in shown.timeline
        ),
    ]
    rows = shown.lines[: reports.MOST_PRINTED + 1]
    back = reverse("bureau:payment_batch", args=[city, pk])
    return _printed(request, back, f"拨付报告-{found.number}", LINE_COLUMNS, rows, facts=facts, sums={"fen"})
