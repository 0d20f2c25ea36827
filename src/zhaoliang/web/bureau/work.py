"""What waits for an officer: one list for the home page, counts of the same things for the side bar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.urls import reverse

from zhaoliang.attendance import selectors as attendance
from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.classes import selectors as classes
from zhaoliang.employment import selectors as employment
from zhaoliang.enactments import selectors as enactments
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.roles import Role
from zhaoliang.payments.models import ReconciliationCase
from zhaoliang.payments.states import PAYMENT_BATCH
from zhaoliang.subsidies import selectors as subsidies
from zhaoliang.subsidies.appeals import appeals_in
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.web.bureau import selectors
from zhaoliang.web.bureau.desk import Clock, Desk, DeskRequest, Due, clock_of, desk_of

# What each role does with a claim, and with a payment batch, in which state.
CLAIM_STATES = {Role.REVIEWER: ("first_review",), Role.APPROVER: ("second_review", "publicity")}
PAYMENT_STATES = {Role.FUND_OFFICER: ("building", "authorised", "unknown"), Role.FINANCE: ("sealed",)}
PAYMENT_TASKS = {
    "building": "核对并封存",
    "sealed": "授权拨付",
    "authorised": "送银行",
    "unknown": "向银行核实是否收到",
}
MOST_SHOWN = 50
CASE_KINDS = dict(ReconciliationCase.KINDS)
EVENTS = {"correct": "计入课时", "strike": "不计课时"}


@dataclass(frozen=True)
class Task:
    """One thing to do: what it is, what is to be done with it, until when."""

    group: str
    title: str
    todo: str
    url: str
    detail: str = ""
    due: Due | None = None
    amount_fen: int | None = None

    @property
    def urgency(self) -> tuple[date, str]:
        return (self.due.on if self.due else date.max, self.title)


def tasks(request: DeskRequest) -> list[Task]:
    """What waits for the officer of this request, the nearest deadline first; MOST_SHOWN of each kind, the most urgent."""
    desk, clock = desk_of(request), clock_of(request)
    found = [*_classes(desk, clock), *_projects(desk), *_doubts(desk, clock), *_claims(desk, clock)]
    found += [*_objections(desk, clock), *_appeals(desk, clock), *_findings(desk)]
    found += [*_voucher_batches(desk), *_payment_batches(desk), *_reconciliation(desk), *_policy_drafts(desk)]
    return sorted(found, key=lambda task: task.urgency)


def _classes(desk: Desk, clock: Clock) -> Iterator[Task]:
    if not desk.has(Role.REVIEWER):
        return
    for row in classes.classes_to_review(desk.city_code, desk.region_code)[:MOST_SHOWN]:
        yield Task(
            "开班备案",
            row.name,
            "审核备案",
            reverse("bureau:class", args=[row.city_code, row.pk]),
            f"{row.provider.short_name} · {row.starts_on.month}月{row.starts_on.day}日开班",
            clock.due(row.review_due_on),
        )


def _doubts(desk: Desk, clock: Clock) -> Iterator[Task]:
    if not desk.has(Role.REVIEWER):
        return
    queue = reverse("bureau:doubts")
    # The class alone, in place of all that the pages of a doubt show: the more is joined, the longer it is planned.
    near = "attendance__session__training_class"
    corrections = attendance.corrections_in(desk.city_code, desk.region_code)
    for one in corrections.select_related(None).select_related(near)[:MOST_SHOWN]:
        title = one.attendance.session.training_class.name
        yield Task("考勤核实", title, "决定考勤更正", queue, f"{EVENTS[one.event]} · {one.reason[:40]}")
    doubts = attendance.doubts_in(desk.city_code, desk.region_code).filter(state__in=("open", "answered"))
    for one in doubts.select_related(None).select_related(near)[:MOST_SHOWN]:
        url = reverse("bureau:doubt", args=[one.city_code, one.pk])
        detail = f"可疑程度 {one.score}，本人{'已说明' if one.worker_answer else '未说明'}"
        yield Task(
            "考勤核实",
            one.attendance.session.training_class.name,
            "核实签到",
            url,
            detail,
            clock.due(one.answer_due_on),
        )


def _projects(desk: Desk) -> Iterator[Task]:
    if not desk.has(Role.REVIEWER):
        return
    for row in catalogue.submitted_projects(desk.city_code, desk.region_code)[:MOST_SHOWN]:
        url = reverse("bureau:project", args=[row.city_code, row.pk])
        yield Task("培训项目", row.name, "审核入库", url, row.provider.short_name)


def _claims(desk: Desk, clock: Clock) -> Iterator[Task]:
    for item in subsidies.queue(desk.actor, on=clock.today, limit=MOST_SHOWN):
        with_provider = item.claim.state in ("assembled", "returned") and item.claim.provider is not None
        if item.claim.city_code != desk.city_code or with_provider:
            continue
        waiting = f"，{item.waiting:,} 条要您判断" if item.waiting else ""
        yield Task(
            "补贴审核",
            item.claim.title,
            item.task.removeprefix("待"),
            reverse("bureau:claim", args=[item.claim.city_code, item.claim.pk]),
            f"{item.claim.provider.short_name if item.claim.provider else item.claim.applicant} · {item.lines:,} 条{waiting}",
            clock.due(item.due_on),
            item.amount_fen,
        )


def _objections(desk: Desk, clock: Clock) -> Iterator[Task]:
    if not desk.has(Role.REVIEWER, Role.APPROVER):
        return
    for row in selectors.open_objections(desk)[:MOST_SHOWN]:
        url = reverse("bureau:claim", args=[row.city_code, row.claim.pk]) + "#objections"
        yield Task("公示异议", row.claim.title, "核实并答复异议", url, f"{row.text[:40]}", clock.due(row.due_on))


def _appeals(desk: Desk, clock: Clock) -> Iterator[Task]:
    if not desk.has(Role.APPROVER):
        return
    for row in appeals_in(desk.city_code, desk.region_code, state="filed")[:MOST_SHOWN]:
        url = reverse("bureau:appeal", args=[row.city_code, row.pk])
        yield Task("申诉", row.claim_line.claim.title, "核实并决定申诉", url, row.reason[:40], clock.due(row.due_on))


def _findings(desk: Desk) -> Iterator[Task]:
    if not desk.has(Role.APPROVER):
        return
    for row in employment.findings_to_decide(desk.city_code, desk.region_code)[:MOST_SHOWN]:
        url = reverse("bureau:person", args=[row.city_code, row.person_id]) + "?why=review#findings"
        yield Task("事实认定", row.get_kind_display(), "核实并认定", url, row.text[:40])


def _voucher_batches(desk: Desk) -> Iterator[Task]:
    if not desk.has(Role.APPROVER, Role.FUND_OFFICER):
        return
    for row in vouchers.batches_of(desk.city_code, desk.region_code, state="submitted")[:MOST_SHOWN]:
        url = reverse("bureau:voucher_batch", args=[row.city_code, row.pk])
        yield Task("培训券", row.name, "核对并发布", url, f"{row.quota} 张", amount_fen=row.quota * row.amount_fen)


def _payment_batches(desk: Desk) -> Iterator[Task]:
    states = _states(desk, PAYMENT_STATES)
    if not states:
        return
    for row in selectors.payment_batches(desk).filter(state__in=states)[:MOST_SHOWN]:
        url = reverse("bureau:payment_batch", args=[row.city_code, row.pk])
        detail = f"{FundSource(row.fund_source).label} · {PAYMENT_BATCH.states[row.state]}"
        amount = row.total_fen or None
        yield Task("资金拨付", f"批次 {row.number}", PAYMENT_TASKS[row.state], url, detail, amount_fen=amount)


def _reconciliation(desk: Desk) -> Iterator[Task]:
    if not desk.has(Role.FUND_OFFICER, Role.FINANCE):
        return
    for row in selectors.reconciliation_cases(desk)[:MOST_SHOWN]:
        todo = "复核处理意见" if row.state == "proposed" else "核实并提出处理意见"
        url = reverse("bureau:reconciliation_case", args=[row.city_code, row.pk])
        yield Task("银行对账", CASE_KINDS[row.kind], todo, url, row.says, amount_fen=row.amount_fen or None)


# What each role does with a policy draft, in which state.
POLICY_STATES = {Role.ADMINISTRATOR: ("returned",), Role.APPROVER: ("submitted",)}
POLICY_TASKS = {"returned": "按退回的原因修改", "submitted": "核对差异和试算，批准或退回"}


def _policy_drafts(desk: Desk) -> Iterator[Task]:
    for row in policy_drafts(desk)[:MOST_SHOWN]:
        url = reverse("bureau:policy", args=[row.city_code, row.pk])
        yield Task("政策文本", row.title, POLICY_TASKS[row.state], url, row.purpose[:40])


def policy_drafts(desk: Desk) -> QuerySet[PolicyDraft]:
    """The policy drafts that wait for the officer."""
    states = _states(desk, POLICY_STATES)
    return enactments.drafts_of(desk.city_code, desk.region_code).filter(state__in=states)


def _states(desk: Desk, by_role: dict[Role, tuple[str, ...]]) -> list[str]:
    return sorted({state for role, states in by_role.items() if desk.has(role) for state in states})


def counts(request: DeskRequest) -> dict[str, int]:
    """How many things wait, by entry of the side bar; at most eight small counting statements."""
    desk, clock = desk_of(request), clock_of(request)
    reviewer, approver = desk.has(Role.REVIEWER), desk.has(Role.APPROVER)
    claim_states, payment_states = _states(desk, CLAIM_STATES), _states(desk, PAYMENT_STATES)
    publishes = approver or desk.has(Role.FUND_OFFICER)
    return {
        "classes": selectors.class_count(desk) if reviewer else 0,
        "projects": selectors.project_count(desk) if reviewer else 0,
        "doubts": attendance.waiting_count(desk.city_code, desk.region_code) if reviewer else 0,
        "claims": selectors.claim_count(desk, claim_states, over_before=clock.today) if claim_states else 0,
        "voucher_batches": selectors.voucher_batch_count(desk) if publishes else 0,
        "policies": policy_drafts(desk).count() if _states(desk, POLICY_STATES) else 0,
        "payments": selectors.payment_batch_count(desk, payment_states) if payment_states else 0,
        "reconciliation": selectors.reconciliation_cases(desk).count()
        if desk.has(Role.FUND_OFFICER, Role.FINANCE)
        else 0,
    }
