"""Hand-written SQL functions: kept in files beside their app, loaded by migrations, re-runnable."""

from importlib import resources
from typing import Any

from django.db.migrations.operations.base import Operation


class SqlFile(Operation):
    """Migration operation running a file of `CREATE OR REPLACE FUNCTION` statements.

    `SqlFile("zhaoliang.vouchers", "sql/claim.sql")`. The file holds the newest text; a change of it comes with a new
    migration that runs it again. Going backwards leaves the functions, since the next run replaces them.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, package: str, path: str) -> None:
        self.package = package
        self.path = path

    def text(self) -> str:
        """Return the SQL of the file."""
        return resources.files(self.package).joinpath(self.path).read_text(encoding="utf-8")

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no models."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        schema_editor.execute(self.text(), params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the functions in place."""

    def describe(self) -> str:
        return f"Run {self.path} of {self.package}"
