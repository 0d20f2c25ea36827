"""The texts that bind one place for one scheme on one day, and the decisions they give."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from zhaoliang.policy.counts import ALIKE, HISTORY, count_grants, read_history
from zhaoliang.policy.decision import Decision, RuleResult
from zhaoliang.policy.doubted import doubts, waiting
from zhaoliang.policy.errors import PolicyError, UnknownCitation
from zhaoliang.policy.evaluate import Evaluator, Trace, kleene_implies, truth
from zhaoliang.policy.expressions import Node, Value, named_in, names_in, tables_in
from zhaoliang.policy.facts import FactSchema, portable
from zhaoliang.policy.inforce import FiguresOf
from zhaoliang.policy.model import (
    Amount,
    Citation,
    ClockValue,
    Count,
    Document,
    Outcome,
    ParameterValue,
    Payee,
    Phase,
    Rule,
    cited,
)
from zhaoliang.policy.worth import Worked, applies, nodes_of, work_out

if TYPE_CHECKING:
    from zhaoliang.policy.store import PolicyStore

UNVERIFIED = "依据未核实，转人工"
UNREAD = "依据未核实"
FOR_PERSON = "按指导性要求核对，转人工"


@dataclass(frozen=True)
class PolicySet:
    """The texts that bind one place for one scheme on one day. Lower texts fill and tighten higher ones."""

    store: PolicyStore
    region_code: int
    scheme: str
    on: date
    documents: tuple[Document, ...]

    @cached_property
    def facts(self) -> FactSchema:
        """The facts these texts may read."""
        return self.store.facts_for(self.region_code)

    @cached_property
    def version(self) -> str:
        """Stable name of exactly these texts: region/scheme@digest of each document, its day and content."""
        digest = hashlib.sha256("\n".join(self.sources).encode()).hexdigest()
        return f"{self.region_code}/{self.scheme}@{digest[:16]}"

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """`document@valid-from+content` for each text, those it cites included: the long form of the version."""
        texts = (*self.documents, *self.cited_texts)
        return tuple(f"{one.id}@{one.start.isoformat()}+{one.content_hash[:12]}" for one in texts)

    @cached_property
    def read_texts(self) -> frozenset[tuple[str, date, str]]:
        """Each text that a decision may show: the set's own and every version cited, by id, day and content."""
        texts = (*self.documents, *map(self._text_of, self._cited))
        return frozenset((one.id, one.start, one.content_hash) for one in texts)

    @cached_property
    def cited_texts(self) -> tuple[Document, ...]:
        """The texts outside the set that its own texts cite (repealed, of another place), as on the set's day."""
        own = {document.id for document in self.documents}
        found = {text.id: text for key in sorted(self._cited) if (text := self._text_of(key)).id not in own}
        return tuple(found.values())

    @property
    def _cited(self) -> frozenset[str]:
        return frozenset().union(*(self.store.cited_clauses[one.id, one.start] for one in self.documents))

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Rules, limits and exclusions of the scheme; a lower text's restatement stands for the higher rule."""
        return tuple(rule for _, rule in self.bound_rules)

    @cached_property
    def bound_rules(self) -> tuple[tuple[Document, Rule], ...]:
        """The rules of the scheme, each with the text it stands in: where its figures and tables are found.

        Before a text that cannot be read whole no rule refuses: what cannot be read may have stood for it.
        """
        unread = max((place for place, one in enumerate(self.documents) if doubts(one, self.scheme)), default=0)
        lowest = {
            rule.id: (document, waiting(rule) if place < unread else rule)
            for place, document in enumerate(self.documents)
            for rule in document.rules
            if self.scheme in rule.schemes
        }
        return tuple(lowest.values())

    @cached_property
    def counts(self) -> tuple[Count, ...]:
        """The counts of earlier grants the rules read, each once: number facts named by their `column`."""
        return tuple({count.column: count for rule in self.rules for count in rule.counts}.values())

    def figures(self, document: Document) -> FiguresOf:
        """The document's figures and tables on the set's day."""
        return FiguresOf(self, document)

    def known(self, facts: Mapping[str, object]) -> dict[str, Value]:
        """The known facts as exact values, with the counts of `history` in its place.

        A count the caller gives stands for its own. Raises FactError as `FactSchema.normalise` does.
        """
        known = self.facts.normalise({name: value for name, value in facts.items() if name != HISTORY})
        history = facts.get(HISTORY)
        if history is None:
            return known
        grants = read_history(history, self.facts)
        counted = {count.column: count_grants(count, grants, known, self.on) for count in self.counts}
        return {name: value for name, value in counted.items() if value is not None} | known

    def facts_needed(self, phase: Phase = "claim") -> tuple[str, ...]:
        """The facts a decision in this phase may read: what the caller should supply."""
        nodes: list[Node | None] = []
        for _, rule in self.bound_rules:
            nodes += [rule.must, rule.when] if phase in rule.phases else []
        names: list[str] = []
        for document, amount in self.bound_amounts if phase != "filing" else ():
            nodes += nodes_of(amount, phase)
            tables = {table for node in nodes for table in tables_in(node)} & set(document.tables)
            names += [by for table in tables if (by := document.tables[table].version_by)]
        names += [name.name for node in nodes for name in names_in(node) if name.is_fact]
        counts = [count for count in self.counts if count.column in names]
        names += [HISTORY] if counts else []
        names += [name for count in counts for name in (*(ALIKE[one] for one in count.same), count.by) if name]
        return tuple(sorted(set(names)))

    def citation(self, key: str) -> Citation:
        """The clause `document#clause`, in the version that binds here; raises UnknownCitation."""
        document = self._text_of(key)
        return cited(document, document.clauses[key.partition("#")[2]])

    def binding(self, key: str) -> bool:
        """Whether the cited clause was read in a text that binds: only then may a rule refuse by it.

        A later version of the cited text changes nothing for this day.
        """
        document = self._text_of(key)
        return document.authority == "binding" and document.clauses[key.partition("#")[2]].verified

    def stands(self, document: Document, rule: Rule) -> bool:
        """Whether the rule's clause and those of the named conditions it rests on were read in texts that bind."""
        named = {name for node in (rule.must, rule.when) for name in named_in(node)}
        return all(map(self.binding, (rule.cite, *(document.conditions[name].cite for name in sorted(named)))))

    def _text_of(self, key: str) -> Document:
        """The text that has the clause: the set's own, else its last version by the set's day (the first one otherwise)."""
        document_id, _, clause_id = key.partition("#")
        for document in self.documents:
            if document.id == document_id and clause_id in document.clauses:
                return document
        versions = [one for one in self.store.documents if one.id == document_id and clause_id in one.clauses]
        if not versions:
            raise UnknownCitation(f"no loaded document has the clause {key!r}")
        begun = [one for one in versions if one.start <= self.on]
        return max(begun, key=lambda one: one.start) if begun else min(versions, key=lambda one: one.start)

    def clock(self, name: str) -> ClockValue:
        """The deadline in force (the lowest text's, where several set it); raises PolicyError when none does."""
        for document in reversed(self.documents):
            if name in document.clocks:
                clock = document.clocks[name]
                return ClockValue(clock.value, clock.unit, self.citation(clock.cite))
        raise PolicyError(f"no text in force for {self.region_code} sets the clock {name!r}")

    def parameter(self, name: str) -> ParameterValue:
        """The figure in force (the lowest text's); raises PolicyError when none sets it."""
        for document in reversed(self.documents):
            held = document.parameters[name].on(self.on) if name in document.parameters else None
            if held is not None:
                return ParameterValue(held.value, document.parameters[name].unit, self.citation(held.cite))
        raise PolicyError(f"no text in force for {self.region_code} sets the parameter {name!r}")

    def payee(self, facts: Mapping[str, object]) -> Payee | None:
        """Who is paid for these facts, by which clause; None when it cannot be told."""
        known = self.known(facts)
        for document, amount in self.bound_amounts:
            evaluator = self.evaluator(document, known)
            if amount.pay_to is not None and applies(amount, evaluator) is True:
                code = evaluator.value(amount.pay_to, Trace())
                return Payee(str(code), self.citation(amount.pay_cite)) if code is not None else None
        return None

    def decide(self, facts: Mapping[str, object], *, phase: Phase = "claim") -> Decision:
        """Every rule of the phase and the amount, in three values.

        Any fail refuses (0 fen, or minus what was paid where the text takes that back); else any unknown goes to a
        person, with the fen that would be due where that can be told; else pass. `history`, the list of earlier grants,
        is given among the facts. Raises FactError for a fact outside the schema or a value of the wrong type.
        """
        known = self.known(facts)
        results = [self._apply(document, rule, known) for document, rule in self.bound_rules if phase in rule.phases]
        worked = work_out(self, known, phase) if phase != "filing" else Worked(None)
        results += [worked.doubt] if worked.doubt else []
        outcomes = {result.outcome for result in results}
        outcome = next((one for one in (Outcome.FAIL, Outcome.CANNOT_TELL) if one in outcomes), Outcome.PASS)
        refused = outcome is Outcome.FAIL
        return Decision(
            outcome,
            worked.refused_fen if refused else worked.fen,
            tuple(results),
            worked.refused_steps if refused and worked.refused_fen else worked.steps,
            self.version,
            {name: portable(value) for name, value in sorted(known.items())},
            self.on,
            phase,
        )

    def evaluator(self, document: Document, known: Mapping[str, Value]) -> Evaluator:
        """Evaluates the document's expressions against these facts."""
        return Evaluator(known, self.figures(document), self.facts.enums)

    def _apply(self, document: Document, rule: Rule, known: Mapping[str, Value]) -> RuleResult:
        evaluator, trace = self.evaluator(document, known), Trace()
        when = True if rule.when is None else truth(evaluator.value(rule.when, trace))
        answer = kleene_implies(when, truth(evaluator.value(rule.must, trace)))
        verified = self._verified(document, rule, known)
        outcome = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.CANNOT_TELL}[answer]
        note = "" if verified else UNREAD if outcome is Outcome.PASS else UNVERIFIED
        if outcome is Outcome.FAIL and (rule.review_only or not verified):
            outcome, note = Outcome.CANNOT_TELL, note or rule.note or FOR_PERSON
        return RuleResult(
            rule.id,
            outcome,
            rule.says,
            self.citation(rule.cite),
            {name: portable(value) for name, value in trace.facts.items()},
            tuple(trace.missing) if outcome is Outcome.CANNOT_TELL else (),
            verified,
            rule.remedy,
            note,
            tuple(self.citation(cite) for cite in rule.also),
            rule.asks,
            dict(trace.named),
        )

    def _verified(self, document: Document, rule: Rule, known: Mapping[str, Value]) -> bool:
        """Whether the clauses of the rule and its named conditions bind and every figure it reads was confirmed in its own."""
        figures = self.figures(document)
        held = [
            figures.source(name.name) for node in (rule.must, rule.when) for name in names_in(node) if not name.is_fact
        ]
        tables = [table for node in (rule.must, rule.when) for table in tables_in(node)]
        versions = [version for table in tables for version in figures.possible(table, known)]
        return (
            self.stands(document, rule)
            and all(self.citation(cite).verified for cite in held if cite)
            and all(version.verified and self.citation(version.cite).verified for version in versions)
        )

    @cached_property
    def bound_amounts(self) -> tuple[tuple[Document, Amount], ...]:
        """The amounts a decision chooses from, each with its text: the lowest region's that sets any, in file order."""
        held = [(one, amount) for one in self.documents for amount in one.amounts if amount.scheme == self.scheme]
        lowest = held[-1][0].region if held else None
        return tuple(pair for pair in held if pair[0].region == lowest)
