"""A file that the worker makes: its progress, and the file to fetch for who asked for it."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from zhaoliang.kernel import exports
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.jobs import perms
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.kernel.models import KeptExport
from zhaoliang.web import errors
from zhaoliang.web.access import page, rule_of
from zhaoliang.web.acting import subject
from zhaoliang.web.bureau.desk import DeskRequest, desk_of
from zhaoliang.web.bureau.tasks import make_export
from zhaoliang.web.tables import LargeExport


def leave_to_worker(request: HttpRequest, problem: LargeExport) -> HttpResponse:
    """Let the worker make the file that this request asked for, and show how far it is."""
    asked = cast("DeskRequest", request)
    given = {"actor": asked.actor, "at": asked.at}
    try:
        kept = exports.ask_export(
            **given, place=desk_of(asked).place, title=problem.title, address=request.get_full_path()
        )
        link = reverse("bureau:export", args=[kept.city_code, kept.pk])
        make_export.start(**given, subject=kept, title=f"导出：{kept.title}", link=link)
    except Refusal as refusal:
        return errors.refusal(request, refusal)
    return redirect(link)


def _own(request: DeskRequest) -> KeptExport:
    """Only who asked for a file may have it. Raises NotFound."""
    kept: KeptExport = request.subject
    if kept.actor_user_id != request.actor.user_id:
        raise NotFound("没有这份文件。", "导出的文件只给要求导出的人。", "请自己从列表导出。")
    return kept


@page(perms.JOB, access=subject(exports.export_of))
@require_GET
def export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """How far the file is, or the file."""
    kept = _own(request)
    context = {
        "kept": kept,
        "job": job_to_show(make_export, kept),
        "until": exports.kept_until(kept),
    }
    return render(request, "bureau/export.html", context)


@page(perms.JOB, access=subject(exports.export_of))
@require_GET
def export_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The file itself. Raises NotFound once it was forgotten."""
    kept = _own(request)
    if not kept.size:
        raise NotFound("没有这份文件。", "文件还没有做好，或已经过期清除。", "请从列表重新导出。")
    # Of the page it came from: a role that was lost meanwhile opens its files no more.
    rule = rule_of(resolve(urlsplit(kept.address or "").path).func)
    rule.declaration.check(request.actor, kept.access())
    answer = HttpResponse(exports.content_of(kept), content_type=kept.media)
    answer["Content-Disposition"] = content_disposition_header(True, kept.file_name) or "attachment"
    answer["Cache-Control"] = "no-store"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
