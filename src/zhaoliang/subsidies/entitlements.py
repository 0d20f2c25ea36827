"""What a person could claim for himself today, found from the records: certificates, classes, jobs. Stores nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Exists, OuterRef, Q

from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import certificates_of
from zhaoliang.employment.selectors import jobs_since
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.policy import AmountStep, Outcome, RuleResult
from zhaoliang.policy.worked import in_words
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.models import Person
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.judging_singly import Answer, answer
from zhaoliang.subsidies.kind_facts import GRANTED, gathered
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.models import LINE_PARTS, Claim, ClaimLine

CLAIMED = ("skill_upgrade", "living", "uplift")
UPGRADE_CERTIFICATES = ("qualification", "skill_level")


@dataclass(frozen=True)
class Entitlement:
    """A subsidy a person could claim: the line as it would be, what the rules say, what was claimed of it already."""

    line: ClaimLine
    answer: Answer
    claimed: ClaimLine | None
    training: ClaimLine | None = None

    @property
    def kind(self) -> str:
        return self.line.kind

    @property
    def label(self) -> str:
        return KINDS[self.kind].label

    @property
    def of(self) -> str:
        """What it rests on, as a form names it."""
        return f"{self.kind}-{_key(self.line)[1]}"

    @property
    def about(self) -> str:
        """The certificate or training it rests on, in words."""
        if self.line.certificate is not None:
            return f"{self.line.certificate.occupation.name}证书，{format_cn_date(self.line.certificate.issued_on)}发证"
        return self.training.claim.title if self.training is not None else ""

    @property
    def fen(self) -> int:
        """The amount in fen that is due when nothing speaks against it; 0 where it is not known."""
        return max(0, self.answer.made.fen or 0)

    @property
    def outcome(self) -> Outcome:
        return self.answer.outcome

    @property
    def problems(self) -> tuple[RuleResult, ...]:
        """What refuses, then what a person would look at."""
        return (*self.answer.made.refusals, *self.answer.made.questions)

    @property
    def steps(self) -> tuple[AmountStep, ...]:
        return in_words(self.answer.made, self.answer.policies)


def entitlement(
    person: Person,
    kind: str,
    *,
    on: date,
    certificate: Certificate | None = None,
    training: ClaimLine | None = None,
) -> Entitlement:
    """One subsidy of a person on a day: of a certificate, or of a training whose own claim line is given.

    Raises ValueError for what is not the person's own, or not of people.
    """
    rests_on = certificate if kind == "skill_upgrade" else training
    if not KINDS[kind].of_people or rests_on is None or rests_on.person_id != person.pk:
        raise ValueError(f"{kind} of person {person.pk} does not rest on that record")
    claimed = _claimed(person)
    if certificate is not None:
        return _found([(_upgrade_line(person, on, certificate), None)], claimed)[0]
    assert training is not None
    return _found([(_line_after(kind, person, on, training), training)], claimed)[0]


def entitlements(person: Person, *, on: date) -> list[Entitlement]:
    """Everything the person could claim today in the city of the file, what passes first, then by amount.

    Living allowances rest on trainings whose subsidy is due, uplifts on the same where the region's text sets one, skill
    upgrades on standing certificates. A fixed number of queries a kind.
    """
    upgrades = [(_upgrade_line(person, on, one), None) for one in _certificates(person)]
    trained = _trained(person)
    livings = [(_line_after("living", person, on, one), one) for one in trained]
    uplifts = [(_line_after("uplift", person, on, one), one) for one in trained if sets_uplift(one)]
    claimed = _claimed(person)
    order = {Outcome.PASS: 0, Outcome.CANNOT_TELL: 1, Outcome.FAIL: 2}
    found = [*_found(upgrades, claimed), *_found(livings, claimed), *_found(uplifts, claimed)]
    return sorted(found, key=lambda one: (order[one.outcome], -one.fen))


def sets_uplift(training: ClaimLine) -> bool:
    """Whether the texts of the training's region and day set an uplift for a job after it."""
    claim = training.claim
    return bool(policies_for(claim.region_id, on=claim.rules_on, scheme=KINDS["uplift"].scheme).bound_amounts)


def people_to_uplift(city_code: int) -> list[Person]:
    """Who in a city began a job after a training that brings an uplift which was not claimed yet; three queries."""
    claims = Claim.objects.filter(
        city_code=city_code, kind__in=TRAINING_KINDS, state__in=("approved", "paying", "settled")
    )
    days = claims.values_list("region_id", "rules_on").distinct()
    scheme = KINDS["uplift"].scheme
    bound = [(region, on) for region, on in days if policies_for(region, on=on, scheme=scheme).bound_amounts]
    if not bound:
        return []
    wanted = Q()
    for region, on in bound:
        wanted |= Q(claim__region_id=region, claim__rules_on=on)
    here = {"city_code": city_code}
    lines = ClaimLine.objects.filter(wanted, **here, kind__in=TRAINING_KINDS, state__in=GRANTED).filter(
        Exists(jobs_since(city_code, OuterRef("person_id"), OuterRef("enrolment__training_class__ends_on"))),
        ~Exists(ClaimLine.objects.filter(**here, enrolment_id=OuterRef("enrolment_id"), kind="uplift")),
    )
    found = {line.person_id: line.person for line in lines.select_related("person").order_by("person_id")}
    return list(found.values())


def _found(
    pairs: Sequence[tuple[ClaimLine, ClaimLine | None]], claimed: Mapping[tuple[str, int | None], ClaimLine]
) -> list[Entitlement]:
    """The lines of one kind, each with the training it rests on, and the texts' answers."""
    if not pairs:
        return []
    claim = pairs[0][0].claim
    on_file = gathered(claim, [line for line, _ in pairs], claim.rules_on)
    return [Entitlement(line, answer(line, on_file), claimed.get(_key(line)), training) for line, training in pairs]


def _key(line: ClaimLine) -> tuple[str, int | None]:
    return line.kind, line.certificate_id if line.kind == "skill_upgrade" else line.enrolment_id


def _claimed(person: Person) -> dict[tuple[str, int | None], ClaimLine]:
    """What was claimed already. A certificate whose line was refused may be claimed again, a training has one line."""
    rows = ClaimLine.objects.filter(city_code=person.city_code, person=person, kind__in=CLAIMED)
    return {_key(row): row for row in rows.exclude(kind="skill_upgrade", state="refused").order_by("id")}


def _certificates(person: Person) -> list[Certificate]:
    return [one for one in certificates_of(person) if one.state == "issued" and one.kind in UPGRADE_CERTIFICATES]


def _trained(person: Person) -> list[ClaimLine]:
    """Trainings of the person whose training subsidy is due: the living allowance comes after it."""
    due = ClaimLine.objects.filter(
        city_code=person.city_code, person=person, kind__in=TRAINING_KINDS, state__in=GRANTED
    )
    return list(due.select_related(*LINE_PARTS, "enrolment__training_class__project").order_by("-id"))


def _upgrade_line(person: Person, on: date, certificate: Certificate) -> ClaimLine:
    """The line as it would be, in the claim it would join. Not saved."""
    return ClaimLine(
        city_code=person.city_code,
        claim=_claim(person.city_code, person.region_id, "skill_upgrade", FundSource.UNEMPLOYMENT_INSURANCE, on),
        kind="skill_upgrade",
        person=person,
        certificate=certificate,
        occupation_id=certificate.occupation_id,
        level=certificate.level,
        planned_minutes=0,
        credited_minutes=0,
        applied_on=on,
        payee="person",
    )


def _line_after(kind: str, person: Person, on: date, training: ClaimLine) -> ClaimLine:
    """The line as it would be, in the claim it would join. Not saved."""
    trained = training.claim
    return ClaimLine(
        city_code=person.city_code,
        claim=_claim(person.city_code, trained.region_id, kind, trained.fund_source, on),
        kind=kind,
        person=person,
        enrolment=training.enrolment,
        occupation_id=training.occupation_id,
        level=training.level,
        planned_minutes=training.planned_minutes,
        credited_minutes=training.credited_minutes,
        applied_on=on,
        payee="person",
    )


def _claim(city_code: int, region_id: int, kind: str, fund_source: str, on: date) -> Claim:
    title = f"{KINDS[kind].label}（{on.year}年{on.month}月起申领）"
    return Claim(city_code=city_code, region_id=region_id, kind=kind, title=title, fund_source=fund_source, rules_on=on)
