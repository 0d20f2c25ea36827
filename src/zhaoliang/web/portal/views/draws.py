"""The monthly review draws in public: the commitment while a month runs, the seed and the lists when it is over."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from zhaoliang.kernel.errors import NotFound
from zhaoliang.subsidies import draws
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import perms
from zhaoliang.web.portal.places import here

SECONDS = 3600


@page(perms.DRAWS)
def months(request: ActorRequest) -> HttpResponse:
    """The months of a city, each with its commitment and, when it is over, its seed; and how to draw again."""
    place = here(request)
    context = {
        "here": place,
        "section": "publicity",
        "months": draws.months(place.city_code, request.at),
        "steps": [step for step in draws.ALGORITHM.split("。") if step],
    }
    return render(request, "portal/draws.html", context)


@page(perms.DRAWS)
def document(request: ActorRequest) -> HttpResponse:
    """One month (`?month=2026-07`) as JSON to draw again from; without a month, the months there are. Raises NotFound."""
    place, name = here(request), request.GET.get("month", "")
    if not name:
        found = draws.months(place.city_code, request.at)
        return JsonResponse({"months": [{"month": one.seed.month, "seed_published": one.over} for one in found]})
    seed = draws.month(place.city_code, name)
    if seed is None:
        raise NotFound("没有这个月的抽查。", "这个月没有抽查，或月份写错了。", "请从抽查公开页面进入。")
    answer = JsonResponse(draws.published(seed, request.at), json_dumps_params={"ensure_ascii": False})
    answer["Cache-Control"] = f"public, max-age={SECONDS}"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
