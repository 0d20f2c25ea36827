"""Reading the conditions of a policy file: rules, limits, exclusions, orders, and the counts of earlier grants in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, Literal

from zhaoliang.policy.counts import ALIKE
from zhaoliang.policy.expressions import Constant, Name, Named, Node, Operation, names_in
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import PHASES, Condition, Count, Phase, RecordedDecision, Rule, RuleKind, Window
from zhaoliang.policy.reading import STAND_IN, Reading, reads_residence
from zhaoliang.policy.units import BOOL, DATE, number

Part = Literal["rules", "limits", "exclusions"]
KIND: dict[Part, RuleKind] = {"rules": "rule", "limits": "limit", "exclusions": "exclusion"}
# 人社部函〔2021〕14号 七：不得以地域、户籍等为前提条件。A rule that does so waits for the bureau to decide and say so.
UNDECIDED = "以户籍或所在地为条件，与人社部函〔2021〕14号第七条不一致，没有记录本地决定，转人工"
PERSON_PHASES: tuple[Phase, ...] = ("preflight", "advance", "claim")
COUNT = number("count")
# What an order says of the earlier grant, as counts do.
COUNTED = ("within", "same", "fund", "kind", "by")
PAIR = 2


def read_rule(reading: Reading, part: Part, name: str, entry: dict[str, Any]) -> Rule:
    """A rule of any of the three parts; a limit or exclusion of earlier grants brings its count."""
    path = (part, name)
    source, must, when, count = _condition(reading, part, entry, *path)
    if must is not STAND_IN and not any(read.is_fact for read in names_in(must)):
        reading.fault("规则至少要看一个事实；只有参数和数字的条件对所有人都一样", *path)
    schemes = frozenset(reading.scheme(scheme, *path, "schemes") for scheme in entry["schemes"])
    return _rule(reading, KIND[part], name, entry, (source, must, count), when, schemes, *path)


def read_stacking(reading: Reading, name: str, entry: dict[str, Any]) -> tuple[Rule, ...]:
    """The rules of an order of subsidies: each after the first asks for an earlier grant of the one before it."""
    path = ("stacking", name)
    order = [reading.scheme(scheme, *path, "order") for scheme in entry["order"]]
    if len(set(order)) < len(order):
        reading.fault("order 里每种补贴只写一次，先享受的写在前面", *path, "order")
    if not set(order) <= set(reading.facts.schemes):
        return ()
    made: list[Rule] = []
    for before, scheme in pairwise(order):
        count = read_count(reading, {"of": before, **{key: entry[key] for key in COUNTED if key in entry}}, *path)
        held = (f"{count.text} >= 1", _compared(count, ">=", Constant(COUNT, 1)), count)
        own = name if len(order) == PAIR else f"{name}_{scheme}"
        made.append(
            _rule(reading, "stacking", own, entry, held, entry.get("when"), frozenset((scheme,)), *path, of=name)
        )
    return tuple(made)


def against_order(rules: Sequence[Rule]) -> Iterator[tuple[Rule, str]]:
    """Orders that cannot be kept: in a circle, or against an exclusion of this text without a case of its own."""
    before = {scheme: rule.counts[0].of[0] for rule in rules if rule.kind == "stacking" for scheme in rule.schemes}
    for rule in rules:
        if rule.kind != "stacking":
            continue
        (scheme,), first = rule.schemes, rule.counts[0].of[0]
        seen = [scheme]
        while seen[-1] in before and before[seen[-1]] not in seen:
            seen.append(before[seen[-1]])
        if seen[-1] in before and before[seen[-1]] == scheme:
            yield rule, f"叠加次序成了圈：{' → '.join(reversed([*seen, scheme]))}；只留一个方向"
        for other in rules:
            bars = other.kind == "exclusion" and other.when is None and scheme in other.schemes
            if bars and any(
                first in count.of and set(count.same) <= set(rule.counts[0].same) for count in other.counts
            ):
                yield (
                    rule,
                    f"叠加要求先享受 {first}，而互斥 {other.id!r} 说享受过 {first} 的不能享受 {scheme}；两条只能留一条",
                )


def _rule(
    reading: Reading,
    kind: RuleKind,
    name: str,
    entry: dict[str, Any],
    condition: tuple[str, Node, Count | None],
    when: str | None,
    schemes: frozenset[str],
    *path: str | int,
    of: str = "",
) -> Rule:
    """A rule of any kind from what its entry says of it; `of` names the entry where the rule has another name."""
    source, must, count = condition
    applies = reading.condition(when, *path, "when")
    decision = RecordedDecision(**entry["decision"]) if "decision" in entry else None
    held_back = decision is None and reads_residence(reading.facts, must, applies)
    return Rule(
        id=name,
        kind=kind,
        asks=entry["asks"],
        says=entry["says"],
        remedy=entry.get("do", ""),
        must=must,
        when=applies,
        source=source,
        cite=reading.cite(entry["cite"], *path, "cite"),
        also=tuple(reading.cite(cite, *path, "also") for cite in entry.get("also", ())),
        schemes=schemes,
        phases=read_phases(entry["phase"]),
        review_only=entry.get("effect") == "review" or held_back,
        counts=(count,) if count else (),
        note=UNDECIDED if held_back else "",
        decision=decision,
        entry=of if of != name else "",
    )


def read_condition(reading: Reading, name: str, entry: dict[str, Any]) -> Condition:
    """A named condition; the ones after it, rules and amounts may use its name."""
    path = ("conditions", name)
    if name in reading.scope.facts or name in reading.scope.figures:
        reading.fault(f"{name!r} 已经是事实或数值的名称，请换个名称", *path)
    holds = reading.compile(entry["holds"], BOOL, *path, "holds")
    made = Condition(name, entry["says"], holds, str(entry["holds"]), reading.cite(entry["cite"], *path, "cite"))
    if holds is not STAND_IN:
        known = reading.scope.conditions | {name: Named(BOOL, "named", (holds,), name, made.says)}
        reading.scope = replace(reading.scope, conditions=known)
    return made


def read_phases(written: str | list[str]) -> frozenset[Phase]:
    """The phases of a rule: one, several, or `both` = wherever a person is asked: before, at an advance, at the claim."""
    words = [written] if isinstance(written, str) else written
    found: list[Phase] = [known for known in PHASES if known in words]
    return frozenset((*found, *PERSON_PHASES) if "both" in words else found)


def _condition(
    reading: Reading, part: Part, entry: dict[str, Any], *path: str | int
) -> tuple[str, Node, str | None, Count | None]:
    """The condition in words, as a tree, the case in which it applies, and its count where it counts grants."""
    if part == "limits" and isinstance(entry["count"], dict):
        count = read_count(reading, entry["count"], *path, "count")
        written = entry["at_most"]
        odd = isinstance(written, int | Decimal) and (written < 1 or written != int(written))
        if odd and not reading.tree.accepted:
            reading.fault(f"最多几次写 1 以上的整数，写的是 {written}", *path, "at_most")
        most = reading.compile(written, COUNT, *path, "at_most")
        return f"{count.text} < ({entry['at_most']})", _compared(count, "<", most), entry.get("when"), count
    if part == "limits":
        text = f"{entry['count']} < ({entry['at_most']})"
        return text, reading.compile(text, BOOL, *path), entry.get("when"), None
    if part == "exclusions" and "excludes" in entry:
        count = read_count(reading, entry["excludes"], *path, "excludes")
        return f"{count.text} < 1", _compared(count, "<", Constant(COUNT, 1)), entry.get("when"), count
    if part == "exclusions":
        refuses = reading.compile(entry["when"], BOOL, *path, "when")
        return str(entry["when"]), refuses if refuses is STAND_IN else Operation(BOOL, "not", (refuses,)), None, None
    if "after" in entry:
        count = read_count(reading, entry["after"], *path, "after")
        return f"{count.text} >= 1", _compared(count, ">=", Constant(COUNT, 1)), entry.get("when"), count
    return str(entry["must"]), reading.compile(entry["must"], BOOL, *path, "must"), entry.get("when"), None


def _compared(count: Count, op: str, with_: Node) -> Node:
    return with_ if with_ is STAND_IN else Operation(BOOL, op, (Name(COUNT, count.column, True), with_))


def read_count(reading: Reading, entry: dict[str, Any], *path: str | int) -> Count:
    """Which earlier grants count, from `{of | scheme, within, same, fund, kind, by}`."""
    of = _several(entry.get("of", entry.get("scheme")))
    by = entry.get("by", "")
    if by and reading.facts.types.get(by) != DATE:
        dates = [name for name, type_ in reading.facts.types.items() if type_ == DATE]
        reading.fault(f"by 要写一个日期事实，{by!r} 不是{nearest(by, dates)}", *path, "by")
    same = tuple(
        part for word in _several(entry.get("same")) for part in (PAIRS.get(word) or _alike(reading, word, *path))
    )
    return Count(
        of=tuple(sorted(reading.scheme(scheme, *path, "of" if "of" in entry else "scheme") for scheme in of)),
        within=_window(reading, entry.get("within", "lifetime"), *path, "within"),
        same=tuple(sorted(set(same))),
        fund=tuple(sorted(reading.code("fund_source", fund, *path, "fund") for fund in _several(entry.get("fund")))),
        kind=tuple(sorted(reading.code("kind", kind, *path, "kind") for kind in _several(entry.get("kind")))),
        by=by,
    )


PAIRS = {"occupation_level": ("occupation", "level")}


def _alike(reading: Reading, word: str, *path: str | int) -> tuple[str, ...]:
    if word not in ALIKE:
        reading.fault(f"same 不能写 {word!r}{nearest(word, [*ALIKE, *PAIRS])}", *path, "same")
        return ()
    return (word,)


def _several(written: str | list[str] | None) -> list[str]:
    return [] if written is None else [written] if isinstance(written, str) else written


def _window(reading: Reading, written: str | dict[str, Any], *path: str | int) -> Window:
    if isinstance(written, str):
        return Window("calendar_year") if written == "calendar_year" else Window("lifetime")
    if "days" in written:
        return Window("days", days=written["days"])
    start, end = written.get("from"), written.get("to")
    if start is not None and end is not None and start > end:
        reading.fault("from 晚于 to", *path)
    return Window("between", start=start, end=end)
