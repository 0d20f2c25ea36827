"""The figures and tables of one document on the day of a policy set, with the fills of its open terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from zhaoliang.policy.expressions import Value
from zhaoliang.policy.model import Document, TableVersion

if TYPE_CHECKING:
    from zhaoliang.policy.policyset import PolicySet


@dataclass(frozen=True, slots=True)
class FiguresOf:
    """A document's parameters, clocks and tables, and the fills of its open terms, on the set's day."""

    policies: PolicySet
    document: Document

    def figure(self, name: str) -> Value | None:
        held = self._held(name)
        return held[0] if held else None

    def lacking(self, name: str) -> str:
        """What is missing where no text sets the figure: an open term waits for a lower text, a parameter for its day."""
        if name in self.document.opens:
            return f"{self.document.opens[name].says}（下级文件还没有确定）"
        return f"{self.document.parameters[name].says}：当日没有数值" if name in self.document.parameters else name

    def source(self, name: str) -> str | None:
        """The clause that sets the figure, None where nothing does."""
        held = self._held(name)
        return held[1] if held else None

    def _held(self, name: str) -> tuple[Value, str] | None:
        document, on = self.document, self.policies.on
        if name in document.clocks:
            return document.clocks[name].value, document.clocks[name].cite
        if name in document.parameters:
            dated = document.parameters[name].on(on)
            return (dated.value, dated.cite) if dated else None
        for lower in reversed(self.policies.documents):
            filled = lower.fills.get(f"{document.id}#{name}")
            if filled and lower.doubts and filled not in lower.parameters:
                # Filled by a figure that cannot be read any more: no other text's stands for it.
                return None
            dated = lower.parameters[filled].on(on) if filled else None
            if dated is not None:
                return dated.value, dated.cite
        return None

    def version(self, table: str, facts: Mapping[str, Value]) -> TableVersion | None:
        """The table's version for these facts, None when its date fact is unknown or too early."""
        held = self.document.tables[table]
        day = facts.get(held.version_by) if held.version_by else self.policies.on
        return held.on(day) if isinstance(day, date) else None

    def possible(self, table: str, facts: Mapping[str, Value]) -> tuple[TableVersion, ...]:
        """The versions these facts may read: one, or all of them while the date that picks it is unknown."""
        held = self.document.tables[table]
        if held.version_by and facts.get(held.version_by) is None:
            return held.versions
        version = self.version(table, facts)
        return (version,) if version else ()

    def look_up(self, table: str, keys: tuple[Value, ...], facts: Mapping[str, Value]) -> Value | str:
        held, version = self.document.tables[table], self.version(table, facts)
        if version is None:
            return held.version_by if held.version_by and held.version_by not in facts else f"{held.says}：当日没有版本"
        cell: list[str | int] = []
        for key, value in zip(held.keys, keys, strict=True):
            below = [tier for tier in key.tiers if isinstance(value, int | Fraction) and tier <= value]
            cell.append(max(below, default=-1) if key.tiers else value if isinstance(value, int | str) else str(value))
        found = version.rows.get(tuple(cell))
        shown = ", ".join(str(value) for value in keys)
        return f"{held.says}：表中没有 [{shown}]" if found is None else found
