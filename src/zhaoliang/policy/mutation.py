"""Running the scenarios against every mutant: what they notice, and for what they miss, a scenario that would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain, combinations, islice, product

from zhaoliang.policy.counts import ALIKE, HISTORY, count_grants, read_history
from zhaoliang.policy.decision import Decision
from zhaoliang.policy.evaluate import plain
from zhaoliang.policy.expressions import Node, Value, names_in, tables_in
from zhaoliang.policy.model import Amount, Count, Document, Outcome, Rule
from zhaoliang.policy.mutants import Mutant, mutants, nodes_of_amount
from zhaoliang.policy.scenarios import ScenarioRun, disagreement, wrong_day
from zhaoliang.policy.store import PolicySet, PolicyStore, region_chain
from zhaoliang.policy.truth import Bound, Trial
from zhaoliang.policy.wording import decimal_text

MOST_TRIED = 1200
MOST_BASES = 12
MOST_GRANTS = 12
ANOTHER = "0-00-00-00"
BESIDE = Fraction(1, 200)


@dataclass(frozen=True, slots=True)
class History:
    """Earlier grants that give the counts of a scenario, written in place of the counts themselves (`instead`)."""

    grants: tuple[Mapping[str, Value], ...]
    instead: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hint:
    """A scenario that would notice a mutant: an existing one with some facts changed, and what it must answer.

    It is written as a policy file has it; `history` where one gives the counts that change.
    """

    base: str
    given: Mapping[str, Value]
    expect: Mapping[str, object]
    labels: Mapping[str, str]
    history: History | None = None

    def __str__(self) -> str:
        given = [
            f"{name}: {_plainly(value)}"
            for name, value in self.given.items()
            if not (self.history and name in self.history.instead)
        ]
        given += [f"history: [{', '.join(map(_entry, self.history.grants))}]"] if self.history else []
        expect = ", ".join(f"{name}: {_listed(value)}" for name, value in self.expect.items())
        about = "、".join(self.labels[name] for name in self.given)
        return f"以情形“{self.base}”为底，改{about}：given: {{{', '.join(given)}}}, expect: {{{expect}}}"


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant with the scenario that noticed it; empty when none did."""

    mutant: Mutant
    killed_by: str

    @property
    def line(self) -> int:
        """Where in the document's file the changed part stands."""
        return self.mutant.document.line(self.mutant.part)


@dataclass(frozen=True, slots=True)
class Score:
    """How many mutants the scenarios notice, in all and by document."""

    results: tuple[Result, ...]

    @property
    def survivors(self) -> tuple[Result, ...]:
        """The mutants no scenario notices."""
        return tuple(result for result in self.results if not result.killed_by)

    @property
    def by_document(self) -> Mapping[str, tuple[int, int]]:
        """Noticed and all, by the document's file."""
        counts: dict[str, tuple[int, int]] = {}
        for result in self.results:
            killed, total = counts.get(result.mutant.document.file, (0, 0))
            counts[result.mutant.document.file] = (killed + bool(result.killed_by), total + 1)
        return counts

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return len(self.results) - len(self.survivors)

    @property
    def share(self) -> float:
        """Noticed among all; 1 where there is nothing to change."""
        return self.killed / len(self.results) if self.results else 1.0


@dataclass(frozen=True)
class _Ran:
    """A scenario that holds, with what its decision reads."""

    run: ScenarioRun
    policies: PolicySet

    @cached_property
    def known(self) -> dict[str, Value]:
        return self.policies.known(self.run.scenario.given)

    @cached_property
    def rules(self) -> tuple[tuple[Document, Rule], ...]:
        return tuple(pair for pair in self.policies.bound_rules if self.run.scenario.phase in pair[1].phases)

    @cached_property
    def amounts(self) -> tuple[tuple[Document, Amount], ...]:
        return () if self.run.scenario.phase == "filing" else self.policies.bound_amounts

    @cached_property
    def answers(self) -> frozenset[int]:
        """The rules and amounts the decision asks, by identity."""
        return frozenset(id(one) for _, one in (*self.rules, *self.amounts))

    @cached_property
    def reads(self) -> frozenset[str]:
        """The figures and tables the decision may read."""
        nodes: list[Node | None] = [node for _, rule in self.rules for node in (rule.must, rule.when)]
        nodes += [node for _, amount in self.amounts for node in nodes_of_amount(amount)]
        figures = (name.name for node in nodes for name in names_in(node) if not name.is_fact)
        return frozenset({*figures, *(table for node in nodes for table in tables_in(node))})

    def reaches(self, mutant: Mutant) -> bool:
        """Whether the decision may answer otherwise under the mutant."""
        if mutant.days:
            return self.run.scenario.on in mutant.days and mutant.document.region in region_chain(
                self.policies.region_code
            )
        return any(document is mutant.document for document in self.policies.documents) and (
            any(id(one) in self.answers for one in (*mutant.rules, *mutant.amounts))
            or not mutant.figures.isdisjoint(self.reads)
            or not mutant.tables.isdisjoint(self.reads)
        )

    def under(self, mutant: Mutant) -> PolicySet:
        """The same texts with the changed one in its place."""
        if mutant.days:
            store = self.policies.store
            held = (mutant.changed if one is mutant.document else one for one in store.documents)
            scenario = self.run.scenario
            return replace(store, documents=tuple(held)).for_place(scenario.place, scenario.scheme, scenario.on)
        held = (mutant.changed if one is mutant.document else one for one in self.policies.documents)
        return replace(self.policies, documents=tuple(held))

    def with_twins(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """The facts that change, and those that said the same before: a certificate's level moves with the level."""
        changed = {name: value for name, value in given.items() if self.known.get(name) != value}
        types = self.policies.facts.types
        twins = {
            other: value
            for name, value in changed.items()
            for other, held in self.known.items()
            if types[other].kind in ("enum", "text") and types[other] == types[name] and held == self.known.get(name)
        }
        return twins | changed

    def notices(self, mutant: Mutant) -> bool:
        """Whether the scenario no longer holds under the mutant."""
        scenario = self.run.scenario
        if mutant.days and self.run.document is mutant.document and wrong_day(mutant.changed, scenario):
            return True
        return bool(disagreement(scenario, self.under(mutant).decide(scenario.given, phase=scenario.phase)))


@dataclass(frozen=True)
class MutationTest:
    """The scenarios of a store, ready to be run against mutants of its documents."""

    store: PolicyStore

    @cached_property
    def _ran(self) -> tuple[_Ran, ...]:
        return tuple(_Ran(run, run.policies) for run in self.store.runs if not run.problem)

    def score(self, documents: Iterable[Document] | None = None) -> Score:
        """Every mutant of the documents (all by default) with the scenario that notices it."""
        chosen = self.store.documents if documents is None else documents
        return Score(tuple(self._result(mutant) for document in chosen for mutant in mutants(document)))

    def _result(self, mutant: Mutant) -> Result:
        killer = next((ran.run.scenario.name for ran in self._reaching(mutant) if ran.notices(mutant)), "")
        return Result(mutant, killer)

    def _reaching(self, mutant: Mutant) -> Iterator[_Ran]:
        """The scenarios that read what was changed: those of the text itself first, found as they are asked for."""
        own = self._by_text.get(id(mutant.document), [])
        others = (ran for ran in self._ran if ran.run.document is not mutant.document)
        return (ran for ran in chain(own, others) if ran.reaches(mutant) and self._differs(ran, mutant))

    @cached_property
    def _by_text(self) -> dict[int, list[_Ran]]:
        """The scenarios by the text they stand in, by identity."""
        found: dict[int, list[_Ran]] = {}
        for ran in self._ran:
            found.setdefault(id(ran.run.document), []).append(ran)
        return found

    def _differs(self, ran: _Ran, mutant: Mutant, told: Mapping[str, Value] | None = None) -> bool:
        """A changed rule is first asked alone: only where it answers otherwise can the decision differ.

        `told` are facts that stand for the scenario's own.
        """
        if mutant.replaced is None:
            return True
        (rule,), changed = mutant.rules, ran.under(mutant)
        facts, more = ran.known, told or {}
        known = facts if rule.counts == mutant.replaced.counts else changed.known(ran.run.scenario.given)
        before = Trial(ran.policies).answer(Bound(mutant.document, rule), {**facts, **more})
        return before != Trial(changed).answer(Bound(mutant.changed, mutant.replaced), {**known, **more})

    def hint(self, mutant: Mutant) -> Hint | None:
        """A scenario that would notice the mutant; None when none was found among the values that matter.

        Where a text's last day was moved, any facts do that its rules refuse: none are looked for.
        """
        if mutant.days:
            return None
        bases = [ran for ran in self._ran if ran.reaches(mutant)]
        bases.sort(
            key=lambda ran: (ran.run.decision.outcome is not Outcome.PASS, ran.run.document is not mutant.document)
        )
        for ran in bases[:MOST_BASES]:
            changed, phase = ran.under(mutant), ran.run.scenario.phase
            for given in islice(self._tries(ran, mutant), MOST_TRIED // MOST_BASES):
                told = ran.with_twins(given)
                if not self._differs(ran, mutant, told):
                    continue
                before = ran.policies.decide({**ran.known, **told}, phase=phase)
                after = changed.decide({**ran.known, **told}, phase=phase)
                if (before.outcome, before.fen) != (after.outcome, after.fen):
                    answered = [result.rule_id for result in before.with_outcome(before.outcome)]
                    rules = {} if before.outcome is Outcome.PASS else {"rules": sorted(answered)}
                    expect = {"outcome": before.outcome.value, "fen": before.fen, **rules}
                    labels = {name: ran.policies.facts.label(name) for name in told}
                    return Hint(ran.run.scenario.name, told, expect, labels, _history(ran, told, before))
        return None

    def _tries(self, ran: _Ran, mutant: Mutant) -> Iterator[dict[str, Value]]:
        nodes: list[tuple[Document, Node]] = []
        for document, rule in ran.rules:
            if _touches(rule, (rule.must, rule.when), mutant):
                nodes += [(document, node) for node in (rule.must, rule.when) if node is not None]
        for document, amount in ran.amounts:
            held = list(nodes_of_amount(amount))
            nodes += [(document, node) for node in held] if _touches(amount, held, mutant) else []
        domains = Trial(ran.policies).domains(nodes)
        if domains is not None:
            near = {
                name: _nearest(ran.known.get(name), (*_shares(name, ran, mutant.document, domains), *values))
                for name, values in domains.items()
            }
            # One fact changed, then two, then all: what a scenario would change is mostly little.
            own = {name: values[0] for name, values in near.items()}
            for many in (1, 2):
                for names in combinations(near, many):
                    others = product(*(near[name][1:] for name in names))
                    yield from (own | dict(zip(names, values, strict=True)) for values in others)
            yield from (dict(zip(near, values, strict=True)) for values in product(*near.values()))


def _shares(name: str, ran: _Ran, document: Document, others: Iterable[str]) -> list[Value]:
    """For a number: each ratio of the text, exactly and to either side, of the scenario's other numbers beside it."""
    fact = ran.policies.facts.facts.get(name)
    if fact is None or fact.type.kind != "number":
        return []
    held = (ran.known[other] for other in others if other != name and other in ran.known)
    wholes = [one for one in held if isinstance(one, int) and not isinstance(one, bool)]
    figures = (dated.value for parameter in document.parameters.values() for dated in parameter.values)
    ratios = [one + beside for one in figures if isinstance(one, Fraction) for beside in (0, -BESIDE, BESIDE)]
    shares = {plain(ratio * whole) for ratio in ratios for whole in wholes}
    return sorted(share for share in shares if fact.fraction or share.denominator == 1)


def _nearest(known: Value | None, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """The values to try, the scenario's own first and then the nearest to it."""
    if known is None:
        return values
    others = [value for value in values if value != known]
    if isinstance(known, int | Fraction) and not isinstance(known, bool):
        others.sort(key=lambda value: abs(value - known) if isinstance(value, int | Fraction) else 0)
    return (known, *others)


def _history(ran: _Ran, told: Mapping[str, Value], wanted: Decision) -> History | None:
    """Earlier grants that make the counts so; None where no count changes, or where these would answer otherwise."""
    facts, policies = {**ran.known, **told}, ran.policies
    counts = [count for count in policies.counts if count.column in facts]
    if not any(count.column in told for count in counts):
        return None
    grants: list[Mapping[str, Value]] = []
    for count in counts:
        held = facts[count.column]
        found = count_grants(count, read_history(grants, policies.facts), facts, policies.on) or 0
        lacking = held - found if isinstance(held, int) else 0
        grants += [_grant_for(count, facts, policies)] * min(lacking, MOST_GRANTS)
    plain_facts = {name: value for name, value in facts.items() if not any(name == count.column for count in counts)}
    again = policies.decide({**plain_facts, HISTORY: grants}, phase=ran.run.scenario.phase)
    if (again.outcome, again.fen) != (wanted.outcome, wanted.fen):
        return None
    return History(tuple(grants), frozenset(count.column for count in counts))


def _grant_for(count: Count, facts: Mapping[str, Value], policies: PolicySet) -> Mapping[str, Value]:
    """A grant that the count counts for these facts; in what it does not compare but others do, unlike the line."""
    day = facts.get(count.by, policies.on) if count.by else policies.on
    compared = {field for other in policies.counts for field in other.same}
    about: dict[str, Value] = {}
    for field, fact in ALIKE.items():
        own = facts.get(fact)
        if field in count.same and own is not None:
            about[field] = own
        elif field in compared:
            codes = policies.facts.enums.get(policies.facts.types[fact].enum, (ANOTHER,))
            about[field] = next(code for code in (*codes, ANOTHER) if code != own)
    about |= {"fund_source": count.fund[0]} if count.fund else {}
    about |= {"kind": count.kind[0]} if count.kind else {}
    return {"scheme": count.of[0], "on": count.within.start or count.within.end or day, **about}


def _entry(grant: Mapping[str, Value]) -> str:
    return f"{{{', '.join(f'{name}: {_plainly(value)}' for name, value in grant.items())}}}"


def _listed(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_quoted(str(one)) for one in value)}]"
    return "null" if value is None else str(value)


def _quoted(name: str) -> str:
    """A rule's name; that of an amount's doubt has a colon, which YAML wants in quotes."""
    return f'"{name}"' if ":" in name else name


def _plainly(value: Value) -> str:
    """A value as a policy file writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Fraction):
        return decimal_text(value)
    return f'"{value}"' if isinstance(value, str) and value.isdigit() else str(value)


def _touches(one: Rule | Amount, nodes: Iterable[Node | None], mutant: Mutant) -> bool:
    """Whether a rule or amount is itself changed, or reads a figure or table that is."""
    if any(one is held for held in (*mutant.rules, *mutant.amounts)):
        return True
    read = {name.name for node in nodes for name in names_in(node)} | {
        table for node in nodes for table in tables_in(node)
    }
    return not read.isdisjoint(mutant.figures | mutant.tables)
