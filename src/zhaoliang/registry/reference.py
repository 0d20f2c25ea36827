"""Reference data of the registry: regions, old region codes, occupations and their groups, from the committed tables.

`scripts/build_reference_data.py` makes the tables; `data/README.md` says where they come from.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import models, transaction

from zhaoliang.registry.models import Occupation, OccupationGroup, Region, RegionAlias

DATA = Path(__file__).resolve().parent / "data"


@dataclass(frozen=True)
class Loaded:
    """How many rows of a table were written, and how many it has in the files."""

    table: str
    written: int
    total: int


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _regions() -> Iterator[Region]:
    for row in _rows("regions.csv"):
        yield Region(
            code=int(row["code"]),
            parent_code=int(row["parent_code"]) if row["parent_code"] else None,
            level=int(row["level"]),
            name=row["name"],
            city_code=int(row["city_code"]),
            pinyin_key=row["pinyin_key"],
        )


def _aliases() -> Iterator[RegionAlias]:
    for row in _rows("region_aliases.csv"):
        yield RegionAlias(
            old_code=int(row["old_code"]),
            new_code=int(row["new_code"]),
            valid_from=_date(row["valid_from"]),
            valid_to=_date(row["valid_to"]),
            note=row["note"],
        )


def _groups() -> Iterator[OccupationGroup]:
    for row in _rows("occupation_groups.csv"):
        yield OccupationGroup(
            code=row["code"], level=int(row["level"]), name=row["name"], parent_code=row["parent_code"]
        )


def _occupations() -> Iterator[Occupation]:
    for row in _rows("occupations.csv"):
        yield Occupation(
            code=row["code"],
            name=row["name"],
            green=row["green"] == "1",
            digital=row["digital"] == "1",
            group_code=row["group_code"],
            major_code=row["major_code"],
            pinyin_key=row["pinyin_key"],
        )


_TABLES: tuple[tuple[type[models.Model], Callable[[], Iterable[models.Model]]], ...] = (
    (Region, _regions),
    (RegionAlias, _aliases),
    (OccupationGroup, _groups),
    (Occupation, _occupations),
)


def _write_changes(model: type[models.Model], wanted: Iterable[models.Model]) -> Loaded:
    fields = [field.attname for field in model._meta.concrete_fields]
    key = model._meta.pk.attname
    stored = {row[0]: row[1:] for row in model._default_manager.values_list(key, *fields)}

    def values(row: models.Model) -> tuple[Any, ...]:
        return tuple(getattr(row, field) for field in fields)

    rows = list(wanted)
    changed = [row for row in rows if stored.get(row.pk) != values(row)]
    model._default_manager.bulk_create(
        changed,
        batch_size=2000,
        update_conflicts=True,
        unique_fields=[key],
        update_fields=[field for field in fields if field != key],
    )
    return Loaded(model._meta.db_table, len(changed), len(rows))


def load_reference_data() -> list[Loaded]:
    """Bring the four tables to the state of the files, writing only rows that differ; a second run writes nothing.

    Rows the files no longer have stay: business rows may refer to them.
    """
    with transaction.atomic():
        return [_write_changes(model, read()) for model, read in _TABLES]


def current_region(code: int) -> Region | None:
    """The region of a code as it is today, through old codes too; None for a code neither table knows.

    Six digits of an identity number may name a region that no longer exists: an unknown prefix is no reason to refuse.
    """
    region = Region.objects.filter(code=code).first()
    if region is None:
        alias = RegionAlias.objects.filter(old_code=code).first()
        region = Region.objects.filter(code=alias.new_code).first() if alias else None
    return region
