"""What a worker can get as the registers know him: each group he belongs to tried, the one that serves him best shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.facts import FactSheet, FactValue, put_grant_counts, put_grants, put_project, put_registers
from zhaoliang.classes.known import Known, known_people
from zhaoliang.kernel.days import age_on
from zhaoliang.policy import Outcome
from zhaoliang.registry.models import Person
from zhaoliang.web.portal import eligibility
from zhaoliang.web.portal.eligibility import Answer

_RANK = {Outcome.PASS: 0, Outcome.CANNOT_TELL: 1, Outcome.FAIL: 2}


@dataclass(frozen=True)
class OnFile:
    """What the registers hold of a person for one group: facts, and where each is from."""

    facts: Mapping[str, FactValue]
    sources: Mapping[str, str]


def on_file(person: Person, project: Project | None, on: date) -> list[OnFile]:
    """The person's facts, once for each group the registers place him in; once without a group where they name none."""
    known = known_people(city_code=person.city_code, person_ids=[person.pk], start=on, end=on, training_class=None)
    held = known[person.pk]
    return [_sheet(person, project, held, group, on) for group in list(held.groups) or [None]]


def _sheet(person: Person, project: Project | None, known: Known, group: str | None, on: date) -> OnFile:
    sheet = FactSheet({}, {})
    sheet.put(person, "证件", person_age_at_start=age_on(person.birth_date, on))
    if group is not None:
        sheet.put(known.groups[group], known.groups[group].source, group=group)
    put_registers(sheet, known, group)
    if project is None:
        put_grant_counts(sheet, known.grants, on)
    else:
        put_project(sheet, project, on)
        put_grants(sheet, known.grants, project, on)
    return OnFile(sheet.facts, {name: str(one["source"]) for name, one in sheet.evidence.items()})


def answers(person: Person, files: list[OnFile], given: Mapping[str, FactValue], on: date) -> list[Answer]:
    """Each subsidy by the group that gives most. What the registers know stands; what is answered only fills the gaps."""
    best: dict[str, Answer] = {}
    for file in files:
        for one in eligibility.answers(person.region_id, {**given, **file.facts}, on):
            held = best.get(one.scheme)
            if held is None or _order(one) < _order(held):
                best[one.scheme] = one
    return sorted(best.values(), key=lambda one: _RANK[one.decision.outcome])


def _order(one: Answer) -> tuple[int, int]:
    return _RANK[one.decision.outcome], -(one.fen or 0)
