"""What reading one policy file shares: its clauses, names and facts, and the list of its faults.

A fault is noted and reading goes on with a stand-in, so that an officer sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from zhaoliang.policy.errors import ExpressionError, PolicyFileError
from zhaoliang.policy.expressions import Constant, FollowsFromAnother, Node, Scope, compile_expression, names_in
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.files import Tree
from zhaoliang.policy.hints import nearest, nearest_clause, nearest_code
from zhaoliang.policy.model import Clause
from zhaoliang.policy.numbers import figure
from zhaoliang.policy.units import BOOL, DATE, Type, number

T = TypeVar("T")
STAND_IN = Constant(BOOL, True)
FEN = number("fen")
NO_SCOPE = Scope({}, {}, {}, {}, frozenset())


@dataclass(slots=True)
class Reading:
    """One file being read. `broken` are the names of entries that have a fault."""

    tree: Tree
    data: Mapping[str, Any]
    facts: FactSchema
    id: str
    clauses: Mapping[str, Clause]
    broken: set[str]
    problems: list[PolicyFileError] = field(default_factory=list)
    scope: Scope = NO_SCOPE

    def entries(self, part: str, make: Callable[[str, dict[str, Any]], T]) -> dict[str, T]:
        """What `make` makes of each sound entry of a part; a faulty one is left out and its name remembered."""
        made: dict[str, T] = {}
        for name, entry in self._part(part):
            before = len(self.problems)
            # What only follows from a faulty entry before this one (a named condition) is not told twice.
            self.scope = replace(self.scope, broken=frozenset(self.broken))
            try:
                held = make(name, entry)
            except FollowsFromAnother:
                self.broken.add(name)
                continue
            except PolicyFileError as problem:
                self.problems.append(problem)
                self.broken.add(name)
                continue
            if len(self.problems) == before:
                made[name] = held
            else:
                self.broken.add(name)
        return made

    def _part(self, part: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter(self.data.get(part, {}).items())

    def fault(self, problem: str, *path: str | int) -> None:
        """Note a fault at the path and go on."""
        self.problems.append(self.tree.error(problem, *path))

    def cite(self, cite: str, *path: str | int) -> str:
        """The citation as `document#clause`; a clause of this document must exist here."""
        if "#" in cite:
            return cite
        if cite not in self.clauses:
            self.fault(f"本文件没有条款 {cite!r}，请在 clauses 里写上{nearest_clause(cite, self.clauses)}", *path)
        return f"{self.id}#{cite}"

    def unit(self, unit: str, *path: str | int) -> Type:
        """The type of a figure in the unit."""
        try:
            return DATE if unit == "date" else number(unit)
        except ExpressionError as problem:
            raise self.tree.error(str(problem), *path) from problem

    def compile(self, text: object, wanted: Type | None, *path: str | int) -> Node:
        """The checked expression; where it has a fault, that is noted and a stand-in returned."""
        written = str(text).lower() if isinstance(text, bool) else str(text)
        try:
            if isinstance(text, Decimal) and wanted == FEN:
                return Constant(FEN, figure(text, "fen", accepted=self.tree.accepted))
            return compile_expression(written, self.scope, wanted)
        except FollowsFromAnother:
            raise
        except ExpressionError as problem:
            self.fault(str(problem), *path)
            return STAND_IN

    def condition(self, text: object | None, *path: str | int) -> Node | None:
        """A condition, None where none is written."""
        return None if text is None else self.compile(text, BOOL, *path)

    def scheme(self, scheme: str, *path: str | int) -> str:
        """A subsidy scheme that the schema or this document names."""
        if scheme not in self.facts.schemes:
            known = nearest(scheme, self.facts.schemes)
            self.fault(f"没有 {scheme!r} 这种补贴（自己的写在 schemes: {{代码: 名称}}）{known}", *path)
        return scheme

    def code(self, enum: str, code: str, *path: str | int) -> str:
        """A code of an enumeration."""
        if code not in self.facts.codes[enum]:
            self.fault(f"{code!r} 不是 {enum} 的代码{nearest_code(code, self.facts.codes[enum])}", *path)
        return code


def reads_residence(facts: FactSchema, *nodes: Node | None) -> bool:
    """Whether one of the expressions reads a fact about hukou or where one lives."""
    return any(
        name.is_fact and name.name in facts.facts and facts.facts[name.name].residence
        for node in nodes
        for name in names_in(node)
    )
