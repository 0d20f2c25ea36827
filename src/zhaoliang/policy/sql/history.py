"""Counting earlier grants in the database: the count columns of a set, from the lines and the list of grants."""

from __future__ import annotations

from collections.abc import Iterable

from zhaoliang.policy.counts import ALIKE
from zhaoliang.policy.model import Count, Window
from zhaoliang.policy.sql.text import checked, quoted


def history_columns(counts: Iterable[Count], lines: str, history: str, *, on: str) -> str:
    """A select, in brackets, with a row a line: `id` and each count's column, as `counts.count_grants` counts.

    `lines` and `history` are relations (a table's name or a select in brackets, never a user's text). `lines` has `id`,
    the facts that the counts compare (`occupation`, `level`, `kind`, `certificate_number`, `class_code`) and their
    day facts; `history` has a row a grant: `id` of the line, `scheme`, `"on"`, `occupation`, `level`, `kind`,
    `fund_source`, and where counted `certificate` and `class`. `on` is the line's column with the day of its policy set.
    A line without grants counts 0; a line or grant that does not say what decides it makes the count unknown.
    """
    columns = ", ".join(f"{_counted(count, on)} AS {checked(count.column)}" for count in counts)
    return f"(SELECT f.id{', ' if columns else ''}{columns} FROM {lines} AS f LEFT JOIN {history} AS h ON h.id = f.id GROUP BY f.id)"


def _counted(count: Count, on: str) -> str:
    day = f'f."{checked(count.by or on)}"'
    schemes = ", ".join(quoted(scheme, "text") for scheme in count.of)
    counts = f"h.scheme IN ({schemes}) AND {_within(count.within, day)}"
    alike = [f'h."{name}" = f."{ALIKE[name]}"' for name in count.same]
    alike += [f"h.{column} IN ({', '.join(quoted(code, 'text') for code in codes)})"
              for column, codes in (("fund_source", count.fund), ("kind", count.kind)) if codes]  # fmt: skip
    match = " AND ".join(alike) or "TRUE"
    known = " AND ".join(f"{part} IS NOT NULL" for part in (day, *(f'f."{ALIKE[name]}"' for name in count.same)))
    return (
        f"CASE WHEN bool_and({known}) AND NOT coalesce(bool_or(({counts}) AND ({match}) IS NULL), FALSE)"
        f" THEN count(*) FILTER (WHERE ({counts}) AND ({match})) END"
    )


def _within(window: Window, day: str) -> str:
    grant = 'h."on"'
    match window.kind:
        case "lifetime":
            return "TRUE"
        case "calendar_year":
            return f"EXTRACT(YEAR FROM {grant}) = EXTRACT(YEAR FROM {day})"
        case "days":
            return f"{grant} > {day} - {int(window.days)} AND {grant} <= {day}"
        case "between":
            bounds = [f"{grant} >= {quoted(window.start, 'date')}"] if window.start else []
            bounds += [f"{grant} <= {quoted(window.end, 'date')}"] if window.end else []
            return " AND ".join(bounds) or "TRUE"
