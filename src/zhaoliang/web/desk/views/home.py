"""The desk's first page: what is taught today and what is due; the choice of the organisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.attendance.selectors import taught_on
from zhaoliang.classes import selectors as classes
from zhaoliang.evaluation import selectors as evaluation
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput
from zhaoliang.payments import selectors as payments
from zhaoliang.registry.models import Organisation
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.web.access import page
from zhaoliang.web.desk import perms
from zhaoliang.web.desk.desk import CHOSEN, DeskRequest, held, here, own

# More than this nobody reads on a first page; the lists behind it hold them all.
MOST = 100


@dataclass(frozen=True)
class Due:
    """Something that waits for this organisation: what, of which class, until when or how much, and where to do it."""

    title: str
    text: str
    note: str
    url: str


NEXT = {
    "draft": "补齐材料，提交备案",
    "accepted": "到期开班",
    "ended": "等评价机构考核",
    "assessed": "生成补贴申领",
}


@page(perms.HOME, access=here)
@require_GET
def home(request: DeskRequest) -> HttpResponse:
    """Today's lessons and what is due; the number of queries does not grow with the classes."""
    organisation, today = own(request), chinese_day(request.at)
    access = organisation.access()
    provides = perms.PROVIDER.allows(request.actor, access)
    dues = list(_of_provider(organisation)) if provides else []
    if perms.EXAMS.allows(request.actor, access):
        dues += _of_evaluator(organisation)
    context = {
        "today": today,
        "lessons": taught_on(organisation, today) if provides else [],
        "dues": dues,
        "provides": provides,
    }
    return render(request, "desk/home.html", context)


def _of_provider(organisation: Organisation) -> Iterator[Due]:
    for made in classes.refused_imports_of(organisation)[:MOST]:
        url = reverse("provider:import", args=[made.city_code, made.pk])
        yield Due("改名册里的错", made.training_class.name, f"{made.wrong_rows} 行要改", url)
    for claim in subsidies.claims_of(organisation).filter(state__in=("assembled", "returned"))[:MOST]:
        returned = claim.state == "returned"
        title = "更正退回的补贴申领" if returned else "核对并提交补贴申领"
        note = claim.return_reason if returned else f"{format_cn_date(chinese_day(claim.created_at))}生成"
        yield Due(title, claim.title, note, reverse("provider:claim", args=[claim.city_code, claim.pk]))
    for one in classes.classes_of(organisation).filter(state__in=NEXT).order_by("starts_on", "id")[:MOST]:
        day = one.ends_on if one.state == "ended" else one.starts_on
        word = "结课" if one.state == "ended" else "开班"
        url = reverse("provider:class", args=[one.city_code, one.pk])
        yield Due(NEXT[one.state], one.name, f"{format_cn_date(day)}{word}", url)
    back = payments.lines_for(organisation).filter(claim_line__state="failed", state="failed").count()
    if back:
        url = reverse("provider:payments") + "?state=failed"
        yield Due("核对银行退回的补贴", "户名或账号不符的，请联系本人更正", f"{back} 笔", url)


def _of_evaluator(organisation: Organisation) -> Iterator[Due]:
    for one in evaluation.classes_awaiting(organisation)[:MOST]:
        url = reverse("provider:exam_plan", args=[one.city_code, one.pk])
        yield Due("安排考核", one.name, f"{format_cn_date(one.ends_on)}结课", url)
    for exam in evaluation.exams_by(organisation).exclude(state="published")[:MOST]:
        title = "核对并公布成绩" if exam.state == "recorded" else "登记成绩"
        url = reverse("provider:exam", args=[exam.city_code, exam.pk])
        yield Due(title, exam.training_class.name, f"{format_cn_date(exam.held_on)}考核", url)


@page(perms.HOME, access=here)
@require_POST
def switch(request: DeskRequest) -> HttpResponse:
    """Sit down at another of one's own organisations; this session keeps to it."""
    city, _, number = request.POST.get("place", "").partition("-")
    key = (int(city), int(number)) if city.isdecimal() and number.isdecimal() else None
    if key not in held(request):
        raise BadInput("没有切换。", "您的账号不属于这家机构。", "请在右上角选择您所在的机构。")
    request.session[CHOSEN] = list(key)
    return redirect("provider:home")
