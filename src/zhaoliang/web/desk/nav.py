"""The desk's side bar: what this person may open, and what waits there."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from django.urls import reverse

from zhaoliang.kernel.acts import Declaration
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import ORGANISATION_ROLES, ROLE_LABELS, Actor
from zhaoliang.web.components.parts import Face, NavItem
from zhaoliang.web.desk import perms
from zhaoliang.web.desk.desk import DeskRequest, own

ENTRIES: tuple[tuple[str, str, str, Declaration], ...] = (
    ("今天", "home", "home", perms.HOME),
    ("班级", "classes", "class", perms.PROVIDER),
    ("验券", "verify", "voucher", perms.PROVIDER),
    ("培训项目", "projects", "list", perms.PROVIDER),
    ("考核发证", "exams", "certificate", perms.EXAMS),
)


def face(request: HttpRequest, actor: Actor) -> Face:
    """The desk around a page for this actor."""
    try:
        organisation = own(cast(DeskRequest, request))
    except Refusal:
        return Face(person=actor.name, sign_out_url=reverse("account_logout"))
    access = organisation.access()
    best = max(
        (url for _, name, _, _ in ENTRIES if request.path.startswith(url := reverse(f"provider:{name}"))), key=len
    )
    return Face(
        desk=f"照亮 · {organisation.short_name}",
        region=organisation.name,
        person=actor.name,
        role="、".join(label for role, label in ROLE_LABELS.items() if role in ORGANISATION_ROLES & actor.roles),
        home_url=reverse("provider:home"),
        sign_out_url=reverse("account_logout"),
        nav=tuple(
            NavItem(label, reverse(f"provider:{name}"), icon, current=reverse(f"provider:{name}") == best)
            for label, name, icon, declaration in ENTRIES
            if declaration.allows(actor, access)
        ),
    )
