"""One JSON line a figure while measuring, and at the end the table: what, to reach, this run, reached."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure with a goal, as a ratio of two sides measured in turn."""

    name: str
    goal: str
    ratio: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is on the right side of the goal, such as "≥ 0.8"."""
        sign, limit = self.goal.split(" ")
        return self.ratio >= float(limit) if sign == "≥" else self.ratio <= float(limit)


FIGURES: list[Figure] = []


def emit(bench: str, unit: str, against: str, ours: list[float], theirs: list[float], goal: str) -> None:
    """Print one line and keep it for the table. The ratio is the median of the pairs, each measured one after the other, so that
    what else the machine does weighs on both sides alike. Without a goal ("") it stays out of the table."""
    figure = statistics.median(ours)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    if goal:
        FIGURES.append(Figure(f"{bench} ÷ {against}", goal, ratio))
    record = {"bench": bench, "figure": round(figure, 1), "unit": unit, "against": against, "goal": goal}
    runs = {"ours": [round(one, 1) for one in ours], "against": [round(one, 1) for one in theirs]}
    print(json.dumps(record | {"ratio": round(ratio, 2), "runs": runs}, ensure_ascii=False), flush=True)


def table() -> None:
    """Print every figure that has a goal."""
    if not FIGURES:
        return
    width = max(len(one.name) for one in FIGURES)
    print(f"\n{'figure':<{width}}  {'to reach':>8}  {'this run':>8}  reached")
    for one in FIGURES:
        print(f"{one.name:<{width}}  {one.goal:>8}  {one.ratio:>8.2f}  {'yes' if one.reached else 'NO'}", flush=True)
