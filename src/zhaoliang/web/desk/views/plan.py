"""The plan of a draft class: days, timetable, teachers, textbooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from zhaoliang.classes import selectors, services
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.kernel.acts import Act
from zhaoliang.kernel.errors import Refusal
from zhaoliang.web.access import page
from zhaoliang.web.acting import act_view, given, subject
from zhaoliang.web.components import toasts
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.desk import forms
from zhaoliang.web.desk.desk import DeskRequest
from zhaoliang.web.desk.views.classes import class_url, spread


def _with_form(
    service: Act[Any],
    form_of: Callable[[DeskRequest, TrainingClass], PlainForm],
    arguments_of: Callable[[TrainingClass, Any], dict[str, Any]],
    say: str,
) -> Callable[..., HttpResponse]:
    """A POST view that fills one of the class page's forms; a wrong one comes back as a page with the messages."""

    @page(service.declaration, access=subject(selectors.training_class))
    @require_http_methods(["POST"])
    def view(request: DeskRequest, city: int, pk: int) -> HttpResponse:
        found: TrainingClass = request.subject
        return _filled(request, service, form_of(request, found), found, arguments_of, say)

    return view


def _filled(
    request: DeskRequest,
    service: Act[Any],
    form: PlainForm,
    found: TrainingClass,
    arguments_of: Callable[[TrainingClass, Any], dict[str, Any]],
    say: str,
) -> HttpResponse:
    problem, status = None, 422
    if form.is_valid():
        try:
            service(**given(request), **arguments_of(found, form))
        except Refusal as refusal:
            problem = spread(form, refusal)
            status = refusal.status
        else:
            toasts.say(request, say)
            return redirect(class_url(found) + "#plan")
    return _form_page(
        request, form, found, "还差一点", "没有保存，请改好标出的地方再提交；已填的都在。", problem, status
    )


def _form_page(
    request: DeskRequest,
    form: PlainForm,
    found: TrainingClass,
    title: str,
    text: str,
    problem: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "found": found, "title": title, "text": text, "refusal": problem}
    return render(request, "desk/class_form.html", context, status=status)


def _session_arguments(found: TrainingClass, form: forms.SessionForm) -> dict[str, Any]:
    said = form.cleaned_data
    begins, ends = form.period()
    teacher = next(one for one in selectors.teachers_of(found.provider) if one.pk == said["teacher"])
    kept = {name: said[name] for name in ("kind", "hours", "content", "room", "textbook", "online")}
    return {"teacher": teacher, "starts_at": begins, "ends_at": ends, "material": form.material(), **kept}


reschedule = _with_form(
    services.reschedule_class,
    lambda request, found: forms.DatesForm(request.POST),
    lambda found, form: {"training_class": found, **form.cleaned_data},
    "开班、结课和考核日期已修改。",
)
add_session = _with_form(
    services.add_session,
    lambda request, found: forms.SessionForm(request.POST, teachers=selectors.teachers_of(found.provider)),
    lambda found, form: {"training_class": found, **_session_arguments(found, form)},
    "已排入课程表。",
)
add_textbook = _with_form(
    services.add_textbook,
    lambda request, found: forms.TextbookForm(request.POST),
    lambda found, form: {"training_class": found, **form.cleaned_data},
    "教材已列入。",
)
add_teacher = _with_form(
    services.add_teacher,
    lambda request, found: forms.TeacherForm(request.POST),
    lambda found, form: {"organisation": found.provider, **form.cleaned_data},
    "教师已登记，可以排课了。",
)


@page(services.change_session.declaration, access=subject(selectors.session))
@require_http_methods(["GET", "POST"])
def change_session(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Another day, time, teacher or content for one session."""
    session: ClassSession = request.subject
    found = selectors.training_class(city, session.training_class.pk)
    assert found is not None
    teachers = selectors.teachers_of(found.provider)
    if request.method == "GET":
        form = forms.SessionForm.of(session, teachers)
        return _form_page(
            request, form, found, "调整一次课", "改日期、时间、教师或内容；每天课时和教师时间会马上核对。"
        )
    return _filled(
        request,
        services.change_session,
        forms.SessionForm(request.POST, teachers=teachers),
        found,
        lambda _, form: {"session": session, **_session_arguments(found, form)},
        "课次已调整。",
    )


def _plan_url(of: Any) -> str:
    return class_url(of.training_class) + "#plan"


remove_session = act_view(
    services.remove_session, fetch=selectors.session, argument="session", say="已从课程表移除。", back=_plan_url
)
remove_textbook = act_view(
    services.remove_textbook,
    fetch=selectors.textbook,
    argument="textbook",
    say="教材已从清单移除。",
    back=lambda textbook: class_url(textbook.training_class) + "#textbooks",
)
