"""The fact schema: every fact a rule may use, typed, with its meaning, source and what unknown means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from zhaoliang.policy.errors import ExpressionError, FactError, PolicyFileError, raise_problems
from zhaoliang.policy.evaluate import plain
from zhaoliang.policy.expressions import Type, Value, type_named
from zhaoliang.policy.files import Tree, read_yaml
from zhaoliang.policy.hints import nearest, nearest_code


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its name, type and Chinese label; `source` is the selector that gives it, or `outside`.

    `fraction`: a number that need not be whole. `at_least`: the least value a number may have. `document` is the text
    that declares the fact, empty for the platform's. `residence`: about hukou or where one lives, works or pays; a rule
    may not refuse by it of itself.
    """

    name: str
    type: Type
    unit: str
    label: str
    meaning: str
    source: str
    unknown: str
    fraction: bool = False
    document: str = ""
    residence: bool = False
    at_least: int | Fraction | None = None


OUTSIDE = "outside"
# A fact of these words has to say whether it is about hukou or where one lives: by such a fact nobody may be refused.
RESIDENCE = ("户籍", "户口", "籍贯", "居住", "常住")
# What cannot be less than nothing; days and months may be counted backwards.
NEVER_BELOW_ZERO = ("fen", "hours", "minutes", "years", "count", "ratio")
# The parts of a file that `FactSchema.extended` reads.
DECLARING = frozenset({"facts", "enums", "schemes", "scheme_kinds"})
KINDS = ("bool", "number", "date", "enum", "text")


@dataclass(frozen=True)
class FactSchema:
    """All facts, the codes of the enumerations (in order) with their Chinese names, and the subsidy schemes.

    `scheme_kinds`: `qualification` or `duty` for a scheme that is no subsidy.
    """

    facts: Mapping[str, Fact]
    codes: Mapping[str, Mapping[str, str]]
    ordered: frozenset[str]
    schemes: Mapping[str, str]
    scheme_kinds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, *, accepted: bool = False) -> FactSchema:
        """Read `facts.yaml`; raises PolicyFileError naming file, line and path. `accepted`: kept beside old decisions."""
        return _schema(path.read_bytes(), str(path), accepted)

    def extended(
        self, tree: Tree, document: str = "", *, alone: bool = False
    ) -> tuple[FactSchema, list[PolicyFileError]]:
        """This schema with the schemes, enumerations and facts a file declares, and the faults of those left out.

        A name may be declared again with the same type (two versions of one document). `alone`: no other document reads
        the schema, so that the file's own meaning of a name stands for the platform's.
        """
        codes, ordered, problems = dict(self.codes), set(self.ordered), list[PolicyFileError]()
        declared: dict[str, Any] = tree.data.get("facts", {})
        inline = {name: entry for name, entry in declared.items() if "codes" in entry}
        for name, entry in {**tree.data.get("enums", {}), **inline}.items():
            made = {str(code): str(label) for code, label in entry["codes"].items()}
            if name in codes and list(codes[name]) != list(made) and not alone:
                part = "facts" if name in inline else "enums"
                problems.append(tree.error(f"代码表 {name!r} 已有，代码不同；请换个名称", part, name))
                continue
            codes[name] = made
            ordered = ordered | {name} if entry.get("ordered") else ordered - ({name} if alone else set())
        facts = dict(self.facts)
        for name, entry in declared.items():
            try:
                fact = _fact(name, entry, codes, tree, document)
            except PolicyFileError as problem:
                problems.append(problem)
                continue
            if name in facts and not alone:
                if facts[name].type != fact.type:
                    known = f"事实 {name!r} 已有，是{facts[name].type}；类型不同时请换个名称"
                    problems.append(tree.error(known, "facts", name))
                continue
            facts[name] = fact
        schemes = {**self.schemes, **tree.data.get("schemes", {})}
        kinds = {code: kind for kind, held in tree.data.get("scheme_kinds", {}).items() for code in held}
        made = FactSchema(facts, codes, frozenset(ordered), schemes, {**self.scheme_kinds, **kinds})
        return made, problems

    def with_facts(self, facts: Mapping[str, Fact]) -> FactSchema:
        """This schema with further facts."""
        return replace(self, facts={**self.facts, **facts}) if facts else self

    def joined(self, other: FactSchema) -> FactSchema:
        """Both together; where a name is in both, this one's stands."""
        return replace(
            self,
            facts={**other.facts, **self.facts},
            codes={**other.codes, **self.codes},
            ordered=self.ordered | other.ordered,
            schemes={**other.schemes, **self.schemes},
            scheme_kinds={**other.scheme_kinds, **self.scheme_kinds},
        )

    @cached_property
    def types(self) -> dict[str, Type]:
        """The type of each fact by name."""
        return {name: fact.type for name, fact in self.facts.items()}

    @cached_property
    def enums(self) -> dict[str, tuple[str, ...]]:
        """The codes of each enumeration, in their order."""
        return {name: tuple(codes) for name, codes in self.codes.items()}

    def label(self, name: str) -> str:
        """The Chinese label of a fact; anything else (a table cell, an open term) as it is."""
        return self.facts[name].label if name in self.facts else name

    def show(self, name: str, value: object) -> str:
        """A fact's value for people: 是/否, the code's Chinese name, a number, a date."""
        fact = self.facts.get(name)
        if value is None:
            return "未知"
        if isinstance(value, bool):
            return "是" if value else "否"
        if fact is not None and fact.type.kind == "enum":
            return self.codes[fact.type.enum].get(str(value), str(value))
        return str(value)

    def normalise(self, given: Mapping[str, object]) -> dict[str, Value]:
        """The known facts as exact values. None and absent both mean unknown; a rank stands for its ordered code.

        Raises FactError for a name outside the schema, a wrong type, an unknown code, or any float.
        """
        return {name: self._value(name, value) for name, value in given.items() if value is not None}

    def refuse_quoted(self, given: Mapping[str, object]) -> None:
        """Raises FactError for a whole number written as text: where people write facts by hand, that is a slip.

        Programs may write numbers as text: `normalise` reads them.
        """
        for name, value in given.items():
            fact = self.facts.get(name)
            if fact is not None and fact.type.kind == "number" and not fact.fraction and isinstance(value, str):
                raise FactError(f"事实 {name!r} 要{fact.type}，写的是 {value!r}{_hint(fact, value)}")

    def _value(self, name: str, value: object) -> Value:
        fact = self.facts.get(name)
        if fact is None:
            raise FactError(f"没有叫 {name!r} 的事实{nearest(name, self.facts)}")
        if isinstance(value, Enum):
            value = value.value
        if fact.type.enum in self.ordered and isinstance(value, int) and not isinstance(value, bool):
            value = dict(enumerate(self.codes[fact.type.enum])).get(value, value)
        made = _exact(fact.type, value)
        if made is None:
            raise FactError(f"事实 {name!r} 要{fact.type}，写的是 {value!r}{_hint(fact, value)}")
        if isinstance(made, Fraction) and not fact.fraction:
            raise FactError(f"事实 {name!r} 要整数，写的是 {value}；可以带小数的事实要声明 fraction: true")
        if fact.at_least is not None and isinstance(made, int | Fraction) and made < fact.at_least:
            raise FactError(f"事实 {name!r} 不能小于 {fact.at_least}，写的是 {value}")
        if fact.type.kind == "enum" and made not in self.codes[fact.type.enum]:
            raise FactError(f"事实 {name!r} 没有代码 {value!r}{nearest_code(str(made), self.codes[fact.type.enum])}")
        return made


@lru_cache(maxsize=8)
def _schema(content: bytes, shown: str, accepted: bool) -> FactSchema:
    schema, problems = FactSchema({}, {}, frozenset(), {}).extended(read_yaml(content, shown, accepted=accepted))
    raise_problems(problems)
    return schema


def _fact(name: str, entry: dict[str, Any], codes: Mapping[str, object], tree: Tree, document: str) -> Fact:
    kind = "enum" if "codes" in entry else entry["type"]
    enum = name if "codes" in entry else entry.get("enum", "")
    if kind not in KINDS:
        raise tree.error(f"没有 {kind!r} 这种类型；可用：{'、'.join(KINDS)}", "facts", name, "type")
    if kind == "enum" and enum not in codes:
        raise tree.error(f"没有 {enum!r} 这个代码表；请写 codes: {{代码: 名称}}", "facts", name, "enum")
    if entry.get("fraction") and kind != "number":
        raise tree.error("fraction 只用于数值", "facts", name, "fraction")
    if kind == "number" and "unit" not in entry and not tree.accepted:
        raise tree.error("数值要写单位，如 unit: days；次数、人数写 unit: count", "facts", name)
    unit = entry.get("unit", "count")
    try:
        type_ = type_named(kind, unit, enum)
    except ExpressionError as problem:
        raise tree.error(str(problem), "facts", name, "unit") from problem
    said = f"{entry['label']}{entry['meaning']}"
    if "residence" not in entry and not tree.accepted and (word := next((one for one in RESIDENCE if one in said), "")):
        told = f"提到“{word}”：看户籍、居住地的写 residence: true（不能单凭它拒绝人），不看的写 residence: false"
        raise tree.error(told, "facts", name)
    texts = (entry["label"], entry["meaning"], entry.get("source", OUTSIDE), entry["unknown"])
    floor = entry.get("at_least", 0 if kind == "number" and unit in NEVER_BELOW_ZERO else None)
    least = None if floor is None else plain(Fraction(floor))
    return Fact(name, type_, unit, *texts, entry.get("fraction", False), document, entry.get("residence", False), least)


def _hint(fact: Fact, value: object) -> str:
    """What is usually meant by a value of the wrong type."""
    if isinstance(value, float):
        return '；小数请写成文本 "40.5"，或在 JSON Lines 里由程序精确读取'
    if fact.type.kind == "number" and isinstance(value, str):
        return "；数不加引号，如 80；不知道写 null"
    if fact.type.kind == "date" and isinstance(value, str) and DAY.fullmatch(value):
        return f"；没有 {value} 这一天"
    if fact.type.kind == "bool":
        return "；写 true、false，不知道就写 null"
    if fact.type.kind in ("enum", "text") and isinstance(value, int):
        return '；代码要加引号，如 "07"'
    return "；写成 2026-05-01" if fact.type.kind == "date" else ""


DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _exact(wanted: Type, value: object) -> Value | None:
    match wanted.kind:
        case "bool":
            return value if isinstance(value, bool) else None
        case "number":
            return _number(value)
        case "date":
            return _date(value)
    return str(value) if isinstance(value, str) else None


def _number(value: object) -> int | Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction | str):
        return None
    try:
        return plain(Fraction(value))
    except (ValueError, OverflowError, ZeroDivisionError):
        return None


def _date(value: object) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if type(value) is date else None


def portable(value: Value | None) -> bool | int | str | None:
    """A value as JSON holds it exactly: fractions as 'a/b', dates as ISO text."""
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def read_fact_line(text: str) -> Any:
    """A line of JSON, decimals exact; raises FactError for what is not JSON and for a name given twice."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_once)
    except json.JSONDecodeError as problem:
        raise FactError(f"这一行不是 JSON：第 {problem.colno} 个字符处写法有误") from problem


def _no_number(word: str) -> Any:
    raise FactError(f"JSON 里没有 {word}；不知道写 null")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FactError(f"{twice!r} 写了两次")
    return dict(pairs)
