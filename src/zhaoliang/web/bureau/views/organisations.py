"""Organisations: the list, a file with its licences and sites, registration and the two directories."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.catalogue import selectors as catalogue
from zhaoliang.classes import selectors as classes
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.masking import mask_card, mask_name, mask_phone
from zhaoliang.registry import perms, selectors, services
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.standing import standing_on
from zhaoliang.registry.states import ORGANISATION
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, refused, subject
from zhaoliang.web.bureau import forms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.bureau.views import sanctions
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("name", "机构", lambda row: row.name, order="pinyin_key", wide=True),
    Column("uscc", "统一社会信用代码", lambda row: row.uscc, "code", "uscc"),
    Column("kind", "类别", lambda row: row.get_kind_display(), order="kind"),
    Column("region", "所在地", lambda row: row.region.name, order="region_id"),
    Column("directories", "目录", lambda row: _directories(row)),
    Column("state", "状态", lambda row: row.state, "state", "state", "organisation"),
)


def _directories(row: Organisation) -> str:
    marks = ((row.in_provider_directory, "培训机构"), (row.in_evaluation_directory, "评价机构"))
    return "、".join(word for marked, word in marks if marked)


@page(perms.ORGANISATION, access=here)
@require_GET
def organisation_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The organisations of the region."""
    wanted, desk = forms.OrganisationFilter(request.GET), desk_of(request)
    rows = desk_selectors.organisations(
        desk, state=wanted.said("state"), kind=wanted.said("kind"), text=wanted.said("text")
    )
    if export:
        return excel("机构", COLUMNS, ordered(request, rows, COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:organisations_export"),
        "table": table(request, rows, COLUMNS, url=organisation_url, unit="家机构"),
        "may_register": may(request, services.register_organisation, desk.access),
    }
    return render(request, "bureau/organisation_list.html", context)


def organisation_url(found: Organisation) -> str:
    return reverse("bureau:organisation", args=[found.city_code, found.pk])


@page(services.register_organisation.declaration, access=here)
@require_http_methods(["GET", "POST"])
def organisation_new(request: DeskRequest) -> HttpResponse:
    """Register an organisation."""
    desk = desk_of(request)
    form = forms.OrganisationForm(_regions(desk.region_code), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.register_organisation(**given(request), place=desk.place, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "机构已登记。列入目录后才能办班。")
            return redirect(organisation_url(made))
    context = {"form": form, "title": "登记机构", "back": reverse("bureau:organisations"), "action": "登记机构"}
    return render(request, "bureau/one_form.html", context, status=422 if form.errors else 200)


def _regions(code: int) -> list[Any]:
    """The region and those directly below it, for a choice."""
    return [*selectors.regions_under(code), selectors.region(code)]


@page(perms.ORGANISATION, access=subject(selectors.organisation))
@require_GET
def organisation(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """An organisation's file."""
    found: Organisation = request.subject
    access, today = found.access(), chinese_day(request.at)
    licences = desk_selectors.licences_of(found)
    context = {
        "found": found,
        "legal": mask_name(found.legal_representative),
        "phone": mask_phone(found.phone) if found.phone else "",
        "account": mask_card(found.account_number) if found.account_number else "",
        "licences": [(one, today in one.validity) for one in licences],
        "sites": selectors.sites_of(found),
        "projects": catalogue.projects_of(found)[:20],
        "classes": classes.classes_of(found)[:20],
        "events": timelines.events(desk_selectors.changes_of("organisation", city, pk), ORGANISATION),
        "directory_form": forms.DirectoryForm(
            prefix="directory",
            initial={"as_provider": found.in_provider_directory, "as_evaluator": found.in_evaluation_directory},
        ),
        "may_list": found.state != "suspended" and may(request, services.list_organisation, access),
        "grade_form": forms.GradeForm(prefix="grade", initial={"grade": found.grade}),
        "may_grade": may(request, services.grade_organisation, access),
        "licence_form": forms.LicenceForm(prefix="licence"),
        "may_licence": may(request, services.add_licence, access),
        "site_form": forms.SiteForm(prefix="site"),
        "may_site": may(request, services.add_site, access),
        "standing": standing_on(found, today),
        "sanctions": sanctions.shown(request, found),
        "may_sanction": may(request, services.propose_sanction, access),
    }
    return render(request, "bureau/organisation.html", context)


def _form_view(service: Act[Any], form_class: type[forms.PlainForm], prefix: str, say: str) -> Any:
    """A POST of one of the forms on an organisation's page; wrong fields come back on a page of their own."""

    @page(service.declaration, access=subject(selectors.organisation))
    @require_POST
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found: Organisation = request.subject
        form = form_class(request.POST, prefix=prefix)
        if form.is_valid():
            said = dict(form.cleaned_data)
            if service is services.add_site:
                said["region_code"] = found.region_id
            try:
                service(**given(request), organisation=found, **said)
            except Refusal as problem:
                if not problem.fields:
                    return refused(request, problem, organisation_url(found))
                forms.refuse(form, problem)
            else:
                toasts.say(request, say)
                return redirect(organisation_url(found))
        context = {
            "form": form,
            "title": service.declaration.label,
            "back": organisation_url(found),
            "action": "重新提交",
        }
        return render(request, "bureau/one_form.html", context, status=422)

    return view


list_in_directory = _form_view(services.list_organisation, forms.DirectoryForm, "directory", "目录已更新。")
grade = _form_view(services.grade_organisation, forms.GradeForm, "grade", "等级已更新。")
add_licence = _form_view(services.add_licence, forms.LicenceForm, "licence", "许可证已登记。")
add_site = _form_view(services.add_site, forms.SiteForm, "site", "教学点已登记。")
