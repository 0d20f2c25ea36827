"""Rows by many ids at once: `pk__any_of=ids`, one parameter whatever their number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models.lookups import Lookup


def id_array(ids: Iterable[int]) -> str:
    """Ids as the text of a PostgreSQL array, for `%s::bigint[]`: a list would be quoted number by number."""
    return f"{{{','.join(map(str, ids))}}}"


@models.IntegerField.register_lookup
class AnyOf(Lookup):
    """`IN` with 100,000 numbers in the time it takes to write them down."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*parameters, id_array(self.rhs))
