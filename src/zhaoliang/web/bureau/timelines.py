"""State changes as the entries of a timeline."""

from __future__ import annotations

from collections.abc import Iterable

from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.states import Machine
from zhaoliang.web.components.parts import Event


def events(changes: Iterable[StateChange], machine: Machine, *, now: str = "") -> list[Event]:
    """What happened to an object, oldest first; `now` is what is to be done next (left out when nothing is)."""
    found = [
        Event(
            title=machine.events[change.event],
            at=change.at,
            who=change.actor_name,
            text=f"{machine.states[change.source]} → {machine.states[change.target]}",
        )
        for change in changes
    ]
    return [*found, Event(title=now, state="now")] if now else found
