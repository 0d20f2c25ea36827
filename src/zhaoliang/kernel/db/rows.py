"""Rows of tables that a SQL function gives as JSON, as instances of their models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, models

AnyModel = TypeVar("AnyModel", bound=models.Model)


def from_row(model: type[AnyModel], row: Mapping[str, Any]) -> AnyModel:
    """The instance of a row by its columns' names, as `to_jsonb` writes them; columns left out are read when asked for.

    Not for columns kept encrypted or as bytes.
    """
    fields = [field for field in model._meta.concrete_fields if field.column in row]
    values = [field.to_python(row[str(field.column)]) for field in fields]
    return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field in fields], values)
