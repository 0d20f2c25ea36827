"""A subsidy that must be given back: why, how much, until when, and the answer to it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.roles import Access
from zhaoliang.recoveries import perms, selectors
from zhaoliang.recoveries.services import reply
from zhaoliang.web.access import page
from zhaoliang.web.acting import given
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.recovering import case_context


class ReplyForm(PlainForm):
    """What the payee says to it."""

    text = forms.CharField(label="您的回复", max_length=1000, widget=forms.Textarea(attrs={"rows": 4}))


def _access(request: ActorRequest, city: int, pk: int) -> Access | None:
    return selectors.recovery_case(city, pk).access()


@page(perms.CASE, act=reply.declaration, access=_access)
def recovery(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One case of mine, and my answer."""
    shown = selectors.case_page(city, pk)
    if shown.case.organisation_id is not None or shown.case.person_id != request.actor.person_id:
        raise NotFound("没有这件事。", "它不在您名下。", "请从消息里打开。")
    form = ReplyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reply(**given(request), case=shown.case, **form.cleaned_data)
        except Refusal as problem:
            form.add_error("text" if problem.fields else None, problem.why)
        else:
            toasts.say(request, "回复已送达经办部门。")
            return redirect(reverse("worker:recovery", args=[city, pk]))
    context = {"tab": "me", "form": form, **case_context(shown, request.at)}
    return render(request, "worker/recovery.html", context, status=422 if form.errors else 200)
