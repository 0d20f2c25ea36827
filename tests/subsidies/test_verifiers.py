"""Each automatic check by its own: what it finds, what it cannot tell, and that it never refuses anybody by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import QuerySet

from factories import registry
from factories.people import APPLIED, holder, worker
from factories.subsidies import ASSESSED, CITY, HEPING, SENIOR, START, WELDER, Case, assembled, case, certify, confirmed
from zhaoliang.certificates.models import Certificate, CertificateIndex
from zhaoliang.classes.models import Enrolment
from zhaoliang.kernel.roles import Role
from zhaoliang.policy import Outcome
from zhaoliang.registry.models import GroupMembership, Licence, Organisation, Person, PersonGrant
from zhaoliang.subsidies import services
from zhaoliang.subsidies.models import CheckResult, Claim, ClaimLine
from zhaoliang.subsidies.selectors import line_today
from zhaoliang.subsidies.verifiers import VERIFIERS, checks_of

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F3")]

TAIAN = 370900


def grant(person: Person, **given: Any) -> None:
    PersonGrant.objects.create(
        person_id=person.pk,
        **{
            "scheme": "training",
            "occupation_code": WELDER,
            "level": SENIOR,
            "city_code": TAIAN,
            "fund_source": "employment_subsidy",
            "granted_on": date(2026, 2, 2),
            "source": "泰安",
            **given,
        },
    )


def this_year(person: Person, number: int, **given: Any) -> None:
    for index in range(number):
        grant(person, occupation_code=f"4-10-01-0{index}", **given)


def group(person: Person, **given: Any) -> None:
    GroupMembership.objects.filter(city_code=CITY, person=person).update(**given)


def certificate(person: Person) -> QuerySet[Certificate]:
    return Certificate.objects.filter(city_code=CITY, person=person)


def not_in_the_index(person: Person) -> None:
    CertificateIndex.objects.filter(number=certificate(person).get().number).delete()


def account_of_another(person: Person) -> None:
    other = registry.person()
    other.card_number = person.card_number
    other.save(update_fields=["card_number", "account_hash"])


def in_class_elsewhere(person: Person, state: str) -> None:
    """The person's class held in another city at the same time: its rows once more under that city's key."""
    parents = [
        "catalogue",
        "catalogue_entry",
        "organisation",
        "site",
        "project",
        "training_class",
        "teacher",
        "class_session",
    ]
    with connection.cursor() as cursor:
        for table in [*parents, "person", "enrolment", "attendance"]:
            column = {"person": "id", "enrolment": "person_id", "attendance": "person_id"}.get(table)
            cursor.execute(
                f"""
                INSERT INTO {table}
                SELECT copied.* FROM {table} here, jsonb_populate_record(
                    NULL::{table}, to_jsonb(here) || '{{"city_code": {TAIAN}, "voucher_id": null}}'
                    || jsonb_build_object('state', CASE WHEN '{table}' = 'attendance' THEN %s ELSE to_jsonb(here) ->> 'state' END)
                ) copied
                WHERE here.city_code = {CITY} AND (%s IS NULL OR to_jsonb(here) ->> %s = %s)
                ON CONFLICT DO NOTHING
                """,
                [state, column, column, str(person.pk)],
            )


TROUBLES: dict[str, tuple[Callable[[Person], object], str, str]] = {
    "same level paid elsewhere": (grant, "duplicate_region", "n"),
    "same occupation elsewhere during class": (
        lambda one: grant(one, level=3, granted_on=START),
        "duplicate_region",
        "u",
    ),
    "three trainings this year": (lambda one: this_year(one, 3), "year_count", "n"),
    "two trainings this year": (lambda one: this_year(one, 2), "year_count", "y"),
    "work training is not counted": (lambda one: this_year(one, 3, scheme="work_training"), "year_count", "y"),
    "last year": (lambda one: this_year(one, 3, granted_on=date(2025, 12, 31)), "year_count", "y"),
    "same level paid here": (lambda one: grant(one, city_code=CITY), "same_level", "n"),
    "higher level paid": (lambda one: grant(one, level=SENIOR + 1), "higher_level", "n"),
    "lower level paid": (lambda one: grant(one, level=SENIOR - 1), "higher_level", "y"),
    "skill upgrade for the certificate": (
        lambda one: grant(one, scheme="skill_upgrade", certificate_number=certificate(one).get().number),
        "one_per_certificate",
        "n",
    ),
    "group declared only": (lambda one: group(one, evidence="declared"), "group_proof", "u"),
    "proof ended before class": (lambda one: group(one, valid_to=START - timedelta(days=1)), "group_proof", "n"),
    "proof ends on the first day": (lambda one: group(one, valid_to=START), "group_proof", "y"),
    "certificate not in the index": (not_in_the_index, "certificate", "n"),
    "certificate suspended": (lambda one: certificate(one).update(state="suspended"), "certificate", "u"),
    "account of somebody else": (account_of_another, "identity", "n"),
    "another document": (
        lambda one: Person.objects.filter(city_code=CITY, pk=one.pk).update(document_type="passport"),
        "identity",
        "u",
    ),
    "in class in two cities": (lambda one: in_class_elsewhere(one, "present"), "time_clash", "n"),
    "expected in two cities": (lambda one: in_class_elsewhere(one, "expected"), "time_clash", "u"),
}


def answers(line: ClaimLine) -> dict[str, str]:
    found = CheckResult.objects.select_related("suite").get(city_code=CITY, pk=line.check_result_id)
    return {one.name: one.answer for one in checks_of(found)}


def lines_of(claim: Claim) -> list[ClaimLine]:
    return list(ClaimLine.objects.filter(city_code=CITY, claim=claim).order_by("id"))


def test_each_verifier_finds_its_trouble_on_the_line_that_has_it() -> None:
    made = case(len(TROUBLES) + 1)
    for (trouble, _, _), person in zip(TROUBLES.values(), made.people, strict=False):
        trouble(person)
    *troubled, clean = lines_of(assembled(made))
    said = {name: answers(line)[TROUBLES[name][1]] for name, line in zip(TROUBLES, troubled, strict=True)}
    assert said == {name: answer for name, (_, _, answer) in TROUBLES.items()}
    assert set(answers(clean).values()) == {"y"}
    assert (clean.state, clean.alerts) == ("passed", 0)
    # A verifier refuses nobody by itself: a rule may, or the line waits for a person, for no money so far.
    for name, line in zip(TROUBLES, troubled, strict=True):
        assert line.alerts == sum(answer != "y" for answer in answers(line).values()), name
        assert line.state in ({"to_person", "refused"} if line.alerts else {"passed", "refused"}), name
        assert line.state == "passed" or line.amount_fen == 0, name


def licence_ended(made: Case) -> None:
    validity = DateRange(date(2025, 1, 1), START)
    Licence.objects.create(city_code=CITY, organisation=made.provider, kind="办学许可证", number="1", validity=validity)


def no_account(made: Case) -> None:
    Organisation.objects.filter(city_code=CITY, pk=made.provider.pk).update(account_hash=None)


def paid_by_enterprise(made: Case, account_number: str) -> None:
    """The money of these trainees goes to their enterprise, found by its credit code alone."""
    enterprise = registry.organisation(kind="enterprise", account_number=account_number)
    Enrolment.objects.filter(city_code=CITY, training_class=made.training_class).update(
        employer_uscc=enterprise.uscc, group="12"
    )
    for person in made.people:
        group(person, group="12")


def enterprise_with_the_account(made: Case) -> None:
    paid_by_enterprise(made, account_number=made.provider.account_number)


def enterprise_without(made: Case) -> None:
    paid_by_enterprise(made, account_number="")


ENTERPRISES = (enterprise_with_the_account, enterprise_without)


@pytest.mark.parametrize(
    ("trouble", "verifier", "answer"),
    [
        (licence_ended, "provider", "n"),
        (no_account, "account", "u"),
        (lambda made: assembled(case(1, account=made.provider.account_number)), "account", "n"),
        (enterprise_with_the_account, "account", "n"),
        (enterprise_without, "account", "u"),
    ],
    ids=["licence ended", "no account", "another school with the account", "enterprise with it", "enterprise without"],
)
def test_what_is_wrong_with_the_provider_is_wrong_with_every_line(
    trouble: Callable[[Case], object], verifier: str, answer: str
) -> None:
    made = case(2)
    trouble(made)
    claim = assembled(made)
    looks = [{line.pk: (answers(line)[verifier], line.state, line.amount_fen) for line in lines_of(claim)}]
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    looks.append({line.pk: (answers(line)[verifier], line.state, line.amount_fen) for line in lines_of(claim)})
    # Whom the rules pay is known after the first look, where that is not the provider.
    for look in looks[1:] if trouble in ENTERPRISES else looks:
        assert set(look.values()) == {(answer, "to_person", 0)}


def test_a_second_look_stores_only_what_changed_and_keeps_a_judgement() -> None:
    made = case(3)
    group(made.people[0], evidence="declared")
    claim = confirmed(made)
    first, *_ = lines = lines_of(claim)
    services.judge_line(actor=made.reviewer, at=ASSESSED, line=first, passes=True, text="已核对失业登记证原件")
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    stored = CheckResult.objects.filter(city_code=CITY, claim_line_id__in=[line.pk for line in lines])
    assert (stored.count(), lines_of(claim)[0].state) == (3, "passed")
    # New trouble on a judged line: the judgement was made without knowing it.
    account_of_another(made.people[0])
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=claim)
    assert stored.count() == 4
    line = lines_of(claim)[0]
    assert (line.state, line.alerts, line.judgement, line.amount_fen) == ("to_person", 2, "", 0)


def test_a_certificate_given_out_anew_is_one_with_that_in_whose_place_it_came() -> None:
    made = case(1)
    [line] = lines_of(assembled(made))
    old = line.certificate
    assert old is not None
    certificate(line.person).update(state="replaced")
    anew = certify(old.result, old.issuer, f"{old.number[:-1]}X")
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=line.claim)
    [line] = lines_of(line.claim)
    assert (line.state, line.certificate_id, answers(line)["certificate"]) == ("passed", anew.pk, "y")
    # Paid for under its former number: by a person's line, and by the whole claim's statement.
    grant(line.person, scheme="skill_upgrade", certificate_number=old.number)
    assert line_today(line).outcome is Outcome.FAIL
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=line.claim)
    [line] = lines_of(line.claim)
    assert (line.state, answers(line)["one_per_certificate"]) == ("refused", "n")


def test_a_skill_upgrade_whose_certificate_is_given_out_anew_meanwhile_is_checked_by_the_new_one() -> None:
    person, old = holder()
    line = services.apply_for(actor=worker(person), at=APPLIED, person=person, kind="skill_upgrade", certificate=old)
    certificate(person).update(state="replaced")
    anew = certify(old.result, old.issuer, f"{old.number[:-1]}X", SENIOR, date(2025, 11, 3))
    reviewer = registry.actor_with(Role.REVIEWER, region_code=HEPING)
    for state, answer in (("issued", "y"), ("suspended", "u"), ("revoked", "n")):
        certificate(person).filter(pk=anew.pk).update(state=state)
        services.run_checks(actor=reviewer, at=APPLIED, claim=line.claim)
        line.refresh_from_db()
        assert answers(line)["certificate"] == answer, state


def test_two_subsidies_for_one_certificate_that_wait_beside_each_other_are_for_a_person() -> None:
    made = case(1)
    [line] = lines_of(assembled(made))
    assert (line.state, answers(line)["one_per_certificate"]) == ("passed", "y")
    upgrade = Claim.objects.create(
        city_code=CITY,
        region_id=HEPING,
        kind="skill_upgrade",
        title="技能提升补贴",
        rules_on=START,
        created_at=ASSESSED,
        fund_source="unemployment_insurance",
    )
    beside = ClaimLine.objects.create(
        city_code=CITY,
        claim=upgrade,
        kind="skill_upgrade",
        person_id=line.person_id,
        certificate_id=line.certificate_id,
        occupation_id=WELDER,
        level=SENIOR,
        planned_minutes=0,
        credited_minutes=0,
        payee="person",
        applied_on=START,
    )
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=line.claim)
    line.refresh_from_db()
    assert (line.state, answers(line)["one_per_certificate"]) == ("to_person", "u")
    # Also where the training's certificate was given out anew meanwhile.
    held = certificate(made.people[0]).get()
    certificate(made.people[0]).update(state="replaced")
    certify(held.result, held.issuer, f"{held.number[:-1]}X")
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=line.claim)
    line.refresh_from_db()
    assert (line.certificate_id == beside.certificate_id, answers(line)["one_per_certificate"]) == (False, "u")
    ClaimLine.objects.filter(city_code=CITY, pk=beside.pk).update(state="refused")
    services.run_checks(actor=made.reviewer, at=ASSESSED, claim=line.claim)
    line.refresh_from_db()
    assert (line.state, line.alerts) == ("passed", 0)


def test_results_are_never_changed() -> None:
    lines_of(assembled(case(1)))
    for change in (lambda rows: rows.update(answers="y"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(CheckResult.objects.filter(city_code=CITY))


def test_every_verifier_has_its_clause_and_says_what_it_does() -> None:
    assert len({one.name for one in VERIFIERS}) == len(VERIFIERS) == 12
    for one in VERIFIERS:
        assert one.clause.ref, one.name
        assert len(one.does) > 10, one.name
