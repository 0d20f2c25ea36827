"""The project library and the guidance catalogue, as the bureau keeps them."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.catalogue import perms, selectors, services
from zhaoliang.catalogue.models import Catalogue, Project, ProjectKind
from zhaoliang.catalogue.states import CATALOGUE, PROJECT
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.policy import Citation
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, may, subject
from zhaoliang.web.bureau import forms, timelines
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, excel, ordered, table


def level_words(level: int | None) -> str:
    """高级工（三级）; 不分等级 for none."""
    return SkillLevel(level).label if level else "不分等级"


COLUMNS = (
    Column("name", "项目", lambda row: row.name, order="name", wide=True),
    Column("provider", "机构", lambda row: row.provider.short_name, order="provider__pinyin_key"),
    Column("kind", "类别", lambda row: row.get_kind_display(), order="kind"),
    Column("occupation", "职业", lambda row: row.occupation.name, order="occupation__pinyin_key"),
    Column("level", "等级", lambda row: level_words(row.level), order="level"),
    Column("hours", "课时", lambda row: row.hours, "count", "hours"),
    Column("fee", "收费", lambda row: row.fee_fen, "money", "fee_fen"),
    Column("state", "状态", lambda row: row.state, "state", "state", "project"),
)
ENTRY_COLUMNS = (
    Column("code", "职业编码", lambda row: row.occupation_id, "code", "occupation_id"),
    Column("occupation", "职业", lambda row: row.occupation.name, order="occupation__pinyin_key", wide=True),
    Column("level", "等级", lambda row: level_words(row.level), order="level"),
    Column("headcount", "需求人数", lambda row: row.headcount, "count", "headcount"),
    Column("hours", "课时", lambda row: row.hours, "count", "hours"),
    Column("mode", "培训方式", lambda row: row.get_mode_display(), order="mode"),
    Column("category", "补贴类别", lambda row: row.get_category_display() or "不分类", order="category"),
    Column("scarcity", "紧缺程度", lambda row: row.get_scarcity_display(), order="scarcity"),
    Column("certificate", "证书", lambda row: row.get_certificate_kind_display(), order="certificate_kind"),
)


@page(perms.DRAFTS, access=here)
@require_GET
def project_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The projects of the region."""
    wanted = forms.StateFilter(PROJECT, request.GET, hint="项目或机构", without=("draft",))
    rows = desk_selectors.projects(desk_of(request), state=wanted.said("state"), text=wanted.said("text"))
    if export:
        return excel("培训项目", COLUMNS, ordered(request, rows, COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:projects_export"),
        "table": table(request, rows, COLUMNS, url=project_url, unit="个项目"),
    }
    return render(request, "bureau/project_list.html", context)


def project_url(found: Project) -> str:
    return reverse("bureau:project", args=[found.city_code, found.pk])


def found_project(city: int, pk: int) -> Project:
    """A project, for pages. Raises NotFound."""
    found = selectors.project(city, pk)
    if found is None:
        raise NotFound(what="没有这个项目。", why="本市没有这个编号的项目。", next_step="请从列表进入。")
    return found


@page(perms.DRAFTS, act=services.sign_contract.declaration, access=subject(found_project))
@require_http_methods(["GET", "POST"])
def project_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A project with its four parts: demand, training, evaluation, employment service; a POST registers a contract."""
    found: Project = request.subject
    access = found.access()
    form = forms.ContractForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.sign_contract(**given(request), project=found, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "合同已登记，从签订当天起开班的按它计价。")
            return redirect(project_url(found))
    bought = found.kind == ProjectKind.PACKAGE
    context = {
        "found": found,
        "level": level_words(found.level),
        "events": timelines.events(desk_selectors.changes_of("project", city, pk), PROJECT),
        "contracts": selectors.contracts_of(found) if bought else (),
        "contract_form": form if bought and may(request, services.sign_contract, access) else None,
        "may_list": found.state == "submitted" and may(request, services.list_project, access),
        "may_suspend": found.state == "listed" and may(request, services.suspend_project, access),
        "may_resume": found.state == "suspended" and may(request, services.resume_project, access),
    }
    return render(request, "bureau/project.html", context, status=422 if form.errors else 200)


list_project = act_view(
    services.list_project, fetch=found_project, argument="project", say="已列入项目库。", back=project_url
)
return_project = act_view(
    services.return_project,
    fetch=found_project,
    argument="project",
    texts=("reason",),
    say="已退回，原因已告知机构。",
    back=project_url,
)
suspend_project = act_view(
    services.suspend_project,
    fetch=found_project,
    argument="project",
    texts=("reason",),
    say="已暂停，不能再开新班。",
    back=project_url,
)
resume_project = act_view(
    services.resume_project, fetch=found_project, argument="project", say="已恢复。", back=project_url
)


@page(perms.DRAFTS, act=services.draft_catalogue.declaration, access=here)
@require_http_methods(["GET", "POST"])
def catalogue_list(request: DeskRequest) -> HttpResponse:
    """The versions of the region's catalogue, and the form of the next one."""
    desk = desk_of(request)
    form = forms.CatalogueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.draft_catalogue(**given(request), place=desk.place, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "新一版目录已建立，请添加条目。")
            return redirect(catalogue_url(made))
    context = {
        "versions": selectors.catalogues(desk.city_code, desk.region_code),
        "form": form,
        "may_draft": may(request, services.draft_catalogue, desk.access),
        "desk": desk,
    }
    return render(request, "bureau/catalogue_list.html", context, status=422 if form.errors else 200)


def standards_of(found: Catalogue, on: date) -> list[tuple[str, Citation, bool]]:
    """The tables by occupation that its subsidies are worked out from on a day: what each is, its clause, and whether its
    figures were read there.
    """
    held = policies_for(found.region_id, on=on)
    tables = [one for document in held.documents for one in document.tables.values()]
    by_occupation = [one for one in tables if any(key.like == "occupation" for key in one.keys)]
    versions = [(one.says, version) for one in by_occupation if (version := one.on(on)) is not None]
    return [(says, held.citation(version.cite), version.verified) for says, version in versions]


def catalogue_url(found: Catalogue) -> str:
    return reverse("bureau:catalogue", args=[found.city_code, found.pk])


@page(perms.DRAFTS, act=services.add_entry.declaration, access=subject(desk_selectors.catalogue))
@require_http_methods(["GET", "POST"])
def catalogue_page(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A version with its entries; a draft takes new ones."""
    found: Catalogue = request.subject
    form = forms.EntryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_entry(**given(request), catalogue=found, **form.cleaned_data)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "条目已添加。")
            return redirect(catalogue_url(found))
    draft = found.state == "draft"
    text = request.GET.get("text", "").strip()
    occupations = registry.search_occupations(request.GET.get("occupation", "")) if draft else []
    context: dict[str, Any] = {
        "found": found,
        "table": table(request, selectors.entries(found, text), ENTRY_COLUMNS, unit="个条目"),
        "standards": standards_of(found, max(chinese_day(request.at), found.valid_from)),
        "form": form,
        "occupations": occupations,
        "asked": request.GET.get("occupation", ""),
        "may_add": draft and may(request, services.add_entry, found.access()),
        "may_publish": draft and may(request, services.publish_catalogue, found.access()),
        "export_url": reverse("bureau:catalogue_export", args=[city, pk]),
        "events": timelines.events(desk_selectors.changes_of("catalogue", city, pk), CATALOGUE),
    }
    return render(request, "bureau/catalogue.html", context, status=422 if form.errors else 200)


@page(perms.DRAFTS, access=subject(desk_selectors.catalogue))
@require_GET
def catalogue_export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The entries as Excel, in the page's order."""
    found: Catalogue = request.subject
    rows = ordered(request, selectors.entries(found, request.GET.get("text", "").strip()), ENTRY_COLUMNS)
    return excel(f"{found.name}-第{found.version}版", ENTRY_COLUMNS, rows)


publish_catalogue = act_view(
    services.publish_catalogue,
    fetch=desk_selectors.catalogue,
    argument="catalogue",
    say="目录已发布，旧版自动替换。",
    back=catalogue_url,
)
