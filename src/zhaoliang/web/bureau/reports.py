"""A desk's table as a printed report: typst sets the page."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typst
from django.conf import settings
from django.http import HttpResponse

from zhaoliang.certificates.document import PdfUnavailable
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.reporting import in_job, report
from zhaoliang.kernel.money import format_yuan
from zhaoliang.web.components import formats
from zhaoliang.web.tables import Column, LargeExport, written

TEMPLATE = Path(__file__).resolve().parent / "templates" / "bureau" / "report.typ"
_FONTS = ("NotoSansSC_400Regular.ttf", "NotoSansSC_700Bold.ttf")


# More rows are no paper for people; the page then offers Excel.
MOST_PRINTED = 5_000
# More than this are set by the worker.
PRINTED_AT_ONCE = 500
SIGNED_BY = ("制表", "复核", "负责人")


def pdf(
    title: str,
    columns: Sequence[Column],
    rows: Iterable[Any],
    *,
    at: datetime,
    by: str,
    facts: Sequence[tuple[str, str]] = (),
    sums: Collection[str] = (),
    note: str = "",
) -> HttpResponse:
    """The rows as a PDF download with page numbers, who made it and when, and places to sign.

    `facts` stand above the table as label and value; the columns whose keys are in `sums` are added up in a last row; `note`
    stands below it. Raises PdfUnavailable without the fonts, Refusal for more rows than anybody reads on paper, LargeExport
    for more than anybody waits for.
    """
    shown = list(islice(rows, MOST_PRINTED + 1))
    if PRINTED_AT_ONCE < len(shown) <= MOST_PRINTED and not in_job():
        raise LargeExport(title)
    if len(shown) > MOST_PRINTED:
        raise Refusal(
            "没有生成 PDF。", f"明细超过 {MOST_PRINTED:,} 行，打印出来没法核对。", "请导出 Excel，或缩小范围。"
        )
    report(0, None, "正在排版")
    data = {
        "title": title,
        "made": f"{by} · {formats.cn_datetime(at)}",
        "facts": facts,
        "columns": [{"label": column.label, "figure": column.is_figure, "wide": column.wide} for column in columns],
        "rows": [[_cell(column, row) for column in columns] for row in shown],
        "total": _totals(columns, shown, sums) if sums and shown else [],
        "note": note,
        "signed_by": SIGNED_BY,
    }
    return typeset(TEMPLATE, title, data)


def typeset(template: Path, title: str, data: dict[str, Any]) -> HttpResponse:
    """What a typst template makes of the data, as a PDF download that no browser keeps. Raises PdfUnavailable without the fonts."""
    page = _compiler(template).compile(format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)})
    assert isinstance(page, bytes)
    response = HttpResponse(page, content_type="application/pdf")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(title)}.pdf"
    response["Cache-Control"] = "no-store"
    return response


def _totals(columns: Sequence[Column], rows: Sequence[Any], sums: Collection[str]) -> list[str]:
    """The last row: sums of the wanted columns, the word in the first one."""
    cells = ["" for _ in columns]
    cells[0] = f"合计（{len(rows):,} 行）"
    for number, column in enumerate(columns):
        if column.key in sums:
            total = sum(value for row in rows if (value := column.value(row)) is not None)
            cells[number] = format_yuan(total) if column.kind == "money" else f"{total:,}"
    return cells


def _cell(column: Column, row: Any) -> str:
    value = column.value(row)
    if value is None:
        return "—"
    if column.kind == "money":
        return format_yuan(value)
    return f"{value:,}" if column.kind == "count" else written(column, value)


@cache
def _compiler(template: Path) -> typst.Compiler:
    fonts = Path(settings.PACKAGE) / "web" / "static" / "dist" / "fonts"
    if not all((fonts / name).exists() for name in _FONTS):
        raise PdfUnavailable(
            "现在不能生成 PDF。", "这台机器上缺少中文字体。", "请先执行 make setup，或改用 Excel 导出。"
        )
    return typst.Compiler(template, font_paths=[fonts], ignore_system_fonts=True)
