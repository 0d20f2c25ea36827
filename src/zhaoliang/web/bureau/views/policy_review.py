"""Reading a draft critically: what the check found, what it changes clause by clause, what it would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from zhaoliang.enactments import excel, perms, selectors, services
from zhaoliang.enactments.checking import OUTCOMES, Checked
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.simulation import LineResult, Simulated
from zhaoliang.enactments.tasks import what_if
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.jobs.selectors import job_to_show
from zhaoliang.payments.perms import TRACE
from zhaoliang.policy.differences import PARTS, marked
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.selectors import region_names
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, refused, subject
from zhaoliang.web.bureau.desk import DeskRequest, desk_of
from zhaoliang.web.bureau.lawmaking import bars, buttons, draft_url, head, with_occupations
from zhaoliang.web.components import formats, toasts

DIMENSIONS = (("group", "按人员类别"), ("region", "按地区"), ("level", "按技能等级"))
MOST_CHANGES = 20


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_check(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What the last check found: faults with their place, scenarios with their answers, conditions by residence."""
    found: PolicyDraft = request.subject
    checked = Checked.from_json(found.checked)
    failing = [one for one in checked.scenarios if not one.ok]
    context = head(request, found, "policy_check") | {
        "checked": checked if found.checked else None,
        "hukou": [one for one in checked.departures if one.rule_id],
        "departures": [one for one in checked.departures if not one.rule_id],
        "errors": checked.errors,
        "others": [one for one in checked.findings if one.severity != "error"],
        "warnings": sum(one.severity == "warning" for one in checked.findings),
        "notes": sum(one.severity == "note" for one in checked.findings),
        "read": _read(checked.counts),
        "failing": failing,
        "shifted": sum(one.as_now for one in failing),
        "passing": [one for one in checked.scenarios if one.ok],
        "buttons": [one for one in buttons(request, found) if one.look == "btn-primary"],
    }
    return render(request, "bureau/policy_check.html", context)


def _read(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """What the check has read, in words; nothing for a text that could not be read or was checked before this was kept."""
    if not counts:
        return []
    figures = counts["参数"] + counts["标准表数值"]
    return [
        ("条款", f"{counts['条款']} 条" + (f"，{counts['未核实条款']} 条未核实" if counts["未核实条款"] else "")),
        ("规则和金额", f"{counts['规则']} 条规则，{counts['金额']} 项金额"),
        ("数值", f"{figures:,} 个，类型和单位都对得上"),
        ("依据", _cited(counts)),
        ("情形", f"{counts['情形相符']} / {counts['情形']} 个相符"),
    ]


def _cited(counts: Mapping[str, int]) -> str:
    """How many of the citations lead to a clause, and to one that was seen; a check of an earlier release counted neither."""
    cites, found = counts["引用"], counts.get("引用有条款")
    if not cites or found is None:
        return f"{cites} 处"
    doubted = f"，{counts['引用未核实']} 处的条款未核实" if counts["引用未核实"] else ""
    return f"{cites} 处，{formats.percent(Fraction(found, cites))} 查得到条款{doubted}"


@page(services.adopt_results.declaration, access=subject(selectors.draft))
@require_POST
def policy_adopt(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """Let the chosen scenarios expect what they got."""
    found: PolicyDraft = request.subject
    said = request.POST.get("revision", "")
    try:
        services.adopt_results(
            **given(request),
            draft=found,
            revision=int(said) if said.isdigit() and len(said) < 9 else 0,
            indexes=[int(one) for one in request.POST.getlist("scenario") if one.isdigit() and len(one) < 9],
        )
    except Refusal as problem:
        return refused(request, problem, draft_url(found, "policy_check"))
    toasts.say(request, "已写入新的预期。请重新检查。")
    return redirect(draft_url(found, "policy_check"))


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_difference(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What the draft changes against the text it was begun from: by clause and figure, and line by line."""
    found: PolicyDraft = request.subject
    changed = with_occupations(selectors.changes(found))
    groups: dict[str, list[Any]] = {}
    for one in changed or ():
        groups.setdefault(PARTS[one.part], []).append((one, marked(one.before, one.after)))
    context = head(request, found, "policy_difference") | {
        "base": selectors.base_of(found),
        "changed": changed,
        "groups": groups,
        "lines": selectors.text_changes(found),
    }
    return render(request, "bureau/policy_difference.html", context)


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_whatif(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """What the draft would have cost on past claims: who gains, who loses, who is newly refused, and by which clause."""
    found: PolicyDraft = request.subject
    job = job_to_show(what_if, found)
    waits = job is not None and job.is_open
    context = head(request, found, "policy_whatif") | {
        "buttons": [] if waits else [one for one in buttons(request, found) if one.look == "btn-primary"],
        "result": None,
        "job": job,
        "waits": waits,
    }
    if found.simulated:
        stored = {key: value for key, value in found.simulated.items() if key not in ("revision", "at")}
        result = Simulated.from_json(stored)
        context |= {
            "result": result,
            "total": bars([result.total])[0],
            "sentence": _sentence(result),
            "dimensions": [(label, bars(result.by[key])) for key, label in DIMENSIONS],
            "changes": [(one, _whose(one)) for one in selectors.simulated_lines(found) if one.moved][:MOST_CHANGES],
            # A text of a province or of the nation is tried on the lines of many cities.
            "traced": found.city_code == desk_of(request).city_code and TRACE.allows(request.actor, found.access()),
        }
    return render(request, "bureau/policy_whatif.html", context)


def _whose(line: LineResult) -> str:
    """Whose line it is, without a name: the group and the level in words."""
    codes = lawbook().facts.codes
    return " · ".join(
        codes[name].get(code, code) for name, code in (("group", line.group), ("level", line.level)) if code
    )


def _sentence(result: Simulated) -> str:
    """The what-if as people say it."""
    total = result.total
    if not total.lines:
        return "本地区还没有作出过决定的申领，没有可以试算的历史。"
    change = total.after_fen - total.before_fen
    if change == 0 and not total.winners and not total.losers and not result.refused:
        return f"过去 {formats.count(total.lines)} 条申领按新规定重算，没有一条变化。"
    share = f"（{formats.percent(Fraction(abs(change), total.before_fen), 1)}）" if total.before_fen else ""
    word = "多支出" if change > 0 else "少支出" if change < 0 else "总支出不变"
    amount = f" {formats.fen(abs(change))}{share}" if change else ""
    parts = [f"过去 {formats.count(total.lines)} 条申领按新规定重算，{word}{amount}"]
    parts.append(f"{formats.count(total.winners)} 条增加，{formats.count(total.losers)} 条减少")
    if total.untold:
        parts.append(f"{formats.count(total.untold)} 条要人工判断，没有计入")
    refused_lines = sum(one.lines for one in result.refused if one.outcome == "fail")
    if refused_lines:
        parts.append(f"{formats.count(refused_lines)} 条由可补变为不补")
    return "；".join(parts) + "。"


def _yuan(amount_fen: int | None) -> Fraction | None:
    return None if amount_fen is None else Fraction(amount_fen, 100)


@page(perms.DRAFTS, access=subject(selectors.draft))
@require_GET
def policy_whatif_export(request: DeskRequest, city: int, pk: int) -> HttpResponse:
    """The what-if line by line as .xlsx; lines by number, no names."""
    found: PolicyDraft = request.subject
    groups, levels = (lawbook().facts.codes[name] for name in ("group", "level"))
    lines = selectors.simulated_lines(found)
    regions = region_names(line.region_code for line in lines)
    rows = [
        (
            line.line_id,
            regions.get(line.region_code, line.region_code),
            groups.get(line.group, line.group),
            levels.get(line.level, line.level),
            OUTCOMES.get(line.before, line.before),
            _yuan(line.before_fen),
            OUTCOMES.get(line.after, line.after),
            _yuan(line.after_fen),
            _yuan(line.change_fen),
            line.says,
            line.clause,
        )
        for line in lines
    ]
    columns = (
        "申领明细",
        "地区",
        "人员类别",
        "等级",
        "现行结论",
        "现行金额（元）",
        "新结论",
        "新金额（元）",
        "变化（元）",
        "原因",
        "条款",
    )
    answer = HttpResponse(
        excel.simulation_workbook(columns, rows),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(f'试算-{found.title}')}.xlsx"
    answer["Cache-Control"] = "no-store"
    return answer
