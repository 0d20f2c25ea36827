"""The two fields of a city table: its key and its references to other city tables (design §3)."""

from collections.abc import Iterable
from typing import Any

from django.core import checks, exceptions
from django.db import models
from django.db.models.expressions import Col
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.db.models.fields.related_lookups import RelatedExact, RelatedIn
from django.db.models.sql.where import AND, WhereNode

from zhaoliang.kernel.db.cities import city_field


class CityCodeField(models.IntegerField):
    """The frozen code of the city that owns a row; first column of every business table. Never updated."""

    is_city_key = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("verbose_name", "城市")
        super().__init__(*args, **kwargs)


class CityForwardDescriptor(ForwardManyToOneDescriptor):
    """`voucher.batch`: reads and prefetches inside the city, and refuses an object of another one."""

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None and city_field(type(value)):
            if instance.city_code is None:
                instance.city_code = value.city_code
            elif instance.city_code != value.city_code:
                raise ValueError(
                    f"{instance._meta.label}.{self.field.name}: {value._meta.label} belongs to city "
                    f"{value.city_code}, not {instance.city_code}"
                )
        super().__set__(instance, value)

    def get_prefetch_querysets(self, instances: list[Any], querysets: Any = None) -> Any:
        queryset = querysets[0] if querysets else self.get_queryset(instance=instances[0])
        in_cities = queryset.filter(city_code__in=sorted({instance.city_code for instance in instances}))
        return super().get_prefetch_querysets(instances, [in_cities])


class CityForeignKey(models.ForeignKey):
    """Reference from one city table to another, always inside one city.

    `on_delete` is carried out by the database: CASCADE deletes, everything else (PROTECT by default) refuses with an
    IntegrityError at the deleting statement. Assigning an object of another city raises ValueError.
    """

    is_city_reference = True
    forward_related_accessor_class = CityForwardDescriptor
    db_on_deletes = (models.PROTECT, models.RESTRICT, models.DO_NOTHING, models.CASCADE)

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        if on_delete not in self.db_on_deletes:
            raise ValueError("a city reference allows PROTECT, RESTRICT, DO_NOTHING and CASCADE only")
        self.db_on_delete = on_delete
        # The database deletes or refuses; Django's collector would look for the children city by city.
        super().__init__(to, models.DO_NOTHING, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["on_delete"] = self.db_on_delete
        return name, path, args, kwargs

    def db_on_delete_sql(self) -> str:
        return " ON DELETE CASCADE" if self.db_on_delete is models.CASCADE else ""

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        for side in (self.model, self.remote_field.model):
            if not isinstance(side, str) and city_field(side) is None:
                found.append(checks.Error(f"{side._meta.label} has no city key.", obj=self, id="zhaoliang.E001"))
        return found

    def get_extra_descriptor_filter(self, instance: Any) -> dict[str, int]:
        return {"city_code": instance.city_code}

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> Any:
        # Without an alias (the subquery of exclude()) the equality comes from CityRelatedExact on the outer row.
        theirs, ours = city_field(self.related_model), city_field(self.model)
        if alias is None or theirs is None or ours is None:
            return None
        where = WhereNode(connector=AND)
        where.add(theirs.get_lookup("exact")(Col(alias, theirs), Col(related_alias, ours)), AND)
        return where

    def validate(self, value: Any, model_instance: Any) -> None:
        models.Field.validate(self, value, model_instance)
        if value is None:
            return
        rows = self.remote_field.model._base_manager.filter(city_code=model_instance.city_code, pk=value)
        if not rows.exists():
            raise exceptions.ValidationError(
                self.error_messages["invalid"],
                code="invalid",
                params={
                    "model": self.remote_field.model._meta.verbose_name,
                    "pk": value,
                    "field": "id",
                    "value": value,
                },
            )


def _cities_of(values: Iterable[Any]) -> list[int] | None:
    """Return the cities of model instances, or None unless every value is an instance with a city."""
    cities: set[int] = set()
    for value in values:
        city = getattr(value, "city_code", None) if isinstance(value, models.Model) else None
        if city is None:
            return None
        cities.add(city)
    return sorted(cities) or None


def _city_column(expression: Any) -> Col | None:
    if isinstance(expression, Col) and (city := city_field(expression.target.model)):
        return Col(expression.alias, city)
    return None


@CityForeignKey.register_lookup
class CityRelatedExact(RelatedExact):
    """`filter(batch=batch)` and correlated subqueries: the reference equal AND the city equal."""

    def get_prep_lookup(self) -> Any:
        self.cities = _cities_of([self.rhs])
        return super().get_prep_lookup()

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = super().as_sql(compiler, connection)
        ours = _city_column(self.lhs)
        if ours is None:
            return sql, params
        column, _ = compiler.compile(ours)
        if self.cities:
            return f"({sql} AND {column} = %s)", [*params, self.cities[0]]
        theirs = _city_column(self.rhs)
        if theirs is not None and theirs.alias != ours.alias:
            their_column, _ = compiler.compile(theirs)
            return f"({sql} AND {column} = {their_column})", params
        return sql, params


@CityForeignKey.register_lookup
class CityRelatedIn(RelatedIn):
    """`filter(batch__in=[…])`, also of reverse prefetching: the cities of the instances go with their ids."""

    def get_prep_lookup(self) -> Any:
        self.cities = _cities_of(self.rhs) if self.rhs_is_direct_value() else None
        return super().get_prep_lookup()

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = super().as_sql(compiler, connection)
        ours = _city_column(self.lhs)
        if ours is None or not self.cities:
            return sql, params
        column, _ = compiler.compile(ours)
        marks = ", ".join(["%s"] * len(self.cities))
        return f"({sql} AND {column} IN ({marks}))", [*params, *self.cities]
