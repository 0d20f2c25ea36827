"""UPDATE and DELETE that reach through joins keep the city on the outer statement too.

Django rewrites both to `… WHERE id IN (SELECT …)`; without the city beside it that touches every shard.
"""

from __future__ import annotations

from typing import Any, cast

from django.db.backends.postgresql.compiler import SQLAggregateCompiler, SQLCompiler, SQLInsertCompiler
from django.db.models.expressions import Col
from django.db.models.lookups import Exact
from django.db.models.sql import compiler
from django.db.models.sql.where import AND, WhereNode

from zhaoliang.kernel.db.cities import city_field

__all__ = ["SQLAggregateCompiler", "SQLCompiler", "SQLDeleteCompiler", "SQLInsertCompiler", "SQLUpdateCompiler"]


def city_equalities(query: Any) -> list[Exact]:
    """Return the top-level `city_code = value` conditions on the query's own table."""
    city = city_field(query.model)
    if city is None:
        return []

    def is_equality(child: Any) -> bool:
        return (
            isinstance(child, Exact)
            and isinstance(child.lhs, Col)
            and child.lhs.target is city
            and child.lhs.alias == query.get_initial_alias()
            and child.rhs_is_direct_value()
        )

    def found(node: WhereNode) -> list[Exact]:
        if node.negated or (node.connector != AND and len(node.children) > 1):
            return []
        equalities: list[Exact] = []
        for child in node.children:
            if isinstance(child, WhereNode):
                equalities += found(child)
            elif is_equality(child):
                equalities.append(cast("Exact", child))
        return equalities

    return found(query.where)


class SQLUpdateCompiler(compiler.SQLUpdateCompiler):
    def pre_sql_setup(self) -> Any:
        cities = city_equalities(self.query)
        super().pre_sql_setup()
        kept = city_equalities(self.query)
        for equality in cities:
            if equality not in kept:
                self.query.where.add(equality, AND)


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    def _as_sql(self, query: Any) -> Any:
        if query is not self.query:
            for equality in city_equalities(self.query):
                query.where.add(equality, AND)
        # The stubs of Django leave out this private method.
        return super()._as_sql(query)  # pyright: ignore[reportAttributeAccessIssue]
