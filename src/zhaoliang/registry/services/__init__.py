"""Acts of the registry: people, organisations, accounts; and the plain `record_grant` and `register_people` that other acts call."""

from zhaoliang.registry.services.crowds import Newcomer, register_people
from zhaoliang.registry.services.grants import (
    GrantedElsewhere,
    record_grant,
    report_grant,
    restore_grant,
    withdraw_grant,
)
from zhaoliang.registry.services.notices import Message, read_notices, tell
from zhaoliang.registry.services.organisations import (
    AlreadyRegistered,
    add_licence,
    add_site,
    grade_organisation,
    list_organisation,
    register_organisation,
    set_organisation_account,
    set_site_sign_in,
)
from zhaoliang.registry.services.partners import KeyGone, issue_partner_key, new_secret, revoke_partner_key
from zhaoliang.registry.services.people import (
    NameMismatch,
    add_group,
    clean_name,
    record_status,
    register_person,
    set_card,
)
from zhaoliang.registry.services.sanctions import (
    accept_rectification,
    ask_lift,
    decide_lift,
    decide_sanction,
    lapse_sanctions,
    propose_sanction,
    reply_sanction,
)
from zhaoliang.registry.services.texts import enact_text, lock_library
from zhaoliang.registry.services.users import (
    NotYours,
    UsernameTaken,
    assign_role,
    create_user,
    end_role,
    reset_second_factor,
    set_password,
    set_user_active,
)

__all__ = [
    "AlreadyRegistered",
    "GrantedElsewhere",
    "KeyGone",
    "Message",
    "NameMismatch",
    "Newcomer",
    "NotYours",
    "UsernameTaken",
    "accept_rectification",
    "add_group",
    "add_licence",
    "add_site",
    "ask_lift",
    "assign_role",
    "clean_name",
    "create_user",
    "decide_lift",
    "decide_sanction",
    "enact_text",
    "end_role",
    "grade_organisation",
    "issue_partner_key",
    "lapse_sanctions",
    "list_organisation",
    "lock_library",
    "new_secret",
    "propose_sanction",
    "read_notices",
    "record_grant",
    "record_status",
    "register_organisation",
    "register_people",
    "register_person",
    "reply_sanction",
    "report_grant",
    "reset_second_factor",
    "restore_grant",
    "revoke_partner_key",
    "set_card",
    "set_organisation_account",
    "set_password",
    "set_site_sign_in",
    "set_user_active",
    "tell",
    "withdraw_grant",
]
