"""Questions about policy texts: those of a place, a draft with its parts, what it changes, what a text would become."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from typing import Literal

from django.db.models import QuerySet

from zhaoliang.enactments.checking import draft_path, trial_of
from zhaoliang.enactments.models import PolicyDraft, PolicyRevision, PolicySimulation
from zhaoliang.enactments.simulation import LineResult
from zhaoliang.kernel.roles import within
from zhaoliang.policy import Document, PolicyError
from zhaoliang.policy.differences import Change, differences
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.models import PolicyText


@dataclass(frozen=True)
class Standing:
    """A document of the library as it stands today: the version that binds (or the next one), and what it is now."""

    document: Document
    says: str
    tone: str
    versions: int
    enacted: bool


@dataclass(frozen=True)
class Line:
    """One line of a comparison of two texts: `same`, `gone` or `new`, with its number in the text it stands in."""

    kind: Literal["same", "gone", "new", "skip"]
    text: str
    number: int = 0


def draft(city_code: int, draft_id: int) -> PolicyDraft | None:
    """One draft with its region."""
    return PolicyDraft.objects.filter(city_code=city_code, pk=draft_id).select_related("region", "text").first()


def drafts_of(city_code: int, region_code: int, state: str = "") -> QuerySet[PolicyDraft]:
    """The drafts of a region and below, the last begun first, without their texts; dropped ones only when asked for."""
    found = PolicyDraft.objects.filter(city_code=city_code, **within("region_id", region_code))
    found = found.filter(state=state) if state else found.exclude(state="dropped")
    return found.select_related("region").defer(*_LONG).order_by("-created_at", "-pk")


_LONG = ("content", "tables", "base_content", "base_tables", "checked", "simulated")


def revisions(held: PolicyDraft) -> QuerySet[PolicyRevision]:
    """Every revision of a draft, the last first, without the texts."""
    return (
        PolicyRevision.objects.filter(city_code=held.city_code, draft=held)
        .defer("content", "tables")
        .order_by("-number")
    )


def revision(held: PolicyDraft, number: int) -> PolicyRevision | None:
    """One revision with its text."""
    return PolicyRevision.objects.filter(city_code=held.city_code, draft=held, number=number).first()


def simulated_lines(held: PolicyDraft) -> list[LineResult]:
    """The lines of the draft's last what-if, those that change most first."""
    last = PolicySimulation.objects.filter(city_code=held.city_code, draft=held).order_by("-pk").first()
    lines = [LineResult(*line) for line in last.lines] if last is not None else []
    return sorted(lines, key=lambda line: -abs(line.change_fen))


def texts_of(region_code: int, on: date) -> list[Standing]:
    """The documents that a region sets itself, with the version that binds on a day, else the next or the last one."""
    store = lawbook()
    enacted = set(PolicyText.objects.filter(region_id=region_code).values_list("path", flat=True))
    by_id: dict[str, list[Document]] = {}
    for document in store.documents:
        if document.region == region_code:
            by_id.setdefault(document.id, []).append(document)
    found: list[Standing] = []
    for versions in by_id.values():
        versions.sort(key=lambda one: one.start)
        past = [one for one in versions if one.start <= on]
        held = past[-1] if past else versions[0]
        says, tone = standing(held, on)
        found.append(Standing(held, says, tone, len(versions), f"{held.id}/{held.start.isoformat()}.yaml" in enacted))
    return sorted(found, key=lambda one: (one.tone != "ok", one.document.start, one.document.id))


def standing(document: Document, on: date) -> tuple[str, str]:
    """What a text is on a day, as a badge: word and tone."""
    ended = [
        one for one in lawbook().documents if document.id in one.repeals and one.in_force(on) and one is not document
    ]
    if ended:
        return "已废止", "no"
    if (day := document.start) > on:
        return f"{day.year}年{day.month}月{day.day}日起施行", "info"
    if document.end is not None and document.end < on:
        return "已失效", ""
    return "施行中", "ok"


def base_of(held: PolicyDraft) -> Document | None:
    """The version in the library that the draft was begun from; for a repeal the text that it ends."""
    return next((one for one in lawbook().documents if f"{one.id}/{one.start}.yaml" == held.base_path), None)


def changes(held: PolicyDraft) -> tuple[Change, ...] | None:
    """Clause by clause what the draft changes; None where its text cannot be read, nothing for a new document."""
    base = base_of(held)
    if base is None:
        return ()
    try:
        trial = trial_of(held, lawbook())
    except PolicyError:
        return None
    return differences(base, trial.document, trial.library.facts_for(held.region_id), trial.library.citations)


def text_changes(held: PolicyDraft, around: int = 2) -> list[Line]:
    """The text line by line against the one it was begun from: what went, what came, a little of what stayed."""
    before, after = held.base_content.splitlines(), held.content.splitlines()
    found: list[Line] = []
    old = new = 0
    for line in unified_diff(before, after, lineterm="", n=around):
        if line.startswith(("---", "+++")) and not found:
            continue
        if line.startswith("@@"):
            places = line.split()
            old, new = (int(places[index][1:].partition(",")[0]) for index in (1, 2))
            found.append(Line("skip", ""))
        elif line.startswith("-"):
            found.append(Line("gone", line[1:], old))
            old += 1
        elif line.startswith("+"):
            found.append(Line("new", line[1:], new))
            new += 1
        else:
            found.append(Line("same", line[1:], new))
            old, new = old + 1, new + 1
    return found


def path_of_draft(held: PolicyDraft) -> str:
    """Where the draft would stand in the library."""
    return draft_path(held)
