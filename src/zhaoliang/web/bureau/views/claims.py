"""Claim review: the queue, one line at a time with rules, evidence and amount, the steps of the claim, objections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.attendance import selectors as attendance
from zhaoliang.attendance.models import SignIn
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.declaring import JobKind
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.masking import mask_id, mask_name
from zhaoliang.kernel.roles import Actor
from zhaoliang.policy import Outcome
from zhaoliang.registry import perms as registry_perms
from zhaoliang.subsidies import perms, selectors, services
from zhaoliang.subsidies.models import Claim, ClaimLine, Objection
from zhaoliang.subsidies.reviewing import (
    SHOWS,
    ReviewPage,
    lines_shown,
    payees_told,
    reason_of,
    review_page,
    standing_told,
)
from zhaoliang.subsidies.selectors import FactShown, LineView
from zhaoliang.subsidies.services.mass import LARGE
from zhaoliang.subsidies.shares import CostStanding, cost_standings
from zhaoliang.subsidies.states import CLAIM, CLAIM_LINE
from zhaoliang.subsidies.tasks import approve_many, check_many
from zhaoliang.subsidies.verifiers import ANSWERS, VERIFIERS
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, refused, subject
from zhaoliang.web.bureau import forms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, clock_of, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.files import download
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("class", "申领", lambda row: row.title, order="title", wide=True),
    Column(
        "provider",
        "申领人",
        lambda row: row.provider.short_name if row.provider else row.applicant,
        order="provider__pinyin_key",
    ),
    Column("fund", "资金渠道", lambda row: row.get_fund_source_display(), order="fund_source"),
    Column("lines", "明细", lambda row: row.lines_count or 0, "count"),
    Column("open", "待判断", lambda row: row.open_count or 0, "count"),
    Column("fen", "金额", lambda row: row.total_fen or 0, "money"),
    Column("due", "审核截止", lambda row: row.review_due_on, "date", "review_due_on"),
    Column("state", "状态", lambda row: row.state, "state", "state", "claim"),
)
LINE_COLUMNS = (
    Column("name", "姓名", lambda row: mask_name(row.person.name)),
    Column("number", "证件号码", lambda row: mask_id(row.person.document_number)),
    Column("occupation", "职业", lambda row: row.occupation.name, wide=True),
    Column("planned", "应到分钟", lambda row: row.planned_minutes, "count"),
    Column("credited", "计入分钟", lambda row: row.credited_minutes, "count"),
    Column("fen", "金额", lambda row: row.amount_fen, "money"),
    Column("payee", "收款方", lambda row: row.get_payee_display()),
    Column("state", "状态", lambda row: row.state, "state", machine="claim_line"),
    Column("alerts", "核验要看的项数", lambda row: row.alerts, "count"),
    Column("why", "人工判断和原因", lambda row: row.refusal or row.judgement or row.question, wide=True),
)


@dataclass(frozen=True)
class Step:
    """A step of the claim that is the officer's to take now: the act's address, the button's words, what they mean."""

    url: str
    label: str
    note: str
    ready: bool
    key: str = "p"


@page(perms.CLAIM, access=here)
@require_GET
def claim_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The claims of the region."""
    wanted = forms.StateFilter(CLAIM, request.GET, hint="班级或机构")
    desk = desk_of(request)
    rows = desk_selectors.claims(desk, state=wanted.said("state"), text=wanted.said("text"))
    sums = partial(desk_selectors.with_sums, city_code=desk.city_code)
    if export:
        return excel("补贴申领", COLUMNS, ordered(request, sums(rows), COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:claims_export"),
        "table": table(request, rows, COLUMNS, url=claim_url, unit="份申领", also=sums),
    }
    return render(request, "bureau/claim_list.html", context)


def claim_url(found: Claim, **query: Any) -> str:
    url = reverse("bureau:claim", args=[found.city_code, found.pk])
    said = {name: value for name, value in query.items() if value}
    return f"{url}?{urlencode(said)}" if said else url


def line_url(line: ClaimLine) -> str:
    return claim_url(line.claim, line=line.pk)


@page(perms.CLAIM, access=subject(selectors.claim))
@require_GET
def claim_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The review screen. `?line=` is the line in hand, `?show=` narrows the list, `?from=` is where the list begins.

    `?like=` is the line just judged, whose reason may be written again with one key.
    """
    show = request.GET.get("show", "")
    shown = review_page(
        city, pk, at=request.at, show=show, line=_number(request, "line"), start=_number(request, "from")
    )
    current = shown.current
    actor: Actor = request.actor
    like = _number(request, "like")
    if current is not None:
        record_look(actor=actor, target=current.line, at=request.at, why="审核补贴申领")
    claim, clock = shown.claim, clock_of(request)
    context = {
        "page": shown,
        "claim": claim,
        "job": job_to_show(_work(claim), claim) if shown.size >= LARGE else None,
        "show": show,
        "shows": [(key, word, shown.shown[key]) for key, (word, _) in SHOWS.items()],
        "lines": [(row, claim_url(claim, line=row.line.pk, show=show), _badge(row.line)) for row in shown.rows],
        "earlier": claim_url(claim, show=show, **{"from": shown.before}) if shown.before else "",
        "later": claim_url(claim, show=show, **{"from": shown.after}) if shown.after else "",
        "current": current,
        "following": shown.following,
        "like": like,
        "reason_before": reason_of(city, pk, like) if like else "",
        "facts": _facts(current),
        "checked": shown.checked,
        "alerts": [one for one in shown.checks if one.answer != "y"],
        "clear": [one for one in shown.checks if one.answer == "y"],
        "ratio": _ratio(current),
        "cost": _cost(current),
        "sessions": _sessions(current),
        "passed": [one for one in current.findings if one.outcome is Outcome.PASS] if current else [],
        "standing": standing_told(claim, clock.today),
        "payees": payees_told(claim, clock.today),
        "due": clock.due(claim.review_due_on if claim.state == "first_review" else claim.publicity_until),
        "clean": shown.shown["passed"],
        "events": timelines.events(shown.timeline, CLAIM),
        "step": _step(request, shown, city, pk),
        "may_return": may(request, services.return_claim, claim.access())
        and claim.state in ("first_review", "second_review"),
        "may_take_up": claim.provider is None
        and claim.state in ("assembled", "returned")
        and may(request, services.take_up, claim.access()),
        "files": selectors.evidence_of(claim),
        "may_judge": claim.state == "first_review" and may(request, services.judge_line, claim.access()),
        "unanswered": sum(one.answered_at is None for one in shown.objections),
        "may_see_file": registry_perms.FILE.allows(actor, claim.access()),
        "may_answer": may(request, services.answer_objection, claim.access()),
    }
    return render(request, "bureau/claim.html", context)


def _number(request: DeskRequest, name: str) -> int | None:
    said = request.GET.get(name, "")
    return int(said) if said.isdigit() and len(said) < 19 else None


def _badge(line: ClaimLine) -> tuple[str, str]:
    drawn = "抽中核对" if line.sampled and not line.alerts else "请人判断"
    words = {
        "due": ("待核验", "ask"),
        "to_person": (f"{line.alerts} 项要看" if line.alerts else drawn, "ask"),
        "refused": ("不予补贴", "no"),
        "passed": ("人工判断符合" if line.judgement else "全部通过", "ok"),
    }
    return words.get(line.state, (CLAIM_LINE.states[line.state], "ok" if line.state == "paid" else "info"))


def _facts(current: LineView | None) -> list[FactShown]:
    """What the rules read, each fact once, those with a record behind them first."""
    facts: dict[str, FactShown] = {}
    for finding in current.findings if current else ():
        for fact in finding.facts:
            facts.setdefault(fact.name, fact)
    return sorted(facts.values(), key=lambda fact: (not fact.evidence, fact.label))


def _cost(current: LineView | None) -> CostStanding | None:
    """What person and enterprise paid beside the subsidy, where the class shares its cost."""
    enrolment = current.line.enrolment if current is not None else None
    return cost_standings([enrolment]).get(enrolment.pk) if enrolment is not None else None


def _ratio(current: LineView | None) -> dict[str, int] | None:
    if current is None or not current.line.planned_minutes:
        return None
    planned, credited = current.line.planned_minutes, current.line.credited_minutes
    return {"planned": planned, "credited": credited, "permille": credited * 1000 // planned}


def _sessions(current: LineView | None) -> dict[str, list[tuple[str, int]]] | None:
    """How the trainee was seen in class: sessions by outcome, by way of signing in, and by doubt."""
    if current is None or current.line.enrolment is None:
        return None
    rows = attendance.attendances_of(current.line.enrolment)
    methods = dict(forms.choices_of(SignIn, "method"))
    return {
        "states": Counter(ATTENDANCE.states[row.state] for row in rows).most_common(),
        "methods": Counter(methods[row.method] for row in rows if row.method in methods).most_common(),
        "flags": Counter(flag for row in rows for flag in row.flags).most_common(),
    }


def _step(request: DeskRequest, shown: ReviewPage, city: int, pk: int) -> Step | None:
    """The claim's next step, where it is this officer's."""
    claim = shown.claim
    waiting, passed = shown.open, shown.shown["passed"]
    open_objections = sum(one.answered_at is None for one in shown.objections)
    known = {
        "first_review": (
            services.pass_first,
            "bureau:claim_pass_first",
            f"初审通过 {passed:,} 条",
            f"还有 {waiting:,} 条要先判断" if waiting else "提交另一位同事复核",
            not waiting,
        ),
        "second_review": (
            services.pass_second,
            "bureau:claim_pass_second",
            _publish_label(shown),
            shown.clock.says,
            shown.clock.deadline is not None,
        ),
        "publicity": (
            services.approve_claim,
            "bureau:claim_approve",
            f"审批 {passed:,} 条",
            f"还有 {open_objections} 条异议没有答复" if open_objections else shown.clock.says,
            shown.clock.state == "over" and not open_objections,
        ),
    }
    if claim.state not in known:
        return None
    act, name, label, note, ready = known[claim.state]
    if not may(request, act, claim.access()):
        return None
    return Step(reverse(name, args=[city, pk]), label, note, ready)


def _work(claim: Claim) -> JobKind:
    """The job that a large claim in this state may be waiting for."""
    return approve_many if claim.state == "publicity" else check_many


def _publish_label(shown: ReviewPage) -> str:
    days = shown.clock.deadline.working_days if shown.clock.deadline else None
    return f"复核通过并公示 {days} 个工作日" if days else "复核通过并公示"


@page(perms.CLAIM, access=subject(selectors.claim))
@require_GET
def claim_export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The lines of a claim as Excel, narrowed as on the page, names and numbers masked."""
    found: Claim = request.subject
    rows = lines_shown(found, request.GET.get("show", "")).select_related("person", "occupation")
    return excel(f"申领明细-{found.title}", LINE_COLUMNS, rows)


@page(perms.CLAIM, access=subject(selectors.evidence))
@require_GET
def evidence_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A file handed in for a claim, to keep."""
    return download(request.subject)


@page(perms.CLAIM, access=here)
@require_GET
def verifiers(request: DeskRequest) -> HttpResponse:
    """The list of automatic checks: what each does, its clause and version."""
    return render(request, "bureau/verifiers.html", {"verifiers": VERIFIERS, "answers": ANSWERS})


@page(services.judge_line.declaration, access=subject(selectors.claim_line))
@require_POST
def judge(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A person's answer on one line; then the next line that waits."""
    line: ClaimLine = request.subject
    passes = request.POST.get("decision") == "pass"
    try:
        services.judge_line(**given(request), line=line, passes=passes, text=request.POST.get("text", ""))
    except Refusal as problem:
        return refused(request, problem, line_url(line))
    toasts.say(request, f"已判断为{'符合' if passes else '不符合'}，说明已存档。")
    following = request.POST.get("following", "")
    target = following if following.isdigit() else line.pk
    return redirect(claim_url(line.claim, line=target, show=request.POST.get("show", ""), like=line.pk))


question = act_view(
    services.question_line,
    fetch=selectors.claim_line,
    argument="line",
    texts=("text",),
    say="已提请人工判断，这一条在判断以前不会通过。",
    back=line_url,
)
run_checks = act_view(
    services.run_checks,
    fetch=selectors.claim,
    argument="claim",
    say="已按最新事实重新核验。人工判断过而事实没有变的，判断保留。",
    back=claim_url,
    job=check_many,
    large=services.is_large,
)
take_up = act_view(
    services.take_up,
    fetch=selectors.claim,
    argument="claim",
    say="已开始审核；之后的申请另成一份。",
    back=claim_url,
)
pass_first = act_view(
    services.pass_first, fetch=selectors.claim, argument="claim", say="初审已通过，等待另一位同事复核。", back=claim_url
)
pass_second = act_view(
    services.pass_second, fetch=selectors.claim, argument="claim", say="复核已通过，公示从今天开始。", back=claim_url
)
send_back = act_view(
    services.return_claim,
    fetch=selectors.claim,
    argument="claim",
    texts=("reason",),
    say="已退回机构，原因已告知。",
    back=claim_url,
)
approve = act_view(
    services.approve_claim,
    fetch=selectors.claim,
    argument="claim",
    say="已审批，金额已记入应付，等待拨付。",
    back=claim_url,
    job=approve_many,
    large=services.is_large,
)
object_to = act_view(
    services.raise_objection,
    fetch=selectors.claim,
    argument="claim",
    texts=("text", "contact"),
    say="异议已登记，答复以前不能审批。",
    back=claim_url,
)


def _objection_back(found: Objection) -> str:
    return f"{claim_url(found.claim)}#objections"


def _upheld(request: DeskRequest, found: Objection) -> dict[str, Any]:
    """What comes of an objection: nothing, one line out, or the whole claim back."""
    said, number = request.POST.get("upheld", ""), request.POST.get("line", "")
    line = selectors.claim_line(found.city_code, int(number)) if said == "line" and number.isdigit() else None
    return {"upheld": said in ("yes", "line"), "line": line}


answer_objection = act_view(
    services.answer_objection,
    fetch=desk_selectors.objection,
    argument="objection",
    texts=("answer",),
    also=_upheld,
    say="异议已答复。",
    back=_objection_back,
)
