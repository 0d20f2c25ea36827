"""Which city and district a visitor of the public site looks at: the address says it, so a page can be sent to others."""

from __future__ import annotations

from dataclasses import dataclass

from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.roles import region_covers
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Region
from zhaoliang.web.actors import ActorRequest


@dataclass(frozen=True)
class Here:
    """The chosen region, its city, and what else can be chosen."""

    city: Region
    region: Region
    cities: tuple[Region, ...]
    districts: tuple[Region, ...]

    @property
    def city_code(self) -> int:
        return self.city.code

    @property
    def region_code(self) -> int:
        return self.region.code

    @property
    def choices(self) -> list[tuple[str, str]]:
        """For a select: the whole city, then its districts."""
        return [(str(self.city.code), f"{self.city.name}全部"), *((str(one.code), one.name) for one in self.districts)]


def here(request: ActorRequest) -> Here:
    """The region named in the address (`?region=`), or the first city of the platform.

    Raises NotFound for an unknown region, one outside the platform's cities, and when no city has joined yet.
    """
    cities = tuple(selectors.cities())
    if not cities:
        raise NotFound(
            what="还没有城市接入平台。",
            why="人社部门登记机构并列入目录后，这里才有内容。",
            next_step="请稍后再来，或拨打 12333 咨询当地人社部门。",
        )
    asked = request.GET.get("region", "")
    region = selectors.region(int(asked)) if asked.isascii() and asked.isdigit() and len(asked) == 6 else cities[0]
    city = next((one for one in cities if one.code == region.city_code), None)
    if city is None or not region_covers(city.code, region.code):
        raise NotFound(
            what=f"{region.name}还没有接入平台。",
            why="这里只有已接入城市的培训和公示。",
            next_step=f"请看已接入的城市：{'、'.join(one.name for one in cities)}。",
        )
    return Here(city, region, cities, tuple(selectors.regions_under(city.code)))
