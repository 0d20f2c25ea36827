"""Migrations applied without rendering again, for every step, all models that have to do with the one it changes.

Django keeps a class of each model as it was at that point of the history. After each step it makes the changed one anew
together with everything that refers to it, however far away: on our hundred and fifty joined tables four fifths of the
time of a first installation. The statements of an ordinary step depend on the changed model alone. A migration with any
other step (code that follows references backwards, a changed key) is applied from a state rendered whole, as Django does.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.operations import CreateExtension
from django.core.management.commands import migrate as command
from django.db.migrations import Migration, operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState

from zhaoliang.kernel.db.sqlfiles import SqlFile

_PLAIN = (
    operations.CreateModel,
    operations.AddField,
    operations.AddIndex,
    operations.RemoveIndex,
    operations.AddConstraint,
    operations.RemoveConstraint,
    operations.RunSQL,
    CreateExtension,
    SqlFile,
)


class LightExecutor(MigrationExecutor):
    """Applies ordinary migrations with only the changed model rendered anew, every other one as Django does."""

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        if _ordinary(migration.operations, state, migration.app_label):
            with _changed_model_alone():
                return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)
        # What ordinary migrations left does not know all its references: rendered whole, before the steps copy it.
        vars(state).pop("apps", None)
        state.apps.clear_cache()
        return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)


@contextmanager
def light_executor() -> Iterator[None]:
    """Let Django's `migrate` command apply with the light executor inside the block."""
    # The command takes it from its module; the stubs do not know it there.
    command.__dict__["MigrationExecutor"] = LightExecutor
    try:
        yield
    finally:
        command.__dict__["MigrationExecutor"] = MigrationExecutor


def _ordinary(steps: Iterable[Any], state: ProjectState, app_label: str) -> bool:
    return all(_plain(step, state, app_label) for step in steps)


def _plain(step: Any, state: ProjectState, app_label: str) -> bool:
    if isinstance(step, operations.SeparateDatabaseAndState):
        return _ordinary([*step.database_operations, *step.state_operations], state, app_label)
    if isinstance(step, operations.AlterField):
        # The constraints of others that point to a key, as it was or as it becomes, are found through the references to its model.
        model = state.models.get((app_label, step.model_name_lower))
        before = model.fields.get(step.name) if model else None
        return before is not None and not any(field.primary_key or field.unique for field in (before, step.field))
    return isinstance(step, _PLAIN)


@contextmanager
def _changed_model_alone() -> Iterator[None]:
    whole = ProjectState.reload_model

    def reload_model(self: Any, app_label: str, model_name: str, delay: bool = False) -> None:
        if "apps" in vars(self):
            self._reload({(app_label, model_name)})

    ProjectState.reload_model = reload_model
    try:
        yield
    finally:
        ProjectState.reload_model = whole
