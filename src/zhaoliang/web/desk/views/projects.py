"""The organisation's training projects: list, draft from the guidance catalogue, hand in."""

from __future__ import annotations

from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from zhaoliang.catalogue import selectors, services
from zhaoliang.funds.models import FundSource
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.registry import selectors as registry
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given
from zhaoliang.web.components import toasts
from zhaoliang.web.desk import forms, perms
from zhaoliang.web.desk.desk import DeskRequest, here, own
from zhaoliang.web.desk.views.classes import spread

FEN_PER_YUAN = 100


@page(perms.PROVIDER, access=here)
@require_GET
def project_list(request: DeskRequest) -> HttpResponse:
    """The organisation's projects with their state."""
    return render(request, "desk/project_list.html", {"projects": list(selectors.projects_of(own(request)))})


@page(perms.PROVIDER, act=services.draft_project.declaration, access=here)
@require_http_methods(["GET", "POST"])
def project_new(request: DeskRequest) -> HttpResponse:
    """Draft a project from an entry of the catalogue in force."""
    organisation = own(request)
    catalogue = selectors.published_catalogue(organisation.city_code, organisation.city_code, chinese_day(request.at))
    entries = list(selectors.entries(catalogue)) if catalogue else []
    evaluators = list(registry.directory(organisation.city_code, providers=False))
    form = forms.ProjectForm(request.POST or None, entries=entries, evaluators=evaluators)
    problem = None
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        said["entry"] = next(one for one in entries if one.pk == said["entry"])
        said["evaluator"] = next(one for one in evaluators if one.pk == said["evaluator"])
        said["fee_fen"] = int(Decimal(said.pop("fee_yuan")) * FEN_PER_YUAN)
        try:
            services.draft_project(
                **given(request), provider=organisation, fund_source=FundSource.EMPLOYMENT_SUBSIDY, **said
            )
        except Refusal as found:
            problem = spread(form, found)
        else:
            toasts.say(request, "项目草稿已保存，核对后提交。")
            return redirect("provider:projects")
    context = {"form": form, "refusal": problem, "catalogue": catalogue}
    return render(request, "desk/project_new.html", context)


submit_project = act_view(
    services.submit_project,
    fetch=selectors.project,
    argument="project",
    say="项目已提交，等待人社部门审核。",
    back=lambda project: reverse("provider:projects"),
)
