"""The person registry: one person one number, files per city, nobody mixed up."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection, transaction

from factories import registry as make
from zhaoliang.kernel.errors import BadInput, Forbidden, NotFound
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry import selectors, services
from zhaoliang.registry.models import Person, PersonRegistry

CITY, OTHER_CITY = make.CITY, 370900


@pytest.mark.django_db
@pytest.mark.mission("B1")
def test_a_number_is_found_again_however_it_was_typed() -> None:
    number = make.resident_id(date(1985, 3, 1))
    first = make.person(name="甲某子", number=number)
    again = make.person(name=" 甲 某子 ", number=" ".join(number.lower()))
    assert again.pk == first.pk
    assert Person.objects.filter(city_code=CITY).count() == 1
    assert selectors.find_person(city_code=CITY, document_type="resident_id", document_number=number) == first
    assert selectors.find_person(city_code=OTHER_CITY, document_type="resident_id", document_number=number) is None


@pytest.mark.django_db
@pytest.mark.mission("B1")
def test_the_same_number_with_another_name_is_refused_with_the_clause() -> None:
    number = make.resident_id()
    make.person(name="甲某子", number=number)
    with pytest.raises(services.NameMismatch) as caught:
        make.person(name="乙某丑", number=number)
    assert caught.value.code == "name_mismatch"
    assert caught.value.clause is not None
    assert "本人" in caught.value.clause.excerpt
    # Neither the number nor the name on file may be told to whoever typed a wrong one.
    assert number not in str(caught.value)
    assert "甲某子" not in str(caught.value)


@pytest.mark.django_db
@pytest.mark.mission("B1", "B5")
def test_two_cities_keep_two_files_of_one_person() -> None:
    number = make.resident_id()
    here = make.person(name="甲某子", number=number)
    there = make.person(name="甲某子", number=number, city_code=OTHER_CITY, region_code=370902)
    assert here.pk == there.pk
    assert here.city_code != there.city_code
    assert PersonRegistry.objects.filter(person_id=here.pk).count() == 1


@pytest.mark.django_db
@pytest.mark.mission("B1")
def test_nothing_personal_lies_in_clear() -> None:
    number = make.resident_id()
    person = make.person(number=number)
    with connection.cursor() as cursor:
        cursor.execute("SELECT p::text FROM person p WHERE city_code = %s", [CITY])
        row = cursor.fetchone()
    for secret in (number, person.phone, person.card_number):
        assert secret
        assert secret not in row[0]
        assert secret.encode().hex() not in row[0]


@pytest.mark.django_db
@pytest.mark.mission("B1")
@pytest.mark.parametrize(
    ("kind", "number"),
    [("hk_macao", "H12345678"), ("taiwan", "12345678"), ("passport", "X1234567")],
)
def test_other_documents_need_the_birth_date(kind: str, number: str) -> None:
    given = {
        "actor": system_actor(),
        "at": make.AT,
        "place": make.place(),
        "name": "测试•某",
        "document_type": kind,
        "document_number": number,
        "region_code": make.HEPING,
    }
    with pytest.raises(BadInput) as caught:
        services.register_person(**given)
    assert "birth_date" in caught.value.fields
    person = services.register_person(**given, birth_date=date(1990, 1, 2), sex="2")
    assert (person.birth_date, person.sex, person.name) == (date(1990, 1, 2), "2", "测试·某")


@pytest.mark.django_db
@pytest.mark.mission("B1")
def test_a_wrong_check_digit_is_refused() -> None:
    number = make.resident_id()
    wrong = number[:17] + ("1" if number[17] != "1" else "2")
    with pytest.raises(InvalidIdentifier):
        make.person(number=wrong)


@pytest.mark.django_db
@pytest.mark.mission("B3")
def test_living_elsewhere_refuses_nobody() -> None:
    person = services.register_person(
        actor=system_actor(),
        at=make.AT,
        place=make.place(),
        name="甲某子",
        document_type="resident_id",
        document_number=make.resident_id(),
        region_code=370902,
    )
    assert person.access().region_code == make.HEPING


@pytest.mark.django_db
def test_a_second_registration_fills_gaps_and_replaces_nothing() -> None:
    number, card = make.resident_id(), make.inventor().bank_card()
    person = make.person(name="甲某子", number=number, with_card=False)
    phone = person.phone
    services.register_person(
        actor=system_actor(),
        at=make.AT,
        place=make.place(),
        name="甲某子",
        document_type="resident_id",
        document_number=number,
        phone=make.inventor().mobile(),
        card_number=card,
        region_code=make.HEPING,
    )
    person.refresh_from_db()
    assert (person.phone, person.card_number) == (phone, card)


@pytest.mark.commits
@pytest.mark.mission("B1")
def test_many_at_once_make_one_number_and_one_file() -> None:
    number, found, wrong = make.resident_id(), [], []
    ready = threading.Barrier(8)

    def register() -> None:
        try:
            ready.wait()
            found.append(make.person(name="甲某子", number=number, with_card=False).pk)
        except Exception as problem:  # a thread's error must reach the test
            wrong.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(set(found)) == 1
    assert PersonRegistry.objects.count() == 1
    assert Person.objects.filter(city_code=CITY).count() == 1


@pytest.mark.django_db
@pytest.mark.mission("I6")
def test_a_look_by_staff_is_recorded_and_by_oneself_is_not() -> None:
    person = make.person()
    worker = make.actor_with(Role.WORKER, person=person)
    reviewer = make.actor_with(Role.REVIEWER)
    for actor in (worker, reviewer):
        selectors.open_file(actor=actor, at=make.AT, city_code=CITY, person_id=person.pk, why="测试")
    looks = AuditEvent.objects.filter(city_code=CITY, act="look", person_id=person.pk)
    assert [look.actor_user_id for look in looks] == [reviewer.user_id]


@pytest.mark.django_db
@pytest.mark.mission("B5")
def test_a_county_does_not_see_its_neighbours_files() -> None:
    person = make.person()
    with pytest.raises(Forbidden):
        selectors.open_file(
            actor=make.actor_with(Role.REVIEWER, region_code=120102),
            at=make.AT,
            city_code=CITY,
            person_id=person.pk,
            why="测试",
        )
    with pytest.raises(NotFound):
        selectors.search_file(
            actor=make.actor_with(Role.REVIEWER, region_code=120102),
            at=make.AT,
            city_code=CITY,
            document_type="resident_id",
            document_number=person.document_number,
            why="测试",
        )
    assert selectors.open_file(
        actor=make.actor_with(Role.REVIEWER, region_code=120000),
        at=make.AT,
        city_code=CITY,
        person_id=person.pk,
        why="测试",
    )


@pytest.mark.django_db
@pytest.mark.mission("B2")
def test_groups_count_on_their_days_and_stronger_evidence_wins() -> None:
    person = make.person()
    worker, reviewer = make.actor_with(Role.WORKER, person=person), make.actor_with(Role.REVIEWER)
    given = {"at": make.AT, "person": person, "group": "07", "source": "测试"}
    span = {"valid_from": date(2026, 1, 1), "valid_to": date(2026, 6, 30)}
    declared = services.add_group(actor=worker, evidence="declared", **given, **span)
    assert services.add_group(actor=worker, evidence="declared", **given, **span) == declared
    proved = services.add_group(actor=reviewer, evidence="register", valid_from=date(2026, 3, 1), **given)
    assert selectors.group_on(person, "07", date(2025, 12, 31)) is None
    assert selectors.group_on(person, "07", date(2026, 1, 1)) == declared
    assert selectors.group_on(person, "07", date(2026, 6, 30)) == proved
    assert selectors.group_on(person, "07", date(2026, 7, 1)) == proved
    with pytest.raises(Forbidden):
        services.add_group(actor=worker, evidence="register", **given, **span)


@pytest.mark.django_db
@pytest.mark.mission("B2")
def test_a_status_nobody_asked_about_is_unknown_and_the_newest_answer_counts() -> None:
    person, on = make.person(), date(2026, 3, 2)
    assert selectors.status_on(person, "pension", on) is None
    given = {"actor": system_actor(), "at": make.AT, "person": person, "kind": "pension", "source": "测试"}
    services.record_status(**given, holds=True, checked_on=date(2026, 2, 1), valid_from=date(2026, 1, 1))
    services.record_status(**given, holds=False, checked_on=date(2026, 1, 1))
    assert selectors.status_on(person, "pension", on) is True
    assert selectors.status_on(person, "pension", date(2025, 12, 31)) is False


@pytest.mark.django_db
def test_only_the_worker_himself_and_reviewers_of_the_place_change_the_card() -> None:
    person, card = make.person(), make.inventor().bank_card()
    other = make.actor_with(Role.WORKER, person=make.person())
    with pytest.raises(Forbidden):
        services.set_card(actor=other, at=make.AT, person=person, card_number=card)
    services.set_card(actor=make.actor_with(Role.WORKER, person=person), at=make.AT, person=person, card_number=card)
    person.refresh_from_db()
    assert person.card_number == card


@pytest.mark.django_db
def test_a_provider_registers_people_for_itself_only() -> None:
    ours, theirs = make.organisation(), make.organisation()
    actor = make.actor_with(Role.PROVIDER, organisation=ours)
    given = {
        "actor": actor,
        "at": make.AT,
        "name": "甲某子",
        "document_type": "resident_id",
        "document_number": make.resident_id(),
        "region_code": make.HEPING,
    }
    with pytest.raises(Forbidden):
        services.register_person(place=Place(CITY, make.HEPING, theirs.pk), **given)
    with transaction.atomic():
        assert services.register_person(place=Place(CITY, make.HEPING, ours.pk), **given).pk
