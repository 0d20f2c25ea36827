"""The sheet of a refused roster as a form: its wrong rows, each wrong cell an input with its reason and clause."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zhaoliang.classes.roster.columns import BY_KEY
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.mend import Mends
from zhaoliang.classes.roster.read import RosterFile, Row
from zhaoliang.kernel.masking import mask_card, mask_id, mask_phone

# Django reads at most 1,000 fields of a form (a guard against hash flooding); more wrong cells than this go by Excel.
MOST_INPUTS = 800
# Never sent back to a screen whole; an empty box leaves them as they are.
SECRET: Mapping[str, Callable[[str], str]] = {"document_number": mask_id, "phone": mask_phone, "card": mask_card}
# A name and a number that do not belong together: either may be the wrong one.
PAIR = {"name": "document_number", "document_number": "name"}
_CELL = re.compile(r"c-(\d{1,5})-([a-z_]{1,30})")
_DROP = re.compile(r"d-(\d{1,5})")


@dataclass(frozen=True)
class Cell:
    """One cell of a wrong row. `name` is its input's ("" = shown only); `hint` a masked value that is kept when left empty."""

    key: str
    title: str
    name: str
    value: str
    hint: str
    findings: tuple[Finding, ...]
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A wrong row, its cells in the order of the sheet's columns, and whether it is to be left out."""

    number: int
    cells: tuple[Cell, ...]
    dropped: bool


@dataclass(frozen=True)
class Sheet:
    """What can be mended on one page; `left` wrong rows do not fit on it."""

    titles: tuple[str, ...]
    lines: tuple[Line, ...]
    left: int

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """The official words of the columns that have some, for the inputs' lists."""
        return {cell.key: cell.choices for line in self.lines for cell in line.cells if cell.name and cell.choices}


def sheet(file: RosterFile, findings: list[Finding], mends: Mends) -> Sheet:
    """The wrong rows of a roster, and those taken out (so that they can be put back)."""
    wrong: dict[int, dict[str, list[Finding]]] = {}
    for one in findings:
        if one.row is not None and one.severity == "error":
            wrong.setdefault(one.row, {}).setdefault(one.key, []).append(one)
    rows = [row for row in file.rows if row.number in wrong or row.number in mends.dropped]
    keys = ["name", *sorted({key for cells in wrong.values() for key in cells} - {"name"}, key=_order(file))]
    lines: list[Line] = []
    inputs = 0
    for row in rows:
        line = _line(file, row, keys, wrong.get(row.number, {}), row.number in mends.dropped)
        inputs += sum(bool(cell.name) for cell in line.cells) + 1
        if inputs > MOST_INPUTS:
            break
        lines.append(line)
    titles = tuple(file.titles.get(key) or BY_KEY[key].title for key in keys)
    return Sheet(titles, tuple(lines), len(rows) - len(lines))


def _order(file: RosterFile) -> Callable[[str], int]:
    return lambda key: file.positions.get(key, len(BY_KEY))


def _line(file: RosterFile, row: Row, keys: list[str], wrong: dict[str, list[Finding]], dropped: bool) -> Line:
    open_keys = {*wrong, *(PAIR[key] for key in wrong if key in PAIR)}
    cells = []
    for key in keys:
        column, text = BY_KEY[key], row.text(key)
        secret = SECRET.get(key)
        cells.append(
            Cell(
                key,
                file.titles.get(key) or column.title,
                f"c-{row.number}-{key}" if key in open_keys else "",
                "" if secret else text,
                secret(text) if secret and text else "",
                tuple(wrong.get(key, ())),
                column.choices() if column.choices else (),
            )
        )
    return Line(row.number, tuple(cells), dropped)


def typed(posted: Mapping[str, str]) -> Mends:
    """The corrections in a posted form; an empty box of a hidden number says nothing."""
    cells: dict[int, dict[str, str]] = {}
    dropped, restored = set[int](), set[int]()
    for name, text in posted.items():
        if match := _CELL.fullmatch(name):
            if text.strip() or match[2] not in SECRET:
                cells.setdefault(int(match[1]), {})[match[2]] = text.strip()
        elif match := _DROP.fullmatch(name):
            (dropped if text == "1" else restored).add(int(match[1]))
    return Mends(cells, frozenset(dropped), frozenset(restored))
