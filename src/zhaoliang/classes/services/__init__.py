"""Acts on classes: filing, roster."""

from zhaoliang.classes.services.filing import (
    accept_class,
    file_class,
    return_class,
    withdraw_class,
)
from zhaoliang.classes.services.plan import (
    add_session,
    add_teacher,
    add_textbook,
    draft_class,
    remove_session,
    remove_textbook,
    reschedule_class,
)
from zhaoliang.classes.services.roster import drop_enrolment, import_roster, remove_enrolment

__all__ = [
    "accept_class",
    "add_session",
    "add_teacher",
    "add_textbook",
    "draft_class",
    "drop_enrolment",
    "file_class",
    "import_roster",
    "remove_enrolment",
    "remove_session",
    "remove_textbook",
    "reschedule_class",
    "return_class",
    "withdraw_class",
]
