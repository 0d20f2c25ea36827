"""The rules over the lines of a claim, and a person's judgement where the rules cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from zhaoliang import policy
from zhaoliang.attendance.selectors import minutes_of_enrolments
from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.policy import Outcome, PolicySet
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.facts import class_outcome
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS, of_claim
from zhaoliang.subsidies.judging import decided, put_decisions
from zhaoliang.subsidies.judging_singly import decided_singly
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision, ReviewSeed
from zhaoliang.subsidies.resting import keep_marks
from zhaoliang.subsidies.sampling import QUESTION, draw, seed_of_month
from zhaoliang.subsidies.services.locking import locked_claim, locked_line, locked_lines, reason_given
from zhaoliang.subsidies.services.mass import check_many, is_large
from zhaoliang.subsidies.services.review import require_no_stake
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.verifiers import verify_claim

EVENTS = {Outcome.PASS: "check_pass", Outcome.FAIL: "check_fail", Outcome.CANNOT_TELL: "check_unknown"}
DECIDABLE = ("due", "to_person", "passed", "refused")


@act(
    "subsidies.check",
    label="自动核验申领",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="claim",
)
def run_checks(*, actor: Actor, at: datetime, claim: Claim) -> Claim:
    """Decide every line by the policies of the class's start day; decide again those whose facts changed since.

    A line that a person judged is decided again only when its facts changed. Raises Refusal once the claim is published.
    """
    claim = locked_claim(claim)
    if claim.state not in ("assembled", "returned", "first_review"):
        raise Refusal(
            what="没有重新核验。",
            why="初审通过以后，各条结论已定，不再自动改动。",
            next_step="如果事实有变，请先退回申领，再重新核验。",
        )
    check_claim(claim, at)
    return claim


def check_claim(claim: Claim, at: datetime) -> None:
    """Decide all lines of a locked claim (plain; inside an act): a large one by statements over all its lines at once."""
    if is_large(claim):
        check_many(claim, decidable(claim), at)
    else:
        check_lines(claim, locked_lines(claim), at)


def check_lines(claim: Claim, lines: list[ClaimLine], at: datetime) -> None:
    """Decide the lines of a locked claim (plain; inside an act) and ask the verifiers about each.

    Lines of which both say the same as before stay as they are, a person's judgement with them. Facts and rules are one
    statement for the whole claim (`subsidies.judging`), each verifier is one more.
    """
    open_lines = [line for line in lines if line.state in decidable(claim)]
    take_over(claim, open_lines)
    keep_marks(open_lines)
    made = decide(claim, open_lines)
    found = verify_claim(claim, lines, at)
    changed = [
        line
        for line in open_lines
        if line.state == "due" or line.pk in found or not _same(line.decision, made[line.pk])
    ]
    reopened = [line for line in changed if line.state != "due"]
    CLAIM_LINE.fire_all(reopened, "recheck", judged_by_user=None, judged_by_person=None, judgement="", question="")
    _settle(changed, made, at)


def decidable(claim: Claim) -> tuple[str, ...]:
    """The states of lines that rules and reviewers may still move: once a claim was approved, only an appeal opens a refusal."""
    return DECIDABLE if claim.approved_at is None else tuple(state for state in DECIDABLE if state != "refused")


def decide(claim: Claim, lines: list[ClaimLine] | None = None) -> dict[int, Decision]:
    """The decisions on lines of a claim (all, by default) from the facts of now, by line id, not saved (inside an act)."""
    if claim.kind in TRAINING_KINDS:
        ids = None if lines is None else [line.pk for line in lines]
        policies = policies_for(claim.region_id, on=claim.rules_on)
        made = decided(of_claim(claim.city_code, claim.pk, ids), policies)
        return made | {pk: _of_wrong_identity(made[pk], policies) for pk in _with_wrong_identity(claim) if pk in made}
    return decided_singly(claim, lines if lines is not None else locked_lines(claim))


def _with_wrong_identity(claim: Claim) -> list[int]:
    """The lines of people whose identity was found to be wrong: rare, and so left out of the statement over all facts."""
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, person__identity_wrong_on__isnull=False)
    return list(rows.values_list("pk", flat=True))


def _of_wrong_identity(made: Decision, policies: PolicySet) -> Decision:
    """The same decision with the one fact that the finding of two people changed, where a rule refuses for it."""
    facts = dict(made.facts) | {"name_matches_id": False}
    said = policies.decide(facts, phase="claim")
    if said.outcome is not Outcome.FAIL:
        return made
    return Decision(
        city_code=made.city_code,
        claim_line_id=made.claim_line_id,
        policy_version=said.policy_version,
        outcome=said.outcome,
        amount_fen=said.fen,
        # What the statement said of the line, by which the finder knows it again.
        known=made.known,
        rows=made.rows,
        payee=made.paid_to,
        whole_facts=facts,
        whole_evidence=made.evidence,
        whole_record=said.to_json() | {"payee": made.record["payee"]},
    )


def take_over(claim: Claim, lines: Sequence[ClaimLine]) -> None:
    """Take over into lines of a claim what was corrected since: minutes, and of a class's claim the certificate."""
    if claim.training_class is not None:
        outcome = class_outcome(claim)
        for line in lines:
            _refresh(line, outcome.totals, outcome.certificate(line.enrolment_id or 0))
        return
    # What people apply for rests on classes of their own, or on a certificate alone, which stays the one applied with.
    taught = [line for line in lines if line.enrolment_id is not None]
    sat = minutes_of_enrolments(claim.city_code, [line.enrolment_id or 0 for line in taught])
    for line in taught:
        _refresh(line, sat, line.certificate)


def _refresh(line: ClaimLine, totals: Mapping[int, tuple[int, int]], certificate: Certificate | None) -> None:
    planned, credited = totals.get(line.enrolment_id or 0, (0, 0))
    now = (planned, credited, certificate.pk if certificate else None)
    if now != (line.planned_minutes, line.credited_minutes, line.certificate_id):
        line.planned_minutes, line.credited_minutes, line.certificate = planned, credited, certificate
        line.save(update_fields=["planned_minutes", "credited_minutes", "certificate"])


def _same(earlier: Decision | None, made: Decision) -> bool:
    return earlier is not None and (
        (earlier.policy_version, earlier.outcome, earlier.amount_fen, earlier.paid_to, earlier.facts)
        == (made.policy_version, made.outcome, made.amount_fen, made.paid_to, made.facts)
    )


def _settle(lines: list[ClaimLine], made: dict[int, Decision], at: datetime) -> None:
    """Keep the decisions of lines that are due, and move each line where its decision and the verifiers send it.

    A verifier refuses nobody: where it found something or cannot tell, a line that the rules pass waits for a person.
    """
    attach([made[line.pk] for line in lines], at)
    put_decisions(lines, made)
    by_event: dict[str, list[ClaimLine]] = {event: [] for event in EVENTS.values()}
    for line in lines:
        outcome = Outcome(made[line.pk].outcome)
        doubted = outcome is Outcome.PASS and (line.alerts > 0 or line.sampled)
        by_event[EVENTS[Outcome.CANNOT_TELL if doubted else outcome]].append(line)
    CLAIM_LINE.fire_all(by_event["check_pass"], "check_pass")
    CLAIM_LINE.fire_all(by_event["check_fail"], "check_fail")
    CLAIM_LINE.fire_all(by_event["check_unknown"], "check_unknown", amount_fen=0)


def draw_lines(claim: Claim, lines: list[ClaimLine], at: datetime) -> None:
    """Send a drawn share of the lines that passed clean to a person (plain; inside an act); lines drawn before stay drawn."""
    clean = {line.pk: line for line in lines if line.state == "passed" and not line.judgement}
    found = [clean[pk] for pk in draw(claim, sorted(clean), at)]
    CLAIM_LINE.fire_all(found, "question", sampled=True, question=QUESTION, amount_fen=0)


def draw_many(claim: Claim, at: datetime) -> None:
    """`draw_lines` for all lines of a locked claim, whatever their number."""
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state="passed", judgement="")
    found = draw(claim, list(rows.order_by("id").values_list("id", flat=True)), at)
    held = {"sampled": True, "question": QUESTION, "amount_fen": 0}
    CLAIM_LINE.fire_ids(ClaimLine, claim.city_code, found, "question", source="passed", **held)


@act("subsidies.commit_seed", label="公布当月抽查的承诺", grants={Role.SYSTEM: Reach.ANY}, on="place")
def commit_seed(*, actor: Actor, at: datetime, place: Place) -> ReviewSeed:
    """The clock: the seed of a city's month is made and its commitment published; the one there is stays."""
    return seed_of_month(place.city_code, at)


def attach(made: list[Decision], at: datetime) -> None:
    """Keep decisions for ever."""
    for decision in made:
        decision.at = at
    Decision.objects.bulk_create(made)


def put_question(line: ClaimLine, text: str) -> None:
    """Send a line to a person (plain; inside an act): the provider disputes it or a reviewer doubts it."""
    if line.state == "to_person":
        line.question = text
        line.save(update_fields=["question"])
        return
    CLAIM_LINE.fire(line, "question", question=text, amount_fen=0)


@act("subsidies.question", label="提请人工判断", grants={Role.REVIEWER: Reach.REGION}, on="line")
def question_line(*, actor: Actor, at: datetime, line: ClaimLine, text: str) -> ClaimLine:
    """Doubt a line that the rules passed or refused; it then waits for a judgement. Raises BadInput, Refusal."""
    line = locked_line(line)
    _require_first_review(line)
    if line.state not in decidable(line.claim):
        raise Refusal(
            what="没有提请人工判断。",
            why="这一条的结论在审批时已经生效。",
            next_step="不服结论的，由申领人在期限内提出申诉。",
        )
    put_question(line, reason_given(text, "text", "没有提请人工判断。"))
    return line


@act("subsidies.judge", label="人工判断申领明细", grants={Role.REVIEWER: Reach.REGION}, on="line")
def judge_line(*, actor: Actor, at: datetime, line: ClaimLine, passes: bool, text: str) -> ClaimLine:
    """A reviewer decides a line that waits for a person, with a recorded text.

    The amount is what the rules worked out. Raises BadInput without a text; Refusal when a rule refuses by a clause (no
    person may overrule it; the facts must be corrected) or when no amount could be worked out; SamePerson for who has a stake
    in the claim; WrongState.
    """
    line = locked_line(line)
    _require_first_review(line)
    require_no_stake(actor, line.claim, at)
    said = reason_given(text, "text", "没有记录判断。")
    decision = line.decision
    judged = {"judged_by_user": actor.user_id, "judged_by_person": actor.person_id, "judgement": said}
    if not CLAIM_LINE.allows(line.state, "judge_pass"):
        raise CLAIM_LINE.refusal(line.state, "judge_pass")
    if not passes:
        CLAIM_LINE.fire(line, "judge_fail", **judged, amount_fen=0)
        return line
    if decision is None or decision.outcome == Outcome.FAIL or not decision.amount_fen:
        raise cannot_pass(decision)
    CLAIM_LINE.fire(line, "judge_pass", **judged, amount_fen=decision.amount_fen)
    return line


def cannot_pass(decision: Decision | None) -> Refusal:
    """The refusal for a line that no person may pass: a rule refuses it, or its amount is not known."""
    if decision is not None and decision.outcome == Outcome.FAIL:
        first = policy.Decision.from_json(decision.record).refusals[0]
        return Refusal(
            what="不能判断为符合。",
            why=f"规则明确不予补贴：{first.says}（{first.citation}）。人工判断不能改变政策规定。",
            next_step="如果所依据的事实有误，请先更正事实，再重新核验。",
        )
    return Refusal(
        what="不能判断为符合。",
        why="这一条的补贴金额还算不出来，缺少计算所需的信息。",
        next_step="请补齐职业、等级、课时等信息后重新核验。",
    )


def _require_first_review(line: ClaimLine) -> None:
    if line.claim.state != "first_review":
        raise Refusal(
            what="没有处理这一条。",
            why="只有在初审时才能提请或作出人工判断。",
            next_step="请等机构提交，或由复核人员退回后再判断。",
        )
