"""Whom the registry knows to fit a batch: by group, residence, age, and no subsidised training of late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from zhaoliang.registry.models import GroupMembership, Person
from zhaoliang.registry.selectors import granted_since, in_groups, people_in
from zhaoliang.vouchers.models import Voucher, VoucherBatch

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Criteria:
    """Who shall get vouchers: groups (any of them, proved or declared), region of residence, full years, idle for a year."""

    groups: tuple[str, ...] = ()
    region_code: int | None = None
    age_from: int | None = None
    age_to: int | None = None
    idle_year: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"groups": list(self.groups)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Criteria:
        return cls(**{**stored, "groups": tuple(stored.get("groups", ()))})

    def says(self) -> str:
        """The criteria in words."""
        names = dict(GroupMembership.GROUPS)
        parts = ["、".join(names[code] for code in self.groups) if self.groups else "不限人群"]
        if self.age_from is not None or self.age_to is not None:
            parts.append(f"{self.age_from if self.age_from is not None else 0} 至 {self.age_to or 120} 周岁")
        if self.idle_year:
            parts.append("近一年没有用券、没有享受培训补贴")
        return "，".join(parts)


def audience(batch: VoucherBatch, criteria: Criteria, on: date) -> QuerySet[Person]:
    """The people of the batch's region on file who fit on that day and hold no voucher of the batch, oldest file first."""
    rows = people_in(batch.city_code, criteria.region_code or batch.region_id)
    held = Voucher.objects.filter(city_code=batch.city_code, person=OuterRef("pk"))
    rows = rows.exclude(Exists(held.filter(batch=batch).exclude(state="returned")))
    if criteria.groups:
        rows = rows.filter(in_groups(batch.city_code, criteria.groups, on))
    if criteria.age_from is not None:
        rows = rows.filter(birth_date__lte=_years_before(on, criteria.age_from))
    if criteria.age_to is not None:
        rows = rows.filter(birth_date__gt=_years_before(on, criteria.age_to + 1))
    if criteria.idle_year:
        rows = rows.exclude(Exists(held.filter(used_at__date__gte=on - YEAR))).exclude(granted_since(on - YEAR))
    return rows.order_by("pk")


def _years_before(on: date, years: int) -> date:
    """The birthday of who turns `years` on that day."""
    try:
        return on.replace(year=on.year - years)
    except ValueError:
        return on.replace(year=on.year - years, day=28)
