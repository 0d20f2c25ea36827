"""The permission grid's table (`web/grid.csv`), and what an answer of the platform is in it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from django.urls import reverse

# The file for the bank holds whole account numbers: it is for the fund officer alone, and the grid says so.
WHOLE_NUMBERS = {"bureau:bank_file"}
TABLE = Path(__file__).parent / "web" / "grid.csv"


def cell(answer: Any) -> str:
    """y: let in, n: kept out, -: no such method."""
    assert answer.status_code < 500 or answer.status_code == 503, answer.status_code
    if answer.status_code == 405:
        return "-"
    if answer.status_code in (301, 302):
        # Let in, and asked to confirm that it is still the same person.
        if answer["Location"].startswith(reverse("confirm_identity")):
            return "y"
        return "n" if answer["Location"].startswith("/sign-in/") else "y"
    if answer.status_code == 403:
        refusal = answer.context["refusal"] if answer.context and "refusal" in answer.context else None
        # Let in by role, then refused because two different people are asked for.
        return "y" if refusal is not None and refusal.code == "same_person" else "n"
    return "n" if answer.status_code in (401, 404) else "y"


def read(table: Path) -> dict[tuple[str, str], dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as source:
        return {(row.pop("route"), row.pop("method")): row for row in csv.DictReader(source)}


EXPECTED = read(TABLE) if TABLE.exists() else {}


def always_asked(column: str, expected: dict[str, str]) -> bool:
    """Whether every run asks a route as this column, by the route's line of the table: as a role that is let in anywhere, and as
    whoever is nearest to the object.

    Who keeps a role out even where it is nearest keeps it out everywhere: of the rest a run draws, the nightly one asks all.
    """
    role, relation = column.split()[0], column.split()[-1]
    let_in = {other.split()[0] for other, mark in expected.items() if mark == "y"}
    return role in let_in or relation in ("own", "anonymous")
