"""Acts on classes: filing, roster."""

from zhaoliang.classes.services.filing import (
    accept_class,
    file_class,
    return_class,
    withdraw_class,
)
from zhaoliang.classes.services.holders import (
    BEFORE,
    free_unlisted,
    listed,
    undo_own_use,
    undo_refused,
    use_at_counter,
    use_own,
    warn_holders,
)
from zhaoliang.classes.services.plan import (
    add_session,
    add_teacher,
    add_textbook,
    change_session,
    draft_class,
    remove_session,
    remove_textbook,
    reschedule_class,
)
from zhaoliang.classes.services.roster import (
    KEPT,
    drop_enrolment,
    forget_rosters,
    import_roster,
    keep_mends,
    mend_roster,
    remove_enrolment,
)

__all__ = [
    "BEFORE",
    "KEPT",
    "accept_class",
    "add_session",
    "add_teacher",
    "add_textbook",
    "change_session",
    "draft_class",
    "drop_enrolment",
    "file_class",
    "forget_rosters",
    "free_unlisted",
    "import_roster",
    "keep_mends",
    "listed",
    "mend_roster",
    "remove_enrolment",
    "remove_session",
    "remove_textbook",
    "reschedule_class",
    "return_class",
    "undo_own_use",
    "undo_refused",
    "use_at_counter",
    "use_own",
    "warn_holders",
    "withdraw_class",
]
