"""What a later change of facts does to a line that was approved or paid: it is decided again, and before payment changed.

Plain functions, run inside the acts of `recoveries`, which posts the difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from zhaoliang import policy
from zhaoliang.certificates.selectors import in_its_place
from zhaoliang.kernel.acts import running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Outcome, PolicyError, PolicySet
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.services import restore_grant, withdraw_grant
from zhaoliang.subsidies.changes import PASSING, FactChange, fact_changes
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.kind_facts import phase_of, rules_day
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
from zhaoliang.subsidies.resting import mark_of
from zhaoliang.subsidies.services.checks import attach, decide, take_over
from zhaoliang.subsidies.services.locking import locked_line
from zhaoliang.subsidies.services.paying import settle_if_done
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.stored import kept_policies
from zhaoliang.vouchers.services import leave_claim

log = structlog.get_logger("subsidies")

# States in which a line has money to its name and no payment is under way.
AFTER_APPROVAL = ("approved", "failed", "paid")


@dataclass(frozen=True)
class Reread:
    """A line decided again from the facts of now by the texts of its day; the decision is not saved yet.

    `due_fen` is what the line is worth now: 0 where a rule refuses, None where the rules cannot tell and where the text of now
    and that of then come to different amounts (`text` says which): then two people decide, with what it comes to before them.
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


def reread(line: ClaimLine, since: Decision, base: Decision, given_fen: int, at: datetime) -> Reread | None:
    """Decide a locked line again; None when nothing is otherwise than in `since`, what was seen last.

    `base` is the decision that the money of now (`given_fen`, fen) rests on. Where the texts of its day read otherwise since, the
    facts of now are decided by both: only what both agree on is settled. The line keeps that it was looked at, and on what.
    Raises PolicyError where the facts cannot be decided on.
    """
    take_over(line.claim, [line])
    line.rests_on = mark_of(line)
    made = decide(line.claim, [line])[line.pk]
    policies = policies_for(line.claim.region_id, on=rules_day(line), scheme=KINDS[line.kind].scheme)
    line.looked_at, line.looked_by = at, _mark(line, policies, made)
    line.save(update_fields=["looked_at", "looked_by", "rests_on"])
    facts = facts_again(made.facts, since.facts)
    changes = fact_changes(since.facts, facts)
    if not changes and policies.version == since.policy_version:
        return None
    said = _said(policies, facts, line)
    outcome = _outcome(said)
    first = said.refusals[0].citation if said.refusals else None
    due = {Outcome.PASS: said.fen, Outcome.FAIL: 0}.get(Outcome(outcome))
    below = line.kind == "apprentice_advance" and said.fen is not None and said.fen < 0
    if line.kind == "apprentice_advance" and (below or outcome == Outcome.FAIL):
        # Only what a text takes back of an advance is taken back (人社部发〔2021〕39号 leaves it to the region). What a person
        # must still look at could only make it more.
        due = line.amount_fen + min(0, said.fen or 0)
    if due is None and line.judgement and _same_doubts(since, said):
        due = said.fen
    # Nobody's money moves by a text that reads otherwise: a slip in it would reach everybody.
    text = (
        _text_of_then(line, base, facts, said) if policies.version != base.policy_version and due != given_fen else ""
    )
    if not changes and not text:
        return None
    if (text or below) and first is None and said.steps:
        first = said.steps[-1].citation
    decision = Decision(
        city_code=line.city_code,
        claim_line_id=line.pk,
        policy_version=said.policy_version,
        outcome=outcome,
        amount_fen=said.fen,
        payee=made.paid_to,
        whole_facts=facts,
        whole_evidence={name: held for name, held in made.evidence.items() if name in facts},
        whole_record=said.to_json() | {"payee": made.record["payee"]},
    )
    return Reread(decision, None if text else due, changes, str(first) if first else "", text)


def facts_again(facts: Mapping[str, Any], since: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of now that count for a line decided on the facts `since`.

    Those that only speak of the day they are asked (`PASSING`) stay as they were.
    """
    counted = dict(facts)
    for name in PASSING:
        counted.pop(name, None)
        if name in since:
            counted[name] = since[name]
    return counted


def _text_of_then(line: ClaimLine, base: Decision, facts: Mapping[str, Any], said: policy.Decision) -> str:
    """Words for two people, where the text that the money rests on makes something else of the facts of now; else nothing."""
    try:
        then = _said(kept_policies(base, rules_day(line)), facts, line)
    except PolicyError as problem:
        log.warning("text_of_then_cannot_be_asked", line_id=line.pk, error=type(problem).__name__)
        before = "作出决定时的文本已不能用来重算"
    else:
        alike = _outcome(then) == _outcome(said)
        refused = _outcome(said) == Outcome.FAIL and line.kind != "apprentice_advance"
        if alike and (refused or then.fen == said.fen):
            return ""
        before = f"按作出决定时的文本为{_worth(then)}"
    return f"适用的政策文本与作出决定时不同：{before}，按现在的文本为{_worth(said)}，请两人核对后作出更正决定"


def _said(policies: PolicySet, facts: Mapping[str, Any], line: ClaimLine) -> policy.Decision:
    """What the texts say of the facts they know the names of."""
    known = {name: value for name, value in facts.items() if name in policies.facts.facts}
    return policies.decide(known, phase=phase_of(line))


def _worth(said: policy.Decision) -> str:
    if _outcome(said) == Outcome.FAIL:
        return "不予补贴"
    return format_yuan(said.fen) if said.fen is not None else "算不出金额"


def _mark(line: ClaimLine, policies: PolicySet, made: Decision) -> str:
    """What a line was decided on, for the finder: all that the statement over training lines knows of it, else what moves it."""
    if line.kind in TRAINING_KINDS:
        # The rows too: that a register says since when is another row for the same fact.
        rows = ",".join("NULL" if row is None else str(row) for row in made.rows or ())
        return mark(made.known, f"{{{rows}}}", made.policy_version)
    state = in_its_place(line.certificate).state if line.certificate is not None else ""
    return mark(policies.version, state, phase_of(line))


def mark(*parts: str) -> str:
    """A short mark of what a line was decided on, as `claim_line.looked_by` keeps it and the finder's statement makes it."""
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


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
