"""Certificate numbers (domain facts §1): skill levels, vocational qualifications, the platform's own 培训合格证书.

Each kind has `parse_…` (text → value, InvalidIdentifier otherwise) and, where the platform issues numbers, `build_…`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from stdnum.iso7064 import mod_11_2

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise
from zhaoliang.kernel.identifiers.resident_id import parse_resident_id
from zhaoliang.kernel.levels import SkillLevel

_NEXT = "请对照证书原件核对，或在技能人才评价证书全国联网查询系统查询。"
# First two digits of GB/T 2260; 66 (兵团) is common knowledge, not a published code (§1.1).
PROVINCE_CODES = frozenset(
    str(n)
    for n in (
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 67),
        71,
        81,
        82,
    )
)


class EvaluatorKind(StrEnum):
    """First letter of a skill certificate: who evaluated (§1.1)."""

    EMPLOYER = "Y"
    SOCIAL_ORGANISATION = "S"

    @property
    def label(self) -> str:
        """The Chinese name of the kind of evaluating organisation."""
        return {"Y": "用人单位", "S": "社会培训评价组织"}[self.value]


@dataclass(frozen=True)
class SkillCertificate:
    """职业技能等级证书: the 22 characters in parts (§1.1; §1.2 for the two-letter numbers of 特级技师 and 首席技师)."""

    kind: EvaluatorKind
    national_code: str
    province: str
    site: str
    year: int
    level: SkillLevel
    sequence: int

    @property
    def number(self) -> str:
        """The 22 characters as printed."""
        return f"{self.series}{self.sequence:06d}"

    @property
    def issuer_code(self) -> str:
        """Kind, organisation, province and site: the first 13 characters, as assigned to the organisation."""
        return f"{self.kind}{self.national_code}{self.province}{self.site}"

    @property
    def series(self) -> str:
        """The first 16 characters, within which sequence numbers are unique and never used again."""
        return f"{self.issuer_code}{self.year % 100:02d}{self.level.certificate_code}"


def build_skill_certificate(issuer_code: str, *, year: int, level: SkillLevel, sequence: int) -> SkillCertificate:
    """The number for the `sequence`-th certificate (from 1) of an organisation in a year (2000-2099) and level.

    Raises InvalidIdentifier when a part does not fit its place or the level has no certificate.
    """
    if level.certificate_code is None:
        raise InvalidIdentifier("无法编制证书编号", f"{level.label}不颁发职业技能等级证书。", "请核对等级。")
    if not (2000 <= year <= 2099 and 1 <= sequence <= 999_999):
        raise InvalidIdentifier("无法编制证书编号", "年份或证书序列码超出编码规则的范围。", "请核对核发年份和序列码。")
    return parse_skill_certificate(f"{issuer_code}{year % 100:02d}{level.certificate_code}{sequence:06d}")


def parse_skill_certificate(text: str) -> SkillCertificate:
    """Read the 22 characters of a skill level certificate. Raises InvalidIdentifier naming the part that is wrong."""
    number, what = normalise(text, drop="-"), "职业技能等级证书编号不正确"
    if len(number) != 22:
        raise InvalidIdentifier(what, f"应为 22 位，现在是 {len(number)} 位。", _NEXT)
    if number[0] not in "YS":
        raise InvalidIdentifier(what, "第 1 位应为 Y（用人单位）或 S（社会培训评价组织）。", _NEXT)
    match = re.fullmatch(r"([YS])([0-9]{4})([0-9]{2})([0-9]{6})([0-9]{2})([1-5TS])([0-9]{6})", number)
    if not match:
        raise InvalidIdentifier(what, "第 16 位应为等级代码（1 至 5，特级 T、首席 S），其余各位应为数字。", _NEXT)
    kind, national, province, site, year, level, sequence = match.groups()
    if province not in PROVINCE_CODES:
        raise InvalidIdentifier(what, f"第 6、7 位“{province}”不是省级代码。", _NEXT)
    if sequence == "000000":
        raise InvalidIdentifier(what, "证书序列码从 000001 开始。", _NEXT)
    return SkillCertificate(
        EvaluatorKind(kind),
        national,
        province,
        site,
        2000 + int(year),
        SkillLevel.from_certificate_code(level),
        int(sequence),
    )


def skill_certificate_faults(
    certificate: SkillCertificate,
    *,
    kind: EvaluatorKind | None = None,
    issued_on: date | None = None,
    level: SkillLevel | None = None,
    issuer_code: str | None = None,
) -> list[InvalidIdentifier]:
    """Every contradiction between the number and the known facts (§1.1 校验联动); unknown facts are not checked."""
    what, faults = "证书编号与证书信息不符", []
    if kind is not None and certificate.kind is not kind:
        faults.append(
            InvalidIdentifier(what, f"第 1 位表示{certificate.kind.label}，评价机构登记为{kind.label}。", _NEXT)
        )
    if issued_on is not None and certificate.year != issued_on.year:
        faults.append(
            InvalidIdentifier(
                what, f"第 14、15 位表示 {certificate.year} 年核发，发证日期是 {issued_on.year} 年。", _NEXT
            )
        )
    if level is not None and certificate.level is not level:
        faults.append(
            InvalidIdentifier(what, f"第 16 位表示{certificate.level.label}，证书等级是{level.label}。", _NEXT)
        )
    if issuer_code is not None and certificate.issuer_code != issuer_code:
        faults.append(InvalidIdentifier(what, "前 13 位与评价机构备案的赋码不同。", _NEXT))
    return faults


@dataclass(frozen=True)
class QualificationCertificate:
    """职业资格证书: 16 digits (§1.3). `region` is the centre's own code table, not GB/T 2260."""

    year: int
    region: str
    city: str
    organisation_kind: int
    organisation: int
    level: SkillLevel
    sequence: int

    @property
    def number(self) -> str:
        """The 16 digits as printed."""
        return (
            f"{self.year % 100:02d}{self.region}{self.city}{self.organisation_kind}{self.organisation:03d}"
            f"{self.level.certificate_code}{self.sequence:05d}"
        )


def build_qualification_certificate(
    *, year: int, region: str, city: str, organisation_kind: int, organisation: int, level: SkillLevel, sequence: int
) -> QualificationCertificate:
    """The number from its parts (§1.3). Raises InvalidIdentifier when a part does not fit its place."""
    built = QualificationCertificate(year, region, city, organisation_kind, organisation, level, sequence)
    if parse_qualification_certificate(built.number) != built:
        raise InvalidIdentifier("无法编制职业资格证书编号", "某一段超出编码规则的位数。", "请核对各段的取值。")
    return built


def parse_qualification_certificate(text: str) -> QualificationCertificate:
    """Read 16 digits; the 13 of older Shanghai certificates get 000 in front (§1.3). Raises InvalidIdentifier.

    The two digits of the year are read as 1990-2089: the numbers exist since the nineties.
    """
    number, what = normalise(text, drop="-"), "职业资格证书编号不正确"
    if len(number) == 13:
        number = "000" + number
    if not re.fullmatch(r"[0-9]{16}", number):
        raise InvalidIdentifier(what, "应为 16 位数字（上海旧证为 13 位）。", _NEXT)
    if number[6] not in "01234":
        raise InvalidIdentifier(what, "第 7 位是考核机构类型，应为 0 至 4。", _NEXT)
    if number[10] not in "12345":
        raise InvalidIdentifier(what, "第 11 位是等级，应为 1 至 5。", _NEXT)
    short = int(number[:2])
    return QualificationCertificate(
        short + (1900 if short >= 90 else 2000),
        number[2:4],
        number[4:6],
        int(number[6]),
        int(number[7:10]),
        SkillLevel.from_certificate_code(number[10]),
        int(number[11:]),
    )


@dataclass(frozen=True)
class TrainingCertificate:
    """培训合格证书 numbered by the platform (§1.4): PX, place, year, provider, class, trainee, check character."""

    region_code: int
    year: int
    provider: int
    class_no: int
    trainee: int

    @property
    def number(self) -> str:
        """The 24 characters as printed; the last is the ISO 7064 MOD 11-2 check of the digits between."""
        body = f"{self.region_code:06d}{self.year:04d}{self.provider:04d}{self.class_no:04d}{self.trainee:03d}"
        return f"PX{body}{mod_11_2.calc_check_digit(body)}"


def build_training_certificate(
    *, region_code: int, year: int, provider: int, class_no: int, trainee: int
) -> TrainingCertificate:
    """The number of a class's `trainee`-th certificate. Raises InvalidIdentifier when a part does not fit its place."""
    built = TrainingCertificate(region_code, year, provider, class_no, trainee)
    if min(provider, class_no, trainee) < 1 or len(built.number) != 24 or not 2000 <= year <= 2099:
        raise InvalidIdentifier(
            "无法编制培训合格证书编号", "某一段超出编号规则的位数。", "请核对机构、班期和学员的序号。"
        )
    return built


def parse_training_certificate(text: str) -> TrainingCertificate:
    """Read a PX number. Raises InvalidIdentifier."""
    number, what = normalise(text, drop="-"), "培训合格证书编号不正确"
    if not re.fullmatch(r"PX[0-9]{21}[0-9X]", number):
        raise InvalidIdentifier(what, "应为 PX 加 22 位，最后一位是数字或 X。", _NEXT)
    if not mod_11_2.is_valid(number[2:]):
        raise InvalidIdentifier(what, "最后一位校验码不符，可能有一位填错或两位颠倒。", _NEXT)
    parts = (number[2:8], number[8:12], number[12:16], number[16:20], number[20:23])
    return TrainingCertificate(*map(int, parts))


def parse_special_operation(text: str) -> str:
    """Read a 特种作业操作证 number, T and the holder's resident identity number (§1.4). Raises InvalidIdentifier."""
    number = normalise(text, drop="-")
    if not number.startswith("T"):
        raise InvalidIdentifier("特种作业操作证编号不正确", "应为字母 T 加本人身份证号码。", _NEXT)
    return "T" + parse_resident_id(number[1:]).number


def parse_supervisor_card(text: str) -> str:
    """Read a 质量督导员 card number: R, province, year, sequence (§1.4). Raises InvalidIdentifier."""
    number = normalise(text, drop="-")
    if not re.fullmatch(r"R[0-9]{8}", number) or number[1:3] not in PROVINCE_CODES:
        raise InvalidIdentifier(
            "质量督导员证卡编号不正确", "应为 R、2 位省级代码、2 位年份和 4 位序列码。", "请对照证卡核对。"
        )
    return number
