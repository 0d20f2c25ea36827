"""What the rules say today of each trainee on a roster, long before the claim: nobody is surprised at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from zhaoliang.catalogue.models import ProjectKind
from zhaoliang.classes.facts import base_facts, put_counts
from zhaoliang.classes.known import known_people
from zhaoliang.classes.models import Enrolment, KeptForecast, TrainingClass
from zhaoliang.policy import AmountStep, Decision, Outcome, RuleResult, Spread, spread_of
from zhaoliang.registry.lawbook import lawbook, policies_for

# By which rules a class is claimed where it is not plain training; `subsidies.kinds.main_kind` says the same of its claim.
SCHEMES = {ProjectKind.PACKAGE: "project", ProjectKind.APPRENTICESHIP: "apprenticeship"}


@dataclass(frozen=True)
class Outlook:
    """One trainee's decision as far as it can be made before teaching and examination."""

    enrolment: Enrolment
    decision: Decision
    spread: Spread | None = None

    @property
    def fen(self) -> int:
        """The subsidy to expect, in fen: what is due when every open question is answered well; 0 when a rule refuses."""
        return self.decision.fen or 0

    @property
    def least(self) -> int:
        """The same, in fen; while an answer is missing, the least it can come to where that can be told."""
        return self.spread.least if self.spread is not None else self.fen

    @property
    def most(self) -> int:
        """The same, in fen; while an answer is missing, the most it can come to where that can be told."""
        return self.spread.most if self.spread is not None else self.fen

    @property
    def problems(self) -> tuple[RuleResult, ...]:
        """What refuses, then what nobody can tell yet."""
        return (*self.decision.refusals, *self.decision.questions)


@dataclass(frozen=True)
class Forecast:
    """The outlook of a roster, by enrolment id, in the order of the roster."""

    lines: dict[int, Outlook]

    def count(self, outcome: Outcome) -> int:
        """How many trainees it stands so for."""
        return sum(one.decision.outcome is outcome for one in self.lines.values())

    @property
    def passed(self) -> int:
        """Trainees that every rule lets pass."""
        return self.count(Outcome.PASS)

    @property
    def open(self) -> int:
        """Trainees of whom something is not known yet."""
        return self.count(Outcome.CANNOT_TELL)

    @property
    def refused(self) -> int:
        """Trainees whom a rule refuses."""
        return self.count(Outcome.FAIL)

    @property
    def least(self) -> int:
        """The whole class's expected subsidy in fen, those still open included; the least where one of them is a range."""
        return sum(one.least for one in self.lines.values())

    @property
    def most(self) -> int:
        """The same, in fen, the most where a trainee's is a range."""
        return sum(one.most for one in self.lines.values())

    @property
    def hangs_on(self) -> tuple[str, ...]:
        """The facts by name that decide between least and most."""
        return tuple(dict.fromkeys(name for one in self.lines.values() if one.spread for name in one.spread.hangs_on))

    @property
    def steps(self) -> tuple[AmountStep, ...]:
        """The steps of all amounts expected, to tell whether one rests on a text that nobody has confirmed."""
        return tuple(step for one in self.lines.values() for step in one.decision.steps)

    @property
    def untold(self) -> int:
        """Trainees of whom no sum can be told at all, not even a range."""
        return sum(
            one.decision.outcome is not Outcome.FAIL and one.decision.fen is None and one.spread is None
            for one in self.lines.values()
        )

    @property
    def causes(self) -> list[tuple[RuleResult, int]]:
        """Each rule that refuses somebody or cannot be told of somebody, with their number; refusals first, then by heads."""
        heads: Counter[tuple[str, Outcome]] = Counter()
        shown: dict[tuple[str, Outcome], RuleResult] = {}
        for one in self.lines.values():
            refused = one.decision.outcome is Outcome.FAIL
            for result in one.decision.refusals if refused else one.decision.questions:
                heads[result.rule_id, result.outcome] += 1
                shown[result.rule_id, result.outcome] = result
        ordered = sorted(heads, key=lambda key: (key[1] is not Outcome.FAIL, -heads[key], key[0]))
        return [(shown[key], heads[key]) for key in ordered]

    @property
    def open_fen(self) -> int:
        """The part of the least that hangs on open questions, in fen."""
        return sum(one.least for one in self.lines.values() if one.decision.outcome is Outcome.CANNOT_TELL)


def forecast(training_class: TrainingClass, roster: Sequence[Enrolment]) -> Forecast:
    """Decide every trainee by the rules of the class's start; the number of queries does not grow with the roster.

    `roster` comes with person and voucher batch, as `selectors.roster` gives it. Reads and stores nothing else: the
    decision that counts is the claim's.
    """
    scheme = SCHEMES.get(ProjectKind(training_class.project.kind), "training")
    policies = policies_for(training_class.project.region_id, on=training_class.starts_on, scheme=scheme)
    known = known_people(
        city_code=training_class.city_code,
        person_ids=[one.person_id for one in roster],
        start=training_class.starts_on,
        end=training_class.ends_on,
        training_class=training_class,
    )
    lines: dict[int, Outlook] = {}
    for one in roster:
        sheet = base_facts(
            city_code=training_class.city_code,
            project=training_class.project,
            start=training_class.starts_on,
            person=one.person,
            birth_date=one.person.birth_date,
            voucher=one.voucher,
            group=one.group,
            training_class=training_class,
            known=known[one.person_id],
            employer_uscc=one.employer_uscc,
        )
        put_counts(sheet, known[one.person_id].grants, policies)
        decision = policies.decide(sheet.facts, phase="preflight")
        lines[one.pk] = Outlook(one, decision, spread_of(policies, decision))
    return Forecast(lines)


def keep_forecast(training_class: TrainingClass, roster: Sequence[Enrolment], at: datetime) -> None:
    """Keep what is expected of each trainee now, so that the claim can say what changed since (plain; inside an act)."""
    expected = forecast(training_class, roster)
    KeptForecast.objects.bulk_create(
        KeptForecast(
            city_code=training_class.city_code,
            enrolment=one.enrolment,
            outcome=one.decision.outcome,
            fen=one.fen,
            facts=one.decision.facts,
            policy_version=one.decision.policy_version,
            at=at,
        )
        for one in expected.lines.values()
    )


def fact_words(names: Iterable[str]) -> str:
    """Facts by their names for people, in one line: 紧缺程度、培训后就业."""
    return "、".join(map(lawbook().facts.label, names))
