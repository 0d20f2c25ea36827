"""The roster by Excel: template, upload, what is wrong where, and the sheet again with its red cells."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.classes import perms, selectors, services
from zhaoliang.classes.models import RosterImport, TrainingClass
from zhaoliang.classes.roster.annotate import annotate
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.template import blank_roster
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, refused, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.desk import forms, mending
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


@page(perms.ROSTER, act=services.mend_roster.declaration, access=subject(found_import))
@require_http_methods(["GET", "POST"])
def result(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What an upload came to; while it is kept, its wrong rows as a form, and by POST the whole sheet checked again."""
    row: RosterImport = request.subject.row
    if request.method == "GET":
        return _result_page(request, row)
    try:
        made = services.mend_roster(**given(request), roster_import=row, mends=mending.typed(request.POST.dict()))
    except Refusal as problem:
        return refused(request, problem, _import_url(row))
    if made.imported:
        toasts.say(request, f"已导入 {made.imported} 人，培训券已登记使用。")
    return redirect(_import_url(made))


def _import_url(row: RosterImport) -> str:
    return reverse("provider:import", args=[row.city_code, row.pk])


def _result_page(request: DeskRequest, row: RosterImport) -> HttpResponse:
    found = row.training_class
    findings = [Finding.from_dict(one) for one in row.findings]
    file = selectors.refused_roster(row)
    sheet = mending.sheet(file, findings, selectors.mends_of(row)) if file else None
    on_sheet = {line.number for line in sheet.lines} if sheet else set[int]()
    context = {
        "found": found,
        "row": row,
        "errors": sum(one.severity == "error" for one in findings),
        # What the sheet's own cells say is not said twice.
        "findings": [one for one in findings if one.severity != "error" or one.row not in on_sheet],
        "sheet": sheet,
        "may_mend": found.state == "draft" and may(request, services.mend_roster, found.access()),
        "kept_until": row.at + services.KEPT,
        "again_url": reverse("provider:roster", args=[row.city_code, found.pk]),
    }
    return render(request, "desk/import.html", context)


@page(services.keep_mends.declaration, access=subject(found_import))
@require_http_methods(["POST"])
def keep(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Keep what is typed while it is typed, so that an ended session loses nothing."""
    row: RosterImport = request.subject.row
    try:
        mends = mending.typed(request.POST.dict())
        services.keep_mends(actor=request.actor, at=request.at, roster_import=row, mends=mends)
    except Refusal as problem:
        return render(request, "desk/parts/kept.html", {"refusal": problem}, status=problem.status)
    return render(request, "desk/parts/kept.html", {"at": request.at})


@page(perms.ROSTER, access=subject(found_import))
@require_GET
def annotated(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The refused workbook with red cells and comments, and the corrections typed so far."""
    row: RosterImport = request.subject.row
    file = selectors.refused_roster(row)
    if file is None:
        raise Http404
    return workbook(annotate(file, [Finding.from_dict(one) for one in row.findings], row.notes), "roster-marked.xlsx")
