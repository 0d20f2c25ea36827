"""我的: my record, my certificates, where the money is, who looked at my file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from zhaoliang import policy
from zhaoliang.careers import perms as careers_perms
from zhaoliang.careers.selectors import lifelong_record
from zhaoliang.certificates import perms as certificates_perms
from zhaoliang.certificates import selectors as certificates
from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.models import AuditEvent, StateChange
from zhaoliang.kernel.roles import Access
from zhaoliang.payments import selectors as payments
from zhaoliang.payments import services
from zhaoliang.recoveries.selectors import cases_of
from zhaoliang.registry import perms as registry_perms
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.selectors import groups_on, masked
from zhaoliang.subsidies import perms as subsidies_perms
from zhaoliang.subsidies import selectors
from zhaoliang.subsidies import services as subsidies_services
from zhaoliang.subsidies.appeals import personal, remedy
from zhaoliang.subsidies.entitlements import entitlements
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, refused
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.appealing import appeal_page, standing
from zhaoliang.web.components import toasts
from zhaoliang.web.components.parts import Step, steps
from zhaoliang.web.identity.stepup import confirm_first, recently_verified
from zhaoliang.web.paging import part
from zhaoliang.web.worker import perms
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.money import Journey, journey
from zhaoliang.web.worker.views.claimable import claimable_now

LINES_SHOWN = 20
SEEN_MINUTES = 10
MONEY_STEPS = ("生成", "初审", "复核", "公示", "审批", "到账")
MONEY_STATES = {
    "assembled": 0,
    "returned": 0,
    "first_review": 1,
    "second_review": 2,
    "publicity": 3,
    "approved": 5,
    "paying": 5,
    "settled": 6,
}


@page(registry_perms.FILE, access=own)
def me_page(request: ActorRequest) -> HttpResponse:
    """Who I am here, and the ways on."""
    person = me(request)
    context = {
        "tab": "me",
        "person": masked(person),
        "region": person.region,
        "groups": groups_on(person, chinese_day(request.at)),
        "certificates": certificates.certificates_of(person),
        "subsidies": selectors.lines_of_person(person.city_code, person.pk).count(),
        "claimable": claimable_now(entitlements(person, on=chinese_day(request.at))),
    }
    return render(request, "worker/me.html", context)


@page(careers_perms.RECORD, access=own)
def record(request: ActorRequest) -> HttpResponse:
    """My whole record, of all cities, latest first."""
    return render(request, "worker/record.html", {"tab": "me", "record": lifelong_record(me(request), everywhere=True)})


def _certificate_access(request: ActorRequest, city: int, pk: int) -> Access | None:
    return certificates.certificate(city, pk).access()


def _my_certificate(request: ActorRequest, city: int, pk: int) -> Certificate:
    found = certificates.certificate(city, pk)
    if found.person_id != request.actor.person_id:
        raise NotFound(what="没有这本证书。", why="它不在您名下。", next_step="请从“我的”里打开。")
    return found


@page(certificates_perms.CERTIFICATE, access=_certificate_access)
def certificate(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One certificate of mine, as the register has it."""
    found = _my_certificate(request, city, pk)
    return render(request, "worker/certificate.html", {"tab": "me", "certificate": found})


@page(certificates_perms.CERTIFICATE, access=_certificate_access)
def certificate_pdf(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """My certificate as PDF. Raises what `certificates.selectors.pdf` refuses."""
    found = _my_certificate(request, city, pk)
    response = HttpResponse(certificates.pdf(found), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{found.number}.pdf"'
    return response


@page(subsidies_perms.LINE, access=own)
def subsidies(request: ActorRequest) -> HttpResponse:
    """钱到哪了: every subsidy line of mine and where it stands."""
    person = me(request)
    shown = part(request, selectors.lines_of_person(person.city_code, person.pk), LINES_SHOWN)
    context = {"tab": "me", "page": shown, "lines": [(one, _steps(one)) for one in shown]}
    return render(request, "worker/subsidies.html", context)


def _line_access(request: ActorRequest, city: int, pk: int) -> Access | None:
    return selectors.claim_line(city, pk).access()


@page(subsidies_perms.LINE, access=_line_access)
def subsidy(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One subsidy of mine: where it is, what the policies said of it and by which clause."""
    line = selectors.claim_line(city, pk)
    if line.person_id != request.actor.person_id:
        raise NotFound(what="没有这笔补贴。", why="它不在您名下。", next_step="请从“钱到哪了”里打开。")
    made = policy.Decision.from_json(line.decision.record) if line.decision is not None else None
    own_appeal = line.state == "refused" and personal(line)
    context: dict[str, Any] = {
        "tab": "me",
        "line": line,
        "standing": standing(line, request.at) if own_appeal or line.judgement else None,
        "may_appeal": own_appeal,
        "remedy": remedy(),
        "steps": _steps(line),
        "explained": policy.explain(made, lawbook().facts) if made else [],
        "view": selectors.line_view(line),
        "journey": _journey(line),
        "fresh": recently_verified(request, SEEN_MINUTES),
        "cases": [case for case in cases_of(city, person_id=line.person_id) if case.claim_line_id == line.pk],
    }
    return render(request, "worker/subsidy.html", context)


def _steps(line: ClaimLine) -> list[Step]:
    refused = line.state in ("refused", "failed")
    # A claim that an appeal opened again moves on without the lines that were decided.
    decided = line.state in ("approved", "in_batch", "failed") or (refused and line.claim.approved_at is not None)
    at = len(MONEY_STEPS) if line.state == "paid" else 5 if decided else MONEY_STATES[line.claim.state]
    return steps(MONEY_STEPS, min(at, len(MONEY_STEPS) - 1) if refused else at, problem=refused)


def _journey(line: ClaimLine) -> Journey:
    changes = StateChange.objects.filter(city_code=line.city_code, machine="claim", object_id=line.claim_id)
    return journey(line, payments.payments_of(line), selectors.due_payments(line), changes.order_by("id"))


@page(services.correct_account.declaration, access=_line_access)
@require_http_methods(["GET", "POST"])
def correct(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Correct the account that the bank refused; asks who is there before it takes a new one."""
    line = selectors.claim_line(city, pk)
    back = reverse("worker:subsidy", args=[city, pk])
    if line.person_id != request.actor.person_id:
        raise NotFound(what="没有这笔补贴。", why="它不在您名下。", next_step="请从“钱到哪了”里打开。")
    if not recently_verified(request, SEEN_MINUTES):
        return confirm_first(request, back_to=back)
    if request.method == "POST":
        try:
            number = request.POST.get("card_number", "").strip()
            services.correct_account(**given(request), line=line, account_number=number)
        except Refusal as problem:
            return refused(request, problem, back)
        toasts.say(request, "账号已更正，下一批次会再拨一次。")
    return redirect(back)


@page(subsidies_services.file_appeal.declaration, access=_line_access)
@require_http_methods(["GET", "POST"])
def appeal(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Appeal against the refusal of a subsidy that was to be paid to me."""
    line = selectors.claim_line(city, pk)
    if line.person_id != request.actor.person_id:
        raise NotFound(what="没有这笔补贴。", why="它不在您名下。", next_step="请从“钱到哪了”里打开。")
    back = reverse("worker:subsidy", args=[city, pk])
    return appeal_page(request, line, template="worker/appeal.html", back=back, context={"tab": "me"})


@page(perms.LOOKS, access=own)
def looks(request: ActorRequest) -> HttpResponse:
    """Who opened my file, when and why; one's own looks are not recorded."""
    person = me(request)
    seen = AuditEvent.objects.filter(city_code=person.city_code, person_id=person.pk, act="look").order_by("-at", "-id")
    return render(request, "worker/looks.html", {"tab": "me", "page": part(request, seen)})
