"""Acts on the roster: import by Excel (all or nothing), taking a trainee off, a trainee dropping out."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta

from zhaoliang.classes.models import Enrolment, RefusedRoster, RosterImport, TrainingClass
from zhaoliang.classes.roster.checks import Roster, Trainee, check_roster
from zhaoliang.classes.roster.mend import Mends, apply, check_mends
from zhaoliang.classes.roster.read import read_roster
from zhaoliang.classes.selectors import counted_import
from zhaoliang.classes.services.plan import lock_draft
from zhaoliang.classes.states import ENROLMENT
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, WrongState
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import Message, register_person, tell
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.refusals import TimesMeet
from zhaoliang.vouchers.services import hold_uses, undo_use, use_voucher

_BY_PROVIDER = {Role.PROVIDER: Reach.ORGANISATION}
# How long a refused workbook waits to be mended. Our own figure: long enough for a week off, short for personal data.
KEPT = timedelta(days=7)


@act("classes.import_roster", label="导入学员名册", grants=_BY_PROVIDER, on="training_class")
def import_roster(
    *, actor: Actor, at: datetime, training_class: TrainingClass, file_name: str, content: bytes
) -> RosterImport:
    """Import a roster workbook. With any error nothing is imported and the answer carries the findings.

    A file that was imported before answers with that import. Otherwise every row becomes an enrolment, people without a
    file in the city get one, and their vouchers are used for this class. Raises UnusableFile, WrongState.
    """
    held = lock_draft(training_class, "名册没有导入。")
    return _import(held, file_name, content, Mends(), actor=actor, at=at)


@act("classes.keep_mends", label="暂存名册更正", grants=_BY_PROVIDER, on="roster_import")
def keep_mends(*, actor: Actor, at: datetime, roster_import: RosterImport, mends: Mends) -> RosterImport:
    """Keep what was typed so far into the wrong cells of a refused import, upon what was kept before; checks nothing.

    Raises BadInput for an unknown column, WrongState when the class is filed or the workbook is no longer kept.
    """
    check_mends(mends)
    lock_draft(roster_import.training_class, "更正没有暂存。")
    kept = _kept(roster_import, "更正没有暂存。")
    kept.mends = Mends.loaded(kept.mends).then(mends).dumped()
    kept.save(update_fields=["mends"])
    return roster_import


@act("classes.mend_roster", label="更正名册并重新核对", grants=_BY_PROVIDER, on="roster_import")
def mend_roster(*, actor: Actor, at: datetime, roster_import: RosterImport, mends: Mends) -> RosterImport:
    """Check the whole roster of a refused import again with its corrections: all of it is imported, or nothing.

    Answers with a new import. Raises BadInput, WrongState as `keep_mends` does.
    """
    check_mends(mends)
    held = lock_draft(roster_import.training_class, "名册没有导入。")
    kept = _kept(roster_import, "名册没有导入。")
    together = Mends.loaded(kept.mends).then(mends)
    content = base64.b64decode(kept.content)
    return _import(held, roster_import.file_name, content, together, actor=actor, at=at)


def _kept(roster_import: RosterImport, what: str) -> RefusedRoster:
    kept = RefusedRoster.objects.filter(city_code=roster_import.city_code, roster_import=roster_import).first()
    if kept is None:
        raise WrongState(
            what,
            "这次上传的表已经不在：可能有人又传了一次名册，或者超过 7 天已清除。",
            "请从“传名册”页打开最近一次的结果，或重新上传。",
        )
    return kept


def _import(
    held: TrainingClass, file_name: str, content: bytes, mends: Mends, *, actor: Actor, at: datetime
) -> RosterImport:
    """Check a workbook with its corrections and import it when nothing is wrong; keep it for mending otherwise."""
    digest = hashlib.sha256(content + (b"" if mends.empty else mends.dumped().encode())).digest()
    former = counted_import(held, digest)
    if former is not None:
        return former
    sheet = apply(read_roster(content, file_name=file_name), mends)
    if not sheet.rows:
        raise BadInput("名册没有导入。", "所有的行都删去了。", "请至少留一行学员。")
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
            mends=None if mends.empty else mends.dumped(),
        )
    return made


def forget_refused(training_class: TrainingClass) -> None:
    """Drop the kept workbook of a refused import: no personal data longer than it is needed; inside an act."""
    RefusedRoster.objects.filter(city_code=training_class.city_code, training_class=training_class).delete()


@act("classes.forget_rosters", label="清除过期的未导入名册", grants={Role.SYSTEM: Reach.ANY}, on="place")
def forget_rosters(*, actor: Actor, at: datetime, place: Place) -> int:
    """Drop the kept workbooks of a city whose last check is more than seven days old; answers how many."""
    old = RefusedRoster.objects.filter(city_code=place.city_code, roster_import__at__lt=at - KEPT)
    return old.delete()[0]


def _enrol(training_class: TrainingClass, roster: Roster, *, actor: Actor, at: datetime) -> int:
    hold_uses([trainee.person for trainee in roster.trainees if trainee.voucher and trainee.person])
    # In the order of the hashes, so that two imports at once never wait for each other.
    for trainee in sorted(roster.trainees, key=lambda trainee: trainee.id_hash):
        person = trainee.person or _file_of(training_class, trainee, actor=actor, at=at)
        # Used by its holder for this very class already (scanned, or on the phone): it is taken up as it is.
        if trainee.voucher is not None and trainee.voucher.class_id != training_class.pk:
            _use(trainee.voucher, trainee.row.number, training_class, actor=actor, at=at)
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


def _use(voucher: Voucher, row: int, training_class: TrainingClass, *, actor: Actor, at: datetime) -> None:
    try:
        use_voucher(
            actor=system_actor(actor.name),
            at=at,
            voucher=voucher,
            provider=training_class.provider,
            project=training_class.project,
            class_id=training_class.pk,
        )
    except TimesMeet as problem:
        # The checks know rosters only: he has used another voucher for a class that has not listed him yet.
        raise TimesMeet("名册没有导入。", f"第 {row} 行：{problem.why}", problem.next_step) from problem


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
    """Remove an enrolment that has not started, undo the use of its voucher and tell its holder; inside an act."""
    ENROLMENT.fire(enrolment, "remove", drop_reason=reason)
    if enrolment.voucher is not None and enrolment.voucher.state in ("used", "verified"):
        freed = undo_use(actor=system_actor(actor.name), at=at, voucher=enrolment.voucher)
        tell(enrolment.city_code, [freed_notice(freed, enrolment.training_class, reason)], at=at)


def freed_notice(voucher: Voucher, training_class: TrainingClass, why: str) -> Message:
    """What the holder of a voucher is told whose use for a class was undone."""
    text = (
        f"您用在“{training_class.name}”的“{voucher.batch.name}”又可以用了：{why.rstrip('。')}。请在有效期内另选一个班。"
    )
    return Message("voucher_freed", "您的培训券恢复可用", text[:300], voucher.person_id, None, ("voucher", voucher.pk))


@act("classes.drop_enrolment", label="登记学员中断", grants={Role.PROVIDER: Reach.ORGANISATION}, on="enrolment")
def drop_enrolment(*, actor: Actor, at: datetime, enrolment: Enrolment, reason: str) -> Enrolment:
    """Record that a trainee stopped during the class. Attendance so far stays; the voucher stays bound to the class."""
    _need_reason(reason)
    ENROLMENT.fire(enrolment, "drop", drop_reason=reason.strip())
    return enrolment


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput("没有登记。", "请写明原因。", "请填写原因后再提交。", fields={"reason": "请填写。"})
