"""Drafts of policy texts, made through the services as pages make them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from factories.actors import TIANJIN, actor
from zhaoliang.enactments import services
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.kernel.roles import Actor, Place, Role
from zhaoliang.registry import lawbook

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
START, END = date(2027, 1, 1), date(2027, 7, 31)
DOCUMENT, VERSION = "cn-12/jinrenshe-2022-20", date(2022, 8, 1)


@dataclass
class Bureau:
    """The two people of a bureau who make a text."""

    drafter: Actor
    approver: Actor
    place: Place


def bureau(region_code: int = TIANJIN, city_code: int = TIANJIN) -> Bureau:
    """An administrator who drafts and an approver, two accounts of two people."""
    here = {"region_code": region_code, "city_code": city_code}
    return Bureau(
        actor(Role.ADMINISTRATOR, name="测试起草", **here),
        actor(Role.APPROVER, name="测试批准", **here),
        Place(city_code, region_code),
    )


def draft(office: Bureau, *, at: datetime = AT, **given: Any) -> PolicyDraft:
    """The next version of 津人社局发〔2022〕20号, from 2027, unchanged."""
    arguments: dict[str, Any] = {
        "document_id": DOCUMENT,
        "version": VERSION,
        "valid_from": START,
        "valid_to": END,
        "purpose": "测试修订",
    }
    return services.start_revision(actor=office.drafter, at=at, place=office.place, **arguments | given)


def scarcer(office: Bureau, *, at: datetime = AT, scarce: str = "0.95", **given: Any) -> PolicyDraft:
    """A draft in which 紧缺 counts 95 % instead of 90 %, its scenarios expecting that."""
    made = draft(office, at=at, **given)
    cells: dict[str, Any] = {"table": "scarcity_factor", "index": 0, "typed": {"scarce": scarce}}
    made = services.set_cells(actor=office.drafter, at=at, draft=made, revision=made.revision, **cells)
    made = services.check_draft(actor=office.drafter, at=at, draft=made)
    wrong = [one["index"] for one in made.checked["scenarios"] if not one["ok"]]
    return services.adopt_results(actor=office.drafter, at=at, draft=made, revision=made.revision, indexes=wrong)


def submitted(office: Bureau, *, at: datetime = AT, **given: Any) -> PolicyDraft:
    """The same, checked, tried and handed in."""
    made = scarcer(office, at=at, **given)
    for step in (services.check_draft, services.simulate_draft, services.submit):
        made = step(actor=office.drafter, at=at, draft=made)
    return made


def scheduled(office: Bureau, *, at: datetime = AT, **given: Any) -> PolicyDraft:
    """The same, approved; the lawbook knows it."""
    made = services.approve(actor=office.approver, at=at, draft=submitted(office, at=at, **given))
    lawbook.forget()
    return made
