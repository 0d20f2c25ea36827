"""Identity documents other than the resident identity card, and one entry point for all of them (`parse_document`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise
from zhaoliang.kernel.identifiers.resident_id import Sex, parse_resident_id, read_gb11643

_AS_PRINTED = "请对照证件原件重新填写，并核对证件类型是否选对。"


class DocumentKind(StrEnum):
    """Kinds of identity document accepted from a trainee."""

    RESIDENT_ID = "resident_id"
    HK_MACAO_PERMIT = "hk_macao"
    TAIWAN_PERMIT = "taiwan"
    HK_MACAO_TAIWAN_RESIDENCE = "hmt_residence"
    FOREIGN_PERMANENT_RESIDENT = "foreign_residence"
    PASSPORT = "passport"

    @property
    def label(self) -> str:
        """The official Chinese name of the document."""
        return _LABELS[self]

    @property
    def standard_code(self) -> str:
        """The two-digit code of the human-resources data standards (domain facts §9.1, 常识: LD/T decides)."""
        return _STANDARD_CODES[self]


_STANDARD_CODES = {
    DocumentKind.RESIDENT_ID: "01",
    DocumentKind.HK_MACAO_PERMIT: "05",
    DocumentKind.TAIWAN_PERMIT: "06",
    DocumentKind.PASSPORT: "07",
    DocumentKind.FOREIGN_PERMANENT_RESIDENT: "08",
    DocumentKind.HK_MACAO_TAIWAN_RESIDENCE: "09",
}
_LABELS = {
    DocumentKind.RESIDENT_ID: "居民身份证",
    DocumentKind.HK_MACAO_PERMIT: "港澳居民来往内地通行证",
    DocumentKind.TAIWAN_PERMIT: "台湾居民来往大陆通行证",
    DocumentKind.PASSPORT: "护照",
    DocumentKind.FOREIGN_PERMANENT_RESIDENT: "外国人永久居留身份证",
    DocumentKind.HK_MACAO_TAIWAN_RESIDENCE: "港澳台居民居住证",
}
_ALIASES = {
    "身份证": DocumentKind.RESIDENT_ID,
    "二代身份证": DocumentKind.RESIDENT_ID,
    "港澳通行证": DocumentKind.HK_MACAO_PERMIT,
    "回乡证": DocumentKind.HK_MACAO_PERMIT,
    "台胞证": DocumentKind.TAIWAN_PERMIT,
    "外国人永久居留证": DocumentKind.FOREIGN_PERMANENT_RESIDENT,
    "港澳台居住证": DocumentKind.HK_MACAO_TAIWAN_RESIDENCE,
    **{label: kind for kind, label in _LABELS.items()},
    **{code: kind for kind, code in _STANDARD_CODES.items()},
}


@dataclass(frozen=True)
class Document:
    """A document number in canonical form; birth and sex only where the number itself tells them."""

    kind: DocumentKind
    number: str
    birth: date | None = None
    sex: Sex | None = None


def _refuse(kind: DocumentKind, why: str) -> InvalidIdentifier:
    return InvalidIdentifier(f"{kind.label}号码不正确", why, _AS_PRINTED)


def parse_kind(text: str) -> DocumentKind:
    """The kind named by its code (`01`) or by an official or customary Chinese name. Raises InvalidIdentifier."""
    name = normalise(text)
    kind = _ALIASES.get(name) or _ALIASES.get(name.zfill(2))
    if kind is None:
        raise InvalidIdentifier(
            "不认识这种证件类型", "证件类型不在可受理的六种之内。", f"请填写：{'、'.join(_LABELS.values())}。"
        )
    return kind


def parse_hk_macao_permit(text: str) -> Document:
    """H or M and eight digits; the older suffix of two digits counting renewals is dropped: it names no person."""
    kind = DocumentKind.HK_MACAO_PERMIT
    match = re.fullmatch(r"([HM]\d{8})(\d{2})?", normalise(text, drop="-()"))
    if not match:
        raise _refuse(kind, "应为字母 H 或 M 加 8 位数字。")
    return Document(kind, match[1])


def parse_taiwan_permit(text: str) -> Document:
    """Eight digits, or the earlier ten digits with an optional bracketed letter."""
    kind = DocumentKind.TAIWAN_PERMIT
    number = normalise(text, drop="-()")
    if not re.fullmatch(r"\d{8}|\d{10}[A-Z]?", number):
        raise _refuse(kind, "应为 8 位数字（旧证为 10 位数字，可带一个字母）。")
    return Document(kind, number)


def parse_passport(text: str) -> Document:
    """Five to twelve Latin letters and digits, at least one digit; issuing states differ too much for more."""
    kind = DocumentKind.PASSPORT
    number = normalise(text, drop="-")
    if not re.fullmatch(r"(?=.*\d)[A-Z0-9]{5,12}", number):
        raise _refuse(kind, "应为 5 至 12 位字母和数字。")
    return Document(kind, number)


def parse_foreign_permanent_resident(text: str, *, on: date | None = None) -> Document:
    """The 2023 card (18 digits from 9, check digit as GB 11643) or the earlier three letters and twelve digits."""
    kind = DocumentKind.FOREIGN_PERMANENT_RESIDENT
    number = normalise(text, drop="-")
    if re.fullmatch(r"[A-Z]{3}\d{12}", number):
        return Document(kind, number)
    if not number.startswith("9"):
        raise _refuse(kind, "应为以 9 开头的 18 位号码，或旧证的 3 个字母加 12 位数字。")
    read = read_gb11643(number, document=kind.label, on=on)
    return Document(kind, read.number, read.birth, read.sex)


def parse_hk_macao_taiwan_residence(text: str, *, on: date | None = None) -> Document:
    """18 characters of the GB 11643 pattern whose place is 810000, 820000 or 830000."""
    kind = DocumentKind.HK_MACAO_TAIWAN_RESIDENCE
    number = normalise(text, drop="-")
    if number[:6] not in ("810000", "820000", "830000"):
        raise _refuse(kind, "应为以 810000（香港）、820000（澳门）或 830000（台湾）开头的 18 位号码。")
    read = read_gb11643(number, document=kind.label, on=on)
    return Document(kind, read.number, read.birth, read.sex)


def parse_document(kind: DocumentKind, text: str, *, on: date | None = None) -> Document:
    """Read the number of a document of this kind; `on` refuses later birth dates. Raises InvalidIdentifier."""
    match kind:
        case DocumentKind.RESIDENT_ID:
            read = parse_resident_id(text, on=on)
            return Document(kind, read.number, read.birth, read.sex)
        case DocumentKind.HK_MACAO_PERMIT:
            return parse_hk_macao_permit(text)
        case DocumentKind.TAIWAN_PERMIT:
            return parse_taiwan_permit(text)
        case DocumentKind.PASSPORT:
            return parse_passport(text)
        case DocumentKind.FOREIGN_PERMANENT_RESIDENT:
            return parse_foreign_permanent_resident(text, on=on)
        case DocumentKind.HK_MACAO_TAIWAN_RESIDENCE:
            return parse_hk_macao_taiwan_residence(text, on=on)
