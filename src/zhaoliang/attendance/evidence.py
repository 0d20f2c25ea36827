"""What was seen around a session, read from the database for `signals`: a few statements, whatever the size of the class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Q

from zhaoliang.attendance import signals
from zhaoliang.attendance.models import FaceCheck, SignIn
from zhaoliang.attendance.services.windows import setting
from zhaoliang.attendance.signals import Seen, Verdict
from zhaoliang.attendance.weights import Weights
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.db.national import national

# How far back somebody's habits are looked at: his own phone, his family's phone, whether he signs out.
HABITS = timedelta(days=14)
NEAR = timedelta(days=1)
_FIELDS = (
    "id",
    "attendance_id",
    "attendance__person_id",
    "attendance__session_id",
    "method",
    "at",
    "received_at",
    "attendance__period",
    "attendance__session__training_class__site__longitude",
    "attendance__session__training_class__site__latitude",
    "attendance__session__training_class__site__radius_m",
    "longitude",
    "latitude",
    "distance_m",
    "accuracy_m",
    "mock",
    "device_hash",
    "by_user_id",
    "phone_at",
    "skew_ms",
    "sequence",
    "code_age_s",
    "signed",
    "attendance__signed_out_at",
)


class Usual(NamedTuple):
    """The region's figures: how often a class code changes (seconds), and the radius of a site that sets none (metres)."""

    code_every: int
    radius_m: int


def weighed(session: ClassSession, weights: Weights, *, sign_out_required: bool) -> list[Verdict]:
    """The verdict on every sign-in of a session."""
    usual = Usual(setting(session, "class_code_seconds"), setting(session, "site_radius_m"))
    city = session.city_code
    rows = _rows(SignIn.objects.filter(city_code=city, direction="in", attendance__session=session), usual)
    if not rows:
        return []
    around = _around(session, rows, usual)
    return signals.judge(_with_faces(session, rows), around, weights, sign_out_required=sign_out_required)


def _with_faces(session: ClassSession, rows: list[Seen]) -> list[Seen]:
    """The rows with what an outside service said of the face, the last it said; nothing where none was asked."""
    found = FaceCheck.objects.filter(city_code=session.city_code, attendance__session=session).order_by("at", "id")
    said = {one: score >= bar for one, score, bar in found.values_list("attendance_id", "score", "threshold")}
    return [replace(row, face=said[row.attendance]) if row.attendance in said else row for row in rows]


def _around(session: ClassSession, rows: list[Seen], usual: Usual) -> list[Seen]:
    city, begins = session.city_code, session.starts_at
    people = sorted({row.person for row in rows})
    devices = sorted({bytes.fromhex(row.device) for row in rows if row.device})
    habits = Q(
        attendance__session__training_class=session.training_class, at__gte=begins - HABITS, at__lte=begins + NEAR
    )
    found = _rows(
        SignIn.objects.filter(habits, city_code=city, direction="in", attendance__person_id__in=people), usual
    )
    if devices:
        near = Q(device_hash__in=devices, at__gte=begins - NEAR, at__lte=begins + NEAR)
        found += _rows(SignIn.objects.filter(near, city_code=city, direction="in"), usual)
    with national():
        # Another class may lie in another city: nobody is in two of them on one morning.
        elsewhere = SignIn.objects.filter(
            direction="in",
            attendance__person_id__in=people,
            attendance__period__overlap=(begins - NEAR / 2, session.ends_at + NEAR / 2),
        ).exclude(attendance__session__training_class=session.training_class)
        found += _rows(elsewhere, usual)
    return found


def _rows(source: Any, usual: Usual) -> list[Seen]:
    return [_seen(row, usual) for row in _values(source)]


def _values(source: Any) -> Iterable[tuple[Any, ...]]:
    return source.order_by("id").values_list(*_FIELDS)


def _seen(row: tuple[Any, ...], usual: Usual) -> Seen:
    (
        id_, attendance, person, session, method, at, received, period, site_x, site_y, radius, x, y, distance, accuracy,
        mock, device, operator, phone_at, skew_ms, sequence, code_age, signed, signed_out,
    ) = row  # fmt: skip
    return Seen(
        id=id_,
        attendance=attendance,
        person=person,
        session=session,
        method=method,
        at=at.timestamp(),
        received=received.timestamp(),
        begins=period.lower.timestamp(),
        ends=period.upper.timestamp(),
        site_x=float(site_x),
        site_y=float(site_y),
        radius=radius if radius is not None else usual.radius_m,
        x=float(x) if x is not None else None,
        y=float(y) if y is not None else None,
        distance=distance,
        accuracy=accuracy,
        mock=mock,
        device=bytes(device).hex() if device else "",
        operator=operator,
        phone_at=phone_at.timestamp() if phone_at else None,
        skew_ms=skew_ms,
        sequence=sequence,
        code_age=code_age,
        code_every=usual.code_every,
        signed=signed,
        signed_out=signed_out is not None,
    )
