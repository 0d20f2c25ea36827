"""A draft tried on every past line of a region at once: the facts as a file, decided set-based by both libraries."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb

from zhaoliang.enactments.simulation import Refused, Share, Simulated
from zhaoliang.policy import Outcome, PolicyStore
from zhaoliang.policy.lines import Lines
from zhaoliang.policy.whatif import Change, Comparison, compare
from zhaoliang.subsidies.past import export_line_facts

SCHEME = "training"
BY = ("group", "region", "level")


def whole(
    cities: Sequence[int],
    region_code: int,
    before: PolicyStore,
    after: PolicyStore,
    on: date,
    region_name: Callable[[int], str],
    told: Callable[[int], None] = lambda done: None,
) -> Simulated:
    """The sums over all decided lines under a region, as if their classes began on `on`.

    `told` is told after each place how many lines are done. Raises ExportUnavailable, PolicyError.
    """
    found = Simulated(on.isoformat(), Share("", "全部"), {key: [] for key in BY})
    shares: dict[str, dict[str, Share]] = {key: {} for key in BY}
    refused: dict[tuple[str, str], Refused] = {}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as engine:
        for city in cities:
            path = Path(folder) / f"{city}.parquet"
            export_line_facts(path, city_code=city, region_code=region_code)
            engine.read_parquet(str(path)).create_view("exported", replace=True)
            places = engine.execute("SELECT DISTINCT region FROM exported WHERE decided IS NOT NULL").fetchall()
            for (place,) in sorted(places):
                engine.execute(
                    f"CREATE OR REPLACE VIEW lines AS SELECT * REPLACE (DATE '{on.isoformat()}' AS class_start) "
                    f"FROM exported WHERE decided IS NOT NULL AND region = {int(place)}"
                )
                compared = compare(Lines.of(engine, "lines"), before, after, place=place, scheme=SCHEME, by=BY)
                _add(found, shares, refused, compared)
                told(found.total.lines)
    codes = after.facts.codes
    for key, held in shares.items():
        for code, share in held.items():
            known = region_name(int(code)) if key == "region" else codes.get(key, {}).get(code)
            share.label = known or "没有记录"
        order = sorted(held.values(), key=lambda share: (-abs(share.after_fen - share.before_fen), -share.lines))
        found.by[key] = order
    found.refused = sorted(refused.values(), key=lambda one: -one.lines)
    return found


def _add(
    found: Simulated,
    shares: dict[str, dict[str, Share]],
    refused: dict[tuple[str, str], Refused],
    compared: Comparison,
) -> None:
    _take(found.total, compared.total)
    found.newly_passed += compared.total.newly_passed
    for key, changes in compared.groups.items():
        for code, change in changes.items():
            _take(shares[key].setdefault(code, Share(code, code)), change)
    for reason in compared.reasons:
        if reason.moved is not Outcome.PASS:
            key = (reason.moved.value, reason.rule_id)
            held = refused.setdefault(key, Refused(*key, reason.asks, reason.clause, before_fen=None))
            held.lines += reason.lines


def _take(share: Share, change: Change) -> None:
    share.lines += change.lines
    share.before_fen += change.before.fen
    share.after_fen += change.after.fen
    share.winners += change.winners
    share.losers += change.losers
    share.untold += change.untold
