"""Pages about one object and POST handlers of one act each. A refusal comes back with the way to the page it was asked from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.jobs.declaring import JobKind
from zhaoliang.kernel.roles import Access
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts


class SubjectRequest(ActorRequest):
    """A request for a page about one object, which its guard fetched once."""

    subject: Any


def subject(fetch: Callable[[int, int], Any]) -> Callable[..., Access]:
    """Access of a page about what `fetch(city, pk)` finds, kept as `request.subject`. Raises NotFound."""

    def access(request: SubjectRequest, city: int, pk: int, **_: Any) -> Access:
        found = fetch(city, pk)
        if found is None:
            raise NotFound("没有找到这项内容。", "编号不对，或已经不在了。", "请从列表进入。")
        request.subject = found
        return found.access()

    return access


def may(request: ActorRequest, service: Act[Any], access: Access) -> bool:
    """Whether the visitor could do this there: only then its button is shown."""
    return service.declaration.allows(request.actor, access)


def given(request: ActorRequest) -> dict[str, Any]:
    """Who acts, when, and the key of the form: what every act is given."""
    return {"actor": request.actor, "at": request.at, "key": request.POST.get("key") or None}


def refused(request: ActorRequest, problem: Refusal, back_url: str) -> HttpResponse:
    """The page of a refusal that leads back to where it was asked."""
    return render(request, "errors/refusal.html", {"refusal": problem, "back_url": back_url}, status=problem.status)


def start_job(request: ActorRequest, job: JobKind, about: Any, link: str, title: str = "", **parameters: Any) -> None:
    """Start a job about a row or a place and say so; `link` is the page that shows its progress. Raises as its act."""
    job.start(**given(request), subject=about, title=title, link=link, **parameters)
    toasts.say(request, f"“{job.label}”已在后台开始，进度见本页；关掉页面也会继续。")


def act_view(
    service: Act[Any],
    *,
    fetch: Callable[[int, int], Any],
    argument: str,
    say: str,
    back: Callable[[Any], str],
    texts: tuple[str, ...] = (),
    also: Callable[[Any, Any], dict[str, Any]] | None = None,
    job: JobKind | None = None,
    large: Callable[[Any], bool] | None = None,
) -> Callable[..., HttpResponse]:
    """A view that runs `service` on the object `fetch(city, pk)` finds, then goes to `back(object)` with one line.

    `texts` are form fields passed on without the space around them (reasons), `also(request, object)` adds what else the act
    needs. What is `large` is left to the worker: `job` is started with the same.
    """

    @page(service.declaration, access=subject(fetch))
    @require_POST
    def view(request: SubjectRequest, city: int, pk: int) -> HttpResponse:
        found = request.subject
        arguments: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in texts}
        more = also(request, found) if also else {}
        try:
            if job is not None and large is not None and large(found):
                start_job(request, job, found, back(found), **arguments, **more)
                return redirect(back(found))
            service(**given(request), **(arguments | {argument: found}), **more)
        except Refusal as problem:
            return refused(request, problem, back(found))
        toasts.say(request, say)
        return redirect(back(found))

    return view
