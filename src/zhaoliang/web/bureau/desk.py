"""Where the officer sits: the city and region that the desk's lists look at, and the deadlines as words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from zhaoliang.kernel.calendar import official_calendar
from zhaoliang.kernel.days import CalendarNotPublished, WorkingCalendar, chinese_day
from zhaoliang.kernel.roles import BUREAU_ROLES, Access, Actor, Place, Role, region_covers, within
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Region
from zhaoliang.web.acting import SubjectRequest
from zhaoliang.web.components.tones import Tone

SESSION_PLACE = "bureau_place"
# 直辖市: a province and a city at once.
MUNICIPALITIES = frozenset({110000, 120000, 310000, 500000})


@dataclass(frozen=True)
class Due:
    """A deadline in words: 还剩 3 个工作日（至 3月10日）."""

    on: date
    text: str
    tone: Tone


class Clock:
    """Today, and what is left until a day by the official calendar."""

    def __init__(self, today: date) -> None:
        self.today = today

    @cached_property
    def calendar(self) -> WorkingCalendar:
        return official_calendar()

    def due(self, on: date | None) -> Due | None:
        """The words for a deadline; calendar days where the year's holidays are not announced yet."""
        if on is None:
            return None
        day = f"{on.month}月{on.day}日"
        try:
            left = self.calendar.workdays_between(self.today, on)
        except CalendarNotPublished:
            return Due(on, f"截至 {on.year}年{day}", "ask" if on >= self.today else "no")
        if on < self.today:
            return Due(on, f"已超期 {abs(left)} 个工作日（{day}到期）", "no")
        if on == self.today:
            return Due(on, f"今天到期（{day}）", "ask")
        return Due(on, f"还剩 {left} 个工作日（至 {day}）", "ask" if left <= 2 else "info")


@dataclass(frozen=True)
class Desk:
    """One place the officer works for. `choices` are all of them."""

    actor: Actor
    city_code: int
    region_code: int
    region_name: str
    choices: tuple[tuple[str, str], ...]

    @property
    def place(self) -> Place:
        return Place(self.city_code, self.region_code)

    @property
    def access(self) -> Access:
        return Access(self.city_code, self.region_code)

    def under(self, field: str) -> dict[str, int]:
        """Query conditions: the region code in `field` lies in this place."""
        return within(field, self.region_code)

    @property
    def key(self) -> str:
        return f"{self.city_code}:{self.region_code}"

    def has(self, *roles: Role) -> bool:
        """Whether the officer holds one of the roles for this place."""
        return any(
            held.role in roles and region_covers(held.region_code, self.region_code) for held in self.actor.assignments
        )


class DeskRequest(SubjectRequest):
    """A request on this desk."""

    desk: Desk


def desk_of(request: DeskRequest) -> Desk:
    """The desk of this request: the place chosen in this session, else the officer's first one."""
    made = getattr(request, "desk", None)
    if made is None:
        places = _places(request.actor)
        chosen = request.session.get(SESSION_PLACE, "")
        first = next(iter(places), "0:0")
        key = chosen if chosen in places else first
        city_code, region_code = (int(part) for part in key.split(":"))
        made = Desk(request.actor, city_code, region_code, places.get(key, ""), tuple(places.items()))
        request.desk = made
    return made


def _places(actor: Actor) -> dict[str, str]:
    """Every place an officer works for, city by city: a province's officer gets each of its cities on the platform."""
    held = [one for one in actor.assignments if one.role in BUREAU_ROLES]
    regions = {row.pk: row for row in Region.objects.filter(pk__in={one.region_code for one in held})}
    places: dict[str, str] = {}
    for one in held:
        region = regions.get(one.region_code)
        if region is None:
            continue
        below = [] if region.level >= 2 or region.code in MUNICIPALITIES else registry.cities()
        for place in [city for city in below if region_covers(region.code, city.code)] or [region]:
            places[f"{place.city_code}:{place.code}"] = place.name
    return places


def here(request: DeskRequest, **_: Any) -> Access:
    """The access of pages about the desk's own place."""
    return desk_of(request).access


def clock_of(request: DeskRequest) -> Clock:
    """Today on the request's clock."""
    return Clock(chinese_day(request.at))
