"""From one policy file (and its CSV tables) to a checked Document. Nothing uncited and nothing ill-typed gets through."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from zhaoliang.policy.conditions import KIND, against_order, read_condition, read_rule, read_stacking
from zhaoliang.policy.counts import HISTORY, read_history
from zhaoliang.policy.doubted import doubted, schemes_in
from zhaoliang.policy.errors import FactError, PolicyFileError, raise_problems
from zhaoliang.policy.expressions import Scope
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.figures import TableReader, key_types, read_clock, read_open, read_parameter
from zhaoliang.policy.files import IN_LIBRARY, Source, Tree, read_yaml, region_of
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import Clause, Document, Rule, Scenario, Table
from zhaoliang.policy.reading import Reading
from zhaoliang.policy.shape import faults, tidy
from zhaoliang.policy.sums import read_amount
from zhaoliang.policy.units import Type, number

CODES = {"payee": ("enterprise", "provider", "person")}
HEAD = ("document", "clauses")
COUNTED = re.compile(r"count_[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class _Shape:
    result: Type
    key_types: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A file whose head and clauses have the shape of a policy; its expressions are not yet compiled.

    `tree` is without the entries that have not the shape: `problems` tells of them, `broken` names them.
    """

    source: Source
    tree: Tree
    problems: tuple[PolicyFileError, ...] = ()
    broken: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        """The document's id, `jurisdiction/name`."""
        return str(self.tree.data["document"]["id"])

    @property
    def region(self) -> int:
        """The region the document is for."""
        return int(self.tree.data["document"]["region"])

    def without(self, names: Iterable[str], problems: Iterable[PolicyFileError] = ()) -> Draft:
        """The same draft knowing that these facts have faults of their own."""
        return replace(self, broken=self.broken | frozenset(names), problems=(*self.problems, *problems))


def read_draft(source: Source, schema: bytes) -> Draft:
    """The file's tree, checked against the JSON Schema `schema`; raises PolicyFileError where its head does not hold."""
    return Draft(source, *_read(source.content, source.shown, schema, source.accepted))


# A draft is tried among many texts that stay as they are: the trees of the last ones are kept by their content.
@lru_cache(maxsize=256)
def _read(
    content: bytes, shown: str, schema: bytes, accepted: bool
) -> tuple[Tree, tuple[PolicyFileError, ...], frozenset[str]]:
    tree = read_yaml(content, shown, accepted=accepted)
    tree = replace(tree, data=tidy(tree.data))
    problems = list(faults(tree, schema))
    data: dict[str, Any] = {key: dict(part) if isinstance(part, dict) else part for key, part in tree.data.items()}
    broken: set[str] = set()
    for problem in problems:
        part, _, rest = problem.path.partition(".")
        if part in HEAD or not part:
            raise_problems(problems)
        # A clause's or rule's own name may hold dots: the entry is the longest name the path begins with.
        held = data.get(part)
        names = [name for name in held if rest == str(name) or rest.startswith(f"{name}.")] if held else []
        if isinstance(held, dict) and names:
            broken.add(str(names[-1]))
            del held[names[-1]]
        elif part == "scenarios" and isinstance(held, list) and rest.partition(".")[0].isdigit():
            held = list(held)
            held[int(rest.partition(".")[0])] = None
            data[part] = held
        elif part not in tree.data or not (isinstance(held, dict) and rest):
            data.pop(part, None)
    return replace(tree, data=data), tuple(problems), frozenset(broken)


def load_document(draft: Draft, facts: FactSchema) -> Document:
    """The checked document; raises PolicyFileError (PolicyProblems for several faults) with file, line, path, reason.

    Of a text that binds already whatever can be read is; a doubt stands for the rest (`doubted`).
    """
    return _Loader(draft, facts).document()


class _Loader:
    def __init__(self, draft: Draft, facts: FactSchema) -> None:
        self.source, self.tree, self.facts = draft.source, draft.tree, facts
        self.data = self.tree.data
        clauses = {
            str(name): Clause(
                str(name),
                clause["ref"],
                clause["text"].strip(),
                clause["verified"],
                clause.get("source", ""),
                clause.get("forbids", ""),
                clause.get("no_rule", ""),
            )
            for name, clause in self.data["clauses"].items()
        }
        self.reading = Reading(self.tree, self.data, facts, draft.id, clauses, set(draft.broken), list(draft.problems))

    def document(self) -> Document:
        head, reading = self.data["document"], self.reading
        self._check_head(head)
        tables = TableReader(reading, self.source)
        parameters = reading.entries("parameters", partial(read_parameter, reading))
        held = reading.entries("tables", tables.table)
        clocks = reading.entries("clocks", partial(read_clock, reading))
        opens = reading.entries("opens", partial(read_open, reading))
        units = {one.name: one.unit for one in parameters.values()}
        for part, entries in (("clocks", clocks), ("opens", opens)):
            for name, entry in entries.items():
                if name in units:
                    reading.fault(f"{name!r} 定义了两次；参数、时限、开放项的名称不能相同", part, name)
                units[name] = entry.unit
        reading.scope = self._scope(units, held)
        conditions = reading.entries("conditions", partial(read_condition, reading))
        rules = [rule for part in KIND for rule in reading.entries(part, partial(read_rule, reading, part)).values()]
        rules += [
            one for several in reading.entries("stacking", partial(read_stacking, reading)).values() for one in several
        ]
        if not self.tree.accepted:
            self._named_once(rules)
        for rule, problem in against_order(rules):
            reading.fault(problem, *rule.part.split("."))
        amounts = reading.entries("amounts", partial(read_amount, reading))
        scenarios = [self._shown(place, entry) for place, entry in enumerate(self.data.get("scenarios", ())) if entry]
        problems = sorted(reading.problems, key=lambda problem: problem.line or 0)
        if not self.tree.accepted:
            raise_problems(problems)
        made = Document(
            id=reading.id,
            title=head["title"],
            number=head["number"],
            issuers=tuple(head["issuers"]),
            start=head["in_force"]["from"],
            end=head["in_force"].get("to"),
            region=head["region"],
            authority=head.get("authority", "binding"),
            notice=head.get("notice", ""),
            source=head.get("source", ""),
            repeals=tuple(head.get("repeals", ())),
            content_hash=tables.hash.hexdigest(),
            file=self.tree.file,
            clauses=reading.clauses,
            parameters=parameters,
            tables=held,
            clocks=clocks,
            opens=opens,
            fills=dict(self.data.get("fills", {})),
            conditions=conditions,
            rules=tuple(rules),
            amounts=tuple(amounts.values()),
            scenarios=tuple(one for one in scenarios if one is not None),
            lines=self.tree.lines(),
        )
        return doubted(made, problems, schemes_in(self.tree, self.facts.schemes, problems)) if problems else made

    def _check_head(self, head: dict[str, Any]) -> None:
        fault, start, end = self.reading.fault, head["in_force"]["from"], head["in_force"].get("to")
        jurisdiction = head["id"].partition("/")[0]
        if found := IN_LIBRARY.fullmatch(self.source.key):
            if head["id"] != f"{found[1]}/{found[2]}":
                fault(f"id 应与文件夹一致：{found[1]}/{found[2]}", "document", "id")
            if start.isoformat() != found[3]:
                fault(f"文件名是生效日期：应改名为 {start.isoformat()}.yaml", "document", "in_force", "from")
        if head["region"] != region_of(jurisdiction):
            fault(f"{jurisdiction} 的区划代码是 {region_of(jurisdiction)}", "document", "region")
        if end is not None and end < start:
            fault("失效日期早于生效日期", "document", "in_force", "to")

    def _named_once(self, rules: list[Rule]) -> None:
        """Of two rules of one name only the later would be asked."""
        first: dict[str, Rule] = {}
        for rule in rules:
            if (other := first.setdefault(rule.id, rule)) is not rule:
                self.reading.fault(
                    f"{rule.id!r} 在 {other.part} 已经用了，只会核对其中一条；请换个名称", *rule.part.split(".")
                )

    def _scope(self, units: dict[str, str], tables: dict[str, Table]) -> Scope:
        for name in sorted(set(units) & set(self.facts.facts)):
            part = next(part for part in ("parameters", "clocks", "opens") if name in self.data.get(part, {}))
            if not self.tree.accepted:
                self.reading.fault(f"{name!r} 是一个事实的名称，请换个名称", part, name)
        return Scope(
            # A fact that a later release names alike does not take the place of a figure of a text that binds.
            {name: type_ for name, type_ in self.facts.types.items() if name not in units},
            {name: self.reading.unit(unit) for name, unit in units.items()},
            {name: _Shape(number(table.unit), key_types(table)) for name, table in tables.items()},
            self.facts.enums | CODES,
            self.facts.ordered,
            frozenset(self.reading.broken),
            self.facts.codes,
            accepted=self.tree.accepted,
        )

    def _shown(self, place: int, entry: dict[str, Any]) -> Scenario | None:
        """A scenario; one of a text that binds already proves nothing any more and is left out where it has a fault."""
        before = len(self.reading.problems)
        made = self._scenario(place, entry)
        if self.tree.accepted and len(self.reading.problems) > before:
            del self.reading.problems[before:]
            return None
        return made

    def _scenario(self, place: int, entry: dict[str, Any]) -> Scenario:
        reading, given = self.reading, dict(entry["given"])
        try:
            if given.get(HISTORY) is not None:
                read_history(given[HISTORY], self.facts)
        except FactError as problem:
            reading.fault(str(problem), "scenarios", place, "given", HISTORY)
        for name, value in given.items():
            if name == HISTORY or COUNTED.fullmatch(name) or name in reading.broken:
                continue
            if name not in self.facts.facts:
                known = nearest(name, [*self.facts.facts, HISTORY])
                reading.fault(f"没有叫 {name!r} 的事实{known}", "scenarios", place, "given", name)
                continue
            try:
                self.facts.refuse_quoted({name: value})
                self.facts.normalise({name: value})
            except FactError as problem:
                reading.fault(str(problem), "scenarios", place, "given", name)
        if isinstance(entry["expect"].get("fen"), Decimal):
            reading.fault("fen 是整数分，不写小数", "scenarios", place, "expect", "fen")
        expect = dict(entry["expect"])
        if "cites" in expect:
            expect["cites"] = [reading.cite(cite, "scenarios", place, "expect", "cites") for cite in expect["cites"]]
        return Scenario(
            entry["name"],
            entry.get("place", self.data["document"]["region"]),
            reading.scheme(entry["scheme"], "scenarios", place, "scheme"),
            entry.get("phase", "claim"),
            entry["on"],
            given,
            expect,
            entry.get("case"),
        )
