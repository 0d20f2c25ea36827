"""Past claim lines for a what-if: the facts they were decided on, without who they are about."""

from __future__ import annotations

from zhaoliang.enactments.simulation import PastLine
from zhaoliang.kernel.roles import region_covers
from zhaoliang.registry import selectors as registry
from zhaoliang.subsidies import selectors as subsidies

# So many of the newest are told one by one; where there are more, the sums are taken of all (whole.py).
MOST_LINES = 2_000


def past_lines(city_code: int, region_code: int, most: int) -> list[PastLine]:
    """The newest decided lines under a region, in each of its cities: what each was decided on last."""
    found: list[PastLine] = []
    for city in cities_of(city_code, region_code):
        for row in subsidies.decided_lines(city, most - len(found)):
            decision = row.decision
            place, _, rest = decision.policy_version.partition("/")
            if region_covers(region_code, int(place)):
                found.append(
                    PastLine(
                        row.pk,
                        int(place),
                        rest.partition("@")[0],
                        row.claim.rules_on,
                        decision.facts,
                        decision.policy_version,
                        decision.outcome,
                        decision.amount_fen,
                    )
                )
    return found


def count_past_lines(city_code: int, region_code: int) -> int:
    """How many decided lines there are in the cities of a region."""
    return sum(subsidies.count_decided_lines(city) for city in cities_of(city_code, region_code))


def cities_of(city_code: int, region_code: int) -> list[int]:
    """The cities whose lines a region's text decides: its own, or those under a province or the nation."""
    below = [city.city_code for city in registry.cities() if region_covers(region_code, city.code)]
    return sorted({city_code, *below})
