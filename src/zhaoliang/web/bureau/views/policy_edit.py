"""Changing a draft: figures and days, tables as grids or workbooks, the whole text."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.enactments import excel, perms, selectors, services
from zhaoliang.enactments.checking import Checked, text_days
from zhaoliang.enactments.editing import figures as editing
from zhaoliang.enactments.editing import tables as tabling
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.policy import PolicyError, PolicyFileError
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, refused, subject
from zhaoliang.web.bureau import forms, lawforms
from zhaoliang.web.bureau.desk import DeskRequest
from zhaoliang.web.bureau.lawmaking import draft_url, head
from zhaoliang.web.components import toasts
from zhaoliang.web.paging import PLACES, part

ROWS_A_PAGE = 40
CELL, FIGURE = "cell:", "figure:"


def _revision(request: DeskRequest) -> int:
    """The revision that the form was made from; 0 (nobody's) when the form does not say."""
    said = request.POST.get("revision", "")
    return int(said) if said.isdigit() and len(said) < 9 else 0


def _typed(request: DeskRequest, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): str(text) for name, text in request.POST.items() if name.startswith(prefix)}


@page(perms.DRAFTS, act=services.set_figures.declaration, access=subject(selectors.draft))
@require_http_methods(["GET", "POST"])
def policy_figures(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The figures and days of a draft as one form; each with its unit in words and its clause."""
    found: PolicyDraft = request.subject
    problems: dict[str, str] = {}
    problem: Refusal | None = None
    typed = _typed(request, FIGURE)
    start, end = text_days(found.content)
    days = lawforms.Days(request.POST or None, initial={"valid_from": start, "valid_to": end})
    if request.method == "POST" and days.is_valid():
        try:
            services.set_figures(
                **given(request), draft=found, revision=_revision(request), typed=typed, **days.cleaned_data
            )
        except Refusal as refusal:
            problems, problem = refusal.fields, refusal
        else:
            toasts.say(request, "已保存为新的一稿。")
            return redirect(draft_url(found, "policy_figures"))
    try:
        held = editing.figures(editing.tree_of(found.content))
    except PolicyError as unreadable:
        return _unreadable(request, found, "policy_figures", unreadable)
    clauses = _clauses(found)
    rows = [(one, typed.get(one.key, one.shown), problems.get(one.key, ""), _cited(one.cite, clauses)) for one in held]
    context = head(request, found, "policy_figures") | {
        "parameters": [row for row in rows if row[0].part == "parameter"],
        "clocks": [row for row in rows if row[0].part == "clock"],
        "days": days,
        "refusal": problem,
    }
    failed = problem is not None or bool(days.errors)
    return render(request, "bureau/policy_figures.html", context, status=422 if failed else 200)


def _clauses(found: PolicyDraft) -> dict[str, str]:
    """The clauses of the draft as they are cited: 第十一条, by their id."""
    held = editing.tree_of(found.content).data.get("clauses")
    own = held if isinstance(held, dict) else {}
    return {str(name): str(entry.get("ref", name)) for name, entry in own.items() if isinstance(entry, dict)}


def _cited(cite: str, clauses: dict[str, str]) -> str:
    """A clause for people: 第十一条 of the draft, or another document by its name."""
    if "#" not in cite:
        return clauses.get(cite, cite)
    try:
        return str(lawbook().citation(cite))
    except PolicyError:
        return cite


def _unreadable(request: DeskRequest, found: PolicyDraft, tab: str, problem: PolicyError) -> HttpResponse:
    """In place of a form: the text cannot be read, and where it can be mended."""
    faults = problem.problems if isinstance(problem, PolicyFileError) else ()
    told = [(one.line or 1, one.problem, one.clause) for one in faults] or [(1, str(problem), "")]
    return render(request, "bureau/policy_unreadable.html", head(request, found, tab) | {"faults": told}, status=422)


def _versions(found: PolicyDraft) -> list[tabling.TableVersion]:
    """The tables that a class from the draft's first day on may be worked out by; older versions stay in the text."""
    held = tabling.table_versions(found.content, found.tables, lawbook().facts_for(found.region_id))
    first = {
        one.table: max(
            (other.since or date.min for other in held if other.table == one.table and _begun(other, found)),
            default=date.min,
        )
        for one in held
    }
    return [one for one in held if (one.since or date.min) >= first[one.table]]


def _begun(version: tabling.TableVersion, found: PolicyDraft) -> bool:
    return version.since is None or version.since <= found.valid_from


def _version(request: DeskRequest, found: PolicyDraft) -> tabling.TableVersion:
    """The table named in the address, else the first one. Raises NotFound."""
    held = _versions(found)
    name, index = request.GET.get("table", ""), request.GET.get("index", "0")
    asked = [one for one in held if (one.table, str(one.index)) == (name, index)]
    chosen = asked if name else held
    if not chosen:
        raise NotFound("没有这张表。", "文本里没有它，或它的写法不能用表单改。", "请从标准表页进入，或在“全文”里改。")
    return chosen[0]


def table_url(found: PolicyDraft, version: tabling.TableVersion, name: str = "policy_tables", **more: str) -> str:
    query = {"table": version.table, "index": version.index, **{key: value for key, value in more.items() if value}}
    return f"{draft_url(found, name)}?{urlencode(query)}"


@page(perms.DRAFTS, act=services.set_cells.declaration, access=subject(selectors.draft))
@require_http_methods(["GET", "POST"])
def policy_tables(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A table of the draft as a grid: the last key across, the others down; long ones by pages, or by Excel."""
    found: PolicyDraft = request.subject
    try:
        held = _versions(found)
    except PolicyError as unreadable:
        return _unreadable(request, found, "policy_tables", unreadable)
    if not held:
        return render(request, "bureau/policy_tables.html", head(request, found, "policy_tables"))
    version = _version(request, found)
    typed = _typed(request, CELL)
    problem: Refusal | None = None
    text = request.GET.get("text", "").strip()
    place = {name: request.GET.get(name, "") for name in PLACES}
    if request.method == "POST":
        try:
            services.set_cells(
                **given(request),
                draft=found,
                revision=_revision(request),
                table=version.table,
                index=version.index,
                typed=typed,
            )
        except Refusal as refusal:
            problem = refusal
        else:
            toasts.say(request, "已保存为新的一稿。")
            return redirect(table_url(found, version, text=text, **place))
    context = head(request, found, "policy_tables") | _grid(request, version, typed, problem, text)
    context |= {
        "choices": [(one, table_url(found, one), one == version) for one in held],
        "upload": lawforms.TableUpload(),
        "refusal": problem,
    }
    return render(request, "bureau/policy_tables.html", context, status=422 if problem else 200)


def _grid(
    request: DeskRequest,
    version: tabling.TableVersion,
    typed: dict[str, str],
    problem: Refusal | None,
    text: str,
) -> dict[str, Any]:
    """One page of the grid, with what was typed and what is wrong with it."""
    names = _names(version)
    columns = version.column_codes
    wrong = problem.fields if problem else {}
    rows = []
    for keys in version.rows:
        words = [names.get(code) or key.word(code) for key, code in zip(version.keys, keys, strict=False)]
        if text and not any(text in word for word in (*words, *keys)):
            continue
        cells = []
        for code in columns:
            key = "/".join((*keys, code))
            value = typed.get(key, version.cells.get((*keys, code), ""))
            cells.append((f"{CELL}{key}", value, wrong.get(key, ""), version.keys[-1].word(code)))
        rows.append((list(zip(keys, words, strict=True)), cells))
    held = part(request, rows, ROWS_A_PAGE)
    return {
        "version": version,
        "row_keys": version.keys[:-1],
        "columns": [(code, version.keys[-1].word(code)) for code in columns],
        "rows": held,
        "text": text,
        "large": len(version.rows) > ROWS_A_PAGE,
        "excel_url": table_url(request.subject, version, "policy_table_file"),
        "import_url": table_url(request.subject, version, "policy_table_import"),
    }


def _names(version: tabling.TableVersion) -> dict[str, str]:
    """Words for the codes no list knows: the occupations."""
    codes = {code for keys in version.cells for key, code in zip(version.keys, keys, strict=True) if not key.codes}
    return registry.occupation_names(sorted(codes)) if codes else {}


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_table_file(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """A table of the draft as .xlsx, to be filled in and given back."""
    found: PolicyDraft = request.subject
    version = _version(request, found)
    answer = HttpResponse(
        excel.workbook(version, found.title, _names(version)),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(version.says)}.xlsx"
    return answer


@page(services.import_table.declaration, access=subject(selectors.draft))
@require_POST
def policy_table_import(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Take a table over from a workbook; nothing of it where anything is wrong, each fault by its cell."""
    found: PolicyDraft = request.subject
    version = _version(request, found)
    form = lawforms.TableUpload(request.POST, request.FILES)
    findings: list[excel.Finding] = []
    if form.is_valid():
        try:
            read = services.import_table(
                **given(request),
                draft=found,
                revision=_revision(request),
                table=version.table,
                index=version.index,
                content=form.cleaned_data["file"].read(),
            )
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            if not read.findings:
                toasts.say(request, f"已导入：改 {read.changed} 格、增 {read.added} 格、减 {read.removed} 格。")
                return redirect(table_url(found, version))
            findings = read.findings
    context = head(request, found, "policy_tables") | {
        "version": version,
        "form": form,
        "findings": findings,
        "back": table_url(found, version),
    }
    return render(request, "bureau/policy_import.html", context, status=422)


@page(perms.DRAFTS, act=services.replace_text.declaration, access=subject(selectors.draft))
@require_http_methods(["GET", "POST"])
def policy_text(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The whole text with the places that the last check found fault with."""
    found: PolicyDraft = request.subject
    form = lawforms.TextForm(request.POST or None, initial={"content": found.content})
    problem: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            services.replace_text(
                **given(request), draft=found, revision=_revision(request), content=form.cleaned_data["content"]
            )
        except Refusal as refusal:
            problem = refusal
        else:
            toasts.say(request, "已保存为新的一稿。请检查。")
            return redirect(draft_url(found, "policy_text"))
    checked = Checked.from_json(found.checked)
    lines = found.content.splitlines()
    faults = [(one, lines[one.line - 1] if 0 < one.line <= len(lines) else "") for one in checked.findings if one.line]
    context = head(request, found, "policy_text") | {
        "form": form,
        "refusal": problem,
        "faults": faults,
        "lines": _numbered(lines, {one.line: one for one, _ in faults}),
    }
    return render(request, "bureau/policy_text.html", context, status=422 if problem or form.errors else 200)


def _numbered(lines: list[str], faults: dict[int, Any]) -> list[tuple[int, str, Any]]:
    return [(number, line, faults.get(number)) for number, line in enumerate(lines, 1)]


@page(services.record_decision.declaration, access=subject(selectors.draft))
@require_POST
def policy_decision(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Record who decided that a rule by hukou or residence binds all the same."""
    found: PolicyDraft = request.subject
    form = lawforms.DecisionForm(request.POST)
    back = draft_url(found, "policy_check")
    said: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    try:
        services.record_decision(
            **given(request),
            draft=found,
            revision=_revision(request),
            rule_id=request.POST.get("rule", ""),
            by=said.get("by", ""),
            number=said.get("number", ""),
            on=said.get("on") or date.min,
            text=said.get("text", ""),
        )
    except Refusal as problem:
        return refused(request, problem, back)
    toasts.say(request, "决定已写入文本，请重新检查。")
    return redirect(back)
