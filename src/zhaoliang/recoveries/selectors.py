"""Questions about differences and recovery cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Case, Exists, OuterRef, QuerySet, Sum, When

from zhaoliang import policy
from zhaoliang.funds.models import Transfer
from zhaoliang.funds.selectors import transfers_of, transfers_under
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import within
from zhaoliang.recoveries.models import (
    Correction,
    Difference,
    Instalment,
    RecoveryCase,
    RecoveryInterest,
    RecoveryReceipt,
)
from zhaoliang.recoveries.services.cases import plan_of
from zhaoliang.recoveries.services.reassessing import standing_decision
from zhaoliang.recoveries.states import OPEN
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.judging_singly import answer
from zhaoliang.subsidies.kind_facts import gathered, phase_of, rules_day
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.selectors import line_today
from zhaoliang.subsidies.services.later import facts_again

_PARTS = ("claim_line__claim", "claim_line__person", "organisation", "person", "difference__decision")


@dataclass(frozen=True)
class CasePage:
    """A case with everything its page shows."""

    case: RecoveryCase
    plan: tuple[Instalment, ...]
    receipts: tuple[RecoveryReceipt, ...]
    interest: tuple[RecoveryInterest, ...]
    transfers: tuple[Transfer, ...]
    timeline: tuple[StateChange, ...]


def recovery_case(city_code: int, case_id: int) -> RecoveryCase:
    """A case with its line, payee and difference. Raises NotFound."""
    found = RecoveryCase.objects.select_related(*_PARTS).filter(city_code=city_code, pk=case_id).first()
    if found is None:
        raise NotFound("没有找到这件追回事项。", "编号不对，或不在这个城市。", "请从列表进入。")
    return found


def correction(city_code: int, correction_id: int) -> Correction:
    """A correction with its line. Raises NotFound."""
    rows = Correction.objects.select_related("claim_line__claim").filter(city_code=city_code, pk=correction_id)
    found = rows.first()
    if found is None:
        raise NotFound("没有找到这份更正。", "编号不对，或不在这个城市。", "请从申领明细进入。")
    return found


def cases(city_code: int, region_code: int, *, state: str = "", text: str = "") -> QuerySet[RecoveryCase]:
    """The cases of a region, those with a deadline first, by day; `open` for all that still want something."""
    rows = RecoveryCase.objects.filter(city_code=city_code, **within("region_code", region_code))
    if state == "open":
        rows = rows.filter(state__in=OPEN)
    elif state:
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(payee_name__contains=text)
    return rows.select_related("claim_line__claim", "difference").order_by("due_on", "-id")


def owed(cases: QuerySet[RecoveryCase]) -> int:
    """What the open ones of these cases still want (fen)."""
    wanted = cases.filter(state__in=OPEN).aggregate(all=Sum("amount_fen"), back=Sum("collected_fen"))
    return (wanted["all"] or 0) - (wanted["back"] or 0)


def totals(city_code: int, region_code: int) -> tuple[int, int]:
    """What all open cases of a region still want, and what came back of all (fen)."""
    rows = RecoveryCase.objects.filter(city_code=city_code, **within("region_code", region_code))
    return owed(rows), rows.aggregate(back=Sum("collected_fen"))["back"] or 0


def case_page(city_code: int, case_id: int) -> CasePage:
    """A case with plan, receipts, transfers and timeline; a fixed number of queries and one for each receipt."""
    case = recovery_case(city_code, case_id)
    receipts = tuple(RecoveryReceipt.objects.filter(city_code=city_code, case=case).order_by("id"))
    transfers = transfers_under(city_code, "recovery_case", case.pk)
    for receipt in receipts:
        transfers += transfers_of(city_code, "recovery_receipt", receipt.pk)
    changes = StateChange.objects.filter(city_code=city_code, machine="recovery_case", object_id=case.pk)
    return CasePage(
        case,
        tuple(plan_of(case)),
        receipts,
        tuple(RecoveryInterest.objects.filter(city_code=city_code, case=case).order_by("id")),
        tuple(sorted(transfers, key=lambda transfer: transfer.pk)),
        tuple(changes.order_by("id")),
    )


def cases_of(
    city_code: int, *, person_id: int | None = None, organisation_id: int | None = None
) -> QuerySet[RecoveryCase]:
    """The cases of a person or an organisation in a city, newest first."""
    to = {"organisation_id": organisation_id} if organisation_id else {"person_id": person_id, "organisation": None}
    return RecoveryCase.objects.filter(city_code=city_code, **to).select_related(*_PARTS).order_by("-id")


def cases_of_line(line: ClaimLine) -> list[RecoveryCase]:
    """The cases of a line, newest first."""
    rows = RecoveryCase.objects.filter(city_code=line.city_code, claim_line=line).select_related("claim_line__claim")
    return list(rows.order_by("-id"))


def cases_of_reference(city_code: int, reference: str) -> list[RecoveryCase]:
    """The cases for which money came back under this reference of the bank's; `city_code` 0 looks in all cities."""
    with national():
        rows = RecoveryReceipt.objects.filter(
            **({"city_code": city_code} if city_code else {}), bank_reference=reference
        )
        found = rows.select_related("case__claim_line__claim").order_by("id")
        return [row.case for row in found] if reference else []


def differences_of(line: ClaimLine) -> list[Difference]:
    """What became of later changes of a line's facts, newest first."""
    return list(Difference.objects.filter(city_code=line.city_code, claim_line=line).order_by("-id"))


def to_look_at(city_code: int, region_code: int) -> QuerySet[Difference]:
    """Changes that the rules cannot tell the end of, and that nothing followed yet, newest first; of a line the last one."""
    rows = Difference.objects.filter(
        city_code=city_code, action="ask", **within("claim_line__claim__region_id", region_code)
    )
    later = Difference.objects.filter(
        city_code=city_code, claim_line_id=OuterRef("claim_line_id"), pk__gt=OuterRef("pk")
    )
    return rows.exclude(Exists(later)).select_related("claim_line__claim", "claim_line__person").order_by("-id")


def worth_now(line: ClaimLine) -> policy.Decision | None:
    """What the texts of a line's day, as they read now, say on the facts of now (`facts_again`); stores nothing.

    None where no rules decided it, or they cannot be asked again.
    """
    since = standing_decision(line)
    if since is None:
        return None
    try:
        single = line.kind not in TRAINING_KINDS
        made = answer(line, gathered(line.claim, [line], rules_day(line))).made if single else line_today(line)
        facts = facts_again(made.facts, since.facts)
        policies = policies_for(line.claim.region_id, on=rules_day(line), scheme=KINDS[line.kind].scheme)
        return policies.decide(facts, phase=phase_of(line))
    except policy.PolicyError:
        return None


def open_corrections(city_code: int, region_code: int, user_id: int | None) -> QuerySet[Correction]:
    """Corrections that wait for another person: first those that are not this account's own, oldest first."""
    rows = Correction.objects.filter(
        city_code=city_code, state="proposed", **within("claim_line__claim__region_id", region_code)
    )
    own = Case(When(proposed_by_user=user_id, then=1), default=0)
    return rows.select_related("claim_line__claim", "claim_line__person").order_by(own, "id")


def overdue_cases(on: date) -> list[RecoveryCase]:
    """Cases of all cities whose day has passed before `on`, for the clock."""
    with national():
        return list(RecoveryCase.objects.filter(state__in=("noticed", "agreed"), due_on__lt=on).order_by("id"))
