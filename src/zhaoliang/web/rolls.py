"""The roll of a class as a download, the same on every desk that may have it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from django.http import HttpResponse

from zhaoliang.attendance.roll import roll, workbook
from zhaoliang.classes.models import TrainingClass

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def excel_of(found: TrainingClass, at: datetime) -> HttpResponse:
    """The roll of a class as it stands at this moment as an Excel file, kept by no cache."""
    response = HttpResponse(workbook([roll(found, at)]), content_type=EXCEL)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(f'考勤表 {found.name}')}.xlsx"
    response["Cache-Control"] = "no-store"
    return response
