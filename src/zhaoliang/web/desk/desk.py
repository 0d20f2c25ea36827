"""Whose desk this is: the organisation the visitor works for, and the choice of somebody who works for several."""

from __future__ import annotations

from typing import Any

from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.roles import Access, Role
from zhaoliang.registry import selectors as registry
from zhaoliang.registry.models import Organisation
from zhaoliang.web.acting import SubjectRequest

# Whose roles count on this desk; a partner's system has its own interface.
STAFF = frozenset({Role.PROVIDER, Role.EVALUATOR})
CHOSEN = "desk_organisation"
Key = tuple[int, int]


class DeskRequest(SubjectRequest):
    """A request on this desk."""

    own: Organisation


def held(request: DeskRequest) -> list[Key]:
    """City and id of the organisations the visitor works for, each once, in the order of the assignments."""
    found = [
        (one.city_code, one.organisation_id)
        for one in request.actor.assignments
        if one.role in STAFF and one.organisation_id is not None
    ]
    return list(dict.fromkeys(found))


def own(request: DeskRequest) -> Organisation:
    """The organisation the page is about: the object's, where there is one, else the chosen one, else the first.

    An object of another organisation of the visitor's opens as that organisation's page, so that the name in the top bar is
    always true. Raises Forbidden for who works for none.
    """
    made = getattr(request, "own", None)
    if made is None:
        keys = held(request)
        if not keys:
            raise Forbidden("这里是培训机构和评价机构的工作台。", "您的账号没有所属机构。", "请用机构账号登录。")
        key = _of_subject(request, keys) or chosen(request, keys)
        made = request.own = registry.organisation(*key)
    return made


def chosen(request: DeskRequest, keys: list[Key]) -> Key:
    """The organisation chosen in this session while the visitor still works for it; the first one else."""
    said = request.session.get(CHOSEN)
    wish = (said[0], said[1]) if isinstance(said, list) and len(said) == 2 else None
    return wish if wish in keys else keys[0]


def _of_subject(request: DeskRequest, keys: list[Key]) -> Key | None:
    found = getattr(request, "subject", None)
    if found is None:
        return None
    access: Access = found.access()
    mine = [key for key in keys if key[0] == access.city_code and key[1] in access.organisation_ids]
    wish = chosen(request, keys)
    return wish if wish in mine else mine[0] if mine else None


def here(request: DeskRequest, **_: Any) -> Access:
    """Access of pages about the visitor's own organisation."""
    return own(request).access()
