"""Money as whole fen (分): ratios are exact (`int`, `Fraction`, `Decimal`), rounding is named, a float raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, TypeAlias

from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import normalise

Fen: TypeAlias = int
Ratio: TypeAlias = int | Fraction | Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")
# Twelve digits of yuan, what a bank line of this trade can carry; it also bounds the capital form.
_MOST_FEN = 10**14
# As machines write amounts, below that bound: read without looking for what people write.
_MACHINE_WRITTEN = re.compile(r"[0-9]{1,12}\.[0-9]{2}").fullmatch


class BadAmount(BadInput, ValueError):
    """The text is not an amount of money."""

    code: ClassVar[str] = "bad_amount"


class Rounding(StrEnum):
    """How an exact amount becomes whole steps; all modes treat negative amounts as the mirror of positive ones."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    DOWN = "down"
    UP = "up"


def _whole(amount_fen: object) -> int:
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise TypeError(f"an amount is a whole number of fen, not {type(amount_fen).__name__}")
    return amount_fen


def _exact(ratio: object) -> Fraction:
    if isinstance(ratio, bool) or not isinstance(ratio, int | Fraction | Decimal):
        raise TypeError(f"a ratio is an int, Fraction or Decimal, not {type(ratio).__name__}")
    return Fraction(ratio)


def split(total_fen: Fen, weights: Sequence[Ratio]) -> list[Fen]:
    """Share `total_fen` by `weights` (largest remainder, earlier parts first on a tie).

    The parts sum to the total, and each is less than one fen from its exact share. Raises ValueError on no, negative or
    all-zero weights.
    """
    total, exact = _whole(total_fen), [_exact(weight) for weight in weights]
    whole = sum(exact)
    if whole <= 0 or min(exact) < 0:
        raise ValueError("weights must be at least zero and not all zero")
    shares = [abs(total) * weight / whole for weight in exact]
    parts = [int(share) for share in shares]
    missing = abs(total) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: parts[i] - shares[i])[:missing]:
        parts[index] += 1
    return parts if total >= 0 else [-part for part in parts]


def apply_ratio(amount_fen: Fen, ratio: Ratio, rounding: Rounding, *, step_fen: Fen = 1) -> Fen:
    """`amount_fen` times `ratio`, rounded to a multiple of `step_fen` (100: whole yuan). ValueError on a bad step."""
    step = _whole(step_fen)
    if step < 1:
        raise ValueError("the step is at least one fen")
    exact = _whole(amount_fen) * _exact(ratio) / step
    size = abs(exact)
    steps = int(size)
    rest = size - steps
    half = Fraction(1, 2)
    match Rounding(rounding):
        case Rounding.HALF_UP:
            steps += rest >= half
        case Rounding.HALF_EVEN:
            steps += rest > half or (rest == half and steps % 2 == 1)
        case Rounding.UP:
            steps += rest > 0
        case Rounding.DOWN:
            pass
    return (steps if exact >= 0 else -steps) * step


def format_yuan(amount_fen: Fen) -> str:
    """`¥1,800.00`; negative amounts as `-¥1,800.00`."""
    yuan, fen = divmod(abs(_whole(amount_fen)), 100)
    return f"{'-' if amount_fen < 0 else ''}¥{yuan:,}.{fen:02d}"


def parse_yuan(text: str) -> Fen:
    """Fen from an amount of yuan as people write it: `1,800.5`, `￥１８００元`, `-20`.

    Raises BadAmount on anything else, also on more than two decimals: half a fen is nobody's to round away.
    """
    if not isinstance(text, str):
        raise TypeError(f"an amount is read from text, not {type(text).__name__}")
    if _MACHINE_WRITTEN(text):
        return int(text[:-3]) * 100 + int(text[-2:])
    plain = re.sub(r"元整?$", "", normalise(text).replace("−", "-"))
    match = re.fullmatch(r"(-?)¥?(-?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]*))?", plain)
    if not match or (match[1] and match[2]):
        raise BadAmount("金额无法识别", "应为数字，例如 1800 或 1,800.00。", "请以元为单位重新填写。")
    decimals = match[4] or ""
    if len(decimals) > 2:
        raise BadAmount("金额的小数位过多", "金额最多精确到分，即两位小数。", "请改为两位以内的小数。")
    fen = int(match[3].replace(",", "")) * 100 + int(decimals.ljust(2, "0"))
    if fen >= _MOST_FEN:
        raise BadAmount("金额过大", "超出可以登记的范围。", "请核对金额的单位是否为元。")
    return -fen if match[1] or match[2] else fen


def _capital_group(value: int) -> str:
    """Up to four digits in capitals; one 零 for any run of zeros inside, none at the ends."""
    digits = f"{value:d}"
    words = "".join(
        _DIGITS[int(digit)] + (_PLACES[place] if digit != "0" else "")
        for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True)
    )
    return re.sub("零+", "零", words).rstrip("零")


def to_chinese_capital(amount_fen: Fen) -> str:
    """The amount in capitals as on vouchers and transfers: 壹仟捌佰元整, 壹仟零肆元零伍分 (支付结算办法 practice).

    Raises ValueError beyond twelve digits of yuan.
    """
    if abs(_whole(amount_fen)) >= _MOST_FEN:
        raise ValueError("amount too large for the capital form")
    yuan, fen = divmod(abs(amount_fen), 100)
    groups: list[int] = []
    rest = yuan
    while rest:
        rest, group = divmod(rest, 10_000)
        groups.append(group)
    words, gap = "", False
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if not group:
            gap = bool(words)
            continue
        if words and (gap or group < 1000):
            words += "零"
        words += _capital_group(group) + _GROUPS[index]
        gap = False
    jiao, cents = divmod(fen, 10)
    words = f"{words}元" if words else ("" if fen else "零元")
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif cents and yuan:
        words += "零"
    words += f"{_DIGITS[cents]}分" if cents else "整"
    return ("负" if amount_fen < 0 else "") + words
