"""The pass for signing in at the gate: the session's window and site by the policy of its region, for one trainee's phone."""

from __future__ import annotations

from datetime import datetime, timedelta

from zhaoliang.attendance import services
from zhaoliang.attendance.models import Attendance
from zhaoliang.attendance.signer import is_signer
from zhaoliang.kernel import tokens
from zhaoliang.kernel.roles import Actor

SIGN_IN = "sign_in"
# A phone that was without network brings its sign-in later; that it is late is marked then.
UPLOAD = timedelta(days=1)


def sign_in_pass(*, actor: Actor, at: datetime, attendance: Attendance, device: str, signer: str = "") -> str:
    """The pass with which the gate signs this trainee in by location or class code, good until a day after the window closes.

    `device` is the phone's own number, `signer` its public key (signer.py; left out where it is none); neither can be exchanged
    afterwards. Raises Forbidden.
    """
    access = attendance.access()
    services.sign_in.declaration.check(actor, access)
    limits, site = services.window(attendance.session), attendance.session.training_class.site
    content = {
        "u": actor.user_id,
        "p": attendance.enrolment.person_id,
        "n": actor.name,
        "c": attendance.city_code,
        "a": attendance.pk,
        "g": access.region_code,
        "b": attendance.session.starts_at.timestamp(),
        "o": limits.opens.timestamp(),
        "l": limits.late_after.timestamp(),
        "x": limits.closes.timestamp(),
        "s": [str(site.longitude), str(site.latitude), services.radius_m(attendance.session)],
        "d": device,
        "q": attendance.session.pk,
        "h": services.late_permille(attendance.session),
        "r": services.setting(attendance.session, "class_code_seconds"),
        "i": int(at.timestamp()),
    }
    # Not "k", which names the kind of a token.
    if is_signer(signer):
        content["v"] = signer
    return tokens.issue(SIGN_IN, content, until=max(at, limits.closes) + UPLOAD)
