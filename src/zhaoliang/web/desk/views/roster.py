"""The roster by Excel: template, upload, what is wrong where, and the sheet again with its red cells."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.classes import perms, selectors, services
from zhaoliang.classes.models import RosterImport, TrainingClass
from zhaoliang.classes.roster.annotate import annotate
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.classes.roster.template import blank_roster
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk import forms
from zhaoliang.web.desk import perms as desk
from zhaoliang.web.desk.desk import DeskRequest, here

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(content: bytes, name: str) -> HttpResponse:
    """An Excel file to keep."""
    answer = HttpResponse(content, content_type=EXCEL)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@page(desk.PROVIDER, access=here)
@require_GET
def template(request: DeskRequest) -> HttpResponse:
    """The blank roster."""
    return workbook(blank_roster(), "roster.xlsx")


@page(perms.ROSTER, act=services.import_roster.declaration, access=subject(selectors.training_class))
@require_http_methods(["GET", "POST"])
def upload(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Choose a roster file; every wrong row is answered with row, column, reason and clause, and nothing half imported."""
    found: TrainingClass = request.subject
    form = forms.FileForm(request.POST or None, request.FILES or None)
    problem = None
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = services.import_roster(
                **given(request), training_class=found, file_name=file.name, content=file.read()
            )
        except Refusal as refusal:
            problem = refusal
        else:
            if made.imported:
                toasts.say(request, f"已导入 {made.imported} 人，培训券已登记使用。")
            return redirect("provider:import", city=city, pk=made.pk)
    context = {"form": form, "found": found, "refusal": problem, "imports": selectors.class_page(found).imports}
    return render(request, "desk/roster.html", context, status=problem.status if problem else 200)


class ImportSubject:
    """An import is guarded by its class."""

    def __init__(self, row: RosterImport) -> None:
        self.row = row

    def access(self) -> Access:
        return self.row.training_class.access()


def found_import(city: int, pk: int) -> ImportSubject | None:
    row = selectors.roster_import(city, pk)
    return ImportSubject(row) if row is not None else None


@page(perms.ROSTER, access=subject(found_import))
@require_GET
def result(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What an upload came to: the findings, and the sheet's wrong rows with their cells marked."""
    row: RosterImport = request.subject.row
    findings = [Finding.from_dict(one) for one in row.findings]
    content = selectors.refused_workbook(row)
    context = {
        "found": row.training_class,
        "row": row,
        "findings": findings,
        "errors": sum(one.severity == "error" for one in findings),
        "sheet": _sheet(content, row.file_name, findings) if content else None,
        "again_url": reverse("provider:roster", args=[city, row.training_class.pk]),
    }
    return render(request, "desk/import.html", context)


def _sheet(content: bytes, file_name: str, findings: list[Finding]) -> dict[str, Any] | None:
    """The wrong rows of the uploaded sheet, only the columns that a finding names and the name."""
    try:
        file = read_roster(content, file_name=file_name)
    except Refusal:
        return None
    wrong: dict[int, dict[str, Finding]] = {}
    for one in findings:
        if one.row is not None and one.severity == "error":
            wrong.setdefault(one.row, {})[one.key] = one
    keys = ["name", *sorted({one.key for row in wrong.values() for one in row.values()} - {"name", "document_number"})]
    titles = {one.key: one.column for row in wrong.values() for one in row.values()} | {"name": "姓名"}
    rows = [
        {
            "number": row.number,
            "cells": [{"text": row.text(key), "wrong": wrong[row.number].get(key)} for key in keys],
            "other": [one for key, one in wrong[row.number].items() if key not in keys],
        }
        for row in file.rows
        if row.number in wrong
    ]
    return {"titles": [titles.get(key, key) for key in keys], "rows": rows}


@page(perms.ROSTER, access=subject(found_import))
@require_GET
def annotated(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The refused workbook with red cells and comments."""
    row: RosterImport = request.subject.row
    content = selectors.refused_workbook(row)
    if content is None:
        raise Http404
    file = read_roster(content, file_name=row.file_name)
    return workbook(annotate(file, [Finding.from_dict(one) for one in row.findings], row.notes), "roster-marked.xlsx")
