"""The wrapper that Django loads for `ENGINE = "zhaoliang.kernel.db.backend"`."""

from typing import Any

from django.db.backends.postgresql import base, features, operations
from psycopg import sql

from zhaoliang.kernel.db.backend.schema import CitySchemaEditor
from zhaoliang.kernel.db.cities import city_field


class DatabaseFeatures(features.DatabaseFeatures):
    """PostgreSQL features; grouping by `id` alone determines a row only where `id` alone is the key."""

    def allows_group_by_selected_pks_on_model(self, model: Any) -> bool:
        return city_field(model) is None and super().allows_group_by_selected_pks_on_model(model)


class DatabaseOperations(operations.DatabaseOperations):
    """PostgreSQL operations compiling UPDATE and DELETE so that they keep their city."""

    compiler_module = "zhaoliang.kernel.db.backend.compiler"


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL connection whose schema editor and compilers know city keys."""

    SchemaEditorClass = CitySchemaEditor
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def _configure_role(self, connection: Any) -> bool:
        """Take the role of the running system on a new connection.

        Django composes this statement through the wrapper's own connection, which a pool's thread does not have yet:
        the pool would wait for itself.
        """
        role = self.settings_dict["OPTIONS"].get("assume_role")
        if role:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        return bool(role)
