"""What the running system may do to a table, by its model's declaration, tried as that role."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, models, transaction

from kernel.db.citytables import registry
from zhaoliang.kernel.db import grants
from zhaoliang.kernel.db.migrate import as_owner
from zhaoliang.kernel.db.models import CityModel

CITY = 370900


class Entry(CityModel):
    append_only = True
    text = models.CharField(max_length=9)

    class Meta:
        apps = registry
        app_label = "citytables"


class Ticket(CityModel):
    no_delete = True
    updatable_columns = ("state",)
    state = models.CharField(max_length=9)
    text = models.CharField(max_length=9)

    class Meta:
        apps = registry
        app_label = "citytables"


class Plain(CityModel):
    text = models.CharField(max_length=9)

    class Meta:
        apps = registry
        app_label = "citytables"


MODELS = (Entry, Ticket, Plain)


@pytest.fixture
def granted(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(grants.apps, "get_models", lambda: [*type(apps).get_models(apps), *MODELS])
    with as_owner():
        with connection.schema_editor() as editor:
            for model in MODELS:
                editor.create_model(model)
        grants.apply_grants()
    yield
    with as_owner(), connection.schema_editor() as editor:
        for model in MODELS:
            editor.delete_model(model)


def allowed(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        if "permission denied" not in str(error):
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("model", "may"),
    [
        (Entry, {"insert"}),
        (Ticket, {"insert", "update state"}),
        (Plain, {"insert", "update text", "delete"}),
    ],
)
def test_the_running_system_may_do_what_the_model_says(granted: None, model: type[models.Model], may: set[str]) -> None:
    table = model._meta.db_table
    columns = [field.column for field in model._meta.local_fields if field.column not in ("city_code", "id")]
    names, values = ", ".join(columns), ", ".join("'x'" for _ in columns)
    attempts = {
        "insert": f"INSERT INTO {table} (city_code, {names}) VALUES ({CITY}, {values})",
        **{f"update {column}": f"UPDATE {table} SET {column} = 'y' WHERE city_code = {CITY}" for column in columns},
        "delete": f"DELETE FROM {table} WHERE city_code = {CITY}",
        "truncate": f"TRUNCATE {table}",
    }
    assert {name for name, statement in attempts.items() if allowed(statement)} == may


def test_the_schema_and_its_history_are_the_owners(transactional_db: None) -> None:
    assert not allowed("CREATE TABLE public.mine (x int)")
    assert not allowed("DELETE FROM django_migrations")
    assert allowed("SELECT count(*) FROM django_migrations")


def test_grants_can_be_made_again(granted: None) -> None:
    with as_owner():
        grants.apply_grants()
    assert allowed(f"INSERT INTO citytables_entry (city_code, text) VALUES ({CITY}, 'x')")
    assert not allowed("DELETE FROM citytables_entry")


def test_a_user_who_may_not_create_roles_is_told_what_to_ask_for(
    granted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "APP_ROLE", "zhaoliang_missing")
    with pytest.raises(grants.GrantsError, match='CREATE ROLE "zhaoliang_missing" NOLOGIN'):
        grants.ensure_app_role()
