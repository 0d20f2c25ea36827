"""DDL of city tables: keys, foreign keys and indexes begin with `city_code` (design §3)."""

# The stubs of Django leave out the private methods that its schema editors are extended by.
# pyright: reportAttributeAccessIssue=false

from typing import Any

from django.db import NotSupportedError
from django.db.backends.ddl_references import Columns
from django.db.backends.postgresql import schema

from zhaoliang.kernel.db.cities import city_field


class CitySchemaEditor(schema.DatabaseSchemaEditor):
    """PostgreSQL schema editor; tables without a city key are written as Django writes them."""

    # SET CONSTRAINTS, which Django puts first, fails on the immediate foreign keys of city tables.
    sql_delete_immediate_fk = "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s"

    def column_sql(self, model: Any, field: Any, include_default: bool = False) -> Any:
        sql, params = super().column_sql(model, field, include_default)
        if sql and field.primary_key and city_field(model):
            sql = sql.replace(" PRIMARY KEY", "")
        return sql, params

    def table_sql(self, model: Any) -> Any:
        sql, params = super().table_sql(model)
        if city := city_field(model):
            end = sql.rindex(")")
            key = ", ".join(self.quote_name(column) for column in (city.column, model._meta.pk.column))
            sql = f"{sql[:end]}, PRIMARY KEY ({key})){sql[end + 1 :]}"
        return sql, params

    def add_field(self, model: Any, field: Any) -> None:
        if getattr(field, "is_city_key", False):
            raise NotSupportedError(f"{model._meta.label}: a city key cannot be added to an existing table")
        if not city_field(model):
            super().add_field(model, field)
            return
        inline = self.sql_create_column_inline_fk
        # Django would write the key inline with the column, where only one column can be named.
        self.sql_create_column_inline_fk = None
        try:
            super().add_field(model, field)
        finally:
            self.sql_create_column_inline_fk = inline

    def _create_fk_sql(self, model: Any, field: Any, suffix: str) -> Any:
        statement = super()._create_fk_sql(model, field, suffix)
        city = city_field(model)
        if not city:
            return statement
        # Immediate, so that a reference into another city is refused by the statement that makes it.
        statement.parts["deferrable"] = ""
        if getattr(field, "is_city_reference", False):
            target = field.target_field
            their_city = city_field(target.model)
            assert their_city is not None, f"{target.model._meta.label} has no city key"
            statement.parts["column"] = Columns(model._meta.db_table, [city.column, field.column], self.quote_name)
            statement.parts["to_column"] = Columns(
                target.model._meta.db_table, [their_city.column, target.column], self.quote_name
            )
            statement.parts["deferrable"] = field.db_on_delete_sql()
        return statement

    def _delete_fk_sql(self, model: Any, name: str) -> Any:
        if city_field(model):
            return self._delete_constraint_sql(self.sql_delete_immediate_fk, model, name)
        return super()._delete_fk_sql(model, name)

    def _create_index_sql(self, model: Any, *, fields: Any = None, name: str | None = None, **options: Any) -> Any:
        city = city_field(model)
        if city and name is None and fields and fields[0] is not city:
            fields = [city, *fields]
        return super()._create_index_sql(model, fields=fields, name=name, **options)

    def _create_like_index_sql(self, model: Any, field: Any) -> Any:
        return None if city_field(model) else super()._create_like_index_sql(model, field)

    def _constraint_names(self, model: Any, column_names: Any = None, **kinds: Any) -> list[str]:
        names = super()._constraint_names(model, column_names, **kinds)
        city = city_field(model)
        keyed = kinds.get("foreign_key") or kinds.get("index")
        if city and keyed and column_names and len(column_names) == 1 and column_names[0] != city.column:
            names += super()._constraint_names(model, [city.column, *column_names], **kinds)
        return names
