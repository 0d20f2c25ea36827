"""The roster as handed in, with every finding beside its cell: red cells, comments, and a summary sheet."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.read import RosterFile

SUMMARY = "核对结果"
_SUMMARY_COLUMNS = (("行", 6), ("列", 20), ("问题", 60), ("依据", 34), ("怎么办", 44), ("性质", 8))
_SEVERITY = {"error": "须更正", "notice": "提示"}


def annotate(file: RosterFile, findings: Sequence[Finding], notes: Iterable[str] = ()) -> bytes:
    """The .xlsx of the same rows and columns, marked. Text is written as text: nothing in it can run as a formula."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        formats = {
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "error": book.add_format({"bg_color": "#F8B4B4", "border": 1, "border_color": "#B91C1C"}),
            "notice": book.add_format({"bg_color": "#FDE68A", "border": 1, "border_color": "#B45309"}),
            "error_day": book.add_format(
                {"bg_color": "#F8B4B4", "border": 1, "border_color": "#B91C1C", "num_format": "yyyy-mm-dd"}
            ),
            "head": book.add_format({"bold": True, "bottom": 1}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        _copy(book.add_worksheet(_sheet_name(file.sheet)), file, findings, formats)
        _summarise(book.add_worksheet(SUMMARY), findings, [*file.notes, *notes], formats)
    return buffer.getvalue()


def _sheet_name(name: str) -> str:
    return name if name != SUMMARY else f"{name}（原表）"


def _copy(sheet: Worksheet, file: RosterFile, findings: Sequence[Finding], formats: dict[str, Format]) -> None:
    by_cell: dict[tuple[int, int], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.row is not None:
            column = file.positions.get(finding.key, file.positions["name"])
            by_cell[finding.row - 1, column].append(finding)
    sheet.freeze_panes(file.header_row, 0)
    for position in file.positions.values():
        sheet.set_column(position, position, 16)
    for index, cells in enumerate(file.grid):
        for position, value in enumerate(cells):
            here = by_cell.get((index, position), ())
            worst = "error" if any(one.severity == "error" for one in here) else "notice" if here else ""
            _write(sheet, index, position, value, formats, worst)
            if here:
                sheet.write_comment(
                    index,
                    position,
                    "\n".join(_comment(one) for one in here),
                    {"author": "照亮", "x_scale": 2.4, "y_scale": 1.6},
                )


def _comment(finding: Finding) -> str:
    parts = (finding.reason, f"依据：{finding.clause}" if finding.clause else "", finding.next_step)
    return "\n".join(part for part in parts if part)


def _write(sheet: Worksheet, row: int, column: int, value: Any, formats: dict[str, Format], mark: str) -> None:
    style = formats.get(mark)
    match value:
        case None | "":
            sheet.write_blank(row, column, None, style)
        case bool():
            sheet.write_boolean(row, column, value, style)
        case date():
            day = datetime.fromisoformat(value.isoformat())
            sheet.write_datetime(row, column, day, formats["error_day"] if mark == "error" else formats["day"])
        case int() | float() if math.isfinite(value):
            sheet.write_number(row, column, value, style)
        case _:
            sheet.write_string(row, column, str(value), style)


def _summarise(sheet: Worksheet, findings: Sequence[Finding], notes: list[str], formats: dict[str, Format]) -> None:
    sheet.activate()
    for position, (title, width) in enumerate(_SUMMARY_COLUMNS):
        sheet.set_column(position, position, width)
        sheet.write_string(0, position, title, formats["head"])
    sheet.freeze_panes(1, 0)
    line = 1
    for finding in findings:
        column = f"{finding.column}（{finding.letter}）" if finding.letter else finding.column
        texts = (column, finding.reason, finding.clause, finding.next_step, _SEVERITY[finding.severity])
        if finding.row is None:
            sheet.write_string(line, 0, "全表", formats["wrap"])
        else:
            sheet.write_number(line, 0, finding.row, formats["wrap"])
        for position, text in enumerate(texts, start=1):
            sheet.write_string(line, position, text, formats["wrap"])
        line += 1
    if not findings:
        sheet.write_string(line, 0, "没有发现问题。")
        line += 1
    for note in notes:
        line += 1
        sheet.write_string(line, 0, f"说明：{note}")
