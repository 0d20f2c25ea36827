"""上课: the session of today, signing in, the timetable and the hours so far."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from zhaoliang.attendance import passes, perms, selectors, services, signer
from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt, MakeUp
from zhaoliang.attendance.phone import phone_of
from zhaoliang.attendance.roll import PersonDay, days_of, decided, floor_of
from zhaoliang.classes import selectors as classes
from zhaoliang.classes.models import Enrolment
from zhaoliang.evaluation import selectors as evaluated
from zhaoliang.evaluation import services as evaluation
from zhaoliang.kernel import tokens
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import NotFound, Refusal
from zhaoliang.kernel.geo import Datum
from zhaoliang.kernel.roles import Access
from zhaoliang.sharing.selectors import parts_of
from zhaoliang.subsidies.shares import cost_standings
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.components import toasts
from zhaoliang.web.components.places import datum_of
from zhaoliang.web.worker.forms import OpinionForm, SignInForm
from zhaoliang.web.worker.me import me, own
from zhaoliang.web.worker.offline import kept_on_phone

DEVICE_COOKIE = "zl_device"
YEAR_SECONDS = 365 * 24 * 3600


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@dataclass(frozen=True)
class Next:
    """The session I sign in for next, and whether I can now."""

    attendance: Attendance
    begins: datetime
    opens: datetime
    late_after: datetime
    closes: datetime
    radius_m: int
    late_share: Fraction
    datum: Datum
    at: datetime

    @property
    def open(self) -> bool:
        """Whether sign-in is possible at this moment."""
        return self.opens <= self.at <= self.closes

    @property
    def phase(self) -> str:
        """Which part of the window it is now, by the name the page's script knows it."""
        if self.at < self.opens:
            return "before"
        return "over" if self.over else "late" if self.late else "open"

    @property
    def now_ms(self) -> int:
        """This moment as the page's script counts time."""
        return _ms(self.at)

    @property
    def opens_ms(self) -> int:
        """When sign-in opens, so counted."""
        return _ms(self.opens)

    @property
    def late_ms(self) -> int:
        """After what it counts as late, so counted."""
        return _ms(self.late_after)

    @property
    def closes_ms(self) -> int:
        """When sign-in is over, so counted."""
        return _ms(self.closes)

    @property
    def late(self) -> bool:
        """Whether signing in now counts as late."""
        return self.at > self.late_after

    @property
    def over(self) -> bool:
        """Whether the time to sign in is over."""
        return self.at > self.closes

    @property
    def today(self) -> bool:
        """Whether the session is today."""
        return chinese_day(self.begins) == chinese_day(self.at)

    @property
    def minutes_left(self) -> int:
        """Minutes until the session begins."""
        return max(0, int((self.begins - self.at).total_seconds()) // 60)


@kept_on_phone
@page(perms.MINE, access=own)
def overview(request: ActorRequest) -> HttpResponse:
    """The next session first, then my classes."""
    person = me(request)
    inside = selectors.inside(person, request.at)
    context = {
        "tab": "classes",
        "coming": coming(request, selectors.next_for(person, request.at)),
        "inside": inside,
        "begun": inside is not None and inside.session.starts_at <= request.at,
        "doubts": selectors.open_doubts_of(person),
        "enrolments": classes.enrolments_of(person),
        "words": words(),
    }
    return with_device(request, render(request, "worker/classes.html", context))


def coming(request: ActorRequest, found: Attendance | None) -> Next | None:
    """A session of mine with its sign-in window."""
    if found is None:
        return None
    times = services.window(found.session)
    return Next(
        found,
        found.session.starts_at,
        times.opens,
        times.late_after,
        times.closes,
        services.radius_m(found.session),
        Fraction(services.late_permille(found.session), 1_000),
        datum_of(request),
        request.at,
    )


def with_device(request: ActorRequest, response: HttpResponse) -> HttpResponse:
    """The answer with the phone's own number as a cookie, where it has none yet."""
    if DEVICE_COOKIE not in request.COOKIES:
        # One phone signing in for many people is a signal for the inspector; the number says nothing else.
        response.set_cookie(
            DEVICE_COOKIE,
            secrets.token_urlsafe(16),
            max_age=YEAR_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )
    return response


@dataclass(frozen=True)
class Attended:
    """One session of mine: what it counts, and what was asked, corrected or made up of it."""

    row: Attendance
    doubts: list[AttendanceDoubt]
    corrections: list[AttendanceCorrection]
    make_ups: list[MakeUp]


@dataclass(frozen=True)
class Day:
    """A day of my timetable: its sessions, and the minutes of what is decided of it."""

    on: date
    sessions: list[Attended]
    hours: PersonDay | None


def _by_attendance(rows: list[Any]) -> dict[int, list[Any]]:
    by: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by[row.attendance_id].append(row)
    return by


def _days(found: Enrolment, attendances: list[Attendance], at: datetime) -> list[Day]:
    """My timetable by day, with everything that happened to each session."""
    if not attendances:
        return []
    doubts, corrections, make_ups = map(_by_attendance, selectors.disputes_of(found))
    shown = [Attended(row, doubts[row.pk], corrections[row.pk], make_ups[row.pk]) for row in attendances]
    hours = {day.on: day for day in days_of(attendances, found.training_class.minutes_per_hour, at)}
    by_day = groupby(shown, key=lambda one: chinese_day(one.row.session.starts_at))
    return [Day(day, list(those), hours.get(day)) for day, those in by_day]


@kept_on_phone
@page(perms.MINE, access=own)
def enrolment(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """One class of mine: timetable with what I attended, and the hours so far. Raises NotFound."""
    found = _mine(request, city, pk)
    held = found.training_class
    attendances = selectors.attendances_of(found)
    planned = sum(one.planned_minutes for one in attendances)
    credited = sum(one.credited_minutes for one in attendances)
    so_far, floor = decided(attendances, held.minutes_per_hour, request.at), floor_of(held)
    context = {
        "tab": "classes",
        "enrolment": found,
        "days": _days(found, attendances, request.at),
        "sessions": () if attendances else classes.sessions(held),
        "planned_hours": planned // held.minutes_per_hour,
        "credited_hours": credited // held.minutes_per_hour,
        "so_far": so_far if so_far.planned else None,
        "floor": floor,
        "low": floor is not None and floor.verified and so_far.planned > 0 and so_far.rate < floor.value,
        "progress_tone": "ok" if found.state == "completed" else "now",
        "may_give_opinion": _may_give_opinion(found),
        "cost": cost_standings([found]).get(found.pk),
        "parts": parts_of(found),
    }
    return render(request, "worker/enrolment.html", context)


def _may_give_opinion(found: Enrolment) -> bool:
    ended = found.training_class.state in evaluation.OPINION_STATES
    return ended and found.state in ("attending", "completed") and evaluated.opinion_of(found) is None


@page(perms.MINE, act=evaluation.give_opinion.declaration, access=own)
def opinion(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Say what I think of a class that is over. Raises NotFound, and what the act refuses."""
    found = _mine(request, city, pk)
    form = OpinionForm(request.POST or None)
    refused: Refusal | None = None
    if request.method == "POST" and form.is_valid():
        try:
            evaluation.give_opinion(
                actor=request.actor, at=request.at, enrolment=found, key=request.POST.get("key"), **form.cleaned_data
            )
        except Refusal as caught:
            refused = caught
        else:
            toasts.say(request, "谢谢，您的评价收到了。")
            return redirect("worker:enrolment", city=city, pk=pk)
    context = {"tab": "classes", "enrolment": found, "form": form, "refused": refused}
    return render(request, "worker/opinion.html", context, status=refused.status if refused else 200)


def _access_of(request: ActorRequest, city: int, pk: int) -> Access | None:
    found = selectors.attendance(city, pk)
    return found.access() if found is not None else own(request)


@require_POST
@page(perms.MINE, act=services.sign_in.declaration, access=_access_of)
def sign_in(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Sign in for a session with the phone's place. Raises NotFound, and what the act refuses."""
    found = selectors.attendance(city, pk)
    if found is None:
        raise NotFound(what="没有这次课。", why="课表可能改了。", next_step="请回到“上课”刷新后再签到。")
    form = SignInForm(request.POST)
    given = form.cleaned_data if form.is_valid() else {}
    signed_at, code = given.get("signed_at"), _code(request)
    try:
        signed = services.sign_in(
            actor=request.actor,
            at=request.at,
            attendance=found,
            method="class_code" if code else "location",
            longitude=given.get("longitude"),
            latitude=given.get("latitude"),
            device=request.COOKIES.get(DEVICE_COOKIE, ""),
            signed_at=datetime.fromtimestamp(signed_at, tz=UTC) if signed_at else None,
            phone=phone_of(request.POST),
            code=code,
            proven=_proven(request, found, given),
            key=request.POST.get("key"),
        )
    except Refusal as refusal:
        if _by_script(request):
            return JsonResponse(refusal.as_dict(), status=refusal.status)
        raise
    says = _says(signed) + _face(request, signed)
    if _by_script(request):
        return JsonResponse({"says": says, "state": signed.state, "flags": signed.flags})
    toasts.say(request, says)
    return redirect(reverse("worker:classes"))


def _proven(request: ActorRequest, found: Attendance, given: dict[str, Any]) -> dict[str, Any]:
    """What the phone's signature shows, where it comes with the pass that names its key: a kept sign-in which the gate did not
    take. Raises WrongSignature.
    """
    sent, signed_at = request.POST, given.get("signed_at")
    try:
        held = tokens.read(sent.get("pass", ""), passes.SIGN_IN, request.at)
    except tokens.BadToken:
        return {}
    if signed_at is None or (held["u"], held["c"], held["a"]) != (request.actor.user_id, found.city_code, found.pk):
        return {}
    said = signer.Said(
        str(found.pk),
        sent.get("key", ""),
        signed_at,
        sent.get("longitude") or None,
        sent.get("latitude") or None,
        sent.get("datum") or "wgs84",
        sent.get("code", ""),
    )
    moment = min(datetime.fromtimestamp(signed_at, tz=UTC), request.at)
    return signer.facts(held, said, sent.get("signature", ""), moment=moment, at=request.at)


def _face(request: ActorRequest, signed: Attendance) -> str:
    """Keep the face result that an app brings along; whatever is wrong with it, the sign-in stands. What to say of it."""
    result = request.POST.get("face", "")[:2_000]
    if not result:
        return ""
    try:
        services.attach_face(actor=request.actor, at=request.at, attendance=signed, result=result)
    except Refusal as refusal:
        return f"{refusal.what}{refusal.why}"
    return ""


def _by_script(request: ActorRequest) -> bool:
    """Whether the phone's queue asks, which wants to know what became of it rather than a page."""
    return request.headers.get("accept", "") == "application/json"


def _code(request: ActorRequest) -> str:
    """The class code, or the scan that was remembered while its trainee signed in to the platform."""
    return request.POST.get("code", "").strip()[:400]


@require_POST
@page(perms.MINE, act=services.sign_out.declaration, access=_access_of)
def sign_out(request: ActorRequest, city: int, pk: int) -> HttpResponse:
    """Sign out of a session. Raises NotFound, and what the act refuses."""
    found = selectors.attendance(city, pk)
    if found is None:
        raise NotFound(what="没有这次课。", why="课表可能改了。", next_step="请回到“上课”刷新后再签退。")
    out = services.sign_out(
        actor=request.actor,
        at=request.at,
        attendance=found,
        method="location",
        device=request.COOKIES.get(DEVICE_COOKIE, ""),
        key=request.POST.get("key"),
    )
    toasts.say(request, "签退成功，记为早退。" if out.state == "left_early" else "签退成功。")
    return redirect(reverse("worker:classes"))


WORDS = {"present": "签到成功。", "late": "签到成功，记为迟到。"}
MISSED = "收到了，但已经过了签到时间，这次课记为缺课。有特殊情况请找班主任更正。"


def words() -> str:
    """What a sign-in through the gate comes to, for the page's script."""
    return json.dumps(WORDS | {"absent": MISSED} | services.FLAG_LABELS, ensure_ascii=False)


def _says(signed: Attendance) -> str:
    if signed.state == "absent":
        return MISSED
    word = WORDS.get(signed.state, WORDS["present"])
    notes = "、".join(services.FLAG_LABELS[flag] for flag in signed.flags)
    return f"{word}{notes}，老师会核对。" if notes else word


def _mine(request: ActorRequest, city: int, pk: int) -> Enrolment:
    person = me(request)
    found = next((one for one in classes.enrolments_of(person) if (one.city_code, one.pk) == (city, pk)), None)
    if found is None:
        raise NotFound(what="没有这个班。", why="它不在您的培训记录里。", next_step="请从“上课”里打开。")
    return found
