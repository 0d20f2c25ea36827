"""From one YAML file (and its CSV tables) to a checked Document. Nothing uncited and nothing ill-typed gets through."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from zhaoliang.policy.errors import ExpressionError
from zhaoliang.policy.evaluate import plain
from zhaoliang.policy.expressions import Node, Operation, Scope, compile_expression, names_in
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.files import IN_LIBRARY, Source, Tree, read_yaml
from zhaoliang.policy.model import (
    PHASES,
    Amount,
    Clause,
    Clock,
    DatedValue,
    Document,
    OpenTerm,
    Parameter,
    Phase,
    RecordedDecision,
    Rule,
    Scenario,
    Step,
    Table,
    TableKey,
    TableVersion,
)
from zhaoliang.policy.units import BOOL, DATE, PAYEE, Type, number

NATION = 100000
# 人社部函〔2021〕14号 七：不得以地域、户籍等为前提条件。A rule that does so waits for the bureau to decide and say so.
UNDECIDED = "以户籍或所在地为条件，与人社部函〔2021〕14号第七条不一致，没有记录本地决定，转人工"
PERSON_PHASES: tuple[Phase, ...] = ("preflight", "claim")
CODES = {"payee": ("enterprise", "provider", "person")}


@dataclass(frozen=True, slots=True)
class _Shape:
    result: Type
    key_types: tuple[Type, ...]


def region_of(jurisdiction: str) -> int:
    """The six-digit region of a folder name: cn → 100000, cn-12 → 120000, cn-37-09 → 370900."""
    digits = "".join(jurisdiction.split("-")[1:])
    return int(digits.ljust(6, "0")) if digits else NATION


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that has the shape of a policy; its expressions are not yet compiled."""

    source: Source
    tree: Tree

    @property
    def id(self) -> str:
        """The document's id, `jurisdiction/name`."""
        return str(self.tree.data["document"]["id"])

    @property
    def region(self) -> int:
        """The region the document is for."""
        return int(self.tree.data["document"]["region"])


def read_draft(source: Source, schema: Path) -> Draft:
    """The file's tree, if it has the shape `schema` (a JSON Schema) asks; raises PolicyFileError."""
    tree = read_yaml(source.content, source.shown)
    problem = best_match(_schema(schema).iter_errors(_json_form(tree.data)))
    if problem is not None:
        raise tree.error(problem.message, *problem.absolute_path)
    return Draft(source, tree)


def load_document(draft: Draft, facts: FactSchema) -> Document:
    """The checked document; raises PolicyFileError with file, line, path and reason."""
    return _Loader(draft, facts).document()


@cache
def _schema(path: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


class _Loader:
    def __init__(self, draft: Draft, facts: FactSchema) -> None:
        self.source, self.tree, self.facts = draft.source, draft.tree, facts
        self.data = self.tree.data
        self.hash = hashlib.sha256(self.source.content)

    def document(self) -> Document:
        head = self.data["document"]
        jurisdiction = head["id"].partition("/")[0]
        if found := IN_LIBRARY.fullmatch(self.source.key):
            if head["id"] != f"{found[1]}/{found[2]}":
                raise self.tree.error(f"id must be {found[1]}/{found[2]}, as the folders say", "document", "id")
            if head["in_force"]["from"].isoformat() != found[3]:
                raise self.tree.error("the file is named after the day it is in force from", "document", "in_force")
        if head["region"] != region_of(jurisdiction):
            raise self.tree.error(f"{jurisdiction} is region {region_of(jurisdiction)}", "document", "region")
        self.id = str(head["id"])
        self.clauses = {
            name: Clause(
                name,
                clause["ref"],
                clause["text"].strip(),
                clause["verified"],
                clause.get("source", ""),
                clause.get("forbids", ""),
            )
            for name, clause in self.data["clauses"].items()
        }
        self.parameters = {name: self._parameter(name, entry) for name, entry in self._part("parameters")}
        self.tables = {name: self._table(name, entry) for name, entry in self._part("tables")}
        self.clocks = {
            name: Clock(
                name, entry["value"], entry["unit"], entry["says"], self._cite(entry["cite"], "clocks", name, "cite")
            )
            for name, entry in self._part("clocks")
        }
        self.opens = {name: self._open(name, entry) for name, entry in self._part("opens")}
        self.scope = self._scope()
        rules = [*self._rules("rules"), *self._rules("limits"), *self._rules("exclusions")]
        amounts = [self._amount(name, entry) for name, entry in self._part("amounts")]
        scenarios = [self._scenario(index, entry) for index, entry in enumerate(self.data.get("scenarios", []))]
        return Document(
            id=self.id,
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
            content_hash=self.hash.hexdigest(),
            file=self.tree.file,
            clauses=self.clauses,
            parameters=self.parameters,
            tables=self.tables,
            clocks=self.clocks,
            opens=self.opens,
            fills=dict(self.data.get("fills", {})),
            rules=tuple(rules),
            amounts=tuple(amounts),
            scenarios=tuple(scenarios),
            lines=self.tree.lines(),
        )

    def _part(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter(self.data.get(name, {}).items())

    def _cite(self, cite: str, *path: str | int) -> str:
        """The citation as `document#clause`; a clause of this document must exist here."""
        if "#" in cite:
            return cite
        if cite not in self.clauses:
            raise self.tree.error(f"no clause {cite!r} in this document; add it under 'clauses'", *path)
        return f"{self.id}#{cite}"

    def _parameter(self, name: str, entry: dict[str, Any]) -> Parameter:
        path = ("parameters", name)
        dated = entry.get("values") or [{"value": entry["value"], "cite": entry["cite"]}]
        values = tuple(
            DatedValue(one.get("from"), _exact(one["value"]), self._cite(one["cite"], *path)) for one in dated
        )
        starts = [value.start for value in values]
        if len(set(starts)) != len(starts):
            raise self.tree.error("two values start on one day", *path)
        is_date = [isinstance(value.value, date) for value in values]
        if any(is_date) != (entry["unit"] == "date") or any(is_date) != all(is_date):
            raise self.tree.error("the unit 'date' and date values go together", *path)
        self._unit(entry["unit"], *path)
        return Parameter(name, entry["unit"], entry["says"], values)

    def _unit(self, unit: str, *path: str | int) -> Type:
        try:
            return DATE if unit == "date" else number(unit)
        except ExpressionError as problem:
            raise self.tree.error(str(problem), *path) from problem

    def _open(self, name: str, entry: dict[str, Any]) -> OpenTerm:
        cite = self._cite(entry["cite"], "opens", name, "cite")
        self._unit(entry["unit"], "opens", name, "unit")
        low, high = entry.get("at_least"), entry.get("at_most")
        return OpenTerm(
            name,
            entry["unit"],
            entry["says"],
            cite,
            None if low is None else plain(Fraction(low)),
            None if high is None else plain(Fraction(high)),
        )

    def _table(self, name: str, entry: dict[str, Any]) -> Table:
        path = ("tables", name)
        keys = tuple(self._key(key, *path, "keys") for key in entry["keys"])
        by = entry.get("version_by")
        if by is not None and self.facts.types.get(by) != DATE:
            raise self.tree.error(f"version_by must name a date fact, not {by!r}", *path, "version_by")
        self._unit(entry["unit"], *path, "unit")
        versions = tuple(
            TableVersion(
                one.get("from"),
                self._cite(one["cite"], *path, "cite"),
                dict(self._rows(one, keys, entry["unit"], *path)),
                one.get("verified", True),
                one.get("note", ""),
            )
            for one in entry.get("versions") or [entry]
        )
        return Table(name, entry["unit"], entry["says"], keys, versions, by)

    def _key(self, key: str | dict[str, Any], *path: str | int) -> TableKey:
        made = TableKey(key, key) if isinstance(key, str) else TableKey(key["name"], key["like"], tuple(key["tiers"]))
        if made.like not in self.facts.facts:
            raise self.tree.error(f"no fact is called {made.like!r}; a key has the type of a fact", *path)
        return made

    def _rows(
        self, version: dict[str, Any], keys: tuple[TableKey, ...], unit: str, *path: str | int
    ) -> Iterator[tuple[tuple[str | int, ...], int | Fraction]]:
        flat = self._csv(version["file"], keys, unit, *path) if "file" in version else _flatten(version["rows"])
        for raw, value in flat:
            if len(raw) != len(keys):
                raise self.tree.error(f"row {raw} must have {len(keys)} key(s)", *path)
            yield (
                tuple(self._cell(key, cell, *path) for key, cell in zip(keys, raw, strict=True)),
                plain(Fraction(value)),
            )

    def _cell(self, key: TableKey, cell: str, *path: str | int) -> str | int:
        like = self.facts.types[key.like]
        if key.tiers:
            if int(cell) not in key.tiers:
                raise self.tree.error(f"{cell} is not a step of {key.name}: {key.tiers}", *path)
            return int(cell)
        if like.kind == "enum" and cell not in self.facts.enums[like.enum]:
            raise self.tree.error(f"{cell!r} is not a {like.enum} code", *path)
        return int(cell) if like.kind == "number" else cell

    def _csv(
        self, file: str, keys: tuple[TableKey, ...], unit: str, *path: str | int
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        content = self.source.read_beside(file)
        if content is None:
            raise self.tree.error(f"no file {file} beside the policy", *path)
        self.hash.update(content)
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        wanted = [*(key.name for key in keys), unit]
        if reader.fieldnames is None or not set(wanted) <= set(reader.fieldnames):
            raise self.tree.error(f"{file} needs the columns {', '.join(wanted)}", *path)
        for row in reader:
            yield tuple(row[key.name] for key in keys), row[unit]

    def _scope(self) -> Scope:
        figures = {name: self._unit(entry.unit) for name, entry in self.parameters.items()}
        for name, unit in [(clock.name, clock.unit) for clock in self.clocks.values()] + [
            (term.name, term.unit) for term in self.opens.values()
        ]:
            if name in figures:
                raise self.tree.error(f"{name!r} is defined twice", "clocks", name)
            figures[name] = self._unit(unit)
        clash = sorted(set(figures) & set(self.facts.facts))
        if clash:
            raise self.tree.error(f"{clash[0]!r} is the name of a fact", "parameters", clash[0])
        shapes = {
            name: _Shape(
                number(table.unit),
                tuple(self.facts.types[key.like] for key in table.keys),
            )
            for name, table in self.tables.items()
        }
        return Scope(self.facts.types, figures, shapes, self.facts.enums | CODES, self.facts.ordered)

    def _compile(self, text: str, wanted: Type | None, *path: str | int) -> Node:
        try:
            return compile_expression(str(text), self.scope, wanted)
        except ExpressionError as problem:
            raise self.tree.error(str(problem), *path) from problem

    def _optional(self, text: str | None, *path: str | int) -> Node | None:
        return None if text is None else self._compile(text, BOOL, *path)

    def _rules(self, part: Literal["rules", "limits", "exclusions"]) -> Iterator[Rule]:
        kinds: dict[str, Literal["rule", "limit", "exclusion"]] = {
            "rules": "rule",
            "limits": "limit",
            "exclusions": "exclusion",
        }
        for name, entry in self._part(part):
            path = (part, name)
            source, when = self._condition(kinds[part], entry)
            must = self._compile(source, BOOL, *path)
            if kinds[part] == "exclusion":
                must = Operation(BOOL, "not", (must,))
            if not any(read.is_fact for read in names_in(must)):
                raise self.tree.error("a rule must read at least one fact", *path)
            applies = self._optional(when, *path, "when")
            decision = RecordedDecision(**entry["decision"]) if "decision" in entry else None
            held_back = decision is None and self._reads_residence(must, applies)
            yield Rule(
                id=name,
                kind=kinds[part],
                asks=entry["asks"],
                says=entry["says"],
                remedy=entry.get("do", ""),
                must=must,
                when=applies,
                source=source,
                cite=self._cite(entry["cite"], *path, "cite"),
                also=tuple(self._cite(cite, *path, "also") for cite in entry.get("also", ())),
                schemes=frozenset(self._scheme(scheme, *path, "schemes") for scheme in entry["schemes"]),
                phases=_phases(entry["phase"]),
                review_only=entry.get("effect") == "review" or held_back,
                note=UNDECIDED if held_back else "",
                decision=decision,
            )

    def _reads_residence(self, *nodes: Node | None) -> bool:
        return any(
            name.is_fact and name.name in self.facts.facts and self.facts.facts[name.name].residence
            for node in nodes
            for name in names_in(node)
        )

    def _condition(self, kind: str, entry: dict[str, Any]) -> tuple[str, str | None]:
        """The condition's text and the case in which it applies, whichever way the entry is written."""
        if kind == "limit":
            return f"{entry['count']} < ({entry['at_most']})", entry.get("when")
        if kind == "exclusion":
            return str(entry["when"]), None
        return str(entry["must"]), entry.get("when")

    def _scheme(self, scheme: str, *path: str | int) -> str:
        if scheme not in self.facts.schemes:
            known = ", ".join(self.facts.schemes)
            raise self.tree.error(f"unknown scheme {scheme!r}; known: {known}", *path)
        return scheme

    def _amount(self, name: str, entry: dict[str, Any]) -> Amount:
        path = ("amounts", name)
        pay, rounding = entry.get("pay_to"), entry.get("round", {})
        return Amount(
            id=name,
            scheme=self._scheme(entry["scheme"], *path, "scheme"),
            says=entry["says"],
            when=self._optional(entry.get("when"), *path, "when"),
            base=self._compile(entry["base"], number("fen"), *path, "base"),
            base_source=str(entry["base"]),
            steps=tuple(self._step(step, *path, "steps", index) for index, step in enumerate(entry.get("steps", ()))),
            rounding=rounding.get("mode", "half_up"),
            step_fen=rounding.get("to_fen", 1),
            pay_to=self._compile(pay["to"], PAYEE, *path, "pay_to") if pay else None,
            pay_cite=self._cite(pay["cite"], *path, "pay_to") if pay else "",
            cite=self._cite(entry["cite"], *path, "cite"),
        )

    def _step(self, entry: dict[str, Any], *path: str | int) -> Step:
        operation = cast(
            'Literal["times", "add", "at_most"]', next(word for word in ("times", "add", "at_most") if word in entry)
        )
        wanted = number("ratio") if operation == "times" else number("fen")
        return Step(
            entry["label"],
            operation,
            self._compile(entry[operation], wanted, *path, operation),
            self._optional(entry.get("when"), *path, "when"),
            str(entry[operation]),
            self._cite(entry["cite"], *path, "cite"),
        )

    def _scenario(self, index: int, entry: dict[str, Any]) -> Scenario:
        unknown = sorted(set(entry["given"]) - set(self.facts.facts))
        if unknown:
            raise self.tree.error(f"unknown fact {unknown[0]!r}", "scenarios", index, "given", unknown[0])
        return Scenario(
            entry["name"],
            entry.get("place", self.data["document"]["region"]),
            self._scheme(entry["scheme"], "scenarios", index, "scheme"),
            entry.get("phase", "claim"),
            entry["on"],
            entry["given"],
            entry["expect"],
        )


def _phases(phase: str) -> frozenset[Phase]:
    if phase == "both":
        return frozenset(PERSON_PHASES)
    return frozenset(known for known in PHASES if known == phase)


def _exact(value: int | Decimal | date) -> int | Fraction | date:
    return value if isinstance(value, date) else plain(Fraction(value))


def _flatten(rows: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(rows, dict):
        yield above, rows
        return
    for key, below in rows.items():
        yield from _flatten(below, (*above, str(key)))


def _json_form(data: Any) -> Any:
    """The data as JSON Schema sees it: dates as ISO text, keys as text, exact decimals as numbers."""
    if isinstance(data, dict):
        return {str(key): _json_form(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_json_form(value) for value in data]
    return data.isoformat() if isinstance(data, date) else data
