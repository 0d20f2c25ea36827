"""From a rule to the lines it decided in the desk's region: passed, refused, or handed to a person."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.masking import mask_name
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies import perms
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.rulings import lines_by, uses
from zhaoliang.web.access import page
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("name", "姓名", lambda row: mask_name(row.person.name)),
    Column("class", "班级", lambda row: row.claim.title, wide=True),
    Column(
        "provider", "机构", lambda row: row.claim.provider.short_name if row.claim.provider else row.claim.applicant
    ),
    Column("occupation", "职业", lambda row: row.occupation.name),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("state", "状态", lambda row: row.state, "state", "state", "claim_line"),
)
OUTCOMES = {"fail": "不符合", "cannot_tell": "转人工", "pass": "符合"}


@page(perms.CLAIM, access=here)
@require_GET
def rule_lines(request: DeskRequest, rule: str, export: bool = False) -> HttpResponse:
    """The lines of the region by what the rule answered; `?outcome=` says which. Raises NotFound for an unknown rule."""
    held = next(((text, one) for text in lawbook().documents for one in text.rules if one.id == rule), None)
    if held is None:
        raise NotFound(what="没有这条规则。", why="现行政策里没有它。", next_step="请从条款页进入。")
    desk = desk_of(request)
    asked = request.GET.get("outcome", "")
    outcome = Outcome(asked) if asked in OUTCOMES else Outcome.FAIL
    rows = lines_by(desk.city_code, desk.region_code, rule, outcome)
    if export:
        return excel("规则处理明细", COLUMNS, ordered(request, rows, COLUMNS))
    use = uses(desk.city_code, [rule]).get(rule)
    context = {
        "rule": held[1],
        "citation": lawbook().citation(held[1].cite),
        "outcome": outcome.value,
        "outcomes": OUTCOMES.items(),
        "use": use,
        "export_url": f"{reverse('bureau:rule_lines_export', args=[rule])}?outcome={outcome.value}",
        "table": table(request, rows, COLUMNS, url=_url, unit="条明细"),
    }
    return render(request, "bureau/rule_lines.html", context)


def _url(line: ClaimLine) -> str:
    return reverse("bureau:trace", args=[line.city_code, line.pk])
