"""Counting earlier grants: `history` is the list of them, each with its scheme, its day and what it was for.

Every count is a number fact of its own, so one decision keeps the number it used and replays without the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from zhaoliang.policy.errors import FactError
from zhaoliang.policy.expressions import Value
from zhaoliang.policy.facts import Fact, FactSchema
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import Count, Window
from zhaoliang.policy.units import number
from zhaoliang.policy.wording import day_text

HISTORY = "history"
# What a grant may say of itself, and the fact of the line it is compared with.
ALIKE = {
    "occupation": "occupation",
    "level": "level",
    "kind": "kind",
    "certificate": "certificate_number",
    "class": "class_code",
}
FIELDS = ("scheme", "on", "fund_source", *ALIKE)
ALIKE_NAMES = {
    "occupation": "同职业",
    "level": "同等级",
    "kind": "同种类",
    "certificate": "同一证书",
    "class": "同一班期",
}
NOT_COMPARED = "未比对享受补贴的历史记录"


@dataclass(frozen=True, slots=True)
class Grant:
    """One earlier grant. `about` holds what is known of it: fund_source and what `same` compares."""

    scheme: str
    on: date
    about: Mapping[str, Value]


def read_history(given: object, schema: FactSchema) -> tuple[Grant, ...]:
    """The grants of a `history` fact; raises FactError naming the entry and the field that does not fit."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise FactError("history 是一个列表，每项写一次已享受的补贴：{scheme, on, …}")
    return tuple(_grant(index, entry, schema) for index, entry in enumerate(given, start=1))


def _grant(index: int, entry: object, schema: FactSchema) -> Grant:
    where = f"history 第 {index} 项"
    if not isinstance(entry, Mapping):
        raise FactError(f"{where}要写成键值对：{{scheme, on, …}}")
    fields: Mapping[Any, Any] = entry
    unknown = sorted(str(field) for field in fields if field not in FIELDS)
    if unknown:
        raise FactError(f"{where}没有 {unknown[0]!r} 这一栏{nearest(unknown[0], FIELDS)}")
    scheme = fields.get("scheme")
    if not isinstance(scheme, str) or scheme not in schema.schemes:
        raise FactError(f"{where}：没有 {scheme!r} 这种补贴{nearest(str(scheme), schema.schemes)}")
    try:
        on = fields["on"] if type(fields.get("on")) is date else date.fromisoformat(str(fields.get("on")))
    except ValueError as problem:
        raise FactError(f"{where}：on 要写日期，如 2026-05-01") from problem
    named = {"fund_source": "fund_source"} | ALIKE
    about = {named[field]: value for field, value in fields.items() if field in named}
    try:
        return Grant(scheme, on, schema.normalise(about))
    except FactError as problem:
        raise FactError(f"{where}：{problem}") from problem


def count_grants(count: Count, grants: Iterable[Grant], facts: Mapping[str, Value], on: date) -> int | None:
    """How many of the grants count; None where the line or a grant does not say what decides it."""
    day = facts.get(count.by) if count.by else on
    wanted: dict[str, tuple[Value, ...]] = {}
    for field in count.same:
        held = facts.get(ALIKE[field])
        if held is None:
            return None
        wanted[ALIKE[field]] = (held,)
    if not isinstance(day, date):
        return None
    wanted |= {"fund_source": count.fund} if count.fund else {}
    # A count of certain kinds beside `same: [kind]` asks both: the line's own kind among those named.
    kinds = set(count.kind) & set(wanted.get("kind", count.kind))
    wanted |= {"kind": tuple(kinds)} if count.kind else {}
    found = 0
    for grant in grants:
        if grant.scheme not in count.of or not count.within.holds(grant.on, day):
            continue
        answers = [grant.about[name] in values if name in grant.about else None for name, values in wanted.items()]
        if False in answers:
            continue
        if None in answers:
            return None
        found += 1
    return found


def count_fact(count: Count, schema: FactSchema) -> Fact:
    """The count as a fact: a whole number with a label for people."""
    label = _label(count, schema)
    compared = [schema.label(ALIKE[field]) for field in count.same]
    compared += [label for held, label in ((count.kind, "项目种类"), (count.fund, "资金来源")) if held]
    unknown = f"{NOT_COMPARED}，或本次、以往没有写明{'、'.join(dict.fromkeys(compared))}" if compared else NOT_COMPARED
    return Fact(count.column, number("count"), "count", label, f"{label}，按 history 计", HISTORY, unknown)


def _label(count: Count, schema: FactSchema) -> str:
    kinds = [schema.codes["kind"][kind] for kind in count.kind]
    funds = [schema.codes["fund_source"][fund] for fund in count.fund]
    parts = [window_label(count.within)]
    parts += [ALIKE_NAMES[field] for field in count.same]
    parts += [f"由{'、'.join(funds)}列支"] if funds else []
    of = "、".join(kinds or [schema.schemes[scheme] for scheme in count.of])
    return f"{''.join(parts)}已享受{of}次数"


def window_label(window: Window) -> str:
    """The window in words: 累计, 本年, 近365天内, or the two dates."""
    match window.kind:
        case "lifetime":
            return "累计"
        case "calendar_year":
            return "本年"
        case "days":
            return f"近{window.days}天内"
        case "between":
            start, end = (day_text(day) if day else "" for day in (window.start, window.end))
            return f"{start}至{end}" if start and end else f"{start}起" if start else f"{end}前"
