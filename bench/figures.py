"""One JSON line a figure while measuring, and at the end the table: what, to reach, this run, reached.

A part that `make bench` starts as a process of its own hands its figures on in the file that `HANDED_ON` names, so that one table
holds them all.
"""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

HANDED_ON = "ZHAOLIANG_BENCH_FIGURES"


@dataclass(frozen=True)
class Figure:
    """A figure with a goal: a ratio of two sides measured in turn, or a number with its unit."""

    name: str
    goal: str
    figure: float
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether the figure is on the right side of the goal, such as "≥ 0.8"."""
        sign, limit = self.goal.split(" ")
        return self.figure >= float(limit) if sign == "≥" else self.figure <= float(limit)


FIGURES: list[Figure] = []


def emit(bench: str, unit: str, against: str, ours: list[float], theirs: list[float], goal: str) -> None:
    """Print one line and keep it for the table. The ratio is the median of the pairs, each measured one after the other, so that
    what else the machine does weighs on both sides alike. Without a goal ("") it stays out of the table."""
    figure = statistics.median(ours)
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    if goal:
        _keep(Figure(f"{bench} ÷ {against}", goal, ratio))
    record = {"bench": bench, "figure": round(figure, 1), "unit": unit, "against": against, "goal": goal}
    runs = {"ours": [round(one, 1) for one in ours], "against": [round(one, 1) for one in theirs]}
    print(json.dumps(record | {"ratio": round(ratio, 2), "runs": runs}, ensure_ascii=False), flush=True)


def reach(name: str, figure: float, unit: str, goal: str) -> None:
    """Keep a figure that is no ratio for the table; its own line is printed by whoever measured it."""
    _keep(Figure(name, goal, figure, unit))


def _keep(figure: Figure) -> None:
    FIGURES.append(figure)
    if handed := os.environ.get(HANDED_ON):
        with Path(handed).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")


def table() -> None:
    """Print every figure that has a goal; nothing where a process above prints them."""
    if HANDED_ON in os.environ:
        return
    show(FIGURES)


def show(figures: list[Figure]) -> None:
    """Print these figures as a table."""
    if not figures:
        return
    width = max(len(one.name) for one in figures)
    print(f"\n{'figure':<{width}}  {'to reach':>16}  {'this run':>16}  reached")
    for one in figures:
        said, goal = f"{one.figure:,.2f} {one.unit}".strip(), f"{one.goal} {one.unit}".strip()
        print(f"{one.name:<{width}}  {goal:>16}  {said:>16}  {'yes' if one.reached else 'NO'}", flush=True)
