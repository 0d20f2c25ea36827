"""The fact schema: every fact a rule may use, typed, with its meaning, source and what unknown means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path

from zhaoliang.policy.errors import FactError, PolicyFileError
from zhaoliang.policy.evaluate import plain
from zhaoliang.policy.expressions import Type, Value, type_named
from zhaoliang.policy.files import read_yaml


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its name, type and Chinese label; `source` is the selector that gives it."""

    name: str
    type: Type
    unit: str
    label: str
    meaning: str
    source: str
    unknown: str


@dataclass(frozen=True, slots=True)
class FactSchema:
    """All facts, the codes of the enumerations (in order) with their Chinese names, and the subsidy schemes."""

    facts: Mapping[str, Fact]
    codes: Mapping[str, Mapping[str, str]]
    ordered: frozenset[str]
    schemes: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> FactSchema:
        """Read `facts.yaml`; raises PolicyFileError naming file, line and path."""
        tree = read_yaml(path)
        enums = tree.data["enums"]
        facts: dict[str, Fact] = {}
        for name, entry in tree.data["facts"].items():
            kind, unit, enum = entry["type"], entry.get("unit", "count"), entry.get("enum", "")
            if kind not in ("bool", "number", "date", "enum", "text") or (kind == "enum" and enum not in enums):
                raise PolicyFileError(
                    str(path), f"facts.{name}", f"unknown type {kind} {enum}", tree.line("facts", name)
                )
            texts = (entry["label"], entry["meaning"], entry["source"], entry["unknown"])
            facts[name] = Fact(name, type_named(kind, unit, enum), unit, *texts)
        return cls(
            facts,
            {name: dict(enum["codes"]) for name, enum in enums.items()},
            frozenset(name for name, enum in enums.items() if enum.get("ordered")),
            dict(tree.data["schemes"]),
        )

    @property
    def types(self) -> dict[str, Type]:
        """The type of each fact by name."""
        return {name: fact.type for name, fact in self.facts.items()}

    @property
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

    def _value(self, name: str, value: object) -> Value:
        fact = self.facts.get(name)
        if fact is None:
            raise FactError(f"no fact is called {name!r}; see policies/facts.yaml")
        if isinstance(value, Enum):
            value = value.value
        if fact.type.enum in self.ordered and isinstance(value, int) and not isinstance(value, bool):
            value = dict(enumerate(self.codes[fact.type.enum])).get(value, value)
        made = _exact(fact.type, value)
        if made is None:
            raise FactError(f"fact {name!r} must be a {fact.type}, got {value!r} ({type(value).__name__})")
        if fact.type.kind == "enum" and made not in self.codes[fact.type.enum]:
            raise FactError(f"fact {name!r}: {value!r} is not one of {', '.join(self.codes[fact.type.enum])}")
        return made


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
