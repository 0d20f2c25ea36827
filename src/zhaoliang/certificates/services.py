"""Acts on certificates: issued for the results of an examination, suspended, revoked by a second person, replaced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import IntegrityError, transaction

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates import numbers, signing
from zhaoliang.certificates.models import Certificate, CertificateIndex, EndClass
from zhaoliang.certificates.states import CERTIFICATE
from zhaoliang.evaluation.models import Exam, ExamResult
from zhaoliang.evaluation.selectors import exam as exam_by_id
from zhaoliang.evaluation.selectors import locked_exam, passed_results
from zhaoliang.evaluation.services import require_staff_of
from zhaoliang.kernel import crypto
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Refusal, WrongState
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.masking import mask_id
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Organisation

# Numbers of the other three kinds are given out by other authorities and only entered here.
NUMBERED_HERE = frozenset({CertificateKind.SKILL_LEVEL, CertificateKind.COMPLETION})
_ISSUER = {Role.EVALUATOR: Reach.ORGANISATION, Role.PROVIDER: Reach.ORGANISATION}


class NumberTaken(Refusal):
    """Somewhere in the country a certificate already has this number."""

    code = "number_taken"


class NotIssuedHere(Refusal):
    """The kind of certificate gets its number from another authority."""

    code = "not_issued_here"


def issuer_of(exam: Exam) -> Organisation:
    """Who issues: a completion certificate is the provider's (人社厅发〔2022〕15号), the others the evaluator's."""
    training_class = exam.training_class
    if training_class.project.certificate_kind == CertificateKind.COMPLETION:
        return training_class.provider
    return exam.evaluator


@act("certificates.issue", label="颁发证书", grants=_ISSUER, on="exam")
def issue_for_exam(*, actor: Actor, at: datetime, exam: Exam, issued_on: date) -> list[Certificate]:
    """Issue a certificate for every passed result that never had one; returns all certificates of the examination.

    Numbers, certificates and the national index are one transaction. Raises WrongState before publication, BadInput for
    a day before the examination or in the future, NotIssuedHere, NumberTaken, InvalidIdentifier, Forbidden.
    """
    exam = locked_exam(exam)
    issuer = issuer_of(exam)
    require_staff_of(actor, issuer, label="颁发证书")
    kind = CertificateKind(exam.training_class.project.certificate_kind)
    if kind not in NUMBERED_HERE:
        raise NotIssuedHere(
            what="没有颁发证书。",
            why=f"{kind.label}由发证机关编号颁发。",
            next_step="请在取得证书后，逐人登记证书编号。",
        )
    _require_day(exam, issued_on, at)
    results = _without_certificate(exam)
    if results:
        given = _numbers(exam, issuer, kind, issued_on, len(results))
        _create(exam, issuer, list(zip(results, given, strict=True)), issued_on)
    return _certificates(exam)


@act("certificates.enter", label="登记外部证书", grants=_ISSUER, on="exam")
def enter_certificate(
    *, actor: Actor, at: datetime, exam: Exam, result: ExamResult, number: str, issued_on: date
) -> Certificate:
    """Enter a certificate that another authority numbered, after checking the number's form.

    Raises NotIssuedHere for kinds numbered on the platform, WrongState, BadInput, InvalidIdentifier, NumberTaken.
    """
    exam = locked_exam(exam)
    issuer = issuer_of(exam)
    require_staff_of(actor, issuer, label="登记证书")
    project = exam.training_class.project
    kind = CertificateKind(project.certificate_kind)
    if kind in NUMBERED_HERE:
        raise NotIssuedHere(what="没有登记证书。", why=f"{kind.label}由平台统一编号。", next_step="请使用“颁发证书”。")
    _require_day(exam, issued_on, at)
    row = next((open_result for open_result in _without_certificate(exam) if open_result.pk == result.pk), None)
    if row is None:
        raise WrongState(
            what="没有登记证书。",
            why="这名学员没有合格成绩，或已经登记过证书。",
            next_step="请刷新页面核对。",
        )
    entered = numbers.entered_number(kind, number, person=row.person, occupation_code=project.occupation_id)
    return _create(exam, issuer, [(row, entered)], issued_on)[0]


@act(
    "certificates.suspend",
    label="暂停证书",
    grants={
        **_ISSUER,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
    },
    on="certificate",
)
def suspend_certificate(
    *,
    actor: Actor,
    at: datetime,
    certificate: Certificate,
    reason: str,
    reason_class: str = EndClass.UNDER_INQUIRY,
) -> Certificate:
    """Suspend a certificate while a doubt is looked into; the public check shows day and class of reason at once.

    Raises WrongState, BadInput without a reason.
    """
    certificate = _locked(certificate)
    CERTIFICATE.fire(
        certificate,
        "suspend",
        **_ending(at, reason, reason_class),
        suspended_by_user=actor.user_id,
        suspended_by_person=actor.person_id,
    )
    return certificate


@act(
    "certificates.resume",
    label="恢复证书",
    grants={Role.REVIEWER: Reach.REGION, Role.APPROVER: Reach.REGION},
    on="certificate",
)
def resume_certificate(*, actor: Actor, at: datetime, certificate: Certificate) -> Certificate:
    """The doubt is cleared: valid again. Raises WrongState."""
    certificate = _locked(certificate)
    CERTIFICATE.fire(
        certificate,
        "resume",
        ended_on=None,
        ended_class="",
        ended_reason="",
        suspended_by_user=None,
        suspended_by_person=None,
    )
    return certificate


@act("certificates.revoke", label="撤销证书", grants={Role.APPROVER: Reach.REGION}, on="certificate")
def revoke_certificate(
    *, actor: Actor, at: datetime, certificate: Certificate, reason: str, reason_class: str = EndClass.MISTAKE
) -> Certificate:
    """Revoke a suspended certificate for ever; the number is never used again. Another person than who suspended it.

    Raises WrongState when it is not suspended, SamePerson, BadInput without a reason.
    """
    certificate = _locked(certificate)
    if certificate.state == "issued":
        raise WrongState(
            what="没有撤销证书。",
            why="撤销要由两个人分别完成：先由一人暂停并写明原因，再由另一人撤销。",
            next_step="请先暂停这本证书。",
        )
    if CERTIFICATE.allows(certificate.state, "revoke"):
        require_other_person(
            actor,
            person_id=certificate.suspended_by_person,
            user_id=certificate.suspended_by_user,
            step="暂停证书",
        )
    CERTIFICATE.fire(
        certificate,
        "revoke",
        **_ending(at, reason, reason_class),
        revoked_by_user=actor.user_id,
        revoked_by_person=actor.person_id,
    )
    return certificate


@act("certificates.replace", label="换发证书", grants=_ISSUER, on="certificate")
def replace_certificate(
    *,
    actor: Actor,
    at: datetime,
    certificate: Certificate,
    reason: str,
    reason_class: str = EndClass.PERSON_DATA,
) -> Certificate:
    """A new certificate, with a new number, in the holder's present name; the old one says by which it was replaced.

    Raises WrongState unless the old one is valid, NotIssuedHere for kinds numbered elsewhere, BadInput.
    """
    certificate = _locked(certificate)
    if not CERTIFICATE.allows(certificate.state, "replace"):
        raise CERTIFICATE.refusal(certificate.state, "replace")
    kind = CertificateKind(certificate.kind)
    if kind not in NUMBERED_HERE:
        raise NotIssuedHere(what="没有换发证书。", why=f"{kind.label}由发证机关换发。", next_step="请联系发证机关。")
    exam = exam_by_id(certificate.city_code, certificate.result.exam_id)
    issued_on = chinese_day(at)
    number = _numbers(exam, certificate.issuer, kind, issued_on, 1)[0]
    CERTIFICATE.fire(certificate, "replace", **_ending(at, reason, reason_class), replaced_by=number)
    return _create(exam, certificate.issuer, [(certificate.result, number)], issued_on)[0]


def _locked(certificate: Certificate) -> Certificate:
    return (
        Certificate.objects.select_related("issuer", "result__person", "person")
        .select_for_update(of=("self",), no_key=True)
        .get(city_code=certificate.city_code, pk=certificate.pk)
    )


def _ending(at: datetime, reason: str, reason_class: str) -> dict[str, object]:
    fields = {}
    if not reason.strip() or len(reason) > 200:
        fields["reason"] = "请写明原因，最长 200 个字。"
    if reason_class not in EndClass.values:
        fields["reason_class"] = "请从列表里选择原因类别。"
    if fields:
        raise BadInput(what="没有办理。", why="缺少原因。", next_step="请补充后重新提交。", fields=fields)
    return {"ended_on": chinese_day(at), "ended_class": reason_class, "ended_reason": reason.strip()}


def _require_day(exam: Exam, issued_on: date, at: datetime) -> None:
    if exam.state != "published":
        raise WrongState(what="还不能颁发证书。", why="考核成绩还没有公布。", next_step="请先由另一位同事公布成绩。")
    if not exam.held_on <= issued_on <= chinese_day(at):
        raise BadInput(
            what="没有颁发证书。",
            why="发证日期不能早于考核日期，也不能晚于今天。",
            next_step="请改发证日期。",
            fields={"issued_on": f"应在{format_cn_date(exam.held_on)}至{format_cn_date(chinese_day(at))}之间。"},
        )


def _without_certificate(exam: Exam) -> list[ExamResult]:
    return list(passed_results(exam).filter(certificates__isnull=True))


def _certificates(exam: Exam) -> list[Certificate]:
    return list(
        Certificate.objects.select_related("occupation", "issuer", "person", "result")
        .filter(city_code=exam.city_code, result__exam=exam)
        .order_by("number")
    )


def _numbers(exam: Exam, issuer: Organisation, kind: CertificateKind, issued_on: date, count: int) -> list[str]:
    if kind == CertificateKind.COMPLETION:
        return numbers.training_numbers(exam=exam, issuer=issuer, year=issued_on.year, count=count)
    level = exam.training_class.project.level
    if level is None:
        raise BadInput(
            what="没有颁发证书。",
            why="项目没有填技能等级，职业技能等级证书必须有等级。",
            next_step="请核对项目的技能等级和证书种类。",
        )
    return numbers.skill_numbers(issuer=issuer, year=issued_on.year, level=SkillLevel(level), count=count)


def _create(
    exam: Exam, issuer: Organisation, rows: Sequence[tuple[ExamResult, str]], issued_on: date
) -> list[Certificate]:
    certificates = [_signed(exam, issuer, result, number, issued_on) for result, number in rows]
    try:
        with transaction.atomic():
            Certificate.objects.bulk_create(certificates)
            CertificateIndex.objects.bulk_create(
                CertificateIndex(number=row.number, city_code=row.city_code, certificate_id=row.pk)
                for row in certificates
            )
    except IntegrityError as problem:
        raise NumberTaken(
            what="没有颁发证书。",
            why="证书编号在全国登记库中已经存在。",
            next_step="请核对编号；如果是平台编的号，请人社部门核对机构的证书编码前段是否与别的机构重复。",
        ) from problem
    return certificates


def _signed(exam: Exam, issuer: Organisation, result: ExamResult, number: str, issued_on: date) -> Certificate:
    training_class, project, person = exam.training_class, exam.training_class.project, result.person
    content = signing.Content(
        kind=project.certificate_kind,
        number=number,
        name=person.name,
        document=mask_id(person.document_number),
        occupation_code=project.occupation_id,
        occupation=project.occupation.name,
        level=project.level,
        hours=training_class.hours,
        issuer=issuer.name,
        issuer_uscc=issuer.uscc,
        trained_from=training_class.starts_on,
        trained_to=training_class.ends_on,
        issued_on=issued_on,
    )
    payload = signing.encode(content)
    signature = crypto.sign(payload)
    return Certificate(
        city_code=exam.city_code,
        number=number,
        kind=content.kind,
        person=person,
        name=content.name,
        document_masked=content.document,
        occupation=project.occupation,
        level=content.level,
        hours=content.hours,
        issuer=issuer,
        result=result,
        issued_on=issued_on,
        payload=payload,
        signature=signature,
        key_id=crypto.verify(payload, signature),
    )
