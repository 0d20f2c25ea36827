"""Questions to certificates; the public check first of all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import Q, QuerySet

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates import document, signing
from zhaoliang.certificates.models import Certificate, CertificateIndex, EndClass
from zhaoliang.certificates.services import NUMBERED_HERE, NotIssuedHere
from zhaoliang.certificates.states import CERTIFICATE
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.evaluation.models import Exam
from zhaoliang.kernel.crypto import KeyProblem, Tampered
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import BadInput, NotFound, WrongState
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.registry.models import Person
from zhaoliang.registry.services.people import clean_name

log = structlog.get_logger("certificates")


class Outcome(StrEnum):
    """The answers of the public check. A wrong name gets NOT_FOUND, so that the check does not tell who holds a number."""

    VALID = "valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    REPLACED = "replaced"
    NOT_FOUND = "not_found"
    ALTERED = "altered"
    UNKNOWN_KEY = "unknown_key"
    UNAVAILABLE = "unavailable"


LABELS = {
    Outcome.VALID: "有效",
    Outcome.SUSPENDED: "暂停",
    Outcome.REVOKED: "已撤销",
    Outcome.REPLACED: "已换发",
    Outcome.NOT_FOUND: "查无此证",
    Outcome.ALTERED: "内容被改动",
    Outcome.UNKNOWN_KEY: "签名密钥不认识",
    Outcome.UNAVAILABLE: "现在无法查验",
}
TONES = {
    Outcome.VALID: "ok",
    Outcome.SUSPENDED: "ask",
    Outcome.REPLACED: "ask",
    Outcome.UNAVAILABLE: "ask",
}
_STATES = {
    "issued": Outcome.VALID,
    "suspended": Outcome.SUSPENDED,
    "revoked": Outcome.REVOKED,
    "replaced": Outcome.REPLACED,
}


@dataclass(frozen=True)
class CertificateView:
    """A certificate as the register shows it to whoever holds number and name, or the QR code."""

    number: str
    kind_label: str
    name: str
    document_masked: str
    occupation: str
    level_label: str
    hours: int
    issuer: str
    issued_on: date
    trained_from: date
    trained_to: date


@dataclass(frozen=True)
class CheckAnswer:
    """An answer of the public check; `content` always comes from the register, never from the paper."""

    outcome: Outcome
    says: str
    next_step: str = ""
    content: CertificateView | None = None
    ended_on: date | None = None
    reason: str = ""
    replaced_by: str = ""
    issuer_note: str = ""

    @property
    def label(self) -> str:
        return LABELS[self.outcome]

    @property
    def tone(self) -> str:
        return TONES.get(self.outcome, "no")


@dataclass(frozen=True)
class OfflineAnswer:
    """What the signature alone proves: the content is as issued. Not whether the certificate was revoked since."""

    outcome: Outcome
    says: str
    content: CertificateView | None = None


NOT_FOUND = CheckAnswer(
    Outcome.NOT_FOUND,
    "登记库中没有编号和姓名都相符的证书。",
    "请对照证书逐字核对编号和姓名。仍查不到的，请向证书上的发证机构核实；2025 年以前的证书请到技能人才评价证书全国联网查询系统查询。",
)
UNAVAILABLE = CheckAnswer(
    Outcome.UNAVAILABLE,
    "现在无法查验，不能据此判断证书真假。",
    "请稍后再查，或向发证机构所在地人社部门核实。",
)
ALTERED = CheckAnswer(
    Outcome.ALTERED,
    "二维码的内容被改动过，或不是本平台颁发的证书。",
    "请不要采信这份证书；可以改用证书编号和姓名查询。",
)
UNKNOWN_KEY = CheckAnswer(
    Outcome.UNKNOWN_KEY,
    "二维码的签名不是本平台公布的任何一把密钥签的。",
    "请不要采信这份证书；可以改用证书编号和姓名查询。",
)


def check(number: str, name: str) -> CheckAnswer:
    """The public check by number and name; call `throttle.admit` first. Never raises for what people type."""
    try:
        wanted = clean_name(name)
    except BadInput:
        return NOT_FOUND
    try:
        found = by_number(normalise(number, drop="-"))
        if found is None or found.name != wanted:
            return NOT_FOUND
        return _answer(found)
    except (OperationalError, InterfaceError):
        log.exception("certificate check failed")
        return UNAVAILABLE


def check_token(token: str) -> CheckAnswer:
    """The public check of a QR code's token: first its signature, then what the register says today."""
    try:
        content, payload = signing.read_token(token)
    except Tampered:
        return ALTERED
    except KeyProblem:
        return UNKNOWN_KEY
    try:
        found = by_number(content.number)
    except (OperationalError, InterfaceError):
        log.exception("certificate check failed")
        return UNAVAILABLE
    if found is None or bytes(found.payload) != payload:
        # We signed it, and the register does not have it: something is wrong with us, not with the paper.
        log.error("signed certificate missing in the register")
        return UNAVAILABLE
    return _answer(found)


def check_offline(token: str) -> OfflineAnswer:
    """What can be said of a token without the register: genuine, altered, or signed by an unknown key."""
    try:
        content, _ = signing.read_token(token)
    except Tampered:
        return OfflineAnswer(Outcome.ALTERED, ALTERED.says)
    except KeyProblem:
        return OfflineAnswer(Outcome.UNKNOWN_KEY, UNKNOWN_KEY.says)
    return OfflineAnswer(
        Outcome.VALID, "内容与颁发时一致。是否已被撤销、暂停或换发，要联网查询才知道。", view_of(content)
    )


def _answer(certificate: Certificate) -> CheckAnswer:
    try:
        intact = signing.is_intact(certificate)
    except KeyProblem:
        intact = False
    if not intact:
        log.error("certificate row does not fit its signature", certificate_id=certificate.pk)
        return UNAVAILABLE
    outcome = _STATES[certificate.state]
    reason = str(EndClass(certificate.ended_class).label) if certificate.ended_class else ""
    return CheckAnswer(
        outcome,
        {
            Outcome.VALID: "证书有效，内容以下面登记的为准。",
            Outcome.SUSPENDED: "证书已暂停使用，正在核实。",
            Outcome.REVOKED: "证书是真的，但已被撤销，不再有效。",
            Outcome.REPLACED: "证书已换发，请使用新证书。",
        }[outcome],
        {
            Outcome.VALID: "请核对持证人姓名、证件号码后几位、职业和等级与纸面是否一致。",
            Outcome.REPLACED: "请按新的编号查验新证书。",
        }.get(outcome, "请向发证机构所在地人社部门了解情况。"),
        view_of(signing.decode(bytes(certificate.payload))),
        certificate.ended_on,
        reason,
        certificate.replaced_by,
        _issuer_note(certificate),
    )


def _issuer_note(certificate: Certificate) -> str:
    """What became of the issuer since: a certificate outlives its issuer, but whoever relies on it must know."""
    words = {"suspended": "现已暂停", "removed": "现已移出机构目录"}
    word = words.get(certificate.issuer.state)
    if word is None:
        return ""
    return f"发证机构{word}；这本证书颁发在前，如有疑问请向当地人社部门核实。"


def view_of(content: signing.Content) -> CertificateView:
    """A certificate's content in words."""
    return CertificateView(
        number=content.number,
        kind_label=str(CertificateKind(content.kind).label),
        name=content.name,
        document_masked=content.document,
        occupation=content.occupation,
        level_label=SkillLevel(content.level).label if content.level else "",
        hours=content.hours,
        issuer=content.issuer,
        issued_on=content.issued_on,
        trained_from=content.trained_from,
        trained_to=content.trained_to,
    )


def _rows() -> QuerySet[Certificate]:
    return Certificate.objects.select_related("occupation", "issuer", "person", "result")


def by_number(number: str) -> Certificate | None:
    """The certificate of a number, anywhere in the country: two reads, the national index first."""
    place = CertificateIndex.objects.filter(pk=number).first()
    if place is None:
        return None
    return _rows().filter(city_code=place.city_code, pk=place.certificate_id).first()


def certificate(city_code: int, certificate_id: int) -> Certificate:
    """A certificate. Raises NotFound."""
    found = _rows().filter(city_code=city_code, pk=certificate_id).first()
    if found is None:
        raise NotFound(what="没有这本证书。", why="它可能属于另一个城市。", next_step="请从证书列表进入。")
    return found


def certificate_of(enrolment: Enrolment) -> Certificate | None:
    """The certificate a trainee has from a class now: of replaced ones the newest."""
    return _rows().filter(~Q(state="replaced"), city_code=enrolment.city_code, result__enrolment=enrolment).first()


def in_its_place(certificate: Certificate) -> Certificate:
    """The certificate that counts for this one now: itself, or of a replaced one that which was issued in its place."""
    if certificate.state != "replaced":
        return certificate
    same = Certificate.objects.filter(city_code=certificate.city_code, result_id=certificate.result_id)
    return same.exclude(state="replaced").first() or certificate


def issued_for(city_code: int, result_ids: Collection[int]) -> dict[int, list[Certificate]]:
    """All certificates that were ever issued for each of these results, in order of issue: the qualification is one."""
    found: dict[int, list[Certificate]] = defaultdict(list)
    same = Certificate.objects.filter(city_code=city_code, result_id__in=list(result_ids)) if result_ids else ()
    for certificate in sorted(same, key=lambda one: (one.issued_on, one.pk)):
        found[certificate.result_id].append(certificate)
    return found


def certificates_of_class(training_class: TrainingClass) -> dict[int, Certificate]:
    """The certificates the trainees of a class have now, replaced ones left out, by enrolment id."""
    issued = issued_in_class(training_class)
    return {trainee: one for trainee, rows in issued.items() for one in rows if one.state != "replaced"}


def issued_in_class(training_class: TrainingClass) -> dict[int, list[Certificate]]:
    """All certificates ever issued for the published results of a class, replaced ones included, by enrolment id."""
    rows = Certificate.objects.filter(
        city_code=training_class.city_code,
        result__exam__training_class=training_class,
        result__exam__state="published",
    )
    found: dict[int, list[Certificate]] = defaultdict(list)
    for certificate in rows.select_related("result"):
        found[certificate.result.enrolment_id].append(certificate)
    return found


def certificates_of_exam(exam: Exam) -> list[Certificate]:
    """All certificates ever issued for an examination, replaced ones included, in order of number."""
    return list(_rows().filter(city_code=exam.city_code, result__exam=exam).order_by("number"))


def certificates_of(person: Person, *, everywhere: bool = False) -> list[Certificate]:
    """A person's certificates, latest first: of the city, or of all cities (for the holder)."""
    rows = _rows().order_by("-issued_on", "-id")
    if not everywhere:
        return list(rows.filter(city_code=person.city_code, person=person))
    with national():
        return list(rows.filter(person_id=person.pk))


def issued_by(city_code: int, issuer_id: int) -> QuerySet[Certificate]:
    """The certificates an organisation issued, latest first."""
    return _rows().filter(city_code=city_code, issuer_id=issuer_id).order_by("-issued_on", "-id")


def check_url(certificate: Certificate) -> str:
    """The address in the QR code: the number for everyone, the signed token behind # where no server log sees it."""
    return document.check_url(certificate)


def pdf(certificate: Certificate) -> bytes:
    """The certificate as PDF, A4 landscape, with its QR code; for valid ones numbered on the platform.

    Raises WrongState, NotIssuedHere, PdfUnavailable.
    """
    if CertificateKind(certificate.kind) not in NUMBERED_HERE:
        raise NotIssuedHere(
            what="没有可下载的证书。",
            why=f"{CertificateKind(certificate.kind).label}由发证机关颁发，平台只登记编号。",
            next_step="请使用发证机关颁发的证书。",
        )
    if certificate.state != "issued":
        raise WrongState(
            what="这本证书不能下载。",
            why=f"证书现在是“{CERTIFICATE.states[certificate.state]}”。",
            next_step="已换发的，请下载新证书；其他情况请联系发证机构。",
        )
    content = signing.decode(bytes(certificate.payload))
    return document.render(certificate, view_of(content), document_type=certificate.person.document_type)
