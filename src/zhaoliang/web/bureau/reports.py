"""A desk's table as a printed report: typst sets the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typst
from django.conf import settings
from django.http import HttpResponse

from zhaoliang.certificates.document import PdfUnavailable
from zhaoliang.kernel.money import format_yuan
from zhaoliang.web.components import formats
from zhaoliang.web.tables import Column, written

TEMPLATE = Path(__file__).resolve().parent / "templates" / "bureau" / "report.typ"
_FONTS = ("NotoSansSC_400Regular.ttf", "NotoSansSC_700Bold.ttf")


def pdf(title: str, columns: Sequence[Column], rows: Iterable[Any], *, at: datetime, by: str) -> HttpResponse:
    """The rows as a PDF download with page numbers, who made it and when. Raises PdfUnavailable without the fonts."""
    data = {
        "title": title,
        "made": f"{by} · {formats.cn_datetime(at)}",
        "columns": [{"label": column.label, "figure": column.is_figure} for column in columns],
        "rows": [[_cell(column, row) for column in columns] for row in rows],
    }
    page = _compiler().compile(format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)})
    assert isinstance(page, bytes)
    response = HttpResponse(page, content_type="application/pdf")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(title)}.pdf"
    response["Cache-Control"] = "no-store"
    return response


def _cell(column: Column, row: Any) -> str:
    value = column.value(row)
    if value is None:
        return "—"
    if column.kind == "money":
        return format_yuan(value)
    return f"{value:,}" if column.kind == "count" else written(column, value)


@cache
def _compiler() -> typst.Compiler:
    fonts = Path(settings.PACKAGE) / "web" / "static" / "dist" / "fonts"
    if not all((fonts / name).exists() for name in _FONTS):
        raise PdfUnavailable(
            "现在不能生成 PDF。", "这台机器上缺少中文字体。", "请先执行 make setup，或改用 Excel 导出。"
        )
    return typst.Compiler(TEMPLATE, font_paths=[fonts], ignore_system_fonts=True)
