"""The encrypted column on real PostgreSQL: nothing readable in the table, nothing to search by, nothing movable."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from zhaoliang.kernel import crypto
from zhaoliang.kernel.crypto import Tampered
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.identifiers.invent import Inventor, resident_id
from zhaoliang.registry.models import Person, PersonRegistry

pytestmark = [pytest.mark.django_db, pytest.mark.mission("B1")]

NUMBER, PHONE = resident_id(370900, date(1990, 1, 1), 11), Inventor(1).mobile()


@pytest.fixture
def person() -> Person:
    id_hash = crypto.keyed_hash(NUMBER, purpose="person")
    return Person.objects.create(
        city_code=370900,
        id=PersonRegistry.objects.create(id_hash=id_hash).person_id,
        id_hash=id_hash,
        name="甲某子",
        pinyin_key="jia3 mou3 zi3",
        document_number=NUMBER,
        phone=PHONE,
        birth_date=date(1990, 1, 1),
        sex="1",
        region_id=370902,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


def stored(column: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM person WHERE city_code = 370900")
        return bytes(cursor.fetchone()[0])


def test_the_table_holds_no_readable_number(person: Person) -> None:
    for column, plain in (("document_number", NUMBER), ("phone", PHONE), ("card_number", "")):
        raw = stored(column)
        assert plain.encode() not in raw or not plain
        assert len(raw) > len(plain)
    found = Person.objects.get(city_code=370900, id_hash=crypto.keyed_hash(NUMBER, purpose="person"))
    assert (found.document_number, found.phone, found.card_number) == (NUMBER, PHONE, "")


def test_every_way_of_writing_encrypts(person: Person) -> None:
    rows = Person.objects.filter(city_code=370900)
    rows.update(phone="19900001111")
    assert b"19900001111" not in stored("phone")
    assert rows.values_list("phone", flat=True).get() == "19900001111"
    person.phone = "19900002222"
    Person.objects.bulk_update([person], ["phone"])
    assert b"19900002222" not in stored("phone")
    assert rows.only("phone").get().phone == "19900002222"


@pytest.mark.parametrize("lookup", ["phone", "phone__contains", "phone__in", "phone__gt"])
def test_searching_by_content_is_refused(lookup: str) -> None:
    with pytest.raises(FieldError, match="keyed hash"):
        Person.objects.filter(city_code=370900, **{lookup: PHONE}).exists()
    assert not Person.objects.filter(city_code=370900, phone__isnull=True).exists()


def test_a_ciphertext_moved_to_another_column_does_not_open(person: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE person SET phone = document_number WHERE city_code = 370900")
    with pytest.raises(Tampered):
        Person.objects.get(city_code=370900, pk=person.pk)


def test_only_text_goes_in(person: Person) -> None:
    person.phone = 19900001111
    with pytest.raises(TypeError, match="text"):
        person.save()


def test_no_serialisation_and_a_stable_migration_form(person: Person) -> None:
    field = Person._meta.get_field("phone")
    assert isinstance(field, EncryptedTextField)
    with pytest.raises(FieldError, match="not serialised"):
        field.value_to_string(person)
    _, path, args, kwargs = field.deconstruct()
    assert EncryptedTextField(*args, **kwargs).deconstruct()[1:] == (path, args, kwargs)
