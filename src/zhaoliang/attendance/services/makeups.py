"""Lessons made up: proposed by the provider within the region's time, agreed by the bureau, then attended."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.utils import IntegrityError

from zhaoliang.attendance.models import Attendance, MakeUp, SignIn
from zhaoliang.attendance.services.corrections import AlreadyProposed
from zhaoliang.attendance.services.reading import named
from zhaoliang.attendance.services.teaching import TwoPlaces, locked, need_reason
from zhaoliang.attendance.services.telling import make_up_decided
from zhaoliang.attendance.services.windows import NotYet, setting
from zhaoliang.attendance.states import ATTENDANCE, MAKE_UP
from zhaoliang.classes.models import ClassSession, Teacher
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import format_cn_date, format_cn_time
from zhaoliang.kernel.errors import BadInput, NotFound
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.selectors import locked_person

_PROVIDER = {Role.PROVIDER: Reach.ORGANISATION}


@act("attendance.propose_make_up", label="提出补课", grants=_PROVIDER, on="attendance")
def propose_make_up(
    *,
    actor: Actor,
    at: datetime,
    attendance: Attendance,
    teacher: Teacher,
    starts_at: datetime,
    ends_at: datetime,
    room: str,
    reason: str,
) -> MakeUp:
    """Plan a lesson in place of a missed one, as long as it, within the region's days, when the trainee is free.

    Raises BadInput, WrongState, TwoPlaces, AlreadyProposed.
    """
    what = "补课没有提出。"
    need_reason(reason, what)
    # Of one trainee's proposals the second waits for the first, and sees it. The person before the rest, as everywhere.
    locked_person(attendance.person)
    held = locked(attendance)
    if not ATTENDANCE.allows(held.state, "make_up"):
        raise ATTENDANCE.refusal(held.state, "make_up")
    session = held.session
    last = session.starts_at + timedelta(days=setting(session, "make_up_days"))
    fields: dict[str, str] = {}
    if not max(at, session.ends_at) < starts_at <= last:
        fields["starts_at"] = f"补课应在现在以后、{format_cn_date(last)}以前。"
    if ends_at - starts_at < timedelta(minutes=held.planned_minutes):
        fields["ends_at"] = f"补课至少要 {held.planned_minutes} 分钟。"
    if teacher.organisation_id != session.training_class.provider_id:
        fields["teacher"] = "请选择本机构登记的教师。"
    if not room.strip():
        fields["room"] = "请填写地点。"
    if fields:
        raise BadInput(what, "有内容需要更正。", "请按提示修改后再提交。", fields=fields)
    _lapse_earlier(held, at)
    _require_free(held, (starts_at, ends_at), what)
    try:
        with transaction.atomic():
            return MakeUp.objects.create(
                city_code=held.city_code,
                attendance=held,
                teacher=teacher,
                period=DateTimeTZRange(starts_at, ends_at),
                room=room.strip(),
                reason=reason.strip()[:200],
                proposed_at=at,
                proposed_by_user_id=actor.user_id,
                proposed_by_person_id=actor.person_id,
                proposed_by_name=actor.name,
            )
    except IntegrityError as error:
        if "make_up_one_open" not in str(error):
            raise
        raise AlreadyProposed(what, "这次课已经安排了补课。", "请按已安排的补课进行。") from error


def _closes(session: ClassSession, begins: datetime) -> datetime:
    """Until when a lesson made up is signed in for."""
    return begins + timedelta(minutes=setting(session, "sign_in_grace_minutes"))


def _lapse_earlier(held: Attendance, at: datetime) -> None:
    """An agreed lesson that the trainee did not come to stands in the way of no other one."""
    for one in MakeUp.objects.filter(city_code=held.city_code, attendance=held, state="agreed"):
        if at > _closes(held.session, one.period.lower):
            MAKE_UP.fire(one, "lapse")


def _require_free(held: Attendance, period: tuple[datetime, datetime], what: str, besides: int | None = None) -> None:
    """Raise TwoPlaces where the trainee has a lesson at that time, or makes up another one then: an hour counts once.

    The caller has locked the person.
    """
    lesson = (
        Attendance.objects.filter(city_code=held.city_code, person_id=held.person_id, period__overlap=period)
        .exclude(pk=held.pk)
        .select_related("session__training_class")
        .first()
    )
    if lesson is not None:
        where = f"{format_cn_time(lesson.session.starts_at)}在“{lesson.session.training_class.name}”有课"
        raise TwoPlaces(what, f"这名学员{where}。", "请换一个时间。")
    others = MakeUp.objects.filter(
        city_code=held.city_code,
        attendance__person_id=held.person_id,
        state__in=["proposed", "agreed", "held"],
        period__overlap=period,
    )
    other = others.exclude(pk=besides).first()
    if other is not None:
        raise TwoPlaces(
            what, f"这名学员{format_cn_time(other.period.lower)}起在补另一次课，同一段时间只算一次。", "请换一个时间。"
        )


@act("attendance.decide_make_up", label="同意补课", grants={Role.REVIEWER: Reach.REGION}, on="make_up")
def decide_make_up(*, actor: Actor, at: datetime, make_up: MakeUp, agree: bool) -> MakeUp:
    """Agree to a make-up lesson or not. Raises SamePerson, WrongState."""
    # The attendance first, as everywhere.
    attendance = locked(make_up.attendance)
    held = MakeUp.objects.select_for_update(of=("self",), no_key=True).get(city_code=make_up.city_code, pk=make_up.pk)
    require_other_person(actor, person_id=held.proposed_by_person_id, user_id=held.proposed_by_user_id, step="提出补课")
    MAKE_UP.fire(
        held,
        "agree" if agree else "decline",
        decided_at=at,
        decided_by_user_id=actor.user_id,
        decided_by_person_id=actor.person_id,
        decided_by_name=actor.name,
    )
    make_up_decided(held, attendance, at)
    return held


@act("attendance.hold_make_up", label="登记补课到课", grants=_PROVIDER, on="make_up")
def hold_make_up(*, actor: Actor, at: datetime, make_up: MakeUp, line: str) -> MakeUp:
    """Sign the trainee in for his make-up lesson by what his card, ID or voucher says at the reader; it then counts in full.

    Raises BadInput for a line that says nothing, NotFound for somebody else's, NotYet outside the lesson's own sign-in window,
    TwoPlaces for who has a lesson or makes up another one then, WrongState.
    """
    locked_person(make_up.attendance.person)
    attendance = locked(make_up.attendance)
    method, found = named(attendance.session, line, at)
    if found is None or found.pk != attendance.pk:
        raise NotFound("没有登记。", "刷的不是这名学员本人的卡、证或券。", "请本人重新刷。")
    held = MakeUp.objects.select_for_update(of=("self",), no_key=True).get(city_code=make_up.city_code, pk=make_up.pk)
    if not MAKE_UP.allows(held.state, "hold"):
        raise MAKE_UP.refusal(held.state, "hold")
    begins: datetime = held.period.lower
    opens = begins - timedelta(minutes=setting(attendance.session, "sign_in_opens_minutes"))
    closes = _closes(attendance.session, begins)
    if not opens <= at <= closes:
        raise NotYet(
            "没有登记。", f"这次补课{format_cn_time(opens)}到{format_cn_time(closes)}签到。", "请在这段时间签到。"
        )
    _require_free(attendance, (begins, held.period.upper), "没有登记。", besides=held.pk)
    SignIn.objects.create(
        city_code=held.city_code,
        attendance=attendance,
        at=at,
        received_at=at,
        method=method,
        by_user_id=actor.user_id,
        reason="补课",
    )
    ATTENDANCE.fire(
        attendance,
        "make_up",
        credited_minutes=attendance.planned_minutes,
        method=method,
        signed_at=at,
        note=held.reason,
    )
    MAKE_UP.fire(held, "hold", held_at=at)
    return held
