"""以工代训 as closed history: files are read, looked at, and taken whole; auditors see and export what is on file."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_id, mask_name
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.forms import refuse
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.tables import Column, excel, ordered, table
from zhaoliang.worktraining import perms, selectors, services
from zhaoliang.worktraining.excel import MAX_ROWS, template
from zhaoliang.worktraining.models import WorkTrainingImport

CLAUSE = "cn/renshebuhan-2021-14#2-1"
SHOWN = 20
COLUMNS = (
    Column("name", "姓名", lambda row: mask_name(row.person.name), order="person__pinyin_key"),
    Column("number", "证件号码", lambda row: mask_id(row.person.document_number), "code"),
    Column("employer", "企业", lambda row: row.employer_name, order="employer_name", wide=True),
    Column("month", "起始月份", lambda row: f"{row.first_month.year}年{row.first_month.month}月", order="first_month"),
    Column("months", "月数", lambda row: row.months, "count", "months"),
    Column("fen", "金额", lambda row: row.amount_fen, "money", "amount_fen"),
    Column("granted", "发放日期", lambda row: row.granted_on, "date", "granted_on"),
    Column("fund", "资金渠道", lambda row: row.get_fund_source_display()),
    Column("source", "导入", lambda row: f"{row.source_id} 第 {row.row} 行"),
)


class FileForm(PlainForm):
    """The file of past grants."""

    file = forms.FileField(label="以工代训历史（.xlsx）", widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods"}))


def import_url(found: WorkTrainingImport) -> str:
    return reverse("bureau:past_import", args=[found.city_code, found.pk])


@page(perms.HISTORY, act=services.read_file.declaration, access=here)
@require_http_methods(["GET", "POST"])
def history(request: DeskRequest) -> HttpResponse:
    """What is on file of the region, the files it came from; a POST reads another file."""
    place = desk_of(request).place
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = services.read_file(**given(request), place=place, file_name=file.name, content=file.read())
        except Refusal as problem:
            refuse(form, problem)
        else:
            return redirect(import_url(made))
    rows = selectors.grants_in(place.city_code, place.region_code)
    context = {
        "form": form if may(request, services.read_file, place.access()) else None,
        "most": MAX_ROWS,
        "imports": selectors.imports_in(place.city_code, place.region_code)[:SHOWN],
        "citation": lawbook().citation(CLAUSE),
        "table": table(request, rows, COLUMNS, unit="笔"),
        "export_url": reverse("bureau:work_training_export"),
    }
    return render(request, "bureau/work_training.html", context)


@page(perms.HISTORY, access=here)
@require_GET
def export(request: DeskRequest) -> HttpResponse:
    """The same rows as an Excel file, for auditors."""
    place = desk_of(request).place
    rows = selectors.grants_in(place.city_code, place.region_code)
    return excel("以工代训历史", COLUMNS, ordered(request, rows, COLUMNS))


@page(services.read_file.declaration, access=here)
@require_GET
def sheet(request: DeskRequest) -> HttpResponse:
    """The sheet to fill in."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = HttpResponse(template(), content_type=kind)
    response["Content-Disposition"] = 'attachment; filename="work-training.xlsx"'
    return response


@page(perms.HISTORY, access=subject(selectors.past_import))
@require_GET
def past_import(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """One file: its faults row by row, or what it would bring in, masked, before anybody takes it."""
    found: WorkTrainingImport = request.subject
    waiting = found.taken_at is None and not found.findings
    context = {
        "found": found,
        "first": selectors.rows_of(found)[:SHOWN] if waiting else (),
        "may_take": waiting and may(request, services.take_file, found.access()),
    }
    return render(request, "bureau/work_training_import.html", context)


take = act_view(
    services.take_file,
    fetch=selectors.past_import,
    argument="past_import",
    say="已导入，个人档案和全国享受记录里都能查到。",
    back=import_url,
)
