"""All policy texts on disk, and the set of them that binds one place, scheme and day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property, reduce
from pathlib import Path

from zhaoliang.kernel.money import Rounding, apply_ratio
from zhaoliang.policy.decision import AmountStep, Decision, RuleResult
from zhaoliang.policy.errors import PolicyError, PolicyVersionGone, UnknownCitation
from zhaoliang.policy.evaluate import Evaluator, Trace, kleene_implies
from zhaoliang.policy.expressions import Node, Value, names_in, tables_in
from zhaoliang.policy.facts import FactSchema, portable
from zhaoliang.policy.files import Source, library_sources, path_sources
from zhaoliang.policy.load import NATION, load_document, read_draft
from zhaoliang.policy.model import (
    Amount,
    Citation,
    Clause,
    ClockValue,
    Document,
    OpenTerm,
    Outcome,
    ParameterValue,
    Payee,
    Phase,
    Rule,
    TableVersion,
)

LIBRARY = Path(__file__).parents[3] / "policies"
EXCERPT = 90
UNVERIFIED = "依据未核实，转人工"
FOR_PERSON = "按指导性要求核对，转人工"


def region_chain(region_code: int) -> tuple[int, ...]:
    """The regions whose texts bind there, nation first: 370900 → 100000, 370000, 370900."""
    chain = (NATION, region_code // 10000 * 10000, region_code // 100 * 100, region_code)
    return tuple(dict.fromkeys(chain))


@dataclass(frozen=True)
class PolicyStore:
    """Every document with every version. Load it once; it never changes afterwards."""

    root: Path
    facts: FactSchema
    documents: tuple[Document, ...]
    schemas: Mapping[int, FactSchema] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path, overlay: Mapping[str, bytes] | None = None) -> PolicyStore:
        """All documents below `root`. Raises PolicyFileError for the first one that does not hold.

        `overlay`: files by their path relative to `root` (documents and the tables beside them) that stand for the ones
        on disk or add to them, so that a draft can be tried before it is enacted.
        """
        return cls._of(root, root / "facts.yaml", library_sources(root, overlay))

    @classmethod
    def load_paths(cls, paths: Sequence[Path], facts: Path | None = None) -> PolicyStore:
        """The documents in these files and folders, wherever they stand, and no others.

        `facts` is the fact schema, by default the platform's; a document may declare facts of its own.
        """
        schema = facts or LIBRARY / "facts.yaml"
        return cls._of(schema.parent, schema, path_sources(paths))

    @classmethod
    def _of(cls, root: Path, facts: Path, sources: Iterable[Source]) -> PolicyStore:
        shape = facts.with_name("schema.json")
        base, drafts = FactSchema.load(facts), [read_draft(source, shape) for source in sources]
        schemas: dict[int, FactSchema] = {}
        for region in {NATION, *(draft.region for draft in drafts)}:
            held = base
            for draft in drafts:
                held = held.extended(draft.tree, draft.id) if draft.region in region_chain(region) else held
            schemas[region] = held
        documents = tuple(load_document(draft, schemas[draft.region]) for draft in drafts)
        store = cls(root, reduce(FactSchema.joined, schemas.values(), base), documents, schemas)
        store._check_citations()
        store._check_fills()
        store._check_restatements()
        return store

    def facts_for(self, region_code: int) -> FactSchema:
        """The facts a text of that place may use: the platform's, and those its own and higher texts declare."""
        held = [self.schemas[region] for region in region_chain(region_code) if region in self.schemas]
        return held[-1] if held else self.facts

    def for_place(self, region_code: int, scheme: str, on: date) -> PolicySet:
        """The texts in force on `on` for that place, nation first, each in its latest version by then."""
        if scheme not in self.facts_for(region_code).schemes:
            raise PolicyError(f"unknown scheme {scheme!r}; known: {', '.join(self.facts.schemes)}")
        chain = region_chain(region_code)
        latest: dict[str, Document] = {}
        for document in self.documents:
            held = latest.get(document.id)
            if document.region in chain and document.start <= on and (held is None or held.start < document.start):
                latest[document.id] = document
        # A text repealed by one that is itself in force no longer binds, even before its own printed end.
        binding = [document for document in latest.values() if document.in_force(on)]
        repealed = {gone for document in binding for gone in document.repeals}
        chosen = [document for document in binding if document.id not in repealed]
        chosen.sort(key=lambda document: (chain.index(document.region), document.start, document.id))
        return PolicySet(self, region_code, scheme, on, tuple(chosen))

    def citation(self, key: str) -> Citation:
        """The clause `document#clause` as people cite it; raises UnknownCitation."""
        found = self._citations.get(key)
        if found is None:
            raise UnknownCitation(f"no loaded document has the clause {key!r}")
        return found

    @cached_property
    def _citations(self) -> dict[str, Citation]:
        """Every clause; a later version of a document stands for an earlier one."""
        return {
            f"{document.id}#{clause.id}": _cited(document, clause)
            for document in sorted(self.documents, key=lambda document: document.start)
            for clause in document.clauses.values()
        }

    @cached_property
    def _binding_ids(self) -> frozenset[str]:
        return frozenset(document.id for document in self.documents if document.authority == "binding")

    def binding(self, key: str) -> bool:
        """Whether the cited clause was read in a text that binds: only then may a rule refuse by it."""
        return self.citation(key).verified and key.partition("#")[0] in self._binding_ids

    def replay(self, decision: Decision) -> Decision:
        """The decision made again from its stored facts. Raises PolicyVersionGone when the texts differ."""
        place, _, rest = decision.policy_version.partition("/")
        scheme = rest.partition("@")[0]
        policies = self.for_place(int(place), scheme, decision.on)
        if policies.version != decision.policy_version:
            raise PolicyVersionGone(f"stored {decision.policy_version}, on disk {policies.version}")
        return policies.decide(decision.facts, phase=decision.phase)

    def cites(self) -> Iterator[tuple[Document, str, str]]:
        """Every citation made: document, the part that cites, `document#clause`."""
        for document in self.documents:
            for rule in document.rules:
                yield from ((document, f"{rule.kind} {rule.id}", cite) for cite in (rule.cite, *rule.also))
            for name, parameter in document.parameters.items():
                yield from ((document, f"parameter {name}", value.cite) for value in parameter.values)
            for name, table in document.tables.items():
                yield from ((document, f"table {name}", version.cite) for version in table.versions)
            for amount in document.amounts:
                steps = [step.cite for step in amount.steps]
                payee = [amount.pay_cite] if amount.pay_cite else []
                yield from ((document, f"amount {amount.id}", cite) for cite in (amount.cite, *steps, *payee))
            yield from ((document, f"clock {name}", clock.cite) for name, clock in document.clocks.items())
            yield from ((document, f"open term {name}", term.cite) for name, term in document.opens.items())

    def _check_citations(self) -> None:
        for document, part, cite in self.cites():
            try:
                self.citation(cite)
            except UnknownCitation as problem:
                raise UnknownCitation(f"{document.file}: {part} cites {cite!r}, which no document has") from problem

    def _check_fills(self) -> None:
        for document in self.documents:
            for key, name in document.fills.items():
                term, parameter = self._term(key), document.parameters.get(name)
                if term is None or parameter is None or parameter.unit != term.unit:
                    raise PolicyError(
                        f"{document.file}: fills {key!r} with {name!r}: the term and a parameter of its unit must exist"
                    )
                for dated in parameter.values:
                    if not _within(dated.value, term):
                        raise PolicyError(
                            f"{document.file}: {name} = {dated.value} leaves the bounds of {key} "
                            f"({term.at_least}..{term.at_most})"
                        )

    def _check_restatements(self) -> None:
        """A rule of the same name stands for the higher one only by citing its clause (`also`)."""
        for document in self.documents:
            for rule in document.rules:
                for higher in self.documents:
                    if higher.region == document.region or higher.region not in region_chain(document.region):
                        continue
                    same = [one for one in higher.rules if one.id == rule.id]
                    if same and same[0].cite not in rule.also:
                        raise PolicyError(
                            f"{document.file}: rule {rule.id} has the name of a rule of {higher.id}; "
                            f"name it otherwise, or restate that rule with also: [{same[0].cite}]"
                        )

    def _term(self, key: str) -> OpenTerm | None:
        document_id, _, name = key.partition("#")
        return next(
            (found.opens[name] for found in self.documents if found.id == document_id and name in found.opens), None
        )


def _cited(document: Document, clause: Clause) -> Citation:
    text = clause.text if len(clause.text) <= EXCERPT else clause.text[:EXCERPT] + "…"
    return Citation(document.id, document.number, document.title, clause.ref, text, clause.verified, clause.id)


def _within(value: int | Fraction | date, term: OpenTerm) -> bool:
    if isinstance(value, date):
        return True
    low, high = term.at_least, term.at_most
    return (low is None or value >= low) and (high is None or value <= high)


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

    @property
    def sources(self) -> tuple[str, ...]:
        """`document@valid-from+content` for each text, the long form of the version."""
        return tuple(f"{one.id}@{one.start.isoformat()}+{one.content_hash[:12]}" for one in self.documents)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Rules, limits and exclusions of the scheme; a lower text's restatement stands for the higher rule."""
        return tuple(rule for _, rule in self._rules)

    @cached_property
    def _rules(self) -> tuple[tuple[Document, Rule], ...]:
        lowest = {
            rule.id: (document, rule)
            for document in self.documents
            for rule in document.rules
            if self.scheme in rule.schemes
        }
        return tuple(lowest.values())

    @property
    def bound_rules(self) -> tuple[tuple[Document, Rule], ...]:
        """The rules of the scheme, each with the text it stands in: where its figures and tables are found."""
        return self._rules

    @property
    def bound_amounts(self) -> tuple[tuple[Document, Amount], ...]:
        """The amounts a decision chooses from, in order, each with the text it stands in."""
        return self._amounts

    def figures(self, document: Document) -> _Figures:
        """The document's figures and tables on the set's day."""
        return _Figures(self, document)

    def facts_needed(self, phase: Phase = "claim") -> tuple[str, ...]:
        """The facts a decision in this phase may read: what the caller should supply."""
        nodes: list[Node | None] = []
        for _, rule in self._rules:
            nodes += [rule.must, rule.when] if phase in rule.phases else []
        names: list[str] = []
        for document, amount in self._amounts if phase != "filing" else ():
            nodes += [amount.when, amount.base, amount.pay_to]
            nodes += [node for step in amount.steps for node in (step.when, step.value)]
            tables = {table for node in nodes for table in tables_in(node)} & set(document.tables)
            names += [by for table in tables if (by := document.tables[table].version_by)]
        names += [name.name for node in nodes for name in names_in(node) if name.is_fact]
        return tuple(sorted(set(names)))

    def citation(self, key: str) -> Citation:
        """The clause `document#clause`, in the version that binds here; raises UnknownCitation."""
        document_id, _, clause_id = key.partition("#")
        for document in self.documents:
            if document.id == document_id and clause_id in document.clauses:
                return _cited(document, document.clauses[clause_id])
        return self.store.citation(key)

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
        known = self.facts.normalise(facts)
        for document, amount in self._amounts:
            evaluator = self._evaluator(document, known)
            if amount.pay_to is not None and _applies(amount, evaluator) is True:
                code = evaluator.value(amount.pay_to, Trace())
                return Payee(str(code), self.citation(amount.pay_cite)) if code is not None else None
        return None

    def decide(self, facts: Mapping[str, object], *, phase: Phase = "claim") -> Decision:
        """Every rule of the phase and the amount, in three values.

        Any fail refuses (0 fen); else any unknown goes to a person, with the fen that would be due where that can be
        told; else pass. Raises FactError for a fact outside the schema or a value of the wrong type.
        """
        known = self.facts.normalise(facts)
        results = [self._apply(document, rule, known) for document, rule in self._rules if phase in rule.phases]
        fen: int | None = None
        steps: tuple[AmountStep, ...] = ()
        if phase != "filing":
            fen, steps, doubt = self._amount(known)
            results += [doubt] if doubt else []
        outcomes = {result.outcome for result in results}
        outcome = next((one for one in (Outcome.FAIL, Outcome.CANNOT_TELL) if one in outcomes), Outcome.PASS)
        return Decision(
            outcome,
            0 if outcome is Outcome.FAIL else fen,
            tuple(results),
            steps,
            self.version,
            {name: portable(value) for name, value in sorted(known.items())},
            self.on,
            phase,
        )

    def _evaluator(self, document: Document, known: Mapping[str, Value]) -> Evaluator:
        return Evaluator(known, _Figures(self, document), self.facts.enums)

    def _apply(self, document: Document, rule: Rule, known: Mapping[str, Value]) -> RuleResult:
        evaluator, trace = self._evaluator(document, known), Trace()
        when = True if rule.when is None else _truth(evaluator.value(rule.when, trace))
        answer = kleene_implies(when, _truth(evaluator.value(rule.must, trace)))
        verified = self._verified(document, rule, known)
        outcome = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.CANNOT_TELL}[answer]
        note = "" if verified else UNVERIFIED
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
        )

    def _verified(self, document: Document, rule: Rule, known: Mapping[str, Value]) -> bool:
        """Whether the clause binds and every figure the rule reads was confirmed in its own clause."""
        figures = _Figures(self, document)
        held = [
            figures.source(name.name) for node in (rule.must, rule.when) for name in names_in(node) if not name.is_fact
        ]
        tables = [figures.version(table, known) for node in (rule.must, rule.when) for table in tables_in(node)]
        return (
            self.store.binding(rule.cite)
            and all(self.citation(cite).verified for cite in held if cite)
            and all(version.verified and self.citation(version.cite).verified for version in tables if version)
        )

    @cached_property
    def _amounts(self) -> tuple[tuple[Document, Amount], ...]:
        """The amounts of the lowest region that sets any for this scheme, in file order."""
        held = [(one, amount) for one in self.documents for amount in one.amounts if amount.scheme == self.scheme]
        lowest = held[-1][0].region if held else None
        return tuple(pair for pair in held if pair[0].region == lowest)

    def _amount(self, known: Mapping[str, Value]) -> tuple[int | None, tuple[AmountStep, ...], RuleResult | None]:
        """Fen, the steps, and a cannot_tell result when the amount cannot be worked out."""
        if not self._amounts:
            return None, (), None
        for document, amount in self._amounts:
            evaluator = self._evaluator(document, known)
            applies = _applies(amount, evaluator)
            if applies is False:
                continue
            trace, steps = Trace(), []
            if applies is None and amount.when is not None:
                evaluator.value(amount.when, trace)
                return None, (), self._doubt(amount, trace)
            total = self._build(amount, _Figures(self, document), evaluator, trace, steps)
            return (None, tuple(steps), self._doubt(amount, trace)) if total is None else (total, tuple(steps), None)
        amount = self._amounts[0][1]
        return None, (), self._doubt(amount, Trace(missing=["没有适用于这些情形的补贴标准"]))

    def _doubt(self, amount: Amount, trace: Trace) -> RuleResult:
        used = {name: portable(value) for name, value in trace.facts.items()}
        citation = self.citation(amount.cite)
        return RuleResult(
            f"amount:{amount.id}",
            Outcome.CANNOT_TELL,
            f"{amount.says}，金额暂时算不出来",
            citation,
            used,
            tuple(trace.missing),
            citation.verified,
            "请补齐缺少的信息后重新核算。",
        )

    def _build(
        self, amount: Amount, figures: _Figures, evaluator: Evaluator, trace: Trace, steps: list[AmountStep]
    ) -> int | None:
        """The amount in fen, exact until one rounding at the end; the steps say each running total."""
        total = _number(evaluator.value(amount.base, trace))
        if total is None:
            return None
        steps.append(
            AmountStep(
                amount.says, amount.base_source, round_fen(total), self._base_citation(amount, figures, evaluator)
            )
        )
        for step in amount.steps:
            when = True if step.when is None else _truth(evaluator.value(step.when, trace))
            if when is False:
                continue
            value = _number(evaluator.value(step.value, trace)) if when else None
            if value is None:
                return None
            total = {"times": total * value, "add": total + value, "at_most": min(total, value)}[step.operation]
            sign = {"times": "×", "add": "+", "at_most": "不超过"}[step.operation]
            shown = f"{sign} {_decimal(value)}"
            steps.append(AmountStep(step.label, shown, round_fen(total), self.citation(step.cite)))
        fen = round_fen(total, amount.rounding, amount.step_fen)
        if fen != total:
            steps.append(
                AmountStep("取整", f"{amount.rounding} 到 {amount.step_fen} 分", fen, self.citation(amount.cite))
            )
        return fen

    def _base_citation(self, amount: Amount, figures: _Figures, evaluator: Evaluator) -> Citation:
        """The clause of the table version the base was read from; unconfirmed figures make it unverified."""
        for table in tables_in(amount.base):
            version = figures.version(table, evaluator.facts)
            if version is not None:
                found = self.citation(version.cite)
                excerpt = version.note or found.excerpt
                verified = version.verified and found.verified
                return Citation(
                    found.document_id, found.number, found.title, found.clause, excerpt, verified, found.clause_id
                )
        return self.citation(amount.cite)


@dataclass(frozen=True, slots=True)
class _Figures:
    """A document's parameters, clocks and tables, and the fills of its open terms, on the set's day."""

    policies: PolicySet
    document: Document
    known: Mapping[str, Value] = field(default_factory=dict)

    def figure(self, name: str) -> Value | None:
        held = self._held(name)
        return held[0] if held else None

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
            dated = lower.parameters[filled].on(on) if filled else None
            if dated is not None:
                return dated.value, dated.cite
        return None

    def version(self, table: str, facts: Mapping[str, Value]) -> TableVersion | None:
        """The table's version for these facts, None when its date fact is unknown or too early."""
        held = self.document.tables[table]
        day = facts.get(held.version_by) if held.version_by else self.policies.on
        return held.on(day) if isinstance(day, date) else None

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


def round_fen(value: int | Fraction, mode: str = Rounding.HALF_UP, step_fen: int = 1) -> int:
    """An exact amount as whole fen, a multiple of `step_fen`."""
    return apply_ratio(1, value, Rounding(mode), step_fen=step_fen)


def _truth(value: Value | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Value | None) -> int | Fraction | None:
    return value if isinstance(value, int | Fraction) else None


def _applies(amount: Amount, evaluator: Evaluator) -> bool | None:
    return True if amount.when is None else _truth(evaluator.value(amount.when, Trace()))


def _decimal(value: int | Fraction) -> str:
    """A factor for people: 0.9, or a/b where no short decimal is exact."""
    for places in range(7):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(abs(int(scaled))).rjust(places + 1, "0")
            sign = "-" if value < 0 else ""
            return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
    return str(value)
