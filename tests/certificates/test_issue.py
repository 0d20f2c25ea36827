"""Issuing: who gets a certificate, its number, the national index, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from factories import certificates, evaluation, registry
from factories.certificates import ISSUED
from factories.evaluation import AFTER, AWAY, BAD, GOOD, HELD
from zhaoliang.certificates import selectors, services
from zhaoliang.certificates.models import Certificate, CertificateIndex, EndClass, NumberSeries
from zhaoliang.kernel.errors import BadInput, Forbidden, SamePerson, WrongState
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.certificates import (
    EvaluatorKind,
    parse_skill_certificate,
    parse_training_certificate,
    skill_certificate_faults,
)
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import Actor, Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("E4")]


def _issue(made: evaluation.Taught, exam: Any, actor: Actor | None = None) -> list[Certificate]:
    return services.issue_for_exam(actor=actor or made.recorder, at=AFTER, exam=exam, issued_on=ISSUED)


def _bureau(role: Role) -> Actor:
    return registry.actor_with(role, person=evaluation.someone())


def test_only_who_passed_gets_one_and_the_number_fits_the_facts() -> None:
    made = evaluation.taught(4)
    _, issued = certificates.issued(made, GOOD, BAD, GOOD, AWAY)
    assert [row.person_id for row in issued] == [made.enrolments[0].person.pk, made.enrolments[2].person.pk]
    parsed = [parse_skill_certificate(row.number) for row in issued]
    assert [number.sequence for number in parsed] == [1, 2]
    for number in parsed:
        assert not skill_certificate_faults(
            number,
            kind=EvaluatorKind.SOCIAL_ORGANISATION,
            issued_on=ISSUED,
            level=SkillLevel.SENIOR,
            issuer_code=made.evaluator.evaluator_prefix,
        )
    assert selectors.certificate_of(made.enrolments[0]) == issued[0]
    assert selectors.certificate_of(made.enrolments[1]) is None
    for row in issued:
        place = CertificateIndex.objects.get(pk=row.number)
        assert (place.city_code, place.certificate_id) == (row.city_code, row.pk)


def test_numbers_go_on_within_issuer_year_and_level_and_start_anew_for_another_level() -> None:
    evaluator = registry.organisation(evaluator=True)
    first = certificates.issued(evaluation.taught(2, evaluator=evaluator))[1]
    second = certificates.issued(evaluation.taught(2, evaluator=evaluator))[1]
    other = certificates.issued(evaluation.taught(1, evaluator=evaluator, level=int(SkillLevel.INTERMEDIATE)))[1]
    assert [row.number[16:] for row in first + second] == ["000001", "000002", "000003", "000004"]
    assert (other[0].number[15], other[0].number[16:]) == ("4", "000001")


def test_issuing_again_changes_nothing() -> None:
    made = evaluation.taught(2)
    exam, first = certificates.issued(made)
    assert [row.pk for row in _issue(made, exam)] == [row.pk for row in first]
    assert NumberSeries.objects.get(city_code=exam.city_code, issuer=made.evaluator).last == 2


def test_a_failed_issue_gives_its_numbers_back() -> None:
    made = evaluation.taught(2)
    exam = evaluation.published(made)
    # Another city's register already holds the second number of this series.
    taken = f"{made.evaluator.evaluator_prefix}263{2:06d}"
    CertificateIndex.objects.create(number=taken, city_code=370900, certificate_id=1)
    with pytest.raises(services.NumberTaken, match="全国登记库"):
        _issue(made, exam)
    assert not Certificate.objects.filter(city_code=exam.city_code, issuer=made.evaluator).exists()
    CertificateIndex.objects.filter(pk=taken).delete()
    assert [row.number[16:] for row in _issue(made, exam)] == ["000001", "000002"]


def test_completion_certificates_count_provider_class_and_trainee() -> None:
    provider = registry.organisation()
    classes = [evaluation.taught(size, provider=provider, own_exam=True) for size in (2, 1)]
    elsewhere = evaluation.taught(1, own_exam=True)
    numbers = [
        parse_training_certificate(row.number) for made in (*classes, elsewhere) for row in certificates.issued(made)[1]
    ]
    assert [(number.class_no, number.trainee) for number in numbers] == [(1, 1), (1, 2), (2, 1), (1, 1)]
    assert numbers[0].provider == numbers[2].provider != numbers[3].provider
    assert {(number.region_code, number.year) for number in numbers} == {(registry.HEPING, 2026)}


def test_issued_only_after_publication_by_the_issuer_on_a_sound_day() -> None:
    made = evaluation.taught(1)
    exam = evaluation.recorded(made)
    with pytest.raises(WrongState, match="还没有公布"):
        _issue(made, exam)
    made = evaluation.taught(1)
    exam = evaluation.published(made)
    with pytest.raises(Forbidden):
        _issue(made, exam, evaluation.staff(made.provider, Role.PROVIDER))
    for day in (HELD - timedelta(days=1), ISSUED + timedelta(days=1)):
        with pytest.raises(BadInput) as refused:
            services.issue_for_exam(actor=made.recorder, at=AFTER, exam=exam, issued_on=day)
        assert "issued_on" in refused.value.fields


@pytest.mark.parametrize(
    ("kind", "number", "kept"),
    [
        ("qualification", "2610011001312345", "2610011001312345"),
        ("special_ability", "26 1200-0001 00012", "261200000100012"),
    ],
)
def test_a_number_of_another_authority_is_checked_and_entered(kind: str, number: str, kept: str) -> None:
    made = evaluation.taught(1, certificate_kind=kind)
    exam = evaluation.published(made)
    with pytest.raises(services.NotIssuedHere):
        _issue(made, exam)
    result = exam.results.get(city_code=exam.city_code)
    entering: dict[str, Any] = {"actor": made.recorder, "at": AFTER, "exam": exam, "result": result}
    with pytest.raises(InvalidIdentifier):
        services.enter_certificate(**entering, number="12", issued_on=ISSUED)
    entered = services.enter_certificate(**entering, number=number, issued_on=ISSUED)
    assert entered.number == kept
    assert selectors.check(number, entered.name).outcome == selectors.Outcome.VALID
    with pytest.raises(WrongState):
        services.enter_certificate(**entering, number=number, issued_on=ISSUED)
    with pytest.raises(services.NotIssuedHere):
        selectors.pdf(entered)


def test_a_special_operation_number_is_the_holders_and_is_not_stored_openly() -> None:
    made = evaluation.taught(1, certificate_kind="special_operation")
    exam = evaluation.published(made)
    person = made.enrolments[0].person
    result = exam.results.get(city_code=exam.city_code)
    entering: dict[str, Any] = {"actor": made.recorder, "at": AFTER, "exam": exam, "result": result}
    with pytest.raises(InvalidIdentifier, match="不是这名学员"):
        services.enter_certificate(**entering, number="T" + registry.resident_id(), issued_on=ISSUED)
    entered = services.enter_certificate(**entering, number="T" + person.document_number, issued_on=ISSUED)
    assert entered.number.startswith("TZ")
    assert person.document_number not in entered.number
    assert person.document_number.encode() not in bytes(entered.payload)


def test_revoking_takes_two_people_in_service_and_database() -> None:
    certificate = certificates.certificate()
    first, second = _bureau(Role.APPROVER), _bureau(Role.APPROVER)
    ending: dict[str, Any] = {"at": AFTER, "certificate": certificate, "reason": "替考"}
    with pytest.raises(WrongState, match="两个人"):
        services.revoke_certificate(actor=first, **ending)
    suspended = services.suspend_certificate(actor=first, **ending)
    assert suspended.state == "suspended"
    with pytest.raises(SamePerson):
        services.revoke_certificate(actor=first, **ending)
    for column, value in (("user", first.user_id), ("person", first.person_id)):
        with pytest.raises(IntegrityError, match="certificate_two_"), transaction.atomic():
            Certificate.objects.filter(city_code=certificate.city_code, pk=certificate.pk).update(
                **{f"revoked_by_{column}": value}
            )
    revoked = services.revoke_certificate(actor=second, reason_class=EndClass.FRAUD, **ending)
    assert (revoked.state, revoked.ended_class) == ("revoked", "fraud")
    for again in (services.suspend_certificate, services.revoke_certificate):
        with pytest.raises(WrongState):
            again(actor=_bureau(Role.APPROVER), **ending)


def test_a_cleared_doubt_makes_it_valid_again() -> None:
    certificate = certificates.certificate()
    services.suspend_certificate(actor=_bureau(Role.INSPECTOR), at=AFTER, certificate=certificate, reason="群众举报")
    resumed = services.resume_certificate(actor=_bureau(Role.REVIEWER), at=AFTER, certificate=certificate)
    assert (resumed.state, resumed.ended_on, resumed.ended_reason) == ("issued", None, "")


def test_a_reason_is_asked_for() -> None:
    with pytest.raises(BadInput) as refused:
        services.suspend_certificate(
            actor=_bureau(Role.INSPECTOR),
            at=AFTER,
            certificate=certificates.certificate(),
            reason=" ",
            reason_class="whatever",
        )
    assert refused.value.fields.keys() == {"reason", "reason_class"}


def test_who_cheated_gets_no_second_certificate_for_the_same_examination() -> None:
    made = evaluation.taught(1)
    exam, (certificate,) = certificates.issued(made)
    services.suspend_certificate(actor=_bureau(Role.REVIEWER), at=AFTER, certificate=certificate, reason="替考")
    services.revoke_certificate(actor=_bureau(Role.APPROVER), at=AFTER, certificate=certificate, reason="替考")
    assert [row.state for row in _issue(made, exam)] == ["revoked"]


@pytest.mark.parametrize("own_exam", [False, True])
def test_replacing_gives_a_new_number_in_the_present_name(own_exam: bool) -> None:
    made = evaluation.taught(1, own_exam=own_exam)
    _, (old,) = certificates.issued(made)
    person = made.enrolments[0].person
    type(person).objects.filter(city_code=person.city_code, pk=person.pk).update(name="改名某")
    new = services.replace_certificate(actor=made.recorder, at=AFTER, certificate=old, reason="更名")
    old.refresh_from_db()
    assert (old.state, old.replaced_by, new.name, new.state) == ("replaced", new.number, "改名某", "issued")
    assert old.name != "改名某"
    assert new.number != old.number
    assert selectors.certificate_of(made.enrolments[0]) == new
    with pytest.raises(WrongState):
        services.replace_certificate(actor=made.recorder, at=AFTER, certificate=old, reason="再换")


@pytest.mark.parametrize("column", ["name", "level", "number", "payload", "issued_on"])
def test_the_running_system_cannot_rewrite_what_was_issued(column: str) -> None:
    certificate = certificates.certificate()
    value = getattr(certificate, column)
    rows = Certificate.objects.filter(city_code=certificate.city_code, pk=certificate.pk)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows.update(**{column: value})
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows.delete()
