"""Which facts are others than when a line was decided, in the words of the fact schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zhaoliang.registry.lawbook import lawbook

# Facts that speak of the day they are asked, not of the training: a provider that was struck off since, a voucher that moved.
PASSING = ("provider_in_directory", "provider_sanctioned", "voucher_state")


@dataclass(frozen=True)
class FactChange:
    """A fact that is another now than when the line was decided, in the words of the fact schema."""

    name: str
    label: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.label}：{self.before} → {self.after}"


def fact_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FactChange, ...]:
    """What differs between two sheets of facts, by name."""
    schema = lawbook().facts

    def shown(facts: Mapping[str, Any], name: str) -> str:
        return schema.show(name, facts[name]) if name in facts else "未知"

    return tuple(
        FactChange(name, schema.label(name), shown(before, name), shown(after, name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )
