"""Types and units of the rule language. Units are checked when a file is loaded: fen + hours does not compile."""

from __future__ import annotations

from dataclasses import dataclass

from zhaoliang.policy.errors import ExpressionError

Unit = tuple[tuple[str, int], ...]
DIMENSIONLESS: Unit = ()
BASES = ("fen", "hours", "minutes", "days", "working_days", "months", "years")
PLAIN = ("ratio", "count")


def unit_of(name: str) -> Unit:
    """The unit written as `fen`, `ratio` or `fen/hours`; raises ExpressionError for another word."""
    if name in PLAIN:
        return DIMENSIONLESS
    above, slash, below = name.partition("/")
    parts = [(above, 1)] + ([(below, -1)] if slash else [])
    for base, _ in parts:
        if base not in BASES:
            raise ExpressionError(f"unknown unit {name!r}; use one of {', '.join((*BASES, *PLAIN))} or a/b of them")
    return _tidy(dict(parts))


def multiply(left: Unit, right: Unit, sign: int = 1) -> Unit:
    """The unit of a product (`sign=1`) or a quotient (`sign=-1`)."""
    powers = dict(left)
    for base, power in right:
        powers[base] = powers.get(base, 0) + sign * power
    return _tidy(powers)


def show(unit: Unit) -> str:
    """The unit in words, for messages."""
    above = "·".join(base for base, power in unit if power > 0)
    below = "·".join(base for base, power in unit if power < 0)
    return (f"{above}/{below}" if below else above) or "plain number"


def _tidy(powers: dict[str, int]) -> Unit:
    return tuple(sorted((base, power) for base, power in powers.items() if power))


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression: bool, number with unit, date, enum of a name, or text."""

    kind: str
    unit: Unit = DIMENSIONLESS
    enum: str = ""
    literal: bool = False

    def __str__(self) -> str:
        if self.kind == "number":
            return f"number in {show(self.unit)}"
        return f"{self.enum} code" if self.kind == "enum" else self.kind


BOOL = Type("bool")
DATE = Type("date")
TEXT = Type("text")
PAYEE = Type("enum", enum="payee")


def number(unit: str | Unit, *, literal: bool = False) -> Type:
    """A number type in the given unit."""
    return Type("number", unit_of(unit) if isinstance(unit, str) else unit, literal=literal)
