"""Whole texts: the next version of one in force, one that ends another, an empty one; and its dates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from zhaoliang.enactments.editing.figures import tree_of
from zhaoliang.enactments.editing.spans import Span, Spans, splice, with_entry
from zhaoliang.policy import kept
from zhaoliang.policy.model import RULE_PARTS

NATION = 100000


def jurisdiction(region_code: int) -> str:
    """The folder of a region: 100000 → cn, 120000 → cn-12, 370900 → cn-37-09."""
    if region_code == NATION:
        return "cn"
    digits = f"{region_code:06d}"
    parts = [digits[0:2], digits[2:4], digits[4:6]]
    while parts and parts[-1] == "00":
        parts.pop()
    return "-".join(["cn", *parts])


def path_of(document_id: str, start: date) -> str:
    """Where a version stands in the library: `cn-12/jinrenshe-2022-20/2027-01-01.yaml`."""
    return f"{document_id}/{start.isoformat()}.yaml"


def set_dates(content: str, start: date, end: date | None) -> str:
    """The text with its days in force, and its scenarios moved to days on which it binds."""
    spans = Spans(content)
    held = spans.at("document", "in_force")
    days = f"{{from: {start.isoformat()}{f', to: {end.isoformat()}' if end else ''}}}"
    changed = splice(content, [(held, days)]) if held is not None else content
    return _moved_scenarios(changed, start, end)


def _moved_scenarios(content: str, start: date, end: date | None) -> str:
    """A scenario proves the version that binds on its day, so those of the version before are asked of this one.

    Day, class and earlier grants move by the same number of years, so that what was in one calendar year stays in one; where
    no such day lies in force, the day is the first.
    """
    spans, data = Spans(content), tree_of(content).data
    changes: dict[int, tuple[Span, str]] = {}
    scenarios = data.get("scenarios")
    for index, entry in enumerate(scenarios if isinstance(scenarios, list) else []):
        given = entry.get("given") if isinstance(entry.get("given"), dict) else {}
        on = entry.get("on")
        if not (isinstance(on, date) and on < start):
            continue
        years = start.year - on.year + (_later(on, start.year - on.year) < start)
        within = end is None or _later(on, years) <= end
        grants = given.get("history")
        dated: list[tuple[tuple[str | int, ...], object]] = [
            (("on",), on),
            (("given", "class_start"), given.get("class_start")),
            *(
                (("given", "history", place, "on"), grant.get("on"))
                for place, grant in enumerate(grants if isinstance(grants, list) else [])
                if isinstance(grant, dict)
            ),
        ]
        for path, value in dated:
            span = spans.at("scenarios", index, *path)
            if not isinstance(value, date) or span is None or span.kind != "scalar":
                continue
            moved = _later(value, years) if within else value if "history" in path else start
            # A day that several scenarios share (a YAML anchor) moves once, by the first of them.
            changes.setdefault(span.start, (span, moved.isoformat()))
    return splice(content, changes.values())


def _later(day: date, years: int) -> date:
    """The same day so many years on; 28 February for a 29th that the year has not."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def scalar(text: str) -> str:
    """A text as a YAML scalar that cannot be read as anything else."""
    return json.dumps(text, ensure_ascii=False)


def blank_text(
    *,
    document_id: str,
    region_code: int,
    title: str,
    number: str,
    issuers: list[str],
    start: date,
    clause: str,
    repealed: str = "",
) -> str:
    """A new document with its head and its first clause; `repealed` stops binding on its first day."""
    return "\n".join(
        [
            "document:",
            f"  id: {document_id}",
            f"  title: {scalar(title)}",
            f"  number: {scalar(number)}",
            f"  issuers: [{', '.join(scalar(one) for one in issuers)}]",
            f"  in_force: {{from: {start.isoformat()}}}",
            f"  region: {region_code}",
            *([f"  repeals: [{repealed}]"] if repealed else []),
            "",
            "clauses:",
            f'  "1": {{ref: 第一条, text: {scalar(clause)}, verified: true, source: 本平台起草，以正式印发文本为准}}',
            "",
        ]
    )


def adopt_results(content: str, wanted: Mapping[int, Mapping[str, Any]]) -> str:
    """The text with the expected answers of some of its scenarios (by their place) replaced."""
    spans = Spans(content)
    changes = []
    for index, expect in wanted.items():
        span = spans.at("scenarios", index, "expect")
        parts = [f"{name}: {_flow(value)}" for name, value in expect.items()]
        changes += [(span, f"{{{', '.join(parts)}}}")] if span is not None else []
    return splice(content, changes)


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(one) for one in value)}]"
    if value is None:
        return "null"
    if isinstance(value, str):
        return scalar(value) if ":" in value or not value.isascii() else value
    return str(value)


def set_decision(content: str, rule_id: str, decision: Mapping[str, str]) -> str:
    """The text with the recorded decision by which a rule against a higher text binds all the same (by, number, on, text)."""
    spans = Spans(content)
    parts = [f"{name}: {said if name == 'on' else scalar(said)}" for name, said in decision.items()]
    value = f"{{{', '.join(parts)}}}"
    for part in RULE_PARTS.values():
        rule = spans.at(part, rule_id)
        if rule is None or rule.kind != "mapping":
            continue
        held = rule.child("decision")
        return splice(content, [(held, value)]) if held is not None else with_entry(content, rule, "decision", value)
    return content


def table_files(content: str) -> list[str]:
    """The names of the table files that the text reads, each once."""
    return kept.table_files(tree_of(content).data)
