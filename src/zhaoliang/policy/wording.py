"""Figures and expressions in words, for the compile report, the differences between versions and mutation testing."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy.expressions import Case, Constant, Lookup, Name, Named, Node, Operation, Value

UNITS = {
    "hours": "课时",
    "minutes": "分钟",
    "days": "天",
    "working_days": "个工作日",
    "months": "个月",
    "years": "年",
    "count": "",
    "ratio": "",
}
INFIX = {"=", "<>", "<", "<=", ">", ">=", "and", "or", "+", "-", "*"}
LOOSE = {"and", "or", "+", "-"}
MOST_PLACES = 6


def day_text(day: date) -> str:
    """A day as a text writes it: 2026年5月1日."""
    return f"{day.year}年{day.month}月{day.day}日"


def figure_text(value: Value | None, unit: str) -> str:
    """A figure with its unit for people: 500 元, 80%, 5 个工作日; an empty text for no figure."""
    if value is None:
        return ""
    if isinstance(value, date):
        return day_text(value)
    if isinstance(value, bool | str):
        return str(value)
    if unit == "fen" and value == int(value):
        return format_yuan(int(value))
    if unit == "ratio":
        return f"{decimal_text(value * 100)}%"
    if "/" in unit:
        above, below = unit.split("/")
        return f"{figure_text(value, above)}/{UNITS.get(below, below)}"
    shown = UNITS.get(unit, unit)
    return f"{decimal_text(value)} {shown}".rstrip()


def decimal_text(value: int | Fraction) -> str:
    """A number without rounding: 0.9 where a short decimal is exact, else a/b."""
    for places in range(MOST_PLACES + 1):
        scaled = value * 10**places
        if scaled == int(scaled):
            digits = str(abs(int(scaled))).rjust(places + 1, "0")
            sign = "-" if value < 0 else ""
            return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
    return str(value)


def expression_text(node: Node | None) -> str:
    """The expression as the rule language writes it; equal trees give equal texts."""
    match node:
        case None:
            return ""
        case Constant(value=value):
            return _literal(value)
        case Name(name=name):
            return name
        case Lookup(table=table, keys=keys):
            return f"lookup({', '.join((table, *(expression_text(key) for key in keys)))})"
        case Case(branches=branches, otherwise=otherwise):
            parts = [f"when {expression_text(test)} then {expression_text(value)}" for test, value in branches]
            parts += [f"else {expression_text(otherwise)}"] if otherwise is not None else []
            return f"case {' '.join(parts)} end"
        case Named(name=name):
            return name
        case Operation(op="not", args=(arg,)):
            return f"not {_inner(arg)}"
        case Operation(op=op, args=args) if op in INFIX:
            return f" {op} ".join(_inner(arg) for arg in args)
        case Operation(op=op, args=args):
            return f"{op}({', '.join(expression_text(arg) for arg in args)})"


def _inner(node: Node) -> str:
    text = expression_text(node)
    return f"({text})" if isinstance(node, Operation) and node.op in LOOSE | {"not"} else text


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    return f"date '{value}'" if isinstance(value, date) else decimal_text(value)
