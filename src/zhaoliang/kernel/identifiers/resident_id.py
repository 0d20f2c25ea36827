"""Resident identity number (公民身份号码, GB 11643): place (6), birth date (8), order (3) and a check character."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from stdnum.iso7064 import mod_11_2

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise

_AS_PRINTED = "请对照身份证原件重新填写。"


class Sex(IntEnum):
    """Sex as coded by GB/T 2261.1."""

    UNKNOWN = 0
    MALE = 1
    FEMALE = 2
    UNSTATED = 9

    @property
    def label(self) -> str:
        """The Chinese word shown to people."""
        return {Sex.UNKNOWN: "未知", Sex.MALE: "男", Sex.FEMALE: "女", Sex.UNSTATED: "未说明"}[self]


@dataclass(frozen=True)
class ResidentId:
    """A valid 18-character number of the GB 11643 pattern and what can be read from it."""

    number: str
    region_code: str
    birth: date
    sex: Sex


def check_character(first_17: str) -> str:
    """The check character (ISO 7064 MOD 11-2, as GB 11643 prescribes) for the first 17 digits."""
    return mod_11_2.calc_check_digit(first_17)


def read_gb11643(number: str, *, document: str, on: date | None = None) -> ResidentId:
    """Read a normalised 18-character number; `document` names the paper in messages.

    The region prefix is not looked up: it is the place at the time of issue and may have been abolished since.
    With `on`, a birth date after that day is refused. Raises InvalidIdentifier.
    """
    what = f"{document}号码不正确"
    if len(number) != 18:
        raise InvalidIdentifier(what, f"应为 18 位，现在是 {len(number)} 位。", _AS_PRINTED)
    if not (number[:17].isascii() and number[:17].isdigit() and number[17] in "0123456789X"):
        raise InvalidIdentifier(what, "前 17 位应全是数字，最后一位是数字或 X。", _AS_PRINTED)
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise InvalidIdentifier(what, "第 7 至 14 位不是有效的出生日期。", _AS_PRINTED) from None
    if birth.year < 1900 or (on is not None and birth > on):
        raise InvalidIdentifier(what, "第 7 至 14 位的出生日期不合理。", _AS_PRINTED)
    if check_character(number[:17]) != number[17]:
        raise InvalidIdentifier(what, "最后一位校验码与前 17 位不符，可能有一位填错或两位颠倒。", _AS_PRINTED)
    sex = Sex.MALE if int(number[16]) % 2 else Sex.FEMALE
    return ResidentId(number, number[:6], birth, sex)


def parse_resident_id(text: str, *, on: date | None = None) -> ResidentId:
    """Read a resident identity number as typed; `on` (a Chinese day) refuses later birth dates.

    Raises InvalidIdentifier, with messages of their own for the withdrawn 15-digit form and other 18-digit papers.
    """
    number = normalise(text, drop="-－—")
    if len(number) == 15 and number.isdigit():
        raise InvalidIdentifier(
            "15 位的旧身份证号码不能使用",
            "第一代居民身份证已停止使用，号码须为 18 位。",
            "请填写第二代居民身份证上的 18 位号码。",
        )
    other = {"81": "港澳台居民居住证", "82": "港澳台居民居住证", "83": "港澳台居民居住证"}.get(number[:2])
    if number[:1] == "9":
        other = "外国人永久居留身份证"
    if len(number) == 18 and other:
        raise InvalidIdentifier(
            "这不是居民身份证号码",
            f"以 {number[:2]} 开头的 18 位号码属于{other}。",
            f"请把证件类型改为“{other}”后再填。",
        )
    return read_gb11643(number, document="居民身份证", on=on)
