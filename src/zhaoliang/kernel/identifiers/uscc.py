"""Unified social credit code (统一社会信用代码, GB 32100): 18 characters of a 31-letter alphabet, the last a check."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum.cn import uscc as stdnum_uscc

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise

_WHAT = "统一社会信用代码不正确"
_NEXT = "请对照营业执照或登记证书重新填写。"
# Registering department and kind may be letters (N1: rural collectives), which python-stdnum's own validate() refuses.
_PATTERN = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")


@dataclass(frozen=True)
class Uscc:
    """A valid code; `region_code` is the registering authority's place at the time (six digits)."""

    number: str
    registrar: str
    region_code: str


def check_character(first_17: str) -> str:
    """The check character for the first 17 characters."""
    return stdnum_uscc.calc_check_digit(first_17)


def parse_uscc(text: str) -> Uscc:
    """Read a code as typed. Raises InvalidIdentifier."""
    number = normalise(text, drop="-")
    if len(number) != 18:
        raise InvalidIdentifier(_WHAT, f"应为 18 位，现在是 {len(number)} 位。", _NEXT)
    if not _PATTERN.fullmatch(number):
        raise InvalidIdentifier(_WHAT, "只能是数字和除 I、O、S、V、Z 以外的字母，第 3 至 8 位是数字。", _NEXT)
    if check_character(number[:17]) != number[17]:
        raise InvalidIdentifier(_WHAT, "最后一位校验码与前 17 位不符，可能有一位填错。", _NEXT)
    return Uscc(number, number[:2], number[2:8])
