"""The indexes behind references: one a reference, and none where a declared index or key leads there already.

Django makes an index for every foreign key. Where a model declares one that begins with the same columns, the second is
only written, never needed: on the tables of a rush (sign-ins, vouchers, transfers) that is a fifth of what a row costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection

from zhaoliang.kernel.db.cities import city_field

# Whole B-tree indexes on columns alone, with these in their order, by table.
INDEXES = """
SELECT t.relname, c.relname, i.indisunique,
       (SELECT array_agg(a.attname ORDER BY place.at)
        FROM unnest(i.indkey::int[]) WITH ORDINALITY AS place (number, at)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = place.number
        WHERE place.at <= i.indnkeyatts)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_am m ON m.oid = c.relam
WHERE t.relnamespace = current_schema()::regnamespace AND m.amname = 'btree' AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid
ORDER BY t.relname, c.relname
"""


@dataclass(frozen=True)
class Held:
    """An index as the database has it."""

    name: str
    unique: bool
    columns: tuple[str, ...]


def keep_reference_indexes() -> list[str]:
    """Drop the doubled and make the missing indexes of city references, as the tables' owner; returns what was done."""
    done: list[str] = []
    held = _held()
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            city = city_field(model)
            if city is None or not model._meta.managed:
                continue
            table = model._meta.db_table
            declared = {index.name for index in model._meta.indexes}
            for columns in _references(model, city):
                leading = [index for index in held.get(table, ()) if index.columns[:2] == columns]
                own = [index for index in leading if _of_django(index, columns, declared)]
                rest = [index for index in leading if index not in own]
                # One of Django's is kept where nothing else leads to the columns.
                for index in own if rest else own[1:]:
                    done.append(f"DROP INDEX {editor.quote_name(index.name)}")
                if not own and not rest:
                    name = editor._create_index_name(table, list(columns), suffix="")  # pyright: ignore[reportAttributeAccessIssue]
                    listed = ", ".join(editor.quote_name(column) for column in columns)
                    done.append(f"CREATE INDEX {editor.quote_name(name)} ON {editor.quote_name(table)} ({listed})")
        for statement in done:
            editor.execute(statement, params=None)
    return done


def _held() -> dict[str, list[Held]]:
    found: dict[str, list[Held]] = {}
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        for table, name, unique, columns in cursor.fetchall():
            found.setdefault(table, []).append(Held(name, unique, tuple(columns)))
    return found


def _references(model: Any, city: Any) -> list[tuple[str, str]]:
    """The columns of a city table's references that are asked for an index."""
    fields = [field for field in model._meta.local_concrete_fields if field.is_relation and field.db_index]
    return [(city.column, field.column) for field in fields if field is not city]


def _of_django(index: Held, columns: tuple[str, ...], declared: set[str]) -> bool:
    return index.columns == columns and not index.unique and index.name not in declared
