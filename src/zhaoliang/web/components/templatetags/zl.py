"""`{% load zl %}`: everything a page needs from the design system. Examples: docs/design-system.md."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Form
from django.forms.widgets import CheckboxSelectMultiple, FileInput, RadioSelect, Select, Textarea
from django.http import QueryDict
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from zhaoliang.kernel import masking
from zhaoliang.kernel.models import Job
from zhaoliang.kernel.states import Machine
from zhaoliang.web.components import assets, formats
from zhaoliang.web.components.jobs import job_context
from zhaoliang.web.components.parts import Step, clause_view
from zhaoliang.web.components.parts import steps as steps_of
from zhaoliang.web.components.toasts import UNDO_PREFIX
from zhaoliang.web.components.tones import OUTCOMES, TONES
from zhaoliang.web.paging import END, PLACES, Part

register = template.Library()
ICONS = Path(__file__).resolve().parents[1] / "templates" / "components" / "icons"


# Files of the front end


@register.simple_tag
def vite_asset(entry: str) -> SafeString:
    """`<link>`/`<script>` of a built entry. Without a build the page still renders, and `build_notice` says what to run."""
    if not assets.built():
        return format_html('<meta name="zl-build" content="missing: {}">', entry)
    bundle = assets.bundle(entry)
    tags = [format_html('<link rel="stylesheet" href="{}">', static(path)) for path in bundle.styles]
    tags += [format_html('<link rel="modulepreload" href="{}">', static(path)) for path in bundle.preloads]
    tags += [format_html('<script type="module" src="{}"></script>', static(path)) for path in bundle.scripts]
    return format_html_join("\n", "{}", ((tag,) for tag in tags))


@register.simple_tag
def build_notice() -> SafeString:
    """A visible line when the front end was never built; nothing otherwise."""
    if assets.built():
        return SafeString("")
    return format_html(
        "<p role='alert'>{}</p>", "页面样式还没有构建。请在 frontend/ 下运行 npm ci && npm run build，然后刷新。"
    )


# Filters


def _or_dash(function: Callable[[Any], str]) -> Callable[[Any], str]:
    def shown(value: Any) -> str:
        return "—" if value is None or value == "" else function(value)

    return shown


@register.filter
def fen(amount_fen: int | None) -> str:
    """Fen as `¥1,800.00`; a dash for nothing."""
    return _or_dash(formats.fen)(amount_fen)


@register.filter
def cn_date(value: date | None, form: str = "") -> str:
    """`2026年3月5日`; `|cn_date:"weekday"` adds （周四）."""
    return _or_dash(lambda day: formats.cn_date(day, weekday=form == "weekday"))(value)


@register.filter
def cn_datetime(value: datetime | None) -> str:
    """`2026年3月5日 08:30`, China's clock."""
    return _or_dash(formats.cn_datetime)(value)


@register.filter
def cn_month(value: str | None) -> str:
    """A month kept as `2026-03`: `2026年3月`."""
    return _or_dash(formats.cn_month)(value)


@register.filter
def cn_time(value: datetime | None) -> str:
    """`08:30`, China's clock."""
    return _or_dash(formats.cn_time)(value)


@register.filter
def count(value: int | None) -> str:
    """`1,204`."""
    return _or_dash(formats.count)(value)


@register.filter
def percent(value: Any, digits: int = 0) -> str:
    """A ratio as `87 %`, cut, never rounded up."""
    return _or_dash(lambda ratio: formats.percent(ratio, digits))(value)


@register.filter
def tenths(value: int) -> str:
    """A mark kept in tenths: 46 as `4.6`."""
    return f"{value // 10}.{value % 10}"


# Personal data


register.filter("mask_name", _or_dash(masking.mask_name))
register.filter("mask_id", _or_dash(masking.mask_id))
register.filter("mask_phone", _or_dash(masking.mask_phone))
register.filter("mask_card", _or_dash(masking.mask_card))


# Small parts


@lru_cache(maxsize=256)
def _icon_shape(name: str) -> SafeString:
    path = ICONS / f"{name}.svg"
    if not path.is_file():
        raise template.TemplateSyntaxError(f"no icon named {name!r}; see {ICONS.name}/")
    # The file is ours, committed beside the templates.
    return mark_safe(path.read_text("utf-8").strip())


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An inline icon; decorative unless `label` names it. Raises TemplateSyntaxError for an unknown name."""
    voice = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="0 0 24 24" {}>{}</svg>', voice, _icon_shape(name))


@register.simple_tag
def badge(word: Any, tone: str | None = None) -> SafeString:
    """A word with a tone: a text with ok|ask|no|info, or an outcome of a rule, whose word and tone are known."""
    code = str(getattr(word, "value", word))
    known, usual = OUTCOMES.get(code, (code, ""))
    text = str(getattr(word, "label", known))
    shade = usual if tone is None else tone
    if shade not in TONES:
        raise template.TemplateSyntaxError(f"badge tone {shade!r}: use ok, ask, no, info or nothing")
    return format_html('<span class="badge{}">{}</span>', f" badge-{shade}" if shade else "", text)


@register.simple_tag
def state_badge(machine: str, state: str) -> SafeString:
    """The badge of a state in the words and tone its machine declares; raises KeyError for an unknown machine or state."""
    declared = Machine.registry[machine]
    return badge(declared.states[state], declared.tones.get(state, ""))


@register.simple_tag
def money(amount_fen: int | None, sign: bool = False) -> SafeString:
    """An amount in fen, in the weight and figures of money."""
    if amount_fen is None:
        return SafeString('<span class="money">—</span>')
    return format_html('<data class="money" value="{}">{}</data>', amount_fen, formats.fen(amount_fen, sign=sign))


@register.simple_tag
def kbd(key: str) -> SafeString:
    """A key as printed on the keyboard."""
    return format_html('<kbd class="kbd">{}</kbd>', key)


@register.simple_tag
def idempotency_key() -> SafeString:
    """The hidden `key` of a form: new per rendering, so a double click or a re-sent page is one act."""
    return format_html('<input type="hidden" name="key" value="{}">', uuid.uuid4())


@register.inclusion_tag("components/progress.html")
def progress(
    value: int, maximum: int, label: str, tone: str = "", text: str = "", money: bool = False
) -> dict[str, Any]:
    """A bar with its sentence; tone "" | now | ok. `text` replaces “value / maximum”, `money` writes both (fen) as amounts."""
    write = formats.fen if money else formats.count
    text = text or f"{write(value)} / {write(maximum)}"
    return {"value": value, "maximum": maximum, "label": label, "tone": tone, "text": text}


@register.inclusion_tag("components/job_progress.html", takes_context=True)
def job_progress(context: template.Context, job: Job, then: str = "") -> dict[str, Any]:
    """How far a job is, asked for again until it ends; `then="refresh"` asks for the whole page again then."""
    request = context.get("request")
    part = job_context(job, getattr(request, "actor", None), then == "refresh")
    return part | {"csrf_token": context.get("csrf_token", "")}


@register.inclusion_tag("components/spine.html")
def spine(steps: Iterable[Any], now: int | None = None, label: str = "进度") -> dict[str, Any]:
    """Where a thing stands: `Step`s (or mappings with label, state, note, url), or plain labels with `now` = index in hand."""
    items = list(steps)
    if now is not None:
        items = list(steps_of([str(item) for item in items], now))
    shown = [Step(**item) if isinstance(item, dict) else item for item in items]
    return {"steps": shown, "label": label}


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[Any]) -> dict[str, Any]:
    """What happened and what comes: `parts.Event`s, oldest first."""
    return {"events": list(events)}


@register.inclusion_tag("components/citation.html")
def citation(clause: Any, text: str = "") -> dict[str, Any]:
    """A clause with its document number and words. Not inside `<p>`: it is a `<details>`."""
    view = clause_view(clause)
    return {"clause": view, "text": text or view.ref or view.short}


@register.simple_tag
def unchecked(steps: Any) -> SafeString:
    """The mark beside an amount when a step of it rests on a text nobody has confirmed; nothing otherwise."""
    shown = any(step.citation.verified is False for step in steps or ())
    return badge("标准未核", "ask") if shown else SafeString("")


@register.inclusion_tag("components/refusal.html")
def refusal(refused: Any, whom: str = "") -> dict[str, Any]:
    """What happened, why, what to do next, whom to ask: a `Refusal`, or anything with what, why, next_step, clause."""
    clause = getattr(refused, "clause", None)
    return {"refusal": refused, "clause": clause_view(clause) if clause else None, "whom": whom}


@register.inclusion_tag("components/empty_state.html")
def empty_state(
    title: str, text: str = "", action_url: str = "", action_label: str = "", icon_name: str = "inbox"
) -> dict[str, Any]:
    """Nothing here yet, and the first step."""
    return {"title": title, "text": text, "url": action_url, "action": action_label, "icon_name": icon_name}


@register.inclusion_tag("components/stat.html")
def stat(figure: Any, label: str, sentence: str = "") -> dict[str, Any]:
    """A figure, what it counts, and the sentence that makes it mean something."""
    return {"figure": figure, "label": label, "sentence": sentence}


@register.inclusion_tag("components/notice.html")
def notice(text: str, tone: str = "info", title: str = "") -> dict[str, Any]:
    """A remark on the page, not an answer to an act (that is `refusal`); tone info | ok | ask | no."""
    icons = {"info": "info", "ok": "ok", "ask": "ask", "no": "warning"}
    return {"text": text, "tone": tone, "title": title, "icon_name": icons[tone]}


# Forms


@register.simple_tag
def field(bound: BoundField, optional: bool | None = None) -> SafeString:
    """Label, control, help and its own errors, tied together for screen readers; 选填 unless required or `optional=False`.

    Radio buttons of which one is chosen from the start need no 选填: they cannot be left out.
    """
    widget = bound.field.widget
    chosen = type(widget) is RadioSelect and bound.initial not in (None, "")
    group = isinstance(widget, (RadioSelect, CheckboxSelectMultiple))
    lone_box = isinstance(widget, CheckboxInput)
    described = [f"{bound.auto_id}_help"] if bound.help_text else []
    described += [f"{bound.auto_id}_error"] if bound.errors else []
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if not group:
        kinds = ((Textarea, "textarea"), (FileInput, "file-input"), (Select, "select"), (CheckboxInput, "checkbox"))
        css = next((name for kind, name in kinds if isinstance(widget, kind)), "input")
        attrs["class"] = f"{widget.attrs.get('class', '')} {css}".strip()
    context: dict[str, Any] = {
        "bound": bound,
        "control": "" if group else bound.as_widget(attrs=attrs),
        "options": _options(bound, attrs) if group else [],
        "group": group,
        "lone_box": lone_box,
        "optional": not (bound.field.required or chosen) if optional is None else optional,
        "hidden": bound.is_hidden,
        "described": " ".join(described),
    }
    return render_to_string("components/field.html", context)


def _options(bound: BoundField, attrs: dict[str, str | bool]) -> list[tuple[SafeString, str]]:
    # Django derives the many-choice widget from the one-choice widget.
    many = isinstance(bound.field.widget, CheckboxSelectMultiple)
    css = "checkbox" if many else "radio"
    invalid = {"aria-invalid": "true"} if "aria-invalid" in attrs else {}
    options = []
    for option in bound.subwidgets:
        option.data["attrs"] = {**option.data["attrs"], **invalid, "class": css}
        options.append((option.tag(), str(option.choice_label)))
    return options


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: Form) -> dict[str, Any]:
    """What stopped the form, at its head: each line leads to its field. The page opens there, also below a long list.

    A form with a field that takes the focus by itself (a code reader types into it) keeps it.
    """
    lines = []
    for name, errors in form.errors.items():
        target = form[name].auto_id if name in form.fields else ""
        label = str(form[name].label) if name in form.fields else ""
        if name in form.fields and isinstance(form.fields[name].widget, CheckboxInput):
            label = ""
        lines += [(target, "" if label in str(error) else label, str(error)) for error in errors]
    own = any("autofocus" in one.widget.attrs for one in form.fields.values())
    return {"lines": lines, "focus": not own}


@register.inclusion_tag("components/fields.html")
def fields(form: Form) -> dict[str, Any]:
    """All visible fields of a form in order, with its error summary and hidden fields."""
    return {"form": form}


# Tables


@register.simple_tag(takes_context=True)
def sort_link(context: template.Context, key: str, label: str, param: str = "sort") -> SafeString:
    """The head of a sortable column: `?sort=key`, again `?sort=-key`; other filters stay in the address, the page starts over."""
    query = _elsewhere(context)
    chosen = query.get(param, "")
    query[param] = f"-{key}" if chosen == key else key
    name = "down" if chosen == f"-{key}" else "up" if chosen == key else "sort"
    # An `aria-sort` would have to sit on the <th>, which is the page's: the word says it to screen readers.
    word = {"down": "，现为从高到低", "up": "，现为从低到高", "sort": "，点此排序"}[name]
    return format_html(
        '<a class="sort{}" href="?{}">{}{}<span class="sr-only">{}</span></a>',
        "" if name == "sort" else " sort-on",
        query.urlencode(),
        label,
        icon(name),
        word,
    )


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Part, unit: str = "条") -> dict[str, Any]:
    """Ways to the other pages of a list; filters stay in the address."""
    query = _elsewhere(context)

    def at(**place: str) -> str:
        there = query.copy()
        there.update(place)
        return f"?{there.urlencode()}"

    return {
        "page": page,
        "unit": unit,
        "first": at() if page.before else "",
        "previous": at(before=page.before) if page.before else "",
        "next": at(after=page.after) if page.after else "",
        "last": at(before=END) if page.after else "",
    }


def _elsewhere(context: template.Context) -> QueryDict:
    """The address's choices without the place in the list."""
    query = context["request"].GET.copy()
    for name in PLACES:
        query.pop(name, None)
    return query


@register.simple_tag(takes_context=True)
def export_link(context: template.Context, url: str, label: str = "导出 Excel") -> SafeString:
    """A download with the same filters as the page."""
    query = _elsewhere(context)
    target = f"{url}?{query.urlencode()}" if query else url
    return format_html('<a class="btn btn-outline" href="{}" download>{} {}</a>', target, icon("download"), label)


# Layout


WORKER_TABS = (
    ("find", "找培训", "search", "worker:find"),
    ("vouchers", "我的券", "voucher", "worker:vouchers"),
    ("classes", "上课", "class", "worker:classes"),
    ("me", "我的", "me", "worker:me"),
)


@register.inclusion_tag("components/worker_tabs.html", takes_context=True)
def worker_tabs(context: template.Context) -> dict[str, Any]:
    """The four tabs of a worker's phone; the current one is `tab` in the context (find, vouchers, classes, me)."""
    current = context.get("tab", "")
    tabs = []
    for key, label, icon_name, url_name in WORKER_TABS:
        try:
            url = reverse(url_name)
        except NoReverseMatch:
            url = "#"
        tabs.append({"label": label, "icon": icon_name, "url": url, "current": key == current})
    return {"tabs": tabs}


@register.inclusion_tag("components/display_switch.html", takes_context=True)
def display_switch(context: template.Context) -> dict[str, Any]:
    """The 大字版 switch: a form that works without JavaScript."""
    request = context.get("request")
    return {
        "request": request,
        "csrf_token": context.get("csrf_token", ""),
        "large": is_large(context),
        "here": request.get_full_path() if request is not None else "/",
    }


@register.simple_tag(takes_context=True)
def is_large(context: template.Context) -> bool:
    """Whether this browser asked for the large type (cookie `zl_large`)."""
    request = context.get("request")
    return request is not None and request.COOKIES.get("zl_large") == "1"


@register.inclusion_tag("components/toasts.html", takes_context=True)
def toasts(context: template.Context) -> dict[str, Any]:
    """Messages of the last act, each with its undo if it has one."""
    items = []
    for message in context.get("messages") or ():
        tags = message.extra_tags or ""
        undo = tags.removeprefix(UNDO_PREFIX) if tags.startswith(UNDO_PREFIX) else ""
        items.append({"text": str(message), "undo": undo})
    return {"items": items, "csrf_token": context.get("csrf_token", "")}
