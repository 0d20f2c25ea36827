"""What people claim themselves: found from their records, applied for in one step, collected, taken up by a reviewer."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Clause, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.registry.models import Person
from zhaoliang.registry.selectors import locked_person
from zhaoliang.registry.services import Message, tell
from zhaoliang.subsidies.clocks import review_due
from zhaoliang.subsidies.entitlements import Entitlement, entitlement, entitlements
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.subsidies.services.checks import check_lines, draw_lines
from zhaoliang.subsidies.services.locking import locked_claim, locked_lines
from zhaoliang.subsidies.states import CLAIM


@act("subsidies.apply", label="本人申领补贴", grants={Role.WORKER: Reach.SELF}, on="person")
def apply_for(
    *,
    actor: Actor,
    at: datetime,
    person: Person,
    kind: str,
    certificate: Certificate | None = None,
    training: ClaimLine | None = None,
) -> ClaimLine:
    """Claim for oneself what the records give: the line joins the claim that is collecting in the region.

    Nothing is typed: the amount, the clause, the account are shown before. Raises Refusal when a rule refuses (with its
    clause), when it was claimed already, without an account on the social security card, or for what is not one's own.
    """
    today = chinese_day(at)
    person = locked_person(person)
    found = entitlement(person, kind, on=today, certificate=certificate, training=training)
    _require_open(found)
    return _join(found, at)


def _join(found: Entitlement, at: datetime) -> ClaimLine:
    """Put the line into the claim that is collecting and decide it.

    What goes to an organisation is collected in a claim of its own, which it hands in; a reviewer may take that up too.
    """
    if found.answer.payee != "person" and found.training is not None:
        found.line.claim.provider = found.training.claim.provider
    claim = _collecting(found.line.claim, at)
    line = found.line
    line.claim = claim
    line.save()
    check_lines(claim, [row for row in locked_lines(claim) if row.pk == line.pk], at)
    line.refresh_from_db()
    return line


@act("subsidies.raise_uplifts", label="按就业证明生成就业倾斜补贴", grants={Role.SYSTEM: Reach.ANY}, on="person")
def raise_uplifts(*, actor: Actor, at: datetime, person: Person) -> int:
    """Claim for a person what a job after a training brings, once a training (人社部发〔2025〕10号 四（六）).

    Nobody applies: where the region's text sets an uplift and no rule of it refuses, the line joins the claim that is
    collecting, and the person is told. Too early (not long enough in work) is not too late: the next night asks again.
    Returns how many lines came to be.
    """
    person = locked_person(person)
    made = 0
    for found in entitlements(person, on=chinese_day(at)):
        if found.kind != "uplift" or found.claimed is not None or found.outcome is Outcome.FAIL:
            continue
        if "job_months" not in found.answer.made.facts:
            continue
        line = _join(found, at)
        made += 1
        message = Message(
            kind="uplift",
            title="就业以后还有一笔补贴",
            text=f"{found.about}：您训后就业，按当地规定有{found.label}，已替您申领，审核公示后发放。",
            person_id=person.pk,
            subject=("claim_line", line.pk),
            once=f"uplift:{line.pk}",
        )
        tell(person.city_code, [message], at=at)
    return made


def _require_open(found: Entitlement) -> None:
    """Raises Refusal, with the clause where a rule refuses."""
    if found.claimed is not None:
        raise Refusal(
            what="没有重复申领。",
            why="这一项您已经申领过了。",
            next_step="可以在“钱到哪了”里看进展。",
        )
    if not found.line.person.card_number:
        raise Refusal(
            what="还不能申领。",
            why="您还没有登记社会保障卡银行账号，补贴发不出去。",
            next_step="请先在这个页面登记账号，再申领。",
        )
    if found.answer.outcome is Outcome.FAIL:
        first = found.answer.made.refusals[0]
        raise Refusal(
            what=f"{found.label}不能申领。",
            why=f"{first.says}。",
            next_step=first.remedy or "如果事实有误，请先到人社窗口更正。",
            clause=_clause(found),
        )


def _clause(found: Entitlement) -> Clause:
    return clause_of(found.answer.made.refusals[0].citation)


def _collecting(wanted: Claim, at: datetime) -> Claim:
    """The claim of the kind that collects in the region now, made when there is none."""
    while True:
        claim, _ = Claim.objects.get_or_create(
            city_code=wanted.city_code,
            region_id=wanted.region_id,
            kind=wanted.kind,
            fund_source=wanted.fund_source,
            provider=wanted.provider,
            training_class=None,
            state="assembled",
            defaults={"title": wanted.title, "rules_on": wanted.rules_on, "created_at": at},
        )
        claim = locked_claim(claim)
        # A reviewer may have taken it up while we waited for the row.
        if claim.state == "assembled":
            return claim


@act(
    "subsidies.take_up",
    label="开始审核个人申领",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="claim",
)
def take_up(*, actor: Actor, at: datetime, claim: Claim) -> Claim:
    """End the collecting of people's applications and begin their review; the next application opens the next claim.

    The rules run once more on the facts of today. Raises WrongState, Refusal for the claim of an organisation.
    """
    claim = locked_claim(claim)
    if not CLAIM.allows(claim.state, "confirm"):
        raise CLAIM.refusal(claim.state, "confirm")
    if not KINDS[claim.kind].of_people:
        raise Refusal(
            what="没有开始审核。",
            why="这份申领由机构核对后提交，不能代为提交。",
            next_step="请等机构确认，或联系机构。",
        )
    lines = locked_lines(claim)
    check_lines(claim, lines, at)
    draw_lines(claim, lines, at)
    CLAIM.fire(claim, "confirm", confirmed_at=at, review_due_on=review_due(claim, at), return_reason="")
    return claim
