"""Signing in and out at the provider's reader: one line from a card reader, an ID reader or a scanner names the trainee.

The line is whatever the device types: a voucher's QR token or code, an identity number, the account number of the social
security card. Who is in the room is on the roster of the session; nobody else can be signed in.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from decimal import Decimal

from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.phone import Phone
from zhaoliang.attendance.services.signing import sign_in, sign_out
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, NotFound
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.selectors import person_hash
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.vouchers.services.checks import read_given

MOST = 400


@act(
    "attendance.read_card",
    label="刷卡签到、签退",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.PARTNER: Reach.ORGANISATION},
    on="session",
)
def sign_in_by_reader(
    *,
    actor: Actor,
    at: datetime,
    session: ClassSession,
    line: str,
    read_at: datetime | None = None,
    longitude: Decimal | None = None,
    latitude: Decimal | None = None,
    accuracy_m: int | None = None,
    out: bool = False,
) -> Attendance:
    """Sign in (or, with `out`, out) whom the reader's line names; `read_at` is when a reader without network read it, the place
    (WGS84 degrees) is the reader's, where it is one that moves.

    Raises NotFound for who is not on this session's roster, BadInput for a line that says nothing, and what `sign_in` and
    `sign_out` raise.
    """
    method, found = named(session, line, at)
    if found is None:
        what, else_ = ("没有签退。", "") if out else ("没有签到。", "，或让老师点名")
        raise NotFound(what, "这节课的名册里没有这个人。", f"请核对卡或券{else_}。")
    sign = sign_out if out else sign_in
    return sign(
        actor=actor,
        at=at,
        attendance=found,
        method=method,
        signed_at=read_at,
        longitude=longitude,
        latitude=latitude,
        phone=Phone(accuracy=accuracy_m),
    )


def named(session: ClassSession, line: str, at: datetime) -> tuple[str, Attendance | None]:
    """The way of signing in and the attendance that a reader's line names; None for who is not on the session's roster.

    Raises BadInput for a line that says nothing.
    """
    line = line.strip()[:MOST]
    expected = Attendance.objects.filter(city_code=session.city_code, session=session).select_related(
        "enrolment__training_class__project"
    )
    given = read_given(line, at)
    if given.code is not None:
        return "voucher", expected.filter(enrolment__voucher__code=given.code).first()
    if is_qr(line):
        raise BadInput("没有签到。", given.problem, "请学员刷新券码后重新出示。", fields={"line": "请重扫。"})
    try:
        # An ID reader gives the number; readers put other fields behind it.
        return "id_card", expected.filter(person__id_hash=person_hash("resident_id", line[:18])).first()
    except InvalidIdentifier:
        pass
    digits = "".join(one for one in line if one.isdigit())
    if not 12 <= len(digits) <= 30:
        raise BadInput("没有签到。", "这一行不是卡号、证件号或券码。", "请重新刷卡。", fields={"line": "请重刷。"})
    # Card numbers are encrypted, and a class is small: its own people are compared.
    people = expected.select_related("person")
    same = (row for row in people if hmac.compare_digest(row.person.card_number.encode(), digits.encode()))
    return "card", next(same, None)
