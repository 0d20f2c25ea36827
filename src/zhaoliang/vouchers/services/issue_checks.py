"""Whether those on a list may have its vouchers: the policies are asked before anybody decides, and again as each is issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.roles import Actor
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.vouchers.audience import Criteria, audience
from zhaoliang.vouchers.eligibility import Verdict, verdicts
from zhaoliang.vouchers.models import IssueLine, IssueList, VoucherBatch
from zhaoliang.vouchers.selectors import places_left
from zhaoliang.vouchers.services.batches import DRAFTERS, PUBLISHERS
from zhaoliang.vouchers.services.declaring import groups_named, strangers
from zhaoliang.vouchers.states import ISSUE

PART = 200


@dataclass(frozen=True)
class Standing:
    """One person and a batch: pass, fail or cannot_tell, and why in one line with its clause ('' for a pass)."""

    outcome: str
    why: str = ""


@act("vouchers.check_issue_part", label="核对发券名单", grants=DRAFTERS | PUBLISHERS, on="issue")
def check_issue_part(*, actor: Actor, at: datetime, issue: IssueList) -> int:
    """Ask the policies about the next people of a draft, at most `PART`; returns how many were asked (0: all are)."""
    if issue.state != "draft":
        raise ISSUE.refusal(issue.state, "submit")
    return check_lines(issue, at)


def check_lines(issue: IssueList, at: datetime) -> int:
    """Write what the policies say of the next `PART` lines nobody asked about; inside an act."""
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue, outcome="")
    rows = rows.select_related("person").order_by("id")
    lines = list(rows.select_for_update(of=("self",))[:PART])
    judge(issue.batch, lines, at)
    IssueLine.objects.filter(city_code=issue.city_code).bulk_update(lines, ["outcome", "why"])
    if issue.source == "query" and lines and not rows.exists():
        _look_further(issue, at)
    return len(lines)


def _look_further(issue: IssueList, at: datetime) -> None:
    """Add the next people a query finds in place of those whom the policies refuse, as long as vouchers are left for them.

    `PART` of them are asked about at once; where that does not do, the next ones wait to be asked about.
    """
    batch, held = issue.batch, IssueLine.objects.filter(city_code=issue.city_code, issue=issue)
    left_out = ("fail", "cannot_tell") if issue.on_unclear == "skip" else ("fail",)
    short = places_left(batch.city_code, [batch.pk]).get(batch.pk, 0) - held.exclude(outcome__in=left_out).count()
    if short <= 0:
        return
    last = held.aggregate(last=Max("person_id"))["last"]
    found = audience(batch, Criteria.from_json(issue.criteria), chinese_day(at)).filter(pk__gt=last)[: PART + short]
    lines = [
        IssueLine(city_code=issue.city_code, issue=issue, person=person, row=row)
        for row, person in enumerate(found, issue.people + 1)
    ]
    judge(batch, lines[:PART], at)
    taken: list[IssueLine] = []
    for line in lines:
        if short == 0:
            break
        taken.append(line)
        short -= line.outcome not in left_out
    IssueLine.objects.bulk_create(taken, batch_size=1000)
    issue.people += len(taken)
    issue.save(update_fields=["people"])


def judge(batch: VoucherBatch, lines: Sequence[IssueLine], at: datetime) -> None:
    """Put what the policies of the day say of each line's person into it, unsaved."""
    on = chinese_day(at)
    people = [line.person for line in lines]
    said, outside = verdicts(people, batch, on), strangers(batch, people, on)
    for line in lines:
        found = _standing(batch, said[line.person_id], line.person_id in outside)
        line.outcome, line.why = found.outcome, found.why[:300]


def _standing(batch: VoucherBatch, said: Verdict, stranger: bool) -> Standing:
    if said.outcome is Outcome.FAIL:
        rule = said.refusals[0]
        return Standing("fail", f"{rule.says.rstrip('。')}（{clause_of(rule.citation)}）")
    doubts = []
    if stranger:
        doubts.append(f"没有登记属于：{groups_named(batch)}")
    if said.missing:
        doubts.append(f"平台还不能查到：{'、'.join(said.missing)}")
    return Standing("cannot_tell", "；".join(doubts)) if doubts else Standing("pass")
