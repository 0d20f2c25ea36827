"""Budgets that go back, on, or to another region; the closing of the books; the report on how the money was used."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import Any, cast

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.funds import perms, proof, selectors, services
from zhaoliang.funds.education import Spending, front_line_total, spendings
from zhaoliang.funds.models import Account, BookClosing, FundSource
from zhaoliang.funds.selectors import has_more_transfers
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.recoveries.proof import PROVED_AT_ONCE
from zhaoliang.recoveries.reporting import By, Use, fund_use
from zhaoliang.recoveries.services import check_books
from zhaoliang.recoveries.tasks import prove_books
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused
from zhaoliang.web.bureau import forms, moneyforms, reports
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views.recoveries import form_view
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.tables import Column, excel, table

MONEY = ("given_fen", "reserved_fen", "payable_fen", "paid_fen", "recovered_fen", "owed_fen", "net_fen")


def account_url(found: Account) -> str:
    return reverse("bureau:account", args=[found.city_code, found.pk])


def forms_of(found: Account) -> list[tuple[str, Act[Any], PlainForm]]:
    """The ways a budget can go: address, act and form."""
    if found.kind != "budget":
        return []
    return [
        ("budget_send", services.send_budget, moneyforms.SendForm()),
        ("budget_receive", services.receive_budget, moneyforms.ReceiveForm()),
        ("budget_carry", services.carry_over, moneyforms.MoveForm()),
        ("budget_return", services.return_budget, moneyforms.MoveForm()),
    ]


def _moved(service: Act[Any], form: type[PlainForm], say: str) -> Any:
    return form_view(
        service,
        lambda request, _: form(request.POST or None),
        fetch=desk_selectors.account,
        argument="account",
        say=say,
        back=account_url,
    )


send = _moved(services.send_budget, moneyforms.SendForm, "预算已调出，请把调剂编号告诉调入地区。")
receive = _moved(services.receive_budget, moneyforms.ReceiveForm, "预算已调入并入账。")
carry = _moved(services.carry_over, moneyforms.MoveForm, "预算已结转到下一年度。")
give_back = _moved(services.return_budget, moneyforms.MoveForm, "预算已缴回。")


def closings(request: DeskRequest) -> dict[str, Any]:
    """What the page of the books says of closed periods, and the form that proposes the next."""
    desk = desk_of(request)
    held = selectors.closings(desk.city_code)
    closed = [one for one in held if one.step == "closed"]
    through = closed[0].through if closed else None
    last_month = chinese_day(request.at).replace(day=1) - timedelta(days=1)
    return {
        "closed": closed,
        "proposed": [one for one in held if one.step == "proposed" and (through is None or one.through > through)],
        "closing_form": moneyforms.ClosingForm(initial={"through": last_month}),
        "may_propose": may(request, services.propose_closing, desk.access) and desk.region_code == desk.city_code,
        "may_close": may(request, services.close_books, desk.access),
        "may_check": may(request, check_books, desk.access),
        "halves": proof.halves(desk.city_code),
    }


@page(services.propose_closing.declaration, access=here)
@require_http_methods(["GET", "POST"])
def propose_closing(request: DeskRequest) -> HttpResponse:
    """Propose to close the books through a day."""
    form, back = moneyforms.ClosingForm(request.POST or None), reverse("bureau:books")
    if request.method == "POST" and form.is_valid():
        try:
            services.propose_closing(**given(request), place=desk_of(request).place, **form.cleaned_data)
        except Refusal as problem:
            if not problem.fields:
                return refused(request, problem, back)
            forms.refuse(form, problem)
        else:
            toasts.say(request, "已提请结账，等另一位同事核对后结账。")
            return redirect(back)
    context = {"form": form, "title": "提请结账", "back": back, "action": "提请结账"}
    return render(request, "bureau/one_form.html", context, status=422 if form.errors else 200)


def closing(city_code: int, closing_id: int) -> BookClosing:
    """A proposed closing. Raises NotFound."""
    found = next((one for one in selectors.closings(city_code) if one.pk == closing_id), None)
    if found is None:
        raise NotFound("没有这次结账。", "编号不对，或不在这个城市。", "请从账目页面进入。")
    return found


close = act_view(
    services.close_books,
    fetch=closing,
    argument="closing",
    say="账目已核验并结账。",
    back=lambda _: reverse("bureau:books"),
)


@page(check_books.declaration, access=here)
@require_POST
def check(request: DeskRequest) -> HttpResponse:
    """Prove the books now and keep the result; large ones as a job."""
    desk, back = desk_of(request), reverse("bureau:books")
    if has_more_transfers(desk.city_code, PROVED_AT_ONCE):
        try:
            prove_books.start(**given(request), subject=desk.place, title="核验全部账目", link=back)
        except Refusal as problem:
            return refused(request, problem, back)
        toasts.say(request, "正在核验全部分录，可以离开这一页，回来看结果。")
        return redirect(back)
    made = check_books(**given(request), place=desk.place)
    toasts.say(request, f"核验完成：{made.findings} 处不符。" if made.findings else "核验完成，全部相符。")
    return redirect(back)


def _columns(by: str) -> tuple[Column, ...]:
    labels = {"source": "资金渠道", "region": "地区", "group": "人员类别", "project": "项目"}
    shown: list[tuple[str, str, str]] = [("given_fen", "预算", "money"), ("reserved_fen", "券预留", "money")]
    shown = (
        [*shown, ("payable_fen", "应付未付", "money")]
        if by in ("source", "region")
        else [("payments", "笔数", "count")]
    )
    shown += [
        ("paid_fen", "已拨付", "money"),
        ("recovered_fen", "已追回", "money"),
        ("owed_fen", "待追回", "money"),
        ("net_fen", "净支出", "money"),
    ]
    columns = (
        Column("label", labels[by], lambda row: row.label, wide=True),
        *(Column(name, label, partial(_value, name), cast(Any, kind)) for name, label, kind in shown),
    )
    # 人社部函〔2021〕14号 九: what was carried out of a budget counts when money is given out next.
    return (*columns, Column("rate", "执行率", _rate)) if by in ("source", "region") else columns


def _rate(row: Use) -> str:
    return formats.percent(Fraction(row.net_fen, row.given_fen), 1) if row.given_fen else "—"


EDUCATION_COLUMNS = (
    Column("label", "企业", lambda one: one.row.organisation.name, wide=True),
    Column("year", "年度", lambda one: str(one.row.year)),
    Column("provided_fen", "提取", lambda one: one.row.provided_fen, "money"),
    Column("spent_fen", "使用", lambda one: one.row.spent_fen, "money"),
    Column("front_line_fen", "用于一线", lambda one: one.row.front_line_fen, "money"),
    Column("share", "一线占比", lambda one: "—" if one.row.share is None else formats.percent(one.row.share, 1)),
    Column("enough", "结论", lambda one: _enough(one), "badge"),
    Column("lacking_fen", "一线还差", lambda one: one.lacking_fen or None, "money"),
)


def _enough(one: Spending) -> tuple[str, str]:
    if one.asked is None:
        return ("当年没有规定", "")
    least = formats.percent(one.asked.share)
    words = {True: (f"达到 {least}", "ok"), False: (f"不到 {least}", "no"), None: ("没有使用", "ask")}
    return words[one.enough]


def education_report(request: DeskRequest, wanted: moneyforms.ReportFilter, form: str) -> HttpResponse:
    """What the region's enterprises spent of their funds for staff education, and how much of it on the front line."""
    desk, year = desk_of(request), wanted.said("year")
    rows = spendings(desk.city_code, desk.region_code, year=int(year) if year else None)
    title = f"企业职工教育经费-{desk.region_name}" + (f"-{year}年" if year else "")
    share = front_line_total(rows)
    clauses = sorted({one.asked.clause for one in rows if one.asked is not None})
    if form == "excel":
        return excel(title, EDUCATION_COLUMNS, rows)
    if form == "pdf":
        told = [("地区", desk.region_name), ("年度", f"{year} 年" if year else "全部")]
        told += [("用于一线合计占比", "—" if share is None else formats.percent(share, 1))]
        sums = {column.key for column in EDUCATION_COLUMNS if column.kind == "money"}
        by, note = request.actor.name, f"依据：{'；'.join(clauses)}。" if clauses else ""
        return reports.pdf(title, EDUCATION_COLUMNS, rows, at=request.at, by=by, facts=told, sums=sums, note=note)
    query = request.GET.urlencode()
    below = sum(1 for one in rows if one.enough is False)
    context = {
        "filters": wanted,
        "table": table(request, rows, EDUCATION_COLUMNS, unit="行"),
        "below": below,
        "share": share,
        "clauses": clauses,
        "excel_url": f"{reverse('bureau:fund_report_excel')}?{query}",
        "pdf_url": f"{reverse('bureau:fund_report_pdf')}?{query}",
    }
    return render(request, "bureau/education_report.html", context)


def _value(name: str, row: Use) -> Any:
    return getattr(row, name)


@page(perms.BOOKS, access=here)
@require_GET
def fund_report(request: DeskRequest, form: str = "") -> HttpResponse:
    """How the money was used, by source, region, group or project; `form` is excel or pdf for a file of it."""
    desk, wanted = desk_of(request), moneyforms.ReportFilter(request.GET)
    by, year = wanted.said("by") or "source", wanted.said("year")
    if by == "enterprise":
        return education_report(request, wanted, form)
    fund = wanted.said("fund_source")
    rows = fund_use(
        desk.city_code, desk.region_code, by=cast(By, by), year=int(year) if year else None, fund_source=fund
    )
    columns = _columns(by)
    title = f"资金使用报告-{desk.region_name}" + (f"-{year}年" if year else "")
    if form == "excel":
        return excel(title, columns, rows)
    if form == "pdf":
        facts = [("地区", desk.region_name), ("年度", f"{year} 年" if year else "全部"), ("按", columns[0].label)]
        facts += [("资金渠道", str(FundSource(fund).label))] if fund else []
        return reports.pdf(
            title,
            columns,
            rows,
            at=request.at,
            by=request.actor.name,
            facts=facts,
            sums={column.key for column in columns if column.kind == "money"},
            note="净支出 = 已拨付 − 已追回。金额单位：元。",
        )
    query = request.GET.urlencode()
    context = {
        "filters": wanted,
        "table": table(request, rows, columns, unit="行", size=500),
        "totals": [
            (column, sum(getattr(row, column.key) or 0 for row in rows)) for column in columns if column.kind == "money"
        ],
        "excel_url": reverse("bureau:fund_report_excel") + (f"?{query}" if query else ""),
        "pdf_url": reverse("bureau:fund_report_pdf") + (f"?{query}" if query else ""),
        "year": year,
    }
    return render(request, "bureau/fund_report.html", context)
