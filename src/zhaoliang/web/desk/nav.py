"""The desk's side bar: what this person may open, and what waits there."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from django.urls import reverse

from zhaoliang.funds.services import report_education
from zhaoliang.kernel.acts import Declaration
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import ROLE_LABELS, Actor, Role
from zhaoliang.recoveries.perms import CASE as RECOVERIES
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.perms import NOTICES, SANCTIONS
from zhaoliang.web.components.parts import Face, NavItem, Place
from zhaoliang.web.desk import perms
from zhaoliang.web.desk.desk import STAFF, DeskRequest, held, own

ENTRIES: tuple[tuple[str, str, str, Declaration], ...] = (
    ("今天", "home", "home", perms.HOME),
    ("班级", "classes", "class", perms.PROVIDER),
    ("验券", "verify", "voucher", perms.PROVIDER),
    ("培训项目", "projects", "list", perms.PROVIDER),
    ("考核发证", "exams", "certificate", perms.EXAMS),
    ("补贴申领", "claims", "file-ok", perms.PROVIDER),
    ("拨付到账", "payments", "wallet", perms.PAYMENTS),
    ("职工教育经费", "education", "company", report_education.declaration),
    ("退还补贴", "recoveries", "undo", RECOVERIES),
    ("处理记录", "sanctions", "history", SANCTIONS),
    ("消息", "notices", "bell", NOTICES),
)

# Parts of a class with addresses of their own.
OF_CLASSES = ("imports", "sessions", "textbooks", "attendance", "enrolments", "make-ups", "doubts")


def face(request: HttpRequest, actor: Actor) -> Face:
    """The desk around a page for this actor."""
    try:
        organisation = own(cast(DeskRequest, request))
    except Refusal:
        return Face(person=actor.name, sign_out_url=reverse("account_logout"))
    access = organisation.access()
    best = _entry(request.path)
    unread = registry.unread_notices(city_code=organisation.city_code, organisation_id=organisation.pk)
    return Face(
        desk=f"照亮 · {organisation.short_name}",
        region=organisation.name,
        person=actor.name,
        role="、".join(label for role, label in ROLE_LABELS.items() if role in _roles(actor, organisation)),
        home_url=reverse("provider:home"),
        sign_out_url=reverse("account_logout"),
        nav=tuple(
            NavItem(
                label,
                reverse(f"provider:{name}"),
                icon,
                unread if name == "notices" else 0,
                reverse(f"provider:{name}") == best,
            )
            for label, name, icon, declaration in ENTRIES
            if declaration.allows(actor, access) and (name != "education" or organisation.kind == "enterprise")
        ),
        switch_url=reverse("provider:switch"),
        places=_places(cast(DeskRequest, request), organisation),
    )


def _entry(path: str) -> str:
    """The address of the entry that a page belongs to."""
    for part in OF_CLASSES:
        if path.startswith(f"{reverse('provider:home')}{part}/"):
            return reverse("provider:classes")
    return max((url for _, name, _, _ in ENTRIES if path.startswith(url := reverse(f"provider:{name}"))), key=len)


def _roles(actor: Actor, organisation: Organisation) -> frozenset[Role]:
    """What the visitor is at this organisation."""
    return STAFF & {one.role for one in actor.assignments if one.organisation_id == organisation.pk}


def _places(request: DeskRequest, current: Organisation) -> tuple[Place, ...]:
    """The organisations to choose from; none for who works for one only."""
    keys = held(request)
    if len(keys) < 2:
        return ()
    found = [current if (current.city_code, current.pk) == key else registry.organisation(*key) for key in keys]
    return tuple(Place(f"{one.city_code}-{one.pk}", one.name, one.pk == current.pk) for one in found)
