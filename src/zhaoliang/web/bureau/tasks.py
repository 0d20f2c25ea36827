"""Files too long to be waited for, made by the worker: the page they come from is asked again, with today's rights of who asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from django.http import HttpResponse, QueryDict
from django.urls import resolve
from procrastinate.contrib.django import app

from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.exports import OFFICERS, cities_with_exports, empty_exports, forgotten, keep_export
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
from zhaoliang.kernel.models import KeptExport
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.registry.models import User
from zhaoliang.web.bureau.desk import SESSION_PLACE, DeskRequest


@job("exports.make", label="导出文件", grants=OFFICERS)
def make_export(run: Run) -> dict[str, Any]:
    """One file, whole or not at all; begun again it is made anew."""
    wanted: KeptExport = run.subject
    if wanted.size:
        # Kept before the worker died; made anew it would have other bytes.
        return {"bytes": wanted.size}
    if wanted.emptied_at is not None:
        raise forgotten()
    answer = asked_again(wanted, run)
    name = re.search(r"filename\*=UTF-8''(.+)$", answer.get("Content-Disposition", ""))
    if answer.status_code != 200 or name is None:
        raise Refusal("没有导出。", "这个页面现在给不出文件：内容已经变了，或者您不再有权查看。", "请回到页面再看。")
    given: dict[str, Any] = {"actor": run.actor, "at": run.at, "key": run.key, "export": wanted}
    keep_export(**given, content=answer.content, file_name=unquote(name[1]), media=answer["Content-Type"])
    return {"bytes": len(answer.content)}


def asked_again(wanted: KeptExport, run: Run) -> HttpResponse:
    """What the page answers to who asked, at the desk he sat at. Raises what the page raises: Forbidden, NotFound, Refusal."""
    parts = urlsplit(wanted.address or "")
    request = DeskRequest()
    request.method, request.path, request.path_info = "GET", parts.path, parts.path
    request.GET = cast("Any", QueryDict(parts.query))
    request.user = User.objects.get(pk=run.actor.user_id)
    request.actor, request.at = run.actor, run.at
    request.session = cast("Any", {SESSION_PLACE: f"{wanted.city_code}:{wanted.region_code}"})
    match = request.resolver_match = resolve(parts.path)
    return match.func(request, *match.args, **match.kwargs)


@app.periodic(cron="40 18 * * *")
@app.task(queueing_lock="exports.nightly", pass_context=False)
def empty_old_exports(timestamp: int) -> None:
    """Files made some days ago are forgotten; `timestamp` is the moment the clock struck (unix seconds)."""
    for city_code in cities_with_exports():
        empty_exports(
            actor=system_actor(), at=datetime.fromtimestamp(timestamp, UTC), place=Place(city_code, city_code)
        )
