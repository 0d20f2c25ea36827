"""What a later change of facts does to a line that was approved or paid: it is decided again, and before payment changed.

Plain functions, run inside the acts of `recoveries`, which posts the difference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zhaoliang import policy
from zhaoliang.kernel.acts import running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.services import restore_grant, withdraw_grant
from zhaoliang.subsidies.changes import PASSING, FactChange, fact_changes
from zhaoliang.subsidies.facts import class_outcome
from zhaoliang.subsidies.kind_facts import phase_of, rules_day
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
from zhaoliang.subsidies.services.checks import attach, decide, refresh
from zhaoliang.subsidies.services.locking import locked_line
from zhaoliang.subsidies.services.paying import settle_if_done
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.vouchers.services import leave_claim

# States in which a line has money to its name and no payment is under way.
AFTER_APPROVAL = ("approved", "failed", "paid")


@dataclass(frozen=True)
class Reread:
    """A line decided again from the facts of now by the texts of its day; the decision is not saved yet.

    `due_fen` is what the line is worth now: 0 where a rule refuses, None where the rules cannot tell and where nothing but the
    text was put right (`text` says from which to which): then two people decide, with what it comes to now before them.
    """

    decision: Decision
    due_fen: int | None
    changes: tuple[FactChange, ...]
    clause: str
    text: str = ""

    @property
    def summary(self) -> str:
        """What became otherwise, in words."""
        return "；".join([*map(str, self.changes), *([self.text] if self.text else [])])


def take_for_reading(line: ClaimLine) -> ClaimLine:
    """The line as it is now, its claim locked before it, for the rest of the act."""
    return locked_line(line)


def reread(line: ClaimLine, since: Decision, base: Decision, given_fen: int) -> Reread | None:
    """Decide a locked line again; None when nothing is otherwise than in `since`, what was seen last.

    `base` is the decision that the money of now (`given_fen`, fen) rests on: where its own facts come to another amount by the
    text of now, that text was put right since, and nothing is taken before two people have said so. Facts that only speak of
    the day they are asked (`PASSING`) are kept as they were.
    """
    if line.claim.training_class is not None:
        refresh(line, class_outcome(line.claim))
    kind = KINDS[line.kind]
    made = decide(line.claim, [line])[line.pk]
    facts: dict[str, Any] = dict(made.facts)
    for name in PASSING:
        facts.pop(name, None)
        if name in since.facts:
            facts[name] = since.facts[name]
    changes = fact_changes(since.facts, facts)
    policies = policies_for(line.claim.region_id, on=rules_day(line), scheme=kind.scheme)
    if not changes and policies.version == since.policy_version:
        return None
    said = policies.decide(facts, phase=phase_of(line))
    anew = _by_text_alone(policies, base, given_fen)
    seen = policies.version == since.policy_version and (_outcome(said), said.fen) == (since.outcome, since.amount_fen)
    if not changes and (anew is None or seen):
        return None
    decision = Decision(
        city_code=line.city_code,
        claim_line_id=line.pk,
        policy_version=said.policy_version,
        outcome=_outcome(said),
        amount_fen=said.fen,
        payee=made.paid_to,
        whole_facts=facts,
        whole_evidence=made.evidence,
        whole_record=said.to_json() | {"payee": made.record["payee"]},
    )
    first = said.refusals[0].citation if said.refusals else None
    # A refusal is the facts' own where the text alone does not refuse.
    if anew is not None and (decision.outcome != Outcome.FAIL or anew == Outcome.FAIL):
        # A text of the day was put right since. Nobody's money moves by that: a slip in it would reach everybody.
        now = format_yuan(said.fen) if said.fen is not None else "算不出金额"
        worth = "不予补贴" if decision.outcome == Outcome.FAIL else now
        words = f"适用的政策文本有更正，按更正后的文本为{worth}，请两人核对后作出更正决定"
        return Reread(decision, None, changes, str(first or (said.steps[-1].citation if said.steps else "")), words)
    due = {Outcome.PASS: said.fen, Outcome.FAIL: 0}.get(Outcome(decision.outcome))
    below = line.kind == "apprentice_advance" and said.fen is not None and said.fen < 0
    if line.kind == "apprentice_advance" and (below or decision.outcome == Outcome.FAIL):
        # Only what a text takes back of an advance is taken back (人社部发〔2021〕39号 leaves it to the region). What a person
        # must still look at could only make it more.
        due = line.amount_fen + min(0, said.fen or 0)
    if below and first is None and said.steps:
        first = said.steps[-1].citation
    if due is None and line.judgement and _same_doubts(since, said):
        due = said.fen
    return Reread(decision, due, changes, str(first) if first else "")


def _by_text_alone(policies: policy.PolicySet, base: Decision, given_fen: int) -> str | None:
    """The outcome of the base's own facts by a text put right since, where it is not what is given now; None otherwise."""
    if policies.version == base.policy_version:
        return None
    said = policies.decide(base.facts, phase=policy.Decision.from_json(base.record).phase)
    outcome = _outcome(said)
    worth = 0 if outcome == Outcome.FAIL else said.fen
    return None if (outcome, said.fen) == (base.outcome, base.amount_fen) or worth == given_fen else outcome


def note_look(line: ClaimLine, at: datetime) -> None:
    """Keep with a line that it was looked at and nothing followed, by which text: the clock does not come back for the same."""
    line.looked_at, line.looked_by = at, looked_by(line)
    line.save(update_fields=["looked_at", "looked_by"])


def looked_by(line: ClaimLine) -> str:
    """A short mark of the texts that bind a line now."""
    return mark_of(policies_for(line.claim.region_id, on=rules_day(line), scheme=KINDS[line.kind].scheme).version)


def mark_of(version: str) -> str:
    """A policy version as lines keep it."""
    return hashlib.sha256(version.encode()).hexdigest()[:16]


def _same_doubts(since: Decision, said: policy.Decision) -> bool:
    """Whether what cannot be told is what a person has judged already, and the amount is the same."""
    judged = policy.Decision.from_json(since.record)
    doubts = [{one.rule_id for one in made.results if one.outcome is Outcome.CANNOT_TELL} for made in (judged, said)]
    return doubts[1] <= doubts[0] and judged.fen == said.fen


def _outcome(said: policy.Decision) -> str:
    if said.fen is not None and said.fen < 0:
        return Outcome.FAIL
    if said.outcome is Outcome.PASS and not said.fen:
        return Outcome.CANNOT_TELL
    return said.outcome


def keep_decision(decision: Decision, at: datetime) -> None:
    """Keep a decision for ever beside the ones before it."""
    attach([decision], at)


def revise(line: ClaimLine, amount_fen: int, decision: Decision | None) -> None:
    """An approved or failed line is worth another amount (fen, above 0) before it is paid."""
    line.amount_fen = amount_fen
    if decision is not None:
        line.decision = decision
    line.save(update_fields=["amount_fen", "decision"])


def overturn(line: ClaimLine, decision: Decision | None, reason: str) -> Claim:
    """An approved or failed line leaves the claim before it is paid; its voucher leaves with it, the claim may be done."""
    changes: dict[str, Any] = {"decision": decision} if decision is not None else {}
    CLAIM_LINE.fire(line, "overturn", amount_fen=0, refusal=reason[:500], **changes)
    take_grant_back(line, running().at)
    if line.voucher is not None and line.voucher.state == "in_claim":
        leave_claim(line.voucher)
    settle_if_done(line.claim)
    return line.claim


def take_grant_back(line: ClaimLine, at: datetime) -> None:
    """Nothing of a line's subsidy is left with the person: it counts no longer, here or elsewhere."""
    withdraw_grant(person_id=line.person_id, city_code=line.city_code, claim_line_id=line.pk, on=chinese_day(at))


def give_grant_again(line: ClaimLine) -> None:
    """What was wholly given back is due after all. Raises GrantedElsewhere when the same was granted meanwhile."""
    restore_grant(person_id=line.person_id, city_code=line.city_code, claim_line_id=line.pk)


def settle_by_set_off(line: ClaimLine) -> None:
    """An approved line is settled without the bank: kept for what its payee owes."""
    CLAIM_LINE.fire(line, "set_off")
