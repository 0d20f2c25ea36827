"""Voucher batches: drafted by one person, published by another, the funnel as a sentence, holders for the entitled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.funds import perms as fund_perms
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_name
from zhaoliang.kernel.roles import Place
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import GroupMembership
from zhaoliang.vouchers import perms, selectors, services
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.vouchers.states import BATCH, VOUCHER
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.bureau import forms, timelines, voucherforms
from zhaoliang.web.bureau import perms as desk_perms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views import voucher_changes
from zhaoliang.web.components import formats, toasts
from zhaoliang.web.tables import Column, excel, ordered, table

_COLUMNS = (
    Column("name", "批次", lambda row: row.name, order="name", wide=True),
    Column("project", "用在哪", lambda row: row.scope_text, order="scope_text", wide=True),
    Column("quota", "数量", lambda row: row.quota, "count", "quota"),
    Column("left", "未领", lambda row: row.left, "count", "left"),
    Column("kind", "券种", lambda row: row.get_kind_display(), order="kind"),
    Column("fen", "每张预留", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("until", "领取截止", lambda row: chinese_day(row.claim_until), "date", "claim_until"),
)
HOLDER_COLUMNS = (
    Column("name", "持券人", lambda row: mask_name(row.person.name), order="person__pinyin_key"),
    Column("code", "券码", lambda row: row.code, "code"),
    Column("claimed", "领取时间", lambda row: row.claimed_at, "datetime", "claimed_at"),
    Column("channel", "渠道", lambda row: CHANNELS.get(row.channel, row.channel), order="channel"),
    Column(
        "provider", "用券机构", lambda row: row.provider.short_name if row.provider else None, order="provider__name"
    ),
    Column("state", "状态", lambda row: row.state, "state", "state", "voucher"),
)
CHANNELS = {
    "page": "本平台",
    "counter": "窗口代领",
    "issued": "按名单发放",
    "api": "接口",
    "demo": "演示",
    "card": "电子社保卡",
}
USABLE_SHOWN = 30
GROUPS = dict(GroupMembership.GROUPS)


def _columns(at: datetime) -> tuple[Column, ...]:
    """With the state as claims meet it at that moment: an open batch past its time to claim gives nothing any more."""
    return (*_COLUMNS, Column("state", "状态", lambda row: row.standing(at), "badge", "state"))


@page(perms.BATCH, access=here)
@require_GET
def batch_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The batches of the region."""
    wanted, desk, columns = voucherforms.BatchFilter(request.GET), desk_of(request), _columns(request.at)
    phase, text = wanted.said("state"), wanted.said("text")
    rows = selectors.batches_of(desk.city_code, desk.region_code)
    rows = [row for row in rows if text in row.name and phase in ("", row.phase(request.at))]
    if export:
        return excel("培训券批次", columns, ordered(request, rows, columns))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:voucher_batches_export"),
        "table": table(request, rows, columns, url=batch_url, unit="个批次"),
        "may_draft": may(request, services.draft_batch, desk.access),
        "may_counter": may(request, services.claim_at_counter, desk.access),
        "may_look_up": desk_perms.HOLDERS.allows(request.actor, desk.access),
    }
    return render(request, "bureau/voucher_list.html", context)


def batch_url(found: VoucherBatch) -> str:
    return reverse("bureau:voucher_batch", args=[found.city_code, found.pk])


@page(perms.BATCH, access=subject(desk_selectors.voucher_batch))
@require_GET
def batch_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A batch: its terms, where its vouchers stand, its money, and what the officer may do with it now."""
    found: VoucherBatch = request.subject
    numbers = selectors.funnel(found)
    context = {
        "found": found,
        "phase": found.phase(request.at),
        "standing": found.standing(request.at),
        "numbers": numbers,
        "bars": _bars(numbers),
        "sentence": _sentence(found, numbers),
        "groups": [GROUPS.get(code, code) for code in found.groups],
        "usable": list(selectors.usable_projects(found)[:USABLE_SHOWN]),
        "total_fen": found.quota * found.amount_fen,
        "events": timelines.events(desk_selectors.changes_of("voucher_batch", city, pk), BATCH),
        "steps": _steps(request, found),
        **voucher_changes.context_of(request, found),
        "issues": selectors.issues_of(found),
        "may_see_issues": desk_perms.ISSUES.allows(request.actor, found.access()),
        "may_issue": found.phase(request.at) in ("open", "early")
        and may(request, services.draft_issue, found.access()),
        "may_revise": found.state == "draft" and may(request, services.revise_batch, found.access()),
        "may_see_books": fund_perms.BOOKS.allows(request.actor, found.access()),
        "may_see_holders": desk_perms.HOLDERS.allows(request.actor, found.access()),
    }
    return render(request, "bureau/voucher_batch.html", context)


def _claimed(numbers: dict[str, int]) -> int:
    return numbers["quota"] - numbers["left"]


def _bars(numbers: dict[str, int]) -> list[tuple[str, int, int, str]]:
    """The funnel as bars of the quota: label, count, out of, tone."""
    claimed = _claimed(numbers)
    used = sum(numbers[state] for state in ("used", "verified", "in_claim", "redeemed"))
    in_claim = numbers["in_claim"] + numbers["redeemed"]
    quota = numbers["quota"]
    return [
        ("已领取", claimed, quota, ""),
        ("已使用", used, quota, ""),
        ("进入申领", in_claim, quota, ""),
        ("已核销", numbers["redeemed"], quota, "ok"),
    ]


def _sentence(found: VoucherBatch, numbers: dict[str, int]) -> str:
    """The funnel as people say it: what share got how far, and where the rest is."""
    if found.state in ("draft", "submitted"):
        money = formats.fen(found.quota * found.amount_fen)
        return f"还没有发布。发布时从“{found.budget_account.name}”预留 {money}。"
    claimed = _claimed(numbers)
    if not claimed:
        return f"共 {formats.count(found.quota)} 张，还没有人领取。"
    used = sum(numbers[state] for state in ("used", "verified", "in_claim", "redeemed"))
    waiting = numbers["claimed"]
    parts = [f"已领 {formats.count(claimed)} 张，用了 {formats.percent(used / claimed)}"]
    if waiting:
        parts.append(f"还有 {formats.count(waiting)} 人领了券没有报名上课")
    if numbers["redeemed"]:
        parts.append(f"{formats.count(numbers['redeemed'])} 张补贴到账、已核销")
    return "，".join(parts) + "。"


def _steps(request: DeskRequest, found: VoucherBatch) -> list[tuple[str, str, str]]:
    """The acts open to this officer in this state: address name, words of the button, its look."""
    known: list[tuple[str, Act[Any], str, str, str]] = [
        ("submit", services.submit_batch, "voucher_submit", "提交，由另一位同事发布", "btn-primary"),
        ("publish", services.publish_batch, "voucher_publish", "发布并预留资金", "btn-primary"),
        ("return", services.return_batch, "voucher_return", "退回修改", "btn-outline"),
        ("resume", services.resume_batch, "voucher_resume", "恢复发放", "btn-primary"),
        ("suspend", services.suspend_batch, "voucher_suspend", "暂停发放", "btn-outline"),
        ("close", services.close_batch, "voucher_close", "停发，不再恢复", "btn-outline"),
        ("settle", services.settle_batch, "voucher_settle", "结清并释放余下预留", "btn-primary"),
    ]
    return [
        (reverse(f"bureau:{name}", args=[found.city_code, found.pk]), label, look)
        for event, service, name, label, look in known
        if BATCH.allows(found.state, event) and may(request, service, found.access())
    ]


def _form(request: DeskRequest, found: VoucherBatch | None = None) -> voucherforms.BatchForm:
    desk = desk_of(request)
    initial: dict[str, Any] = {}
    if found is not None:
        initial = voucherforms.initial_of(found, selectors.scope_of(found))
        days = ("claim_from", "claim_until", "use_until")
        initial |= {name: chinese_day(getattr(found, name)) for name in days}
    return voucherforms.BatchForm(
        desk_selectors.listed_projects(desk),
        desk_selectors.accounts(desk, kind="budget"),
        [registry.region(desk.region_code), *registry.regions_under(desk.region_code)] if found is None else [],
        request.POST or None,
        initial=initial,
    )


@page(services.draft_batch.declaration, access=here)
@require_http_methods(["GET", "POST"])
def batch_new(request: DeskRequest) -> HttpResponse:
    """Draft a batch."""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        try:
            desk = desk_of(request)
            place = Place(desk.city_code, form.cleaned_data.get("region") or desk.region_code)
            made = services.draft_batch(**given(request), place=place, terms=form.terms(chinese_day(request.at)))
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "草稿已保存。核对无误后提交，由另一位同事发布。")
            return redirect(batch_url(made))
    context = {"form": form, "found": None}
    return render(request, "bureau/voucher_form.html", context, status=422 if form.errors else 200)


@page(services.revise_batch.declaration, access=subject(desk_selectors.voucher_batch))
@require_http_methods(["GET", "POST"])
def batch_revise(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Change a draft."""
    found: VoucherBatch = request.subject
    form = _form(request, found)
    if request.method == "POST" and form.is_valid():
        try:
            services.revise_batch(**given(request), batch=found, terms=form.terms(chinese_day(request.at)))
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "已保存。")
            return redirect(batch_url(found))
    context = {"form": form, "found": found}
    return render(request, "bureau/voucher_form.html", context, status=422 if form.errors else 200)


def _step(service: Act[Any], say: str) -> Any:
    return act_view(service, fetch=desk_selectors.voucher_batch, argument="batch", say=say, back=batch_url)


submit = _step(services.submit_batch, "已提交，等另一位同事发布。")
publish = _step(services.publish_batch, "已发布，资金已预留，劳动者现在可以领取。")
send_back = _step(services.return_batch, "已退回修改。")
suspend = _step(services.suspend_batch, "已暂停发放；已领的券照常能用。")
resume = _step(services.resume_batch, "已恢复发放。")
close = _step(services.close_batch, "已停发；已领的券到期前照常能用。")
settle = _step(services.settle_batch, "已结清，余下的预留资金已退回预算账户。")


@page(desk_perms.HOLDERS, access=subject(desk_selectors.voucher_batch))
@require_GET
def holders(request: DeskRequest, city: int, pk: int, export: bool = False) -> HttpResponse:
    """Who holds vouchers of a batch, names masked; the look is recorded."""
    found: VoucherBatch = request.subject
    wanted = forms.HolderFilter(VOUCHER, request.GET)
    rows = desk_selectors.holders(found, state=wanted.said("state"))
    why = "导出持券人名单" if export else "查看持券人名单"
    record_look(actor=request.actor, target=found, at=request.at, why=why)
    if export:
        return excel(f"持券人-{found.name}", HOLDER_COLUMNS, ordered(request, rows, HOLDER_COLUMNS))
    context = {
        "found": found,
        "filters": wanted,
        "export_url": reverse("bureau:voucher_holders_export", args=[city, pk]),
        "table": table(request, rows, HOLDER_COLUMNS, url=voucher_changes.voucher_url, unit="张券"),
    }
    return render(request, "bureau/voucher_holders.html", context)
