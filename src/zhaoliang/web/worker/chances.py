"""What a worker can claim: each open batch tried against the policies with what is on file about him."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.eligibility import decided, missing_of
from zhaoliang.classes.known import Known, known_people
from zhaoliang.policy import Decision, Outcome, RuleResult
from zhaoliang.registry.models import GroupMembership, Person
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.web.portal.reading import OpenBatch, ProjectCard

GROUPS: dict[str, str] = dict(GroupMembership.GROUPS)
# A voucher that was given back does not keep its holder from another one of the same batch.
GIVEN_BACK = "returned"


@dataclass(frozen=True)
class Chance:
    """One batch for one person: `can` claim now, `after` something is cleared, `cannot` by a rule, or `have` one already."""

    kind: Literal["can", "after", "cannot", "have"]
    project: Project
    open: OpenBatch
    decision: Decision
    group: str
    held: Voucher | None = None

    @property
    def batch(self) -> VoucherBatch:
        return self.open.batch

    @property
    def fen(self) -> int | None:
        """What the policies give if everything stays as it is; None when it cannot be told."""
        if self.batch.kind == "sign_in_only" or self.decision.outcome is Outcome.FAIL:
            return None
        return self.decision.fen

    @property
    def reasons(self) -> tuple[RuleResult, ...]:
        """The rules that stand in the way, refusals first."""
        return self.decision.refusals or self.decision.questions

    @property
    def missing(self) -> list[str]:
        """What nobody knows yet, in words."""
        return missing_of(self.decision)

    @property
    def wanted_groups(self) -> list[str]:
        """The groups the batch is for; empty for everybody."""
        return [GROUPS[code] for code in self.batch.groups]

    @property
    def outside(self) -> bool:
        """Whether no register places the person in one of the batch's groups."""
        return bool(self.batch.groups) and self.group not in self.batch.groups


def chances(person: Person, cards: Iterable[ProjectCard], on: date) -> list[Chance]:
    """Every open batch of these projects for this person, once, by the project that serves him best; seven queries."""
    known = known_people(city_code=person.city_code, person_ids=[person.pk], start=on, end=on, training_class=None)[
        person.pk
    ]
    held = {one.batch_id: one for one in vouchers.vouchers_of(person) if one.state != GIVEN_BACK}
    found: dict[int, list[Chance]] = {}
    for card in cards:
        for one in card.batches:
            made = chance(person, card.project, one, known, held.get(one.batch.pk), on)
            found.setdefault(one.batch.pk, []).append(made)
    return [best(of_batch) for of_batch in found.values()]


def chance(person: Person, project: Project, opened: OpenBatch, known: Known, held: Voucher | None, on: date) -> Chance:
    """One batch for one person, by the group that serves him best. Reads no database when the parts are loaded."""
    decision, group = decided(person, project, known, opened.batch, on)
    return Chance(_kind(opened.batch, decision, group, held), project, opened, decision, group, held)


def best(found: list[Chance]) -> Chance:
    """Of a batch's chances in several projects the one that serves the person best; `found` is not empty."""
    order = {"have": 0, "can": 1, "after": 2, "cannot": 3}
    return min(found, key=lambda one: (order[one.kind], -(one.fen or 0)))


def _kind(
    batch: VoucherBatch, decision: Decision, group: str, held: Voucher | None
) -> Literal["can", "after", "cannot", "have"]:
    if held is not None:
        return "have"
    outside = bool(batch.groups) and group not in batch.groups
    if batch.kind == "sign_in_only":
        # For people without a right to a subsidy: what the rules say of money keeps nobody from learning.
        return "after" if outside else "can"
    if decision.outcome is Outcome.FAIL or (outside and batch.kind == "directed"):
        return "cannot"
    return "can" if decision.outcome is Outcome.PASS and not outside else "after"
