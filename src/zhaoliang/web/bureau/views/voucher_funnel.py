"""用券情况: how far vouchers get and where they stop, by batch, region, provider, group, month; the same rows as Excel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.oversight.counts import Figures, figures, latest
from zhaoliang.oversight.funnel import DIMENSIONS, PILOTS_USED, Filter, Row, total
from zhaoliang.oversight.stops import GAPS, Stop
from zhaoliang.oversight.tasks import count_now
from zhaoliang.registry.models import GroupMembership
from zhaoliang.registry.selectors import regions_under
from zhaoliang.vouchers import perms
from zhaoliang.web.access import page
from zhaoliang.web.acting import may, refused, start_job
from zhaoliang.web.bureau import forms, voucherforms
from zhaoliang.web.bureau.desk import Desk, DeskRequest, desk_of, here
from zhaoliang.web.components import formats
from zhaoliang.web.tables import Column, excel

GROUPS = dict(GroupMembership.GROUPS)
FUNDS = {code: str(label) for code, label in FundSource.choices}
# So many lines are compared as bars; the table has all.
COMPARED = 12
STAGES = (
    ("issued", "发放", ""),
    ("claimed", "领取", ""),
    ("used", "使用", ""),
    ("taught", "结业", ""),
    ("certified", "取证", ""),
    ("paid", "补贴到账、核销", "ok"),
)
STOPS = (
    ("waiting", "领了还没用"),
    ("returned", "本人退回"),
    ("expired", "过期没用"),
    ("void", "作废"),
    ("dropped", "中途退出"),
    ("failed", "考核没过"),
    ("refused", "不予补贴"),
)


REASONS = (
    Column("gap", "走到哪里", lambda stop: stop.gap),
    Column("words", "原因", lambda stop: stop.words, wide=True),
    Column("count", "张数", lambda stop: stop.count, "count"),
)


def _gaps(found: list[Stop]) -> list[tuple[str, int, list[Stop]]]:
    """The stages that were not reached: how many vouchers stopped before each, and why."""
    by_stage = {stage: [row for row in found if row.stage == stage] for stage in GAPS}
    return [(GAPS[stage], sum(row.count for row in rows), rows) for stage, rows in by_stage.items() if rows]


def _columns(by: str, found: Figures) -> tuple[Column, ...]:
    def label(row: Row) -> str:
        return _label(row, by)

    numbers = [(name, word) for name, word, _ in STAGES] + list(STOPS)
    # Whether two cells of a kept count are of the same people is not known.
    numbers += [("people", "人数")] if found.as_of is None else []
    counts = tuple(Column(name, word, _value(name), "count") for name, word in numbers)
    money = (
        Column("held_fen", "已领券预留", lambda row: row.held_fen, "money"),
        Column("paid_fen", "已拨补贴", lambda row: row.paid_fen, "money"),
    )
    return (Column("label", DIMENSIONS[by].label, label, wide=True), *counts, *money)


def _label(row: Row, by: str) -> str:
    if by == "group":
        return GROUPS.get(row.label, row.label) or "没有登记类别"
    return FUNDS.get(row.label, row.label) if by == "fund" else row.label


def _value(name: str) -> Callable[[Row], int | None]:
    return lambda row: getattr(row, name)


@page(perms.BATCH, access=here)
@require_GET
def overview(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The funnel as bars with a sentence, where it narrows, and the table behind it."""
    desk = desk_of(request)
    form = voucherforms.FunnelFilter(regions_under(desk.region_code), request.GET)
    by = form.said("by") if form.said("by") in DIMENSIONS else "batch"
    found = figures(_wanted(desk, form), by)
    if found is None:
        title, text = _uncounted(desk.city_code)
        if export:
            problem = Refusal("没有导出。", f"券很多，{title}。", "请先在“用券情况”点“现在统计”，完成后再导出。")
            return refused(request, problem, reverse("bureau:voucher_funnel"))
        told = {"filters": form, "uncounted": title, "uncounted_text": text}
        return render(request, "bureau/voucher_funnel.html", told | _count(request, desk))
    if export:
        return _sheet(request, found, by)
    rows, columns = found.rows(), _columns(by, found)
    whole = total(rows)
    base = max(whole.issued or 0, whole.claimed)
    # On the page, why vouchers stopped is told only where some did; the sheet has every column.
    idle = {name for name, _ in STOPS if not getattr(whole, name)}
    shown = [column for column in columns if column.key not in idle]
    context = {
        "filters": form,
        "export_url": reverse("bureau:voucher_funnel_export"),
        "reasons_url": reverse("bureau:voucher_funnel_export")
        + "?"
        + urlencode(request.GET.dict() | {"sheet": "reasons"}),
        "bars": [
            (word, value, base, tone) for name, word, tone in STAGES if (value := getattr(whole, name)) is not None
        ],
        "dimension": DIMENSIONS[by].label,
        "compared": [(_label(row, by), row.used, row.claimed) for row in rows if row.claimed][:COMPARED]
        if len(rows) > 1
        else [],
        "gaps": _gaps(found.stops()),
        "sentence": _sentence(whole),
        "columns": shown,
        "rows": [[(column, column.value(row)) for column in shown] for row in [*rows, whole]],
        "whole": whole,
        "used_share": Fraction(whole.used, whole.issued) if whole.issued else None,
        "base": base,
        "pilots": PILOTS_USED,
        "as_of": found.as_of,
    }
    return render(request, "bureau/voucher_funnel.html", context | (_count(request, desk) if found.as_of else {}))


def _count(request: DeskRequest, desk: Desk) -> dict[str, Any]:
    """What the page shows of counting anew."""
    return {
        "job": job_to_show(count_now, desk.place),
        "may_count": may(request, count_now.start, desk.access),
    }


def _uncounted(city_code: int) -> tuple[str, str]:
    """Why there is no figure of many vouchers, and what to do: never counted, or a batch given out since the last count."""
    count = latest(city_code)
    if count is None:
        text = "这里的券很多，要先统计一次，一般不到一分钟；以后每天自动统计三次。选一个券不多的区县，打开就能看。"
        return "还没有统计过", text
    told = format_cn_time(count.counted_at)
    return (
        "这一批还不在统计里",
        f"上次统计是 {told}，这一批是那以后才发的。请点“现在统计”，一般不到一分钟；每天也自动统计三次。",
    )


def _sheet(request: DeskRequest, found: Figures, by: str) -> HttpResponse:
    """The figures as Excel, with the moment they are of in the name."""
    of = f"-{localtime(found.as_of, forms.CHINA):%m月%d日%H点%M分}的统计" if found.as_of else ""
    if request.GET.get("sheet") == "reasons":
        return excel(f"用券情况-没有走下去的原因{of}", REASONS, found.stops())
    return excel(f"用券情况-按{DIMENSIONS[by].label}{of}", _columns(by, found), found.rows())


@page(count_now.start.declaration, access=here)
@require_POST
def count(request: DeskRequest) -> HttpResponse:
    """Count the city's vouchers now instead of by the clock."""
    place, back = desk_of(request).place, reverse("bureau:voucher_funnel")
    try:
        start_job(request, count_now, place, back)
    except Refusal as problem:
        return refused(request, problem, back)
    return redirect(back)


def _wanted(desk: Desk, form: voucherforms.FunnelFilter) -> Filter:
    since, until = form.said_day("since"), form.said_day("until")
    return Filter(
        desk.city_code,
        int(form.said("region") or desk.region_code),
        batch_id=int(form.said("batch")) if form.said("batch") else None,
        fund_source=form.said("fund_source"),
        since=datetime.combine(since, time.min, forms.CHINA) if since else None,
        until=datetime.combine(until + timedelta(days=1), time.min, forms.CHINA) if until else None,
    )


def _sentence(whole: Row) -> str:
    if not whole.claimed:
        return "还没有人领取。"
    said = f"已领 {formats.count(whole.claimed)} 张，用了 {formats.percent(Fraction(whole.used, whole.claimed))}"
    ladder = [("领了没用", whole.claimed, whole.used), ("用了没结业", whole.used, whole.taught)]
    ladder += [("结业没取证", whole.taught, whole.certified), ("取证没到账", whole.certified, whole.paid)]
    word, upper, lower = max(ladder, key=lambda step: step[1] - step[2])
    if upper > lower:
        said += f"；掉得最多的一步是“{word}”，{formats.count(upper - lower)} 张"
    return f"{said}。"
