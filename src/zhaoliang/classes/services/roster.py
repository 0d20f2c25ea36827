"""Acts on the roster: import by Excel (all or nothing), taking a trainee off, a trainee dropping out."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from zhaoliang.classes.models import Enrolment, RefusedRoster, RosterImport, TrainingClass
from zhaoliang.classes.roster.checks import Roster, Trainee, check_roster
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.classes.selectors import counted_import
from zhaoliang.classes.services.plan import lock_draft
from zhaoliang.classes.states import ENROLMENT
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import register_person
from zhaoliang.vouchers.services import undo_use, use_voucher


@act("classes.import_roster", label="导入学员名册", grants={Role.PROVIDER: Reach.ORGANISATION}, on="training_class")
def import_roster(
    *, actor: Actor, at: datetime, training_class: TrainingClass, file_name: str, content: bytes
) -> RosterImport:
    """Import a roster workbook. With any error nothing is imported and the answer carries the findings.

    A file that was imported before answers with that import. Otherwise every row becomes an enrolment, people without a
    file in the city get one, and their vouchers are used for this class. Raises UnusableFile, WrongState.
    """
    digest = hashlib.sha256(content).digest()
    held = lock_draft(training_class, "名册没有导入。")
    former = counted_import(held, digest)
    if former is not None:
        return former
    sheet = read_roster(content, file_name=file_name)
    roster = check_roster(
        sheet,
        city_code=held.city_code,
        project=held.project,
        start=held.starts_on,
        training_class=held,
        at=at,
        importing=True,
    )
    imported = 0 if roster.errors else _enrol(held, roster, actor=actor, at=at)
    made = RosterImport.objects.create(
        city_code=held.city_code,
        training_class=held,
        file_name=file_name[-200:],
        sha256=digest,
        rows=len(roster.trainees),
        wrong_rows=len({finding.row for finding in roster.errors}),
        imported=imported,
        findings=[finding.as_dict() for finding in roster.findings],
        notes=list(sheet.notes),
        at=at,
        actor_name=actor.name,
    )
    forget_refused(held)
    if not imported:
        RefusedRoster.objects.create(
            city_code=held.city_code,
            training_class=held,
            roster_import=made,
            content=base64.b64encode(content).decode(),
        )
    return made


def forget_refused(training_class: TrainingClass) -> None:
    """Drop the kept workbook of a refused import: no personal data longer than it is needed; inside an act."""
    RefusedRoster.objects.filter(city_code=training_class.city_code, training_class=training_class).delete()


def _enrol(training_class: TrainingClass, roster: Roster, *, actor: Actor, at: datetime) -> int:
    # In the order of the hashes, so that two imports at once never wait for each other.
    for trainee in sorted(roster.trainees, key=lambda trainee: trainee.id_hash):
        person = trainee.person or _file_of(training_class, trainee, actor=actor, at=at)
        if trainee.voucher is not None:
            use_voucher(
                actor=system_actor(actor.name),
                at=at,
                voucher=trainee.voucher,
                provider=training_class.provider,
                project=training_class.project,
                class_id=training_class.pk,
            )
        Enrolment.objects.create(
            city_code=training_class.city_code,
            training_class=training_class,
            person=person,
            voucher=trainee.voucher,
            group=trainee.group,
            employer_name=trainee.employer_name,
            employer_uscc=trainee.employer_uscc,
            prepaid_by_person=trainee.prepaid,
            listed_at=at,
        )
    return len(roster.trainees)


def _file_of(training_class: TrainingClass, trainee: Trainee, *, actor: Actor, at: datetime) -> Person:
    document = trainee.document
    if document is None:
        raise ValueError(f"row {trainee.row} passed its checks without a document")
    region = training_class.project.region_id
    return register_person(
        actor=system_actor(actor.name),
        at=at,
        place=Place(training_class.city_code, region, training_class.provider_id),
        name=trainee.name,
        document_type=document.kind.value,
        document_number=document.number,
        phone=trainee.phone,
        card_number=trainee.card,
        region_code=region,
        education=trainee.education,
        birth_date=trainee.birth,
        sex=trainee.sex,
    )


@act("classes.remove_enrolment", label="移出学员名册", grants={Role.PROVIDER: Reach.ORGANISATION}, on="enrolment")
def remove_enrolment(*, actor: Actor, at: datetime, enrolment: Enrolment, reason: str) -> Enrolment:
    """Take a trainee off the roster before the class is filed; the voucher may be used elsewhere again."""
    _need_reason(reason)
    lock_draft(enrolment.training_class, "学员没有移出。")
    release_enrolment(enrolment, actor=actor, at=at, reason=reason.strip())
    return enrolment


def release_enrolment(enrolment: Enrolment, *, actor: Actor, at: datetime, reason: str) -> None:
    """Remove an enrolment that has not started and undo the use of its voucher; inside an act."""
    ENROLMENT.fire(enrolment, "remove", drop_reason=reason)
    if enrolment.voucher is not None and enrolment.voucher.state in ("used", "verified"):
        undo_use(actor=system_actor(actor.name), at=at, voucher=enrolment.voucher)


@act("classes.drop_enrolment", label="登记学员中断", grants={Role.PROVIDER: Reach.ORGANISATION}, on="enrolment")
def drop_enrolment(*, actor: Actor, at: datetime, enrolment: Enrolment, reason: str) -> Enrolment:
    """Record that a trainee stopped during the class. Attendance so far stays; the voucher stays bound to the class."""
    _need_reason(reason)
    ENROLMENT.fire(enrolment, "drop", drop_reason=reason.strip())
    return enrolment


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput("没有登记。", "请写明原因。", "请填写原因后再提交。", fields={"reason": "请填写。"})
