"""Whose desk this is: the organisation the visitor works for."""

from __future__ import annotations

from typing import Any

from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.roles import ORGANISATION_ROLES, Access
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Organisation
from zhaoliang.web.acting import SubjectRequest


class DeskRequest(SubjectRequest):
    """A request on this desk."""

    own: Organisation


def own(request: DeskRequest) -> Organisation:
    """The organisation the visitor works for. Raises Forbidden for who works for none."""
    made = getattr(request, "own", None)
    if made is None:
        held = [one for one in request.actor.assignments if one.role in ORGANISATION_ROLES and one.organisation_id]
        if not held:
            raise Forbidden("这里是培训机构和评价机构的工作台。", "您的账号没有所属机构。", "请用机构账号登录。")
        made = request.own = registry.organisation(held[0].city_code, held[0].organisation_id or 0)
    return made


def here(request: DeskRequest, **_: Any) -> Access:
    """Access of pages about the visitor's own organisation."""
    return own(request).access()
