"""Tables of the desks: sort and page from the address, and the same rows as an Excel file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import islice
from typing import Any, Literal
from urllib.parse import quote

import xlsxwriter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from zhaoliang.kernel.jobs.reporting import in_job, report
from zhaoliang.kernel.states import Machine
from zhaoliang.web.components import formats
from zhaoliang.web.paging import PAGE_SIZE, Part, part

Kind = Literal["text", "code", "money", "count", "date", "datetime", "state", "badge"]
# More rows than this do not fit one sheet of Excel comfortably; the filter narrows them.
MOST_EXPORTED = 100_000
# More than this are written by the worker.
EXPORTED_AT_ONCE = 5_000
_REPORTED = 1_000
# A name of more characters takes several lines in the column of names, which are kept whole.
LONG_NAME = 16
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class LargeExport(Exception):
    """A file too long to be waited for; `RefusalMiddleware` leaves its address to the worker."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


@dataclass(frozen=True)
class Column:
    """One column: how its value is read from a row, how it is shown, and what the database sorts it by ("" = not sorted).

    `money` values are whole fen; `state` values are states of `machine`; `badge` values are (word, tone) pairs.
    """

    key: str
    label: str
    value: Callable[[Any], Any]
    kind: Kind = "text"
    order: str = ""
    machine: str = ""
    wide: bool = False

    @property
    def is_figure(self) -> bool:
        """Whether the column is set flush right."""
        return self.kind in ("money", "count")

    @property
    def sortable(self) -> bool:
        return bool(self.order)


@dataclass(frozen=True)
class Cell:
    """A value with the column that says how to show it."""

    column: Column
    value: Any

    @property
    def is_empty(self) -> bool:
        return self.value is None or self.value == ""

    @property
    def may_wrap(self) -> bool:
        """Whether the value may take several lines: in its column any, elsewhere only a long name."""
        return self.column.wide or (self.column.kind == "text" and len(str(self.value)) > LONG_NAME)


@dataclass(frozen=True)
class Row:
    """A row of cells, and where its first cell leads ("" = nowhere)."""

    url: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """One page of rows, ready for `console/parts/table.html` and its like."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    page: Part
    unit: str


def table(
    request: HttpRequest,
    source: QuerySet[Any] | Sequence[Any],
    columns: Sequence[Column],
    *,
    url: Callable[[Any], str] | None = None,
    unit: str = "条",
    size: int = PAGE_SIZE,
    also: Callable[[QuerySet[Any]], QuerySet[Any]] | None = None,
) -> Table:
    """The page of `source` that the address asks for (`?sort=-fen&after=…`); unknown sort keys are ignored.

    `also` adds to the rows of a query what is dear to ask: for the page's rows alone, not for counting all of them.
    """
    whole = ordered(request, source, columns)
    page = part(request, also(whole) if also is not None and isinstance(whole, QuerySet) else whole, size)
    rows = tuple(
        Row(url(item) if url else "", tuple(Cell(column, column.value(item)) for column in columns)) for item in page
    )
    return Table(tuple(columns), rows, page, unit)


def ordered(
    request: HttpRequest, source: QuerySet[Any] | Sequence[Any], columns: Sequence[Column]
) -> QuerySet[Any] | Sequence[Any]:
    """The rows in the order of `?sort=`; in their own order without one. The key breaks ties, so that pages never overlap."""
    wanted = request.GET.get("sort", "")
    down, key = wanted.startswith("-"), wanted.removeprefix("-")
    column = next((one for one in columns if one.key == key and one.sortable), None)
    if column is None:
        return source
    if isinstance(source, QuerySet):
        return source.order_by(f"{'-' if down else ''}{column.order}", "pk")
    return sorted(source, key=lambda item: _comparable(column.value(item)), reverse=down)


def _comparable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def excel(
    title: str, columns: Sequence[Column], rows: Iterable[Any], *, count: Callable[[], int] | None = None
) -> HttpResponse:
    """The rows as an .xlsx download named after the title. Amounts are numbers in yuan; texts are never formulas.

    Raises LargeExport for more rows than anybody waits for, unless a job is at work: that one says how far it is, of all where
    rows are a query or `count` tells. What does not fit one sheet is left out, and the last row says so.
    """
    shown, total = _taken(title, rows, count)
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": not in_job(), "constant_memory": in_job()})
    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", "-", title)[:31])
    head = book.add_format({"bold": True, "bg_color": "#EAF0FB", "border": 1})
    text, money = book.add_format({"num_format": "@"}), book.add_format({"num_format": "#,##0.00"})
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, 32 if column.wide else 18)
        sheet.write_string(0, place, f"{column.label}（元）" if column.kind == "money" else column.label, head)
    line = 0
    for line, item in enumerate(shown, start=1):
        if line > MOST_EXPORTED:
            sheet.write_string(line, 0, f"只写了前 {MOST_EXPORTED:,} 行。请缩小范围，分几次导出。", text)
            break
        if line % _REPORTED == 0:
            report(line, total, "正在写表格")
        _write(sheet, line, columns, item, text, money)
    sheet.autofilter(0, 0, line, len(columns) - 1)
    book.close()
    response = HttpResponse(target.getvalue(), content_type=EXCEL)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(title)}.xlsx"
    response["Cache-Control"] = "no-store"
    return response


def _taken(title: str, rows: Iterable[Any], count: Callable[[], int] | None) -> tuple[Iterable[Any], int | None]:
    """The rows to write, and in a job how many there are where that is known. Raises LargeExport."""
    if in_job():
        if isinstance(rows, QuerySet):
            return rows.iterator(chunk_size=2_000), min(rows.count(), MOST_EXPORTED)
        return rows, min(count(), MOST_EXPORTED) if count is not None else None
    few = list(rows[: EXPORTED_AT_ONCE + 1] if isinstance(rows, QuerySet) else islice(rows, EXPORTED_AT_ONCE + 1))
    if len(few) > EXPORTED_AT_ONCE:
        raise LargeExport(title)
    return few, len(few)


def _write(sheet: Any, line: int, columns: Sequence[Column], item: Any, text: Any, money: Any) -> None:
    for number, column in enumerate(columns):
        value = column.value(item)
        if value is None:
            continue
        if column.kind == "money":
            sheet.write_number(line, number, Fraction(value, 100), money)
        elif column.kind == "count":
            sheet.write_number(line, number, value)
        else:
            sheet.write_string(line, number, written(column, value), text)


def written(column: Column, value: Any) -> str:
    """A value as text, the way the page writes it."""
    if column.kind == "state":
        return Machine.registry[column.machine].states[value]
    if column.kind == "badge":
        return str(value[0])
    if isinstance(value, datetime):
        return formats.cn_datetime(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
