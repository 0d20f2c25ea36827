"""Re-encrypt what is stored under older keys, city by city and block by block, beside the running system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

from zhaoliang.kernel import crypto
from zhaoliang.kernel.db.cities import city_field
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.fields import EncryptedTextField

BLOCK = 500


@dataclass(frozen=True)
class Rotated:
    """How many values of one column were looked at and how many of them were under an older key."""

    table: str
    column: str
    seen: int
    changed: int


def encrypted_columns() -> Iterator[tuple[type[models.Model], EncryptedTextField]]:
    """Every encrypted column of the platform's own tables."""
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field


def rotate_all() -> Iterator[Rotated]:
    """Bring every stored value under the active key. Interrupted, it goes on where it stopped when run again.

    Needs the tables' owner (`as_owner`): some of these columns may not be changed by the running system.
    """
    for model, field in encrypted_columns():
        yield _rotate(model, field)


def _rotate(model: type[models.Model], field: EncryptedTextField) -> Rotated:
    keys = ["city_code", "id"] if city_field(model) is not None else [str(model._meta.pk.column)]
    names = {
        "table": sql.Identifier(model._meta.db_table),
        "column": sql.Identifier(str(field.column)),
        "keys": sql.SQL(", ").join(map(sql.Identifier, keys)),
    }
    last: list[Any] = [-1] * len(keys)
    read = sql.SQL(
        "SELECT {keys}, {column} FROM {table} WHERE {column} IS NOT NULL AND ({keys}) > ({last}) "
        "ORDER BY {keys} LIMIT {most}"
    ).format(**names, last=sql.SQL(", ").join([sql.SQL("%s")] * len(keys)), most=sql.Literal(BLOCK))
    where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(key)) for key in keys)
    # Only the value that was read is replaced: one that changed meanwhile is under the active key already.
    write = sql.SQL("UPDATE {table} SET {column} = %s WHERE {where} AND {column} = %s").format(**names, where=where)
    seen = changed = 0
    while True:
        with national(), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(read.as_string(), last)
            rows = cursor.fetchall()
            for *key, stored in rows:
                fresh = crypto.rotate(bytes(stored), context=field.context)
                if fresh != bytes(stored):
                    cursor.execute(write.as_string(), [fresh, *key, bytes(stored)])
                    changed += cursor.rowcount
        seen += len(rows)
        if len(rows) < BLOCK:
            break
        last = list(rows[-1][:-1])
    return Rotated(model._meta.db_table, str(field.column), seen, changed)
