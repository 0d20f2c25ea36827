"""The claim nobody types: each line as decided, confirmed or disputed by the provider."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.classes import selectors as classes
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.models import StateChange
from zhaoliang.payments import selectors as payments
from zhaoliang.subsidies import perms, selectors, services
from zhaoliang.subsidies.appeals import appeals_of, remedy
from zhaoliang.subsidies.kind_facts import FITTING
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.materials import Material, materials
from zhaoliang.subsidies.models import Appeal, Claim, ClaimLine
from zhaoliang.subsidies.reviewing import standing_told
from zhaoliang.subsidies.services.mass import LARGE
from zhaoliang.subsidies.shares import CostStanding, cost_standings
from zhaoliang.subsidies.states import CLAIM
from zhaoliang.subsidies.surprises import Surprise, surprises
from zhaoliang.subsidies.tasks import assemble_many, confirm_many, recheck_many
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, start_job, subject
from zhaoliang.web.appealing import appeal_page
from zhaoliang.web.components import toasts
from zhaoliang.web.components.parts import Event
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.forms import ClaimFilter, ContractForm
from zhaoliang.web.desk.views.classes import class_url
from zhaoliang.web.files import download
from zhaoliang.web.tables import Column, table

COLUMNS = (
    Column("class", "申领", lambda row: row.title, order="title", wide=True),
    Column("kind", "种类", lambda row: KINDS[row.kind].label, order="kind"),
    Column("state", "状态", lambda row: row.state, "state", "state", "claim"),
    Column("size", "明细", lambda row: row.size, "count", "size"),
    Column("waiting", "待判断", lambda row: row.waiting, "count", "waiting"),
    Column("refused", "不予补贴", lambda row: row.refused, "count", "refused"),
    Column("fen", "金额", lambda row: row.fen, "money", "fen"),
    Column("confirmed", "提交时间", lambda row: row.confirmed_at, "datetime", "confirmed_at"),
)


@page(perms.QUEUE, access=here)
@require_GET
def claim_list(request: DeskRequest) -> HttpResponse:
    """The claims of the organisation, newest first, and what classes under way let expect."""
    wanted = ClaimFilter(request.GET)
    rows = selectors.claims_of(own(request)).filter(**wanted.wanted())
    expected = classes.expected_by_class(own(request))
    context = {
        "filters": wanted,
        "table": table(request, rows, COLUMNS, url=claim_url, unit="份申领"),
        "expected": expected,
        "expected_fen": sum(one.fen for one in expected),
        "open_fen": sum(one.open_fen for one in expected),
    }
    return render(request, "desk/claim_list.html", context)


def claim_url(claim: Claim) -> str:
    return reverse("provider:claim", args=[claim.city_code, claim.pk])


@page(services.assemble_claim.declaration, access=subject(classes.training_class))
@require_http_methods(["POST"])
def assemble(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Let the claim of an assessed class assemble itself."""
    found = request.subject
    try:
        if services.is_large_class(found):
            start_job(request, assemble_many, found, class_url(found), title=f"生成补贴申领：{found.name}")
            return redirect(class_url(found))
        claim = services.assemble_claim(**given(request), training_class=found)
    except Refusal as problem:
        return refused(request, problem, class_url(found))
    toasts.say(request, "补贴申领已自动生成，请逐条核对。")
    return redirect(claim_url(claim))


assemble_evaluation = act_view(
    services.assemble_evaluation,
    fetch=classes.training_class,
    argument="training_class",
    say="评价补贴申领已自动生成，请在申领列表里核对。",
    back=class_url,
)


@dataclass(frozen=True)
class Row:
    """A line as the claim page shows it: decision, what came out otherwise than forecast, whether its contract is asked for, appeals."""

    view: selectors.LineView
    surprise: Surprise | None
    contract: Material | None
    cost: CostStanding | None
    appeals: tuple[Appeal, ...]


@page(perms.CLAIM, access=subject(selectors.claim))
@require_GET
def claim(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Every line with its decision: outcome, clauses, amount steps; what is still asked for; what changed since filing."""
    found: Claim = request.subject
    start = request.GET.get("from", "")
    shown = selectors.claim_page(
        city, pk, at=request.at, start=int(start) if start.isdigit() and len(start) < 19 else 0
    )
    lines = [one.line for one in shown.lines]
    costs = cost_standings([line.enrolment for line in lines if line.enrolment is not None])
    asked, otherwise = materials(found, lines), surprises(lines)
    appealed = appeals_of(city, [line.pk for line in lines if line.state == "refused" or line.judgement])
    contracts = {one.line_id: one for one in asked if one.line_id is not None}
    open_states = ("assembled", "returned")
    context = {
        "found": found,
        "job": (job_to_show(confirm_many, found) or job_to_show(recheck_many, found)) if shown.size >= LARGE else None,
        "kind": KINDS[found.kind],
        "page": shown,
        "rows": [
            Row(
                one,
                otherwise.get(one.line.pk),
                contracts.get(one.line.pk),
                costs.get(one.line.enrolment_id or 0),
                tuple(appeal for appeal in appealed.get(one.line.pk, ()) if appeal.side == "provider"),
            )
            for one in shown.lines
        ],
        "standing": standing_told(found, chinese_day(request.at)) if found.state in open_states else None,
        "materials": [one for one in asked if one.line_id is None],
        "files": selectors.evidence_of(found),
        "clean": sum(shown.counts[state] for state in FITTING),
        "otherwise": len(otherwise),
        "concluded": found.approved_at is not None,
        "remedy": remedy(),
        "events": [_event(one) for one in shown.timeline],
        "paid": payments.lines_for(found.provider).filter(claim_line__claim=found).exists(),
        "may_confirm": found.state in open_states and may(request, services.confirm_claim, found.access()),
    }
    return render(request, "desk/claim.html", context)


@page(services.add_evidence.declaration, access=subject(selectors.claim))
@require_http_methods(["POST"])
def add_evidence(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Hand in a file the claim asks for."""
    found: Claim = request.subject
    file = request.FILES.get("file")
    try:
        services.add_evidence(
            **given(request),
            claim=found,
            kind=request.POST.get("kind", ""),
            file_name=file.name if file else "",
            content=file.read() if file else b"",
        )
        if services.is_large(found):
            start_job(request, recheck_many, found, claim_url(found), title=f"重新核对：{found.title}")
            return redirect(claim_url(found))
    except Refusal as problem:
        return refused(request, problem, claim_url(found))
    toasts.say(request, "材料已收到，规则重新核对了一遍。")
    return redirect(claim_url(found))


@page(services.add_contract.declaration, access=subject(selectors.claim_line))
@require_http_methods(["POST"])
def add_contract(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Hand in the contract of a trainee with its first and last day."""
    line: ClaimLine = request.subject
    file = request.FILES.get("file")
    back = f"{claim_url(line.claim)}#line-{line.pk}"
    form = ContractForm(request.POST)
    try:
        if not form.is_valid():
            raise BadInput(
                what="没有补交劳动合同。",
                why="合同日期没有填对。",
                next_step="请填写起止日期；无固定期限的不填到期日。",
            )
        services.add_contract(
            **given(request),
            line=line,
            from_on=form.cleaned_data["from_on"],
            until=form.cleaned_data["until"],
            file_name=file.name if file else "",
            content=file.read() if file else b"",
        )
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "合同已登记，规则重新核对了一遍。")
    return redirect(back)


@page(perms.CLAIM, access=subject(selectors.evidence))
@require_GET
def evidence_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A file handed in, to keep."""
    return download(request.subject)


def _event(change: StateChange) -> Event:
    return Event(CLAIM.events[change.event], change.at, change.actor_name, CLAIM.states[change.target])


@page(services.confirm_claim.declaration, access=subject(selectors.claim))
@require_http_methods(["POST"])
def confirm(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Hand the claim in; a line with a written doubt goes to a person."""
    found: Claim = request.subject
    disputes = {
        int(name.removeprefix("dispute-")): text
        for name in request.POST
        if name.startswith("dispute-")
        and name.removeprefix("dispute-").isdigit()
        and (text := request.POST.get(name, "").strip())
    }
    reply = request.POST.get("reply", "").strip()
    try:
        if services.is_large(found):
            services.require_reasons(found, disputes, reply)
            said = {"disputes": {str(line): text for line, text in disputes.items()}, "reply": reply}
            start_job(request, confirm_many, found, claim_url(found), title=f"提交补贴申领：{found.title}", **said)
            return redirect(claim_url(found))
        services.confirm_claim(**given(request), claim=found, disputes=disputes, reply=reply)
    except Refusal as problem:
        return refused(request, problem, claim_url(found))
    toasts.say(request, "已提交，等待人社部门初审。")
    return redirect(claim_url(found))


@page(services.file_appeal.declaration, access=subject(selectors.claim_line))
@require_http_methods(["GET", "POST"])
def appeal(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Appeal against a refused line."""
    line: ClaimLine = request.subject
    return appeal_page(request, line, template="desk/appeal.html", back=f"{claim_url(line.claim)}#line-{line.pk}")
