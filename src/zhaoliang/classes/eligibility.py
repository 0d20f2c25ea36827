"""Whether somebody may have a voucher, by the policies and what is on file of him: for the pages and for the claim itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from zhaoliang.catalogue.models import Project
from zhaoliang.classes.facts import FactValue, base_facts, put_counts
from zhaoliang.classes.known import Known, known_people
from zhaoliang.kernel.days import chinese_day
from zhaoliang.policy import Decision, Outcome
from zhaoliang.registry.lawbook import lawbook, policies_for
from zhaoliang.registry.models import Person
from zhaoliang.vouchers.eligibility import Verdict
from zhaoliang.vouchers.models import VoucherBatch
from zhaoliang.vouchers.selectors import usable_projects

# What holds once somebody has claimed this project's voucher and sits in an ordinary class room: an estimate assumes it and
# says so; the claim itself is decided on what really was.
ASSUMED: Mapping[str, FactValue] = {
    "voucher_state": "claimed",
    "voucher_fits_project": True,
    "voucher_valid_on_start": True,
    "site_kind": "ordinary",
}
RANK = {Outcome.PASS: 0, Outcome.CANNOT_TELL: 1, Outcome.FAIL: 2}
# A batch for everything may cover hundreds of projects; a yes is looked for in so many.
PROJECTS_TRIED = 60


def decided(person: Person, project: Project, known: Known, batch: VoucherBatch, on: date) -> tuple[Decision, str]:
    """What the policies say of a person with a voucher of the batch in a project, by the group that serves him best.

    A class may begin on any day until the voucher's last: who is too young today and old enough then is not refused.
    Reads no database when the parts are loaded.
    """
    found = _decided(person, project, known, batch.groups, on=on, start=on)
    last = chinese_day(batch.use_until)
    if found[0].outcome is Outcome.FAIL and last > on:
        later = _decided(person, project, known, batch.groups, on=on, start=last)
        found = min(found, later, key=lambda one: RANK[one[0].outcome])
    return found


def _decided(
    person: Person, project: Project, known: Known, wanted: Collection[str], *, on: date, start: date
) -> tuple[Decision, str]:
    policies = policies_for(project.region_id, on=on)
    groups = [code for code in known.groups if not wanted or code in wanted]
    tried: list[tuple[Decision, str]] = []
    for code in groups or list(known.groups) or [""]:
        sheet = base_facts(
            city_code=person.city_code,
            project=project,
            start=start,
            person=person,
            birth_date=person.birth_date,
            voucher=None,
            group=code or None,
            known=known,
        )
        put_counts(sheet, known.grants, policies)
        tried.append((policies.decide({**sheet.facts, **ASSUMED}, phase="preflight"), code))
    return min(tried, key=lambda one: (RANK[one[0].outcome], -(one[0].fen or 0)))


def missing_of(decision: Decision) -> list[str]:
    """What nobody knows yet of the person, in words; a text that leaves a table cell empty is no question to him."""
    schema = lawbook().facts
    names = [name for rule in decision.questions for name in rule.missing if name in schema.facts]
    return [schema.label(name) for name in dict.fromkeys(names)]


def verdicts(people: Sequence[Person], batch: VoucherBatch, on: date) -> dict[int, Verdict]:
    """For each person the best answer among the projects the batch is good for; queries do not grow with their number.

    A sign-in-only voucher asks nothing: no money follows it.
    """
    # No provider offers anything for it just now: that says nothing of the people.
    projects = list(usable_projects(batch)[:PROJECTS_TRIED]) if batch.kind != "sign_in_only" else []
    if not projects:
        return {person.pk: Verdict(Outcome.PASS) for person in people}
    ids = [person.pk for person in people]
    known = known_people(city_code=batch.city_code, person_ids=ids, start=on, end=on, training_class=None)
    return {person.pk: _best(person, known[person.pk], projects, batch, on) for person in people}


def _best(person: Person, known: Known, projects: Sequence[Project], batch: VoucherBatch, on: date) -> Verdict:
    best: Decision | None = None
    for project in projects:
        decision, _ = decided(person, project, known, batch, on)
        if best is None or RANK[decision.outcome] < RANK[best.outcome]:
            best = decision
        if best.outcome is Outcome.PASS:
            break
    assert best is not None
    return Verdict(best.outcome, best.refusals, tuple(missing_of(best)))
