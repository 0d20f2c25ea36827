"""One index a reference, and none where a declared one leads there: on the whole schema, and mended where it is not so."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection

from zhaoliang.kernel.db.cities import city_field
from zhaoliang.kernel.db.indexes import keep_reference_indexes
from zhaoliang.kernel.db.migrate import as_owner
from zhaoliang.kernel.db.national import national


def leading_to(table: str, column: str) -> list[str]:
    """The whole indexes of a table whose first columns are the city and this one, as the catalogue of the server prints them."""
    with connection.cursor() as cursor, national():
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s ORDER BY 1", [table])
        rows = cursor.fetchall()
    return [
        name
        for name, text in rows
        if " WHERE " not in text
        and f"btree (city_code, {column}" in text.replace('"', "").replace(f"{column})", f"{column},")
    ]


@pytest.fixture
def as_the_owner(transactional_db: None) -> Iterator[None]:
    with as_owner():
        yield


@pytest.mark.django_db
def test_every_reference_has_an_index_and_no_table_of_a_rush_has_the_same_twice() -> None:
    lacking = []
    for model in apps.get_models():
        if city_field(model) is not None and model._meta.managed:
            for field in model._meta.local_concrete_fields:
                if field.is_relation and field.db_index and not leading_to(model._meta.db_table, field.column):
                    lacking.append(f"{model._meta.db_table}.{field.column}")
    assert lacking == []
    assert leading_to("claim_line", "person_id") == ["claim_line_person"]
    assert leading_to("attendance", "session_id") == ["attendance_once"]
    assert leading_to("transfer", "debit_id") == ["transfer_debit"]


def test_a_doubled_index_goes_and_a_missing_one_comes_back(as_the_owner: None) -> None:
    assert keep_reference_indexes() == []
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX person_again ON claim_line (city_code, person_id)")
        (name,) = leading_to("certificate", "person_id")
        cursor.execute(f"DROP INDEX {name}")
    done = keep_reference_indexes()
    assert sorted(statement.split()[0] for statement in done) == ["CREATE", "DROP"]
    assert leading_to("claim_line", "person_id") == ["claim_line_person"]
    assert leading_to("certificate", "person_id") == [name]
