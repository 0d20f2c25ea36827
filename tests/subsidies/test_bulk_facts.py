"""The facts of a whole claim in one statement are the facts of each line by itself, whatever is on file of the people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection

from factories.subsidies import (
    ASSESSED,
    CITY,
    SENIOR,
    START,
    WELDER,
    Case,
    approved,
    assembled,
    case,
    certify,
    confirmed,
)
from seeds import fresh_seed
from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import CatalogueEntry, CertificateKind, Project, ProjectKind
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import issued_for
from zhaoliang.classes.facts import put_counts
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.employment.models import JobRecord
from zhaoliang.evaluation.models import Exam
from zhaoliang.funds.models import FundSource
from zhaoliang.policy.facts import portable
from zhaoliang.policy.sql.statement import answers_of
from zhaoliang.registry.lawbook import lawbook, library_with, policies_for
from zhaoliang.registry.models import GroupMembership, Organisation, Person, PersonGrant, PersonStatus, Site
from zhaoliang.subsidies import services, stored
from zhaoliang.subsidies.facts import claim_facts, class_outcome, grants_before, known_of
from zhaoliang.subsidies.facts_sql import AGE, LINE_FACTS, ROOTS, of_claim
from zhaoliang.subsidies.judging import decided
from zhaoliang.subsidies.models import Claim, ClaimLine, Decision
from zhaoliang.subsidies.on_file import line_on_file
from zhaoliang.subsidies.services.locking import LINE_PARTS
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F1", "F2")]

LEVELS = (None, 1, 2, 3, SENIOR, 5, 6, 8)
OCCUPATIONS = (WELDER, WELDER, "4-10-01-05")


def days_around(random: Random, day: date) -> date:
    """A day near another, often the day itself or its neighbours."""
    return day + timedelta(days=random.choice((0, 0, 1, -1, random.randint(-400, 400))))


def maybe(random: Random, value: Any) -> Any:
    return random.choice((None, value))


def put_registers(random: Random, person: Person, start: date) -> None:
    """Answers of other registers and memberships, several of a kind, some not yet or no longer in force."""
    for _ in range(random.randint(0, 4)):
        PersonStatus.objects.create(
            city_code=CITY,
            person=person,
            kind=random.choice(("pension", "establishment", "student")),
            holds=random.random() < 0.3,
            source=f"比对{random.randint(1, 3)}",
            checked_on=days_around(random, start),
            valid_from=maybe(random, days_around(random, start)),
            valid_to=maybe(random, days_around(random, start)),
        )
    for _ in range(random.randint(0, 3)):
        GroupMembership.objects.create(
            city_code=CITY,
            person=person,
            group=random.choice(("06", "14", "07")),
            evidence=random.choice(("register", "document", "declared")),
            source=f"材料{random.randint(1, 3)}",
            valid_from=days_around(random, start),
            valid_to=maybe(random, days_around(random, start)),
        )


def put_jobs(random: Random, line: ClaimLine, start: date) -> None:
    """Jobs with and without an end, of the roster's employer and of others, with contracts of all lengths."""
    for _ in range(random.randint(0, 3)):
        begun = random.choice((days_around(random, start), date(start.year - 1, 8, 31), date(start.year - 1, 1, 31)))
        JobRecord.objects.create(
            city_code=CITY,
            person=line.person,
            employer_name="测试企业",
            employer_uscc=random.choice(("", "91120000MA05TEST1X")),
            from_on=begun,
            to_on=maybe(random, days_around(random, start)),
            contract_until=maybe(
                random, begun + timedelta(days=random.choice((0, 27, 364, 365, random.randint(1, 900))))
            ),
            open_ended=random.random() < 0.2,
            insured=random.random() < 0.5,
            proof="contract",
            recorded_at=ASSESSED,
        )
    Enrolment.objects.filter(city_code=CITY, pk=line.enrolment_id).update(
        employer_uscc=random.choice(("", "91120000MA05TEST1X"))
    )


def put_grants(random: Random, line: ClaimLine, start: date) -> None:
    """Grants of the whole country, of other levels, funds and certificates; sometimes the line's own among them."""
    taken: set[tuple[str, str, int]] = set()
    numbers = issued_for(CITY, {line.certificate.result_id}) if line.certificate else {}
    known = [one.number for rows in numbers.values() for one in rows] or ["无"]
    for index in range(random.randint(0, 4)):
        scheme, code = random.choice(("training", "training", "skill_upgrade")), random.choice(OCCUPATIONS)
        level = random.choice((0, 0, 2, 3, SENIOR, 5))
        if level and (scheme, code, level) in taken:
            continue
        taken.add((scheme, code, level))
        granted_on = days_around(random, start)
        PersonGrant.objects.create(
            person_id=line.person_id,
            scheme=scheme,
            occupation_code=code,
            level=level,
            city_code=random.choice((CITY, 370900)),
            claim_line_id=line.pk if index == 1 and random.random() < 0.4 else None,
            certificate_number=random.choice(("", random.choice(known))),
            fund_source=random.choice((FundSource.EMPLOYMENT_SUBSIDY, FundSource.UNEMPLOYMENT_INSURANCE)),
            granted_on=granted_on,
            withdrawn_on=random.choice((None, None, None, granted_on + timedelta(days=random.randint(0, 60)))),
            source=f"省平台{random.randint(1, 2)}",
        )


def shake_line(random: Random, line: ClaimLine, made: Case) -> None:
    """Change what the line itself rests on."""
    start = made.training_class.starts_on
    put_registers(random, line.person, start)
    put_jobs(random, line, start)
    births = (
        date(1990, 5, 1),
        start.replace(year=2010),
        start.replace(year=2010) + timedelta(days=1),
        date(2008, 2, 29),
    )
    Person.objects.filter(city_code=CITY, pk=line.person_id).update(birth_date=random.choice(births))
    ClaimLine.objects.filter(city_code=CITY, pk=line.pk).update(credited_minutes=random.randint(0, 5400))
    if line.certificate is not None:
        state = random.choice(("issued", "issued", "suspended", "revoked", "replaced", "replaced"))
        Certificate.objects.filter(city_code=CITY, pk=line.certificate_id).update(state=state)
        held = line.certificate
        if state == "replaced" and random.random() < 0.8:
            certify(held.result, held.issuer, f"{held.number}X", held.level or 0)
    put_grants(random, line, start)
    if line.voucher is not None:
        Voucher.objects.filter(city_code=CITY, pk=line.voucher_id).update(
            state=random.choice(("verified", "in_claim", "redeemed", "expired", "void")),
            used_at=ASSESSED + timedelta(days=random.choice((-60, -30, 90, 200))),
        )


def shake_class(random: Random, training_class: TrainingClass) -> None:
    """Change class, project, entry, provider, site, batch and examination."""
    project, here = training_class.project, {"city_code": CITY}
    Project.objects.filter(**here, pk=project.pk).update(
        kind=random.choice(ProjectKind.values),
        certificate_kind=random.choice(CertificateKind.values),
        level=random.choice(LEVELS),
        mode=random.choice(("offline", "online", "blended")),
        fund_source=random.choice(FundSource.values),
    )
    CatalogueEntry.objects.filter(**here, pk=project.entry_id).update(
        category=random.choice(("", "A", "C")), scarcity=random.choice(("very_scarce", "scarce", "common"))
    )
    Organisation.objects.filter(**here, pk=project.provider_id).update(
        state=random.choice(("listed", "suspended", "removed")), in_provider_directory=random.random() < 0.7
    )
    Site.objects.filter(**here, pk=training_class.site.pk).update(
        kind=random.choice(("own", "school", "enterprise", "public_training_base"))
    )
    TrainingClass.objects.filter(**here, pk=training_class.pk).update(
        minutes_per_hour=random.choice((40, 45, 50)), hours=random.choice((80, 120, 121))
    )
    VoucherBatch.objects.filter(**here, project=project).update(
        use_until=ASSESSED + timedelta(days=random.choice((-40, 100)))
    )
    if random.random() < 0.2:
        Exam.objects.filter(**here, training_class=training_class).update(state="recorded")


def second_class(random: Random, made: Case) -> None:
    """The same people in another class, whose sessions meet those of the first for sure, perhaps, or not at all."""
    later = random.choice((timedelta(0), timedelta(hours=0), timedelta(days=1), timedelta(days=40)))
    people = random.sample(made.people, k=random.randint(1, len(made.people)))
    # Attendance rows would keep them from being in two places; the filing of a class knows no attendance yet.
    other = case(people=people, with_vouchers=False, later=later + timedelta(days=60))
    Attendance.objects.filter(city_code=CITY, session__training_class=other.training_class).delete()
    move = made.training_class.starts_on + later - other.training_class.starts_on
    for session in ClassSession.objects.filter(city_code=CITY, training_class=other.training_class):
        session.period = (session.period.lower + move, session.period.upper + move)
        session.save(update_fields=["period"])
    TrainingClass.objects.filter(city_code=CITY, pk=other.training_class.pk).update(
        starts_on=other.training_class.starts_on + move,
        ends_on=other.training_class.ends_on + move,
        state=random.choice(("draft", "filed", "running", "withdrawn")),
    )
    if random.random() < 0.4:
        rows = Attendance.objects.filter(city_code=CITY, session__training_class=made.training_class)
        rows.delete()
        ClassSession.objects.filter(city_code=CITY, training_class=made.training_class).delete()


def kept(decision: Decision) -> tuple[Any, ...]:
    """What is stored of a decision."""
    return (
        decision.outcome,
        decision.amount_fen,
        decision.known,
        decision.rows,
        decision.answers,
        decision.steps,
        decision.payee,
    )


def same_by_line_and_by_claim(claim: Claim) -> int:
    """Compare facts, evidence and the whole record of every line, both ways; return how many facts were compared."""
    claim = Claim.objects.select_related("training_class__project").get(city_code=CITY, pk=claim.pk)
    rows = ClaimLine.objects.select_related(*LINE_PARTS).filter(city_code=CITY, claim=claim)
    lines = list(rows.order_by("id"))
    outcome, known = class_outcome(claim), known_of(claim, lines)
    start = claim.training_class.starts_on
    policies = policies_for(claim.training_class.project.region_id, on=start)
    made = decided(of_claim(CITY, claim.pk), policies)
    # An audit reads the same by ranges of people, one after another.
    people = sorted({line.person_id for line in lines})
    middle = people[len(people) // 2]
    ranges = ((people[0], middle - 1), (middle, people[-1]))
    by_range = decided(replace(of_claim(CITY, claim.pk), people=ranges), policies)
    assert {line: kept(one) for line, one in by_range.items()} == {line: kept(one) for line, one in made.items()}
    stored.prepare(made.values())
    schema, compared = policies.facts, 0
    assert set(made) == {line.pk for line in lines}
    for line in lines:
        sheet, whole = claim_facts(line, outcome, known[line.person_id]), made[line.pk]
        alone = {name: portable(value) for name, value in sorted(schema.normalise(sheet.facts).items())}
        assert whole.facts == alone
        assert whole.evidence == sheet.evidence
        # One line by itself, everything on file in one answer.
        on_file, came_to = line_on_file(line)
        by_itself = claim_facts(line, came_to, on_file)
        assert by_itself.facts == sheet.facts
        assert by_itself.evidence == sheet.evidence
        assert on_file.clashes == known[line.person_id].clashes
        by_line = policies.decide(sheet.facts)
        assert {name: value for name, value in whole.record.items() if name != "payee"} == by_line.to_json()
        assert whole.amount_fen == by_line.fen
        compared += len(alone)
    return compared


def test_the_facts_of_a_claim_are_the_facts_of_each_of_its_lines() -> None:
    random, compared = Random(fresh_seed()), 0
    for _ in range(12):
        made = case(
            random.randint(2, 6),
            with_vouchers=random.random() < 0.8,
            failed=frozenset({0}),
            uncertified=frozenset({1}),
        )
        claim = assembled(made)
        for line in ClaimLine.objects.select_related("person", "certificate", "voucher").filter(
            city_code=CITY, claim=claim
        ):
            shake_line(random, line, made)
        shake_class(random, made.training_class)
        if random.random() < 0.5:
            second_class(random, made)
        compared += same_by_line_and_by_claim(claim)
    assert compared > 12 * 2 * 25


def test_a_line_is_judged_by_what_was_granted_before_it() -> None:
    claim = approved(case(2))
    same_by_line_and_by_claim(claim)
    line = ClaimLine.objects.filter(city_code=CITY, claim=claim).first()
    assert line is not None
    policies = policies_for(claim.training_class.project.region_id, on=START)
    facts = decided(of_claim(CITY, claim.pk), policies)[line.pk].facts
    assert PersonGrant.objects.filter(claim_line_id=line.pk).exists()
    assert (facts["trainings_paid_lifetime"], facts["same_occupation_level_paid"]) == (0, False)


def test_every_fact_of_a_line_is_in_the_schema_and_says_what_it_rests_on() -> None:
    schema = lawbook().facts.facts
    assert set(LINE_FACTS) <= set(schema)
    assert set(ROOTS) == set(LINE_FACTS)
    kinds = {"bool": "bool", "number": "number", "fraction": "number", "date": "date", "text": None}
    for name, kind in LINE_FACTS.items():
        assert schema[name].type.kind in ((kinds[kind],) if kinds[kind] else ("text", "enum"))
        assert schema[name].fraction == (kind == "fraction")


class Counter:
    """Counts statements."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        return execute(statement, params, many, context)


def test_three_lines_and_thirty_are_decided_anew_by_as_many_statements() -> None:
    counts = []
    for size in (3, 3, 30):
        made = case(size, with_vouchers=False)
        claim = confirmed(made)
        PersonStatus.objects.filter(
            city_code=CITY, kind="pension", person_id__in=[person.pk for person in made.people]
        ).update(holds=True)
        counter = Counter()
        with connection.execute_wrapper(counter):
            services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
        assert ClaimLine.objects.filter(city_code=CITY, claim=claim, state="refused").count() == size
        counts.append(counter.count)
    # Eleven of them are the verifiers, one each.
    assert counts[1] == counts[2] <= 35


COUNTING = """
document: {id: cn-12/counting, title: 测试限次, number: 测试〔2026〕9号, issuers: [测试局], in_force: {from: 2026-01-01}, region: 120000}
clauses: {"1": {ref: 第一条, text: 示例条文。, verified: true}}
limits:
"""
LIMIT = """
  {name}: {{asks: 次数没有用完, says: 次数用完了, do: 明年再来。, count: {count}, at_most: 1, cite: "1", schemes: [training], phase: claim}}
"""
COUNTS = {
    "ever": "{of: [training], within: lifetime}",
    "yearly": "{of: [training, skill_upgrade], within: calendar_year}",
    "lately": "{of: [training], within: {days: 365}, fund: [unemployment_insurance]}",
    "same_work": "{of: [training], within: {from: 2025-01-01, to: 2027-12-31}, same: [occupation, level]}",
    "same_paper": "{of: [training], within: lifetime, same: [certificate]}",
}


def test_what_a_limit_counts_of_earlier_grants_is_the_same_by_line_and_by_claim() -> None:
    text = COUNTING + "".join(LIMIT.format(name=name, count=count) for name, count in COUNTS.items())
    store = library_with({"cn-12/counting/2026-01-01.yaml": text.encode()})
    random, seen = Random(fresh_seed()), set[int]()
    for _ in range(3):
        made = case(6)
        claim = assembled(made)
        policies = store.for_place(claim.region_id, "training", claim.rules_on)
        assert len(policies.counts) == len(COUNTS)
        here = ClaimLine.objects.filter(city_code=CITY, claim=claim)
        lines = list(here.select_related(*LINE_PARTS).order_by("id"))
        for line in lines:
            put_grants(random, line, made.training_class.starts_on)
        known = known_of(claim, lines)
        outcome = class_outcome(claim)
        bulk = decided(of_claim(CITY, claim.pk), policies)
        for line in lines:
            sheet = claim_facts(line, outcome, known[line.person_id])
            put_counts(sheet, grants_before(line, known[line.person_id].grants), policies)
            single, stored_one = policies.decide(sheet.facts), bulk[line.pk]
            counted = {count.column: sheet.facts.get(count.column) for count in policies.counts}
            assert {name: stored_one.facts.get(name) for name in counted} == counted
            assert stored_one.answers == answers_of(single)
            seen |= {count for count in counted.values() if isinstance(count, int)}
    assert len(seen) > 1


def test_an_age_from_days_is_the_age_by_the_calendar_for_everybody_born_in_a_century() -> None:
    first = date(2025, 1, 1) + timedelta(days=fresh_seed() % 1461)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(*), count(*) FILTER (WHERE {AGE} IS DISTINCT FROM date_part('year', age(l.day, l.birth_date))::bigint)
            FROM (
                SELECT birth::date AS birth_date, day::date AS day, day::date - birth::date AS days,
                       date_part('year', day)::int AS year,
                       date_part('month', day)::int * 100 + date_part('day', day)::int AS month_day
                FROM generate_series(DATE '1900-03-01', DATE '2024-12-31', INTERVAL '1 day') birth
                CROSS JOIN (VALUES (%s::date), (DATE '2028-02-28'), (DATE '2028-02-29'), (DATE '2101-03-01')) days (day)
            ) l
            """,
            [first],
        )
        looked, wrong = cursor.fetchone()
    assert looked > 180_000
    assert wrong == 0, first
