"""The small values templates are given: navigation, steps, events, clauses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

StepState = Literal["done", "now", "next", "problem"]
STEP_WORDS: dict[str, str] = {"done": "已完成", "now": "进行中", "next": "未开始", "problem": "有问题"}


@dataclass(frozen=True)
class NavItem:
    """One entry of a desk's side bar; `count` is what waits there."""

    label: str
    url: str
    icon: str = "list"
    count: int = 0
    current: bool = False
    group: str = ""


@dataclass(frozen=True)
class Place:
    """One organisation whose desk the visitor may sit at: what the form of the top bar sends, and its name."""

    value: str
    label: str
    current: bool = False


@dataclass(frozen=True)
class Face:
    """What a layout shows around a page: which desk, where, who, and the desk's menu. Empty parts are left out.

    `unread` are the notices of a worker that wait. With `places` the region is a choice that posts `place` to `switch_url`.
    """

    desk: str = "照亮"
    region: str = ""
    person: str = ""
    role: str = ""
    home_url: str = "/"
    sign_out_url: str = ""
    nav: tuple[NavItem, ...] = ()
    switch_url: str = ""
    places: tuple[Place, ...] = ()
    unread: int = 0


@dataclass(frozen=True)
class Step:
    """One step of a spine."""

    label: str
    state: StepState
    note: str = ""
    url: str = ""

    @property
    def word(self) -> str:
        return STEP_WORDS[self.state]


@dataclass(frozen=True)
class Event:
    """One entry of a timeline: what, when, who has it, until when (`due` is a ready sentence)."""

    title: str
    at: datetime | None = None
    who: str = ""
    text: str = ""
    due: str = ""
    state: StepState = "done"

    @property
    def word(self) -> str:
        return STEP_WORDS[self.state]


@dataclass(frozen=True)
class ClauseView:
    """A clause as people read it, whichever folder it comes from."""

    number: str
    ref: str
    title: str = ""
    excerpt: str = ""
    verified: bool | None = None
    url: str = ""

    @property
    def short(self) -> str:
        return " ".join(part for part in (self.number, self.ref) if part) or self.title


def steps(labels: list[str] | tuple[str, ...], now: int, *, problem: bool = False) -> list[Step]:
    """Steps of a spine from their labels: before `now` done, at it now (or a problem), after it next; len(labels) = all done."""
    at: StepState = "problem" if problem else "now"
    return [Step(label, "done" if i < now else at if i == now else "next") for i, label in enumerate(labels)]


def clause_view(source: Any) -> ClauseView:
    """A clause from a refusal (`number, ref, excerpt`), a policy citation (`number, title, clause, excerpt, verified`) or text."""
    if isinstance(source, ClauseView):
        return source
    if isinstance(source, str):
        return ClauseView(number=source, ref="")

    def part(*names: str) -> Any:
        for name in names:
            value = source.get(name) if isinstance(source, dict) else getattr(source, name, None)
            if value not in (None, ""):
                return value
        return None

    return ClauseView(
        number=part("number", "document_number") or "",
        ref=part("ref", "clause") or "",
        title=part("title") or "",
        excerpt=part("excerpt", "text") or "",
        verified=part("verified"),
        url=part("url") or "",
    )
