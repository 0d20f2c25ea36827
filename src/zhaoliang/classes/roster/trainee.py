"""One row of a roster as a trainee: its own cells read and checked, without looking anything up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from zhaoliang.catalogue.models import CertificateKind, Project
from zhaoliang.classes.known import Known
from zhaoliang.classes.roster.columns import GROUP_CODES, GROUPS, YES_NO
from zhaoliang.classes.roster.findings import Finding
from zhaoliang.classes.roster.read import RosterFile, Row
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.identifiers.bank_card import parse_bank_card
from zhaoliang.kernel.identifiers.certificates import (
    SkillCertificate,
    parse_qualification_certificate,
    parse_skill_certificate,
    parse_special_operation,
    parse_training_certificate,
    skill_certificate_faults,
)
from zhaoliang.kernel.identifiers.other_documents import Document, DocumentKind, parse_document, parse_kind
from zhaoliang.kernel.identifiers.phone import parse_mobile
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.levels import SkillLevel, parse_level
from zhaoliang.registry.models import Person
from zhaoliang.registry.selectors import person_hash
from zhaoliang.registry.services.people import clean_name
from zhaoliang.vouchers.models import Voucher

_DATE = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")
_KINDS = {normalise(str(label)): CertificateKind(value) for value, label in CertificateKind.choices}
_KINDS |= {
    normalise(word): kind
    for word, kind in (
        ("资格证", CertificateKind.QUALIFICATION),
        ("等级证", CertificateKind.SKILL_LEVEL),
        ("技能等级证书", CertificateKind.SKILL_LEVEL),
        ("专项证", CertificateKind.SPECIAL_ABILITY),
        ("专项能力证书", CertificateKind.SPECIAL_ABILITY),
        ("结业证", CertificateKind.COMPLETION),
        ("合格证", CertificateKind.COMPLETION),
    )
}


@dataclass
class Trainee:
    """What a row says. `findings` grow through the checks; a column with a finding is not looked at again."""

    row: Row
    name: str = ""
    document: Document | None = None
    birth: date | None = None
    sex: str = ""
    id_hash: bytes = b""
    group: str = ""
    phone: str = ""
    card: str = ""
    education: str = ""
    employer_name: str = ""
    employer_uscc: str = ""
    level: SkillLevel | None = None
    certificate_kind: CertificateKind | None = None
    certificate_number: str = ""
    certificate_level: int | None = None
    issued_on: date | None = None
    attended_hours: Fraction | None = None
    voucher_code: str = ""
    applies: bool = True
    prepaid: bool = False
    amount_yuan: Fraction | None = None
    # Found by the look-ups.
    person: Person | None = None
    person_id: int | None = None
    voucher: Voucher | None = None
    known: Known = field(default_factory=Known)
    findings: list[Finding] = field(default_factory=list)
    repeated: bool = False

    @property
    def errors(self) -> list[Finding]:
        """The findings that keep the row out."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def spoilt(self, *keys: str) -> bool:
        """Whether one of these columns already has an error."""
        return any(finding.key in keys for finding in self.errors)


class Reader:
    """Reads the cells of one row; every refusal of a parser becomes a finding in its column."""

    def __init__(self, file: RosterFile, row: Row, project: Project, hours: int, today: date) -> None:
        self.file, self.row, self.project, self.hours, self.today = file, row, project, hours, today
        self.trainee = Trainee(row, findings=list(row.findings))

    def read(self) -> Trainee:
        """The trainee of the row."""
        self._identity()
        self._contacts()
        self._training()
        self._attendance()
        self._certificate()
        return self.trainee

    def _wrong(self, key: str, reason: str, **more: Any) -> None:
        self.trainee.findings.append(self.file.finding(self.row, key, reason, **more))

    def _refused(self, key: str, refusal: Refusal, code: str = "invalid") -> None:
        self._wrong(key, f"{refusal.what}：{refusal.why}", next_step=refusal.next_step, code=code)

    def _text(self, key: str) -> str:
        return "" if key in self.row.spoilt else self.row.text(key)

    def _identity(self) -> None:
        trainee, row = self.trainee, self.row
        for key, word in (("name", "姓名"), ("document_number", "证件号"), ("group", "人员类别")):
            if not row.text(key) and key not in row.spoilt:
                self._wrong(key, f"没有填写{word}。", next_step="请补填。", code="blank")
        try:
            trainee.name = clean_name(self._text("name")) if self._text("name") else ""
        except Refusal as refusal:
            self._refused("name", refusal, "name")
        trainee.group = self._group()
        kind = DocumentKind.RESIDENT_ID
        try:
            kind = parse_kind(self._text("document_type")) if self._text("document_type") else kind
        except Refusal as refusal:
            self._refused("document_type", refusal, "document_type")
            return
        if not self._text("document_number"):
            return
        try:
            # A birth date after the day of upload cannot be; one after the start of the class is caught with it.
            trainee.document = parse_document(kind, self._text("document_number"), on=self.today)
        except Refusal as refusal:
            self._refused("document_number", refusal, "document_number")
            return
        trainee.id_hash = person_hash(kind.value, trainee.document.number)
        trainee.birth = trainee.document.birth or self._date("birth")
        if trainee.birth is None and not trainee.spoilt("birth"):
            self._wrong("birth", f"{kind.label}的号码里没有出生日期。", next_step="请补填出生日期。", code="blank")
        self._sex(trainee.document)

    def _sex(self, document: Document) -> None:
        given = {"男": Sex.MALE, "女": Sex.FEMALE}.get(self._text("sex"))
        sex = document.sex if document.sex is not None else given
        self.trainee.sex = str(int(sex)) if sex is not None else ""
        if given is not None and document.sex is not None and given is not document.sex:
            self._wrong(
                "sex",
                f"填的是“{given.label}”，证件号表示“{document.sex.label}”。",
                next_step="请对照证件更正性别或证件号。",
                code="sex",
            )

    def _group(self) -> str:
        text = normalise(self._text("group"))
        if not text:
            return ""
        named = {normalise(name): code for name, code in GROUP_CODES.items()}
        code = named.get(text) or next((code for code in GROUPS if text in (code, str(int(code)))), "")
        code = code or next((code for name, code in named.items() if text == f"{code}{name}"), "")
        if not code:
            self._wrong(
                "group",
                f"没有“{self._text('group')[:20]}”这个人员类别。",
                next_step="请从模板的下拉选项中选择。",
                code="group",
            )
        return code

    def _contacts(self) -> None:
        trainee = self.trainee
        trainee.education = self._text("education")[:20]
        trainee.employer_name = self._text("employer")[:120]
        for key, read in (
            ("phone", lambda text: parse_mobile(text).number),
            ("employer_uscc", lambda text: parse_uscc(text).number),
        ):
            if text := self._text(key):
                try:
                    setattr(trainee, key, read(text))
                except Refusal as refusal:
                    self._refused(key, refusal, key)
        if text := self._text("card"):
            try:
                card = parse_bank_card(text)
                trainee.card = card.number
            except Refusal as refusal:
                self._refused("card", refusal, "card")
            else:
                if not card.luhn_ok:
                    self._wrong(
                        "card",
                        "账号末位校验不符，可能有一位填错。",
                        next_step="请对照社保卡金融账号核对；存折等旧账号没有校验位的可以不改。",
                        severity="notice",
                        code="card_check",
                    )

    def _training(self) -> None:
        trainee, project = self.trainee, self.project
        trainee.applies = self._yes("applies", default=True)
        trainee.prepaid = self._yes("prepaid", default=False)
        if (name := self._text("occupation")) and normalise(name) != normalise(project.occupation.name):
            self._wrong(
                "occupation",
                f"填的是“{name[:20]}”，项目的职业是“{project.occupation.name}”。",
                next_step="请核对学员是否报错了班。",
                code="occupation",
            )
        code = normalise(self._text("occupation_code"))
        if code and code != normalise(project.occupation_id) and not trainee.spoilt("occupation"):
            self._wrong(
                "occupation_code",
                f"填的是“{code[:12]}”，项目的职业编码是“{project.occupation_id}”。",
                next_step="请核对职业编码。",
                code="occupation",
            )
        if text := self._text("level"):
            try:
                trainee.level = parse_level(text)
            except Refusal as refusal:
                self._refused("level", refusal, "level")
        if text := self._text("voucher_code"):
            try:
                trainee.voucher_code = str(parse_code(text))
            except Refusal as refusal:
                self._refused("voucher_code", refusal, "voucher_code")
        trainee.amount_yuan = self._number("amount")
        for key in ("theory_score", "practice_score"):
            score = self._number(key)
            if score is not None and not 0 <= score <= 100:
                self._wrong(key, "成绩应在 0 至 100 之间。", next_step="请核对成绩。", code="score")

    def _attendance(self) -> None:
        trainee = self.trainee
        attended, planned = self._number("attended_hours"), self._number("planned_hours")
        rate = self._ratio("attendance_rate")
        if planned is not None and planned != self.hours:
            self._wrong(
                "planned_hours",
                f"填的是 {_plain(planned)} 课时，班级计划是 {self.hours} 课时。",
                next_step="请按备案的课时填写。",
                code="planned_hours",
            )
        if attended is not None and not 0 <= attended <= self.hours:
            self._wrong(
                "attended_hours",
                f"出勤 {_plain(attended)} 课时，不在 0 至 {self.hours} 课时之间。",
                next_step="请核对出勤课时。",
                code="attended_hours",
            )
            return
        if attended is None and rate is not None:
            attended = rate * self.hours
        elif attended is not None and rate is not None and abs(attended / self.hours - rate) > Fraction(1, 1000):
            self._wrong(
                "attendance_rate",
                f"填的是 {percent(rate)}，按出勤课时计算是 {percent(attended / self.hours)}。",
                next_step="请核对；系统按出勤课时计算。",
                severity="notice",
                code="attendance_rate",
            )
        trainee.attended_hours = attended

    def _certificate(self) -> None:
        trainee = self.trainee
        if text := normalise(self._text("certificate_kind")):
            trainee.certificate_kind = _KINDS.get(text)
            if trainee.certificate_kind is None:
                self._wrong(
                    "certificate_kind", "没有这种证书类型。", next_step="请从模板的下拉选项中选择。", code="kind"
                )
            elif trainee.certificate_kind != self.project.certificate_kind:
                self._wrong(
                    "certificate_kind",
                    f"填的是{trainee.certificate_kind.label}，项目的是{CertificateKind(self.project.certificate_kind).label}。",
                    next_step="取不同证书的学员请分班申报。",
                    code="kind",
                )
        trainee.issued_on = self._date("issued_on")
        if self._text("certificate_number") and not trainee.spoilt("certificate_kind"):
            try:
                self._number_of(normalise(self._text("certificate_number"), drop="-"))
            except Refusal as refusal:
                self._refused("certificate_number", refusal, "certificate_number")

    def _number_of(self, number: str) -> None:
        trainee = self.trainee
        kind = trainee.certificate_kind or CertificateKind(self.project.certificate_kind)
        match kind:
            case CertificateKind.SKILL_LEVEL:
                read = parse_skill_certificate(number)
                self._contradictions(read)
                trainee.certificate_level = int(read.level)
            case CertificateKind.QUALIFICATION:
                trainee.certificate_level = int(parse_qualification_certificate(number).level)
            case CertificateKind.SPECIAL_OPERATION:
                parse_special_operation(number)
            case CertificateKind.COMPLETION if number.startswith("PX"):
                parse_training_certificate(number)
        trainee.certificate_kind = kind
        trainee.certificate_number = number
        if trainee.certificate_level is None:
            trainee.certificate_level = 0

    def _contradictions(self, certificate: SkillCertificate) -> None:
        evaluator = self.project.evaluator
        faults = skill_certificate_faults(
            certificate,
            issued_on=self.trainee.issued_on,
            issuer_code=evaluator.evaluator_prefix if evaluator is not None and evaluator.evaluator_prefix else None,
        )
        if faults:
            raise faults[0]

    def _yes(self, key: str, *, default: bool) -> bool:
        text = self._text(key)
        if text and text not in YES_NO:
            self._wrong(key, "只能填“是”或“否”。", next_step="请从下拉选项中选择。", code="yes_no")
        return text == YES_NO[0] if text in YES_NO else default

    def _number(self, key: str) -> Fraction | None:
        text = self._text(key)
        if not text:
            return None
        try:
            value = Decimal(normalise(text, drop=",，"))
            if value.is_finite():
                return Fraction(value)
        except InvalidOperation:
            pass
        self._wrong(key, f"“{text[:20]}”不是数字。", next_step="请只填数字。", code="number")
        return None

    def _ratio(self, key: str) -> Fraction | None:
        text = self._text(key)
        if normalise(text).endswith("%"):
            self.row.cells[key] = normalise(text)[:-1]
            value = self._number(key)
            return value / 100 if value is not None else None
        value = self._number(key)
        # 79.9 and 0.799 are both in use.
        return value / 100 if value is not None and value > 1 else value

    def _date(self, key: str) -> date | None:
        text = self._text(key)
        if not text:
            return None
        match = _DATE.fullmatch(normalise(text))
        try:
            if match:
                return date(*map(int, match.groups()))
        except ValueError:
            pass
        self._wrong(key, f"“{text[:20]}”不是日期。", next_step="请按 2026-05-01 的形式填写。", code="date")
        return None


def percent(ratio: Fraction) -> str:
    """A ratio for people, cut and not rounded: 79.99 % must not read as 80 %."""
    hundredths = ratio * 10000 // 1
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".") + "%"


def _plain(value: Fraction) -> str:
    return str(int(value)) if value.denominator == 1 else format(Decimal(value.numerator) / value.denominator, "f")
