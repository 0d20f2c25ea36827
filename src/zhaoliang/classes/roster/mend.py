"""Corrections of a refused roster, kept beside the workbook as it was handed in.

The workbook itself is never rewritten: its row numbers stay those the clerk sees in Excel, and a cell that was not corrected
keeps whatever made it unusable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from zhaoliang.classes.roster.columns import BY_KEY
from zhaoliang.classes.roster.read import RosterFile, Row, unusable
from zhaoliang.kernel.errors import BadInput

# Longer than any cell a roster holds: names, employers, numbers.
MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Mends:
    """Texts of cells by row number and column key ("" empties a cell), the rows taken out and those put back in."""

    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    restored: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        return not self.cells and not self.dropped

    def text(self, row: int, key: str) -> str | None:
        """The correction of a cell, None when it has none."""
        return self.cells.get(row, {}).get(key)

    def then(self, later: Mends) -> Mends:
        """These corrections with later ones upon them."""
        rows = sorted({*self.cells, *later.cells})
        cells = {row: {**self.cells.get(row, {}), **later.cells.get(row, {})} for row in rows}
        return Mends(cells, (self.dropped - later.restored) | later.dropped)

    def dumped(self) -> str:
        """As stored, encrypted; the same corrections always give the same text."""
        cells = {str(row): dict(sorted(texts.items())) for row, texts in sorted(self.cells.items()) if texts}
        return json.dumps({"cells": cells, "dropped": sorted(self.dropped)}, ensure_ascii=False)

    @classmethod
    def loaded(cls, text: str | None) -> Mends:
        """What `dumped` stored; no corrections where nothing is stored."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls({int(row): texts for row, texts in stored["cells"].items()}, frozenset(stored["dropped"]))


def check_mends(mends: Mends) -> None:
    """Raise BadInput for a correction of a column that no roster has, or of more than a cell's text."""
    for texts in mends.cells.values():
        for key, text in texts.items():
            if key not in BY_KEY:
                raise BadInput("更正没有保存。", "名册没有这一列。", "请重新打开页面再改。")
            if len(text) > MOST_CHARACTERS:
                raise BadInput(
                    "更正没有保存。",
                    f"“{BY_KEY[key].title}”填了 {len(text)} 个字，最多 {MOST_CHARACTERS} 个字。",
                    "请只填这一格的内容。",
                )


def apply(file: RosterFile, mends: Mends) -> RosterFile:
    """The roster with the corrections in it: corrected cells count as typed, rows taken out are gone.

    A cell that says what it said before was not corrected: what made it unusable still holds.
    """
    file.rows = [row for row in file.rows if row.number not in mends.dropped]
    for row in file.rows:
        for key, text in mends.cells.get(row.number, {}).items():
            if text.strip() != row.text(key):
                _correct(file, row, key, text.strip())
    return file


def _correct(file: RosterFile, row: Row, key: str, text: str) -> None:
    column = BY_KEY[key]
    if key not in file.positions:
        file.positions[key] = max((len(cells) for cells in file.grid), default=0)
        file.titles[key] = column.title
        _set(file.grid[file.header_row - 1], file.positions[key], column.title)
    row.findings = [one for one in row.findings if one.key != key]
    row.cells.pop(key, None)
    # What is refused in an uploaded cell (the text of a formula) is refused in a typed one.
    reason = unusable(column, text, text)
    if reason is not None:
        row.findings.append(file.finding(row, key, reason[0], next_step=reason[1], code=reason[2]))
    elif text:
        row.cells[key] = text
    _set(file.grid[row.number - 1], file.positions[key], text)


def _set(cells: list[object], position: int, value: str) -> None:
    cells.extend([""] * (position + 1 - len(cells)))
    cells[position] = value
