"""The base of every business table."""

# The stubs of Django differ from Django 5.2 in private methods (`_do_update`), `defer(None)` and the attributes of F.
# pyright: reportIncompatibleMethodOverride=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false

from typing import Any, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.core import checks
from django.core.exceptions import FieldError
from django.db import DatabaseError, models, router
from django.db.models.expressions import F

from zhaoliang.kernel.db import lookups
from zhaoliang.kernel.db.cities import city_field
from zhaoliang.kernel.db.fields import CityCodeField, CityForeignKey

# With the lookups that city rows are asked by.
__all__ = ["CityForeignKey", "CityManager", "CityModel", "CityQuerySet", "lookups"]


class CityQuerySet(models.QuerySet[Any]):
    """Query set that always loads `city_code`, without which a row could not be found again."""

    def only(self, *fields: str) -> Self:
        return super().only("city_code", *fields)

    def defer(self, *fields: str | None) -> Self:
        if "city_code" in fields:
            raise FieldError("city_code is part of the key and cannot be deferred")
        return super().defer(*fields)


class CityManager(models.Manager.from_queryset(CityQuerySet)):
    """Default manager of city models."""


class CityModel(models.Model):
    """A row owned by one city: primary key (city_code, id), ids unique in the whole table.

    Class attributes read by `zhaoliang.kernel.db.grants`: `append_only` (the running system may only add rows),
    `no_delete`, `updatable_columns` (the only columns it may change), and `written_by_functions` (it may only read;
    SECURITY DEFINER functions write).
    """

    append_only = False
    no_delete = False
    updatable_columns: tuple[str, ...] | None = None
    written_by_functions = False

    city_code = CityCodeField()
    id = models.BigAutoField(primary_key=True)

    objects = CityManager()

    class Meta:
        abstract = True

    @classmethod
    def check(cls, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *_key_errors(cls)]

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        if "city_code" in self.get_deferred_fields():
            raise FieldError(f"{self._meta.label} was loaded without its city_code; name it in only()")
        rows = type(self)._base_manager.all() if from_queryset is None else from_queryset
        super().refresh_from_db(using, fields, rows.filter(city_code=self.city_code))

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Delete the row; the database cascades or refuses (IntegrityError). Returns what Django's delete returns."""
        if self.pk is None:
            raise ValueError(f"{self._meta.object_name} was never saved")
        using = using or router.db_for_write(type(self), instance=self)
        rows = type(self)._base_manager.using(using).filter(city_code=self.city_code, pk=self.pk)
        count = rows._raw_delete(using)
        return count, {self._meta.label: count}

    def _do_update(
        self, base_qs: Any, using: Any, pk_val: Any, values: Any, update_fields: Any, forced_update: bool
    ) -> bool:
        # The city of a row never changes (a distributed table refuses even to set it to itself).
        kept = [value for value in values if not getattr(value[0], "is_city_key", False)]
        in_city = base_qs.filter(city_code=self.city_code)
        updated = super()._do_update(in_city, using, pk_val, kept, update_fields, forced_update)
        if not updated and not self._state.adding:
            # Django would insert it again, in another city if city_code was assigned to.
            raise DatabaseError(f"{self._meta.label} {self.pk} does not exist in city {self.city_code}")
        return updated


def _key_errors(model: type[models.Model]) -> list[checks.CheckMessage]:
    """Return an error for every key or index of a city model that does not begin with the city."""
    if city_field(model) is None:
        return []
    found = [
        f"field {field.name}: unique and db_index reach over all cities; use a constraint or index with city_code"
        for field in model._meta.local_fields
        if not field.primary_key and (field.unique or (field.db_index and not field.is_relation))
    ]
    found += [f"field {field.name}: use an explicit model" for field in model._meta.local_many_to_many]
    if model._meta.local_concrete_fields[0].name != "city_code":
        found.append("city_code must be the first column")
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            names = constraint.fields or [e.name for e in constraint.expressions[:1] if isinstance(e, F)]
            if names[:1] not in (("city_code",), ["city_code"]):
                found.append(f"constraint {constraint.name}: must begin with city_code")
        elif isinstance(constraint, ExclusionConstraint):
            # Exclusion over cities would need every shard to agree (scaling facts §4).
            named = [e.name if isinstance(e, F) else e for e, operator in constraint.expressions if operator == "="]
            if "city_code" not in named:
                found.append(f"constraint {constraint.name}: must compare city_code")
    for index in model._meta.indexes:
        if type(index) is models.Index and index.fields[:1] != ["city_code"]:
            found.append(f"index {index.name}: must begin with city_code")
    return [checks.Error(f"{model._meta.label}: {text}", obj=model, id="zhaoliang.E002") for text in found]
