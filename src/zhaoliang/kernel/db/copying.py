"""Many rows into a table at once: COPY, with the values converted and encrypted as the model's fields do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connections, models

# What these take the database takes as it is: preparing it again would cost more than writing it.
_PLAIN = (models.CharField, models.TextField, models.IntegerField, models.BooleanField, models.ForeignKey)


def _is_plain(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, ArrayField):
        return isinstance(field.base_field, models.IntegerField)
    return isinstance(field, _PLAIN) or type(field) is models.DateField


def column_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The field of this name that has a column of its own. Raises FieldDoesNotExist, TypeError for a reverse relation."""
    field = model._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{model._meta.label}.{name} has no column")
    return field


def copy_rows(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows (values in the order of the field `names`, a foreign key's as its id) in one COPY; returns how many.

    Columns left out take their default.

    Some 50 times as fast as saving objects, with memory for one row. Runs in the transaction of the caller.
    """
    fields = [column_of(model, name) for name in names]
    # The connection itself: its stand-in looks it up anew for every value.
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    statement = f"COPY {quote(model._meta.db_table)} ({columns}) FROM STDIN"
    prepared = [None if _is_plain(field) else field.get_db_prep_save for field in fields]
    written = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(
                [
                    value if prepare is None else prepare(value, connection)
                    for prepare, value in zip(prepared, row, strict=True)
                ]
            )
            written += 1
    return written
