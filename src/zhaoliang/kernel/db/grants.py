"""Append-only and least privilege by GRANT: the running system acts as `zhaoliang_app`, which may not do everything.

Grants and not triggers, because a distributed PostgreSQL refuses triggers (scaling facts §4).
"""

from typing import Any, cast

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from zhaoliang.kernel.db.config import APP_ROLE

INSUFFICIENT_PRIVILEGE = "42501"


class GrantsError(Exception):
    """The grants could not be made; the message says what the server's administrator must do."""


def ensure_app_role() -> None:
    """Create the role of the running system where it is missing, and let the connected user take it.

    Raises GrantsError when the connected user may not.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE])
        statements = []
        if cursor.fetchone() is None:
            statements = [f'CREATE ROLE "{APP_ROLE}" NOLOGIN', f'GRANT "{APP_ROLE}" TO CURRENT_USER']
        else:
            cursor.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [APP_ROLE])
            if cursor.fetchone() == (False,):
                statements = [f'GRANT "{APP_ROLE}" TO CURRENT_USER']
        try:
            with transaction.atomic():
                for statement in statements:
                    cursor.execute(statement)
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") != INSUFFICIENT_PRIVILEGE:
                raise
            user = connection.settings_dict["USER"]
            raise GrantsError(
                f"The database user {user} may not create roles. Ask the server's administrator to run once: "
                f'CREATE ROLE "{APP_ROLE}" NOLOGIN; GRANT "{APP_ROLE}" TO "{user}";'
            ) from error


def apply_grants() -> None:
    """Give the app role what each table's model declares. Run as the owner of the tables, after every migration.

    `written_by_functions = True` allows SELECT only; `append_only = True` allows SELECT and INSERT; `no_delete = True`
    keeps rows; `updatable_columns` limits UPDATE to the named fields. Tables without a declaration (sessions, jobs) get
    all four. Raises GrantsError.
    """
    ensure_app_role()
    role = f'"{APP_ROLE}"'
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        *_restricted("django_migrations", "SELECT"),
    ]
    for model in apps.get_models():
        if rights := table_rights(model):
            statements += _restricted(model._meta.db_table, rights)
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def table_rights(model: type[models.Model]) -> str | None:
    """Return the rights of the app role on a model's table, or None where nothing is restricted."""
    attributes: Any = model
    if getattr(attributes, "written_by_functions", False):
        return "SELECT"
    append_only = getattr(attributes, "append_only", False)
    no_delete = getattr(attributes, "no_delete", False)
    columns = getattr(attributes, "updatable_columns", None)
    if not (append_only or no_delete or columns is not None):
        return None
    rights = ["SELECT", "INSERT"]
    if columns:
        names = ", ".join(f'"{cast("models.Field[Any, Any]", model._meta.get_field(name)).column}"' for name in columns)
        rights.append(f"UPDATE ({names})")
    elif not append_only and columns is None:
        rights.append("UPDATE")
    if not (append_only or no_delete):
        rights.append("DELETE")
    return ", ".join(rights)


def _restricted(table: str, rights: str) -> list[str]:
    return [
        f'REVOKE ALL ON "{table}" FROM "{APP_ROLE}"',
        f'GRANT {rights} ON "{table}" TO "{APP_ROLE}"',
    ]
