"""Types and units of the rule language. Units are checked when a file is loaded: fen + hours does not compile."""

from __future__ import annotations

from dataclasses import dataclass

from zhaoliang.policy.errors import ExpressionError

Unit = tuple[tuple[str, int], ...]
DIMENSIONLESS: Unit = ()
BASES = ("fen", "hours", "minutes", "days", "working_days", "months", "years")
PLAIN = ("ratio", "count")
HINTS = {
    "yuan": "金额一律用分（fen），1 元写 100",
    "元": "金额一律用分（fen），1 元写 100",
    "percent": "比例用 ratio，80% 写 0.80",
    "%": "比例用 ratio，80% 写 0.80",
    "课时": "课时写 hours",
    "hour": "课时写 hours",
    "day": "天写 days，工作日写 working_days",
    "month": "月写 months",
    "year": "年、周岁写 years",
    "people": "人数、次数写 count",
    "person": "人数、次数写 count",
}


def unit_of(name: str) -> Unit:
    """The unit written as `fen`, `ratio` or `fen/hours`; raises ExpressionError for another word."""
    if name in PLAIN:
        return DIMENSIONLESS
    above, slash, below = name.partition("/")
    parts = [(above, 1)] + ([(below, -1)] if slash else [])
    for base, _ in parts:
        if base not in BASES:
            hint = HINTS.get(base) or f"可用：{'、'.join((*BASES, *PLAIN))}，或它们相除，如 fen/hours"
            raise ExpressionError(f"没有 {name!r} 这个单位。{hint}")
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
    return (f"{above}/{below}" if below else above) or "ratio"


def _tidy(powers: dict[str, int]) -> Unit:
    return tuple(sorted((base, power) for base, power in powers.items() if power))


KIND_NAMES = {"bool": "是非", "date": "日期", "text": "文本"}


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an expression: bool, number with unit, date, enum of a name, or text."""

    kind: str
    unit: Unit = DIMENSIONLESS
    enum: str = ""
    literal: bool = False

    def __str__(self) -> str:
        if self.kind == "number":
            return "数字" if self.literal and not self.unit else f"数值（{show(self.unit)}）"
        return f"代码（{self.enum}）" if self.kind == "enum" else KIND_NAMES[self.kind]


BOOL = Type("bool")
DATE = Type("date")
TEXT = Type("text")
PAYEE = Type("enum", enum="payee")


def number(unit: str | Unit, *, literal: bool = False) -> Type:
    """A number type in the given unit."""
    return Type("number", unit_of(unit) if isinstance(unit, str) else unit, literal=literal)
