"""How a policy writes its figures: money in whole fen, numbers without quotes, a share as a decimal. All else is told."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from zhaoliang.policy.errors import ExpressionError
from zhaoliang.policy.evaluate import plain

WHOLE = ("count", "days", "working_days", "months", "years")
# A ratio beyond this was meant as a percentage.
MOST_RATIO = 10
NUMBER = re.compile(r"[-+]?[0-9][0-9,，]*(\.[0-9]+)?")
HUNDRED = 100


def figure(value: object, unit: str, *, text: bool = False, accepted: bool = False) -> int | Fraction:
    """The exact figure in `unit`; raises ExpressionError with the mend. `text`: a cell of a CSV file, always a text.

    `accepted`: of a text that binds already, where 4000.00 fen or a ratio of 90 means what it meant when it was enacted.
    """
    if value is None:
        raise ExpressionError("没有写数。原文没有规定的不要写这一项，也不写 null")
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]+/[1-9][0-9]*", value):
        plainly = (text or accepted) and NUMBER.fullmatch(value) and "," not in value and "，" not in value
        if not plainly:
            raise ExpressionError(f"{value!r} {_not_a_number(value, unit)}")
    try:
        written = Fraction(value) if isinstance(value, str) and "/" in value else Fraction(Decimal(str(value)))
    except (ValueError, InvalidOperation, OverflowError) as problem:
        raise ExpressionError(f"{value!r} 不是数。金额写整数分，比例写小数，如 0.80") from problem
    made = plain(written)
    if accepted:
        return made
    if unit.partition("/")[0] == "fen" and (made.denominator != 1 or "." in str(value)):
        raise ExpressionError(f"金额用整数分，不写小数：{value} 元写 {_decimal(Fraction(made * HUNDRED))}")
    if unit in WHOLE and made.denominator != 1:
        raise ExpressionError(f"{value} 要写整数（单位 {unit}）")
    if unit == "ratio" and made > MOST_RATIO:
        raise ExpressionError(f"比例 {value} 太大；{value}% 写 {_decimal(Fraction(made) / HUNDRED)}")
    return made


def _not_a_number(value: str, unit: str) -> str:
    share = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)[%％]", value)
    money = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)元", value)
    if share:
        return f"不是数。写 {_decimal(Fraction(share[1]) / HUNDRED)}"
    if money and unit.startswith("fen"):
        return f"不是数。金额用整数分：{money[1]} 元写 {_decimal(Fraction(money[1]) * HUNDRED)}"
    if NUMBER.fullmatch(value):
        bare = value.replace(",", "").replace("，", "")
        return f"不是数。数字里不要写逗号，写 {bare}" if bare != value else f"不是数。数字不加引号，写 {bare}"
    if re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", value):
        return "不是数。写普通的数，不用 e"
    return "不是数。用阿拉伯数字：金额写整数分，比例写小数，如 0.80；没有标准的格子不要写"


def _decimal(value: Fraction) -> str:
    """At least two places for a share, none for a whole number."""
    if value.denominator == 1:
        return str(int(value))
    shown = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return shown if len(shown.partition(".")[2]) > 1 else f"{shown}0"
