"""Acts of attendance: the frame of a class, signing in and out, doubts, corrections, lessons made up, lessons online."""

from zhaoliang.attendance.services.corrections import AlreadyProposed, decide_correction, propose_correction
from zhaoliang.attendance.services.doubts import answer_doubt, decide_doubt, weigh_session
from zhaoliang.attendance.services.faces import attach_face
from zhaoliang.attendance.services.makeups import decide_make_up, hold_make_up, propose_make_up
from zhaoliang.attendance.services.online import (
    CheckNeeded,
    Skipped,
    Standing,
    check_identity,
    report_progress,
    standing,
)
from zhaoliang.attendance.services.reading import sign_in_by_reader
from zhaoliang.attendance.services.signing import (
    FLAG_LABELS,
    code_facts,
    device_hash,
    distance_m,
    roll_call,
    sign_in,
    sign_out,
)
from zhaoliang.attendance.services.teaching import TwoPlaces, close_session, end_class, grant_leave, start_class
from zhaoliang.attendance.services.windows import (
    SITE_FIGURES,
    NotYet,
    Window,
    late_permille,
    not_yet_open,
    radius_m,
    setting,
    window,
)

__all__ = [
    "FLAG_LABELS",
    "SITE_FIGURES",
    "AlreadyProposed",
    "CheckNeeded",
    "NotYet",
    "Skipped",
    "Standing",
    "TwoPlaces",
    "Window",
    "answer_doubt",
    "attach_face",
    "check_identity",
    "close_session",
    "code_facts",
    "decide_correction",
    "decide_doubt",
    "decide_make_up",
    "device_hash",
    "distance_m",
    "end_class",
    "grant_leave",
    "hold_make_up",
    "late_permille",
    "not_yet_open",
    "propose_correction",
    "propose_make_up",
    "radius_m",
    "report_progress",
    "roll_call",
    "setting",
    "sign_in",
    "sign_in_by_reader",
    "sign_out",
    "standing",
    "start_class",
    "weigh_session",
    "window",
]
