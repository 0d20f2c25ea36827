"""The policies in force: the files of `policies/` and, over them, the texts enacted on the platform.

One immutable store a process. Enacted texts take effect at the earliest on the day after their approval, so a process that
looks for new ones every half minute always knows them before they bind (docs/decisions/0006-enacted-texts.md).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from time import monotonic

import structlog
from django.conf import settings

from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Clause
from zhaoliang.policy import Citation, PolicySet, PolicyStore
from zhaoliang.registry.models import PolicyText

log = structlog.get_logger("policy")
# How often a process looks whether a text was enacted, in seconds; with the time to read them it stays below a minute.
LOOK_EVERY = 30.0
# Sets kept in memory: a few thousand places and days.
MOST_SETS = 4096
# Midnight must not come before every process has looked.
MARGIN = timedelta(minutes=5)


@dataclass(frozen=True)
class _Held:
    store: PolicyStore
    texts: int
    looked: float
    # What binds a place on a day, found once for all who ask.
    sets: dict[tuple[int, date, str], PolicySet] = field(default_factory=dict)


_looking = threading.Lock()
_held: _Held | None = None


def lawbook() -> PolicyStore:
    """All policy texts, at most a minute old. Raises PolicyError naming file and place when a release's own is not sound.

    An enacted text that this release cannot read whole stops nothing: its lines go to a person, and the log names it.
    """
    global _held
    held = _held
    if held is not None and monotonic() - held.looked < LOOK_EVERY:
        return held.store
    # One thread looks; the others go on with what they have, except at the very start.
    if not _looking.acquire(blocking=held is None):
        assert held is not None
        return held.store
    try:
        _held = _looked(_held)
        return _held.store
    finally:
        _looking.release()


def _looked(held: _Held | None) -> _Held:
    # Rows are only ever added, so their number names the state of the table (an id may become visible out of order).
    texts = PolicyText.objects.count()
    if held is not None and held.texts == texts:
        return replace(held, looked=monotonic())
    enacted = overlay()
    store = PolicyStore.load(settings.POLICIES, enacted, accepted=enacted)
    for document in store.unread:
        log.error("policy text not readable", text=document.file, faults=[str(one) for one in document.doubts])
    return _Held(store, texts, monotonic())


def forget() -> None:
    """Look again at the next question: called where a text was just enacted."""
    global _held
    if _held is not None:
        _held = replace(_held, looked=float("-inf"))


def overlay() -> dict[str, bytes]:
    """The enacted texts and their tables as files by their path below `policies/`; of one path the last text."""
    files: dict[str, bytes] = {}
    for text in PolicyText.objects.order_by("path", "number"):
        files |= text_files(text.path, text.content, text.tables)
    return files


def text_files(path: str, content: str, tables: Mapping[str, str]) -> dict[str, bytes]:
    """A text and the tables beside it, as `PolicyStore.load` takes them over the library."""
    folder = path.rpartition("/")[0]
    return {path: content.encode()} | {f"{folder}/{name}": table.encode() for name, table in tables.items()}


def library_with(files: Mapping[str, bytes], before: PolicyStore | None = None) -> PolicyStore:
    """The library of this moment with these files over it. Raises PolicyError when it does not hold.

    `before`: the library that it is to be compared with, of which it takes over what does not differ.
    """
    enacted = overlay()
    return PolicyStore.load(settings.POLICIES, {**enacted, **files}, before=before, accepted=set(enacted) - set(files))


def earliest_effect(at: datetime) -> date:
    """The first day on which a text approved now may bind: tomorrow, or the day after when midnight is minutes away."""
    return chinese_day(at + MARGIN) + timedelta(days=1)


def policies_for(region_code: int, *, on: date, scheme: str = "training") -> PolicySet:
    """What binds a place on a day: national documents and what province and city fill in."""
    store, held = lawbook(), _held
    if held is None or held.store is not store:
        return store.for_place(region_code, scheme, on)
    key = (region_code, on, scheme)
    found = held.sets.get(key)
    if found is None:
        if len(held.sets) >= MOST_SETS:
            held.sets.clear()
        found = held.sets[key] = store.for_place(region_code, scheme, on)
    return found


def clause_of(citation: Citation) -> Clause:
    """A policy citation in the form refusals carry."""
    return Clause(citation.number or f"《{citation.title}》", citation.clause, citation.excerpt)
