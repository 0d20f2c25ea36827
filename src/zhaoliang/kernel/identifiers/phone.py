"""Telephone numbers of the mainland: mobiles (11 digits) and landlines with their area code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise


@dataclass(frozen=True)
class Phone:
    """A number without country prefix; landlines as `0538-1234567`."""

    number: str
    mobile: bool


def parse_phone(text: str) -> Phone:
    """Read a mobile or a landline with area code. Raises InvalidIdentifier."""
    number = re.sub(r"^(\+|00)86", "", normalise(text, drop="-－—()"))
    if re.fullmatch(r"86\d{11}", number):
        number = number[2:]
    if re.fullmatch(r"1[3-9]\d{9}", number):
        return Phone(number, mobile=True)
    # Two-digit area codes are 010 and 02x; all others have three digits after the zero.
    match = re.fullmatch(r"(010|02\d|0[3-9]\d{2})(\d{7,8})", number)
    if not match:
        raise InvalidIdentifier("电话号码不正确", "应为 11 位手机号码，或带区号的固定电话。", "请核对后重新填写。")
    return Phone(f"{match[1]}-{match[2]}", mobile=False)


def parse_mobile(text: str) -> Phone:
    """Read a mobile number (11 digits; +86 and separators tolerated). Raises InvalidIdentifier."""
    try:
        phone = parse_phone(text)
    except InvalidIdentifier:
        phone = None
    if phone is None or not phone.mobile:
        raise InvalidIdentifier("手机号码不正确", "应为 1 开头的 11 位数字。", "请填写您本人正在使用的手机号码。")
    return phone
