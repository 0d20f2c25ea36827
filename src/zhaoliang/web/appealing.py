"""Filing an appeal, the same on the phone and on the provider's desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.subsidies import services
from zhaoliang.subsidies.appeals import appeals_of, remedy, window
from zhaoliang.subsidies.models import Appeal, ClaimLine
from zhaoliang.subsidies.selectors import line_view
from zhaoliang.web.acting import given, refused
from zhaoliang.web.components import toasts
from zhaoliang.web.components.forms import PlainForm


class AppealForm(PlainForm):
    """Why the refusal is wrong, and one paper that shows it."""

    text = forms.CharField(
        label="申诉理由",
        min_length=4,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="写明哪一项事实或条款认定有误，凭什么；4 到 500 个字。",
    )
    file = forms.FileField(label="证明材料", required=False, help_text="可以不交；一个文件，8 MB 以内。")


@dataclass(frozen=True)
class Standing:
    """What can be done about a refused line: its last day, and the appeals filed so far, oldest first."""

    last_day: date | None
    from_day: date | None
    verified: bool
    clause: str
    may_file: bool
    over: bool
    filed: tuple[Appeal, ...]

    @property
    def lost(self) -> Appeal | None:
        """The appeal that was turned down last, for which the law knows another way."""
        return self.filed[-1] if self.filed and self.filed[-1].state == "rejected" else None


def standing(line: ClaimLine, at: datetime) -> Standing:
    """Whether and until when the line can be appealed against."""
    filed = tuple(appeals_of(line.city_code, [line.pk]).get(line.pk, ()))
    found = window(line)
    clock = found.deadline if found else None
    over = found is not None and not found.open_on(chinese_day(at))
    verified = clock is not None and clock.citation.verified
    fresh = found is not None and all(one.refused_change != found.change_id for one in filed)
    return Standing(
        last_day=clock.last_day if clock else None,
        from_day=found.from_day if found else None,
        verified=verified,
        clause=str(clock.citation) if clock else "",
        may_file=fresh and not (over and verified),
        over=over,
        filed=filed,
    )


def appeal_page(
    request: Any, line: ClaimLine, *, template: str, back: str, context: dict[str, Any] | None = None
) -> HttpResponse:
    """The form of an appeal; sent, it files it and leads `back`."""
    form = AppealForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            services.file_appeal(
                **given(request),
                line=line,
                reason=form.cleaned_data["text"],
                file_name=file.name if file else "",
                content=file.read() if file else b"",
            )
        except Refusal as problem:
            if not problem.fields:
                return refused(request, problem, back)
            for name, message in problem.fields.items():
                form.add_error({"reason": "text"}.get(name, name), message)
        else:
            toasts.say(request, "申诉已提交，由没有经手过这份申领的人决定，结果会发消息告诉您。")
            return redirect(back)
    shown = {
        "form": form,
        "line": line,
        "view": line_view(line),
        "standing": standing(line, request.at),
        "remedy": remedy(),
        "back": back,
        **(context or {}),
    }
    return render(request, template, shown, status=422 if form.errors else 200)
