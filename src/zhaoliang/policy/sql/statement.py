"""One statement for a whole relation of lines: the same decision for each as `PolicySet.decide` gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zhaoliang.policy.decision import Decision
from zhaoliang.policy.errors import PolicyError
from zhaoliang.policy.model import Outcome, Phase, Rule
from zhaoliang.policy.sql.engine import PASS, Answer, Compiler, Kind, RuleAnswer, letter
from zhaoliang.policy.sql.terms import Binder
from zhaoliang.policy.sql.text import TYPES, Dialect, Sql, SqlEngine
from zhaoliang.policy.store import PolicySet

OUTCOMES = (Outcome.PASS, Outcome.FAIL, Outcome.CANNOT_TELL)
LETTERS = {Outcome.PASS: "p", Outcome.FAIL: "f", Outcome.CANNOT_TELL: "u"}


class EnginesDiffer(PolicyError):
    """A row does not say what the rules say for its facts: an engine, the facts or the row was changed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column the lines must offer: `bool`, `number` (whole, 64 bits), `date` or `text`. Null is unknown."""

    name: str
    kind: Kind

    @property
    def sql_type(self) -> str:
        """Its type in PostgreSQL and DuckDB."""
        return TYPES[self.kind]


@dataclass(frozen=True, slots=True)
class Statement:
    """A set compiled for one phase. `columns` are what the lines must offer beside `id bigint`.

    Where it was compiled with shared columns, `once` is the select (before and after its relation) that works out what
    only reads those, and `once_columns` are its columns that the lines must offer as well.
    """

    policies: PolicySet
    phase: Phase
    dialect: Dialect
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    head: str
    tail: str
    once: tuple[str, str] = ("", "")
    once_columns: tuple[str, ...] = ()

    def select(self, relation: str) -> str:
        """The decisions of all lines of `relation` (a table's name or a select in brackets, never a user's text).

        Columns: id, outcome smallint (0 pass, 1 fail, 2 cannot tell), fen bigint, answers text (a letter a rule in the
        order of `rules`: p f u), payee text, steps bigint[] (the running totals of `Decision.steps`).
        """
        return f"{self.head}{relation}{self.tail}"

    def no_lines(self) -> str:
        """An empty relation of the right columns."""
        columns = ", ".join(f'NULL::{column.sql_type} AS "{column.name}"' for column in self.columns)
        return f"(SELECT NULL::bigint AS id{', ' if columns else ''}{columns} WHERE FALSE)"

    def check(self, execute: Callable[[str], object], relation: str | None = None) -> None:
        """Let the database explain the statement, so that it is known to run before it binds; its error passes on."""
        execute(f"EXPLAIN {self.select(relation or self.no_lines())}")

    def decision(self, row: Mapping[str, Any] | Sequence[Any], facts: Mapping[str, object]) -> Decision:
        """The decision with its texts, clauses and steps for a row of `select` and the facts it was made from.

        Raises EnginesDiffer when the row says otherwise, FactError for facts outside the schema.
        """
        names = ("id", "outcome", "fen", "answers", "payee", "steps")
        held = dict(row) if isinstance(row, Mapping) else dict(zip(names, row, strict=True))
        made = self.policies.decide(facts, phase=self.phase)
        told = (OUTCOMES[held["outcome"]], held["fen"], held["answers"], list(held["steps"]))
        wanted = (made.outcome, made.fen, answers_of(made), [step.value_fen for step in made.steps])
        if told != wanted:
            raise EnginesDiffer(f"line {held['id']}: the row says {told}, the rules say {wanted}")
        return made


def answers_of(decision: Decision) -> str:
    """The decision's rules as a letter each: p, f, u. A doubt about the amount is no rule."""
    results = (result for result in decision.results if not result.rule_id.startswith("amount:"))
    return "".join(LETTERS[result.outcome] for result in results)


def compile_set(
    policies: PolicySet,
    phase: Phase = "claim",
    *,
    dialect: Dialect = "postgres",
    carried: Sequence[str] = ("id",),
    shared: Collection[str] = (),
    shared_carried: Sequence[str] = (),
) -> Statement:
    """The set's rules and amounts of a phase as one statement; raises PolicyError for what cannot be compiled.

    `carried` are columns of the lines handed through to the answer. `shared` are columns that many lines have in common:
    what reads only those is worked out apart, in a select that hands `shared_carried` through.

    Whole-number arithmetic in 64 bits that raises on overflow. In the phase `filing` fen and payee are null.
    """
    bound = Binder().bind(policies, phase)
    engine = SqlEngine(dialect, frozenset(shared))
    answer = outputs(engine, Compiler(engine).answer(bound))
    head, tail = engine.select(answer, carried)
    columns = tuple(Column(name, kind) for name, kind in sorted(engine.inputs.items()))
    made = Statement(policies, phase, dialect, columns, tuple(rule.rule for rule in bound.rules), head, tail)
    if not shared:
        return made
    before, after, added = engine.shared_select(answer, shared_carried)
    return replace(made, once=(before, after), once_columns=added)


def outputs(engine: SqlEngine, answer: Answer[Sql]) -> dict[str, Sql]:
    """The columns of `Statement.select` after `id`."""
    return {
        "outcome": Sql(f"({answer.outcome.text})::smallint"),
        "fen": answer.fen,
        "answers": letters(engine, answer),
        "payee": answer.payee,
        "steps": _listed(engine, answer.steps),
    }


# A line that does not pass fails one rule or two: so many of the others at a time need no building.
TOGETHER = 5


def letters(engine: SqlEngine, answer: Answer[Sql]) -> Sql:
    """A letter a rule; most lines pass every rule, and those need no building."""
    if not answer.rules:
        return engine.constant("", "text")
    groups = [answer.rules[start : start + TOGETHER] for start in range(0, len(answer.rules), TOGETHER)]
    built = Sql(f"({' || '.join(_some_letters(engine, group).text for group in groups)})")
    passed = engine.compared("=", answer.outcome, engine.constant(PASS, "number"))
    return engine.chosen([(passed, engine.constant("p" * len(answer.rules), "text"))], built)


def _some_letters(engine: SqlEngine, rules: Sequence[RuleAnswer[Sql]]) -> Sql:
    built = Sql(f"({' || '.join(letter(engine, rule).text for rule in rules)})")
    held = engine.every([rule.holds for rule in rules])
    return engine.chosen([(held, engine.constant("p" * len(rules), "text"))], built)


def _listed(engine: SqlEngine, steps: Sequence[Sql]) -> Sql:
    text = ", ".join(step.text for step in steps)
    if engine.dialect == "postgres":
        return Sql(f"array_remove(ARRAY[{text}]::bigint[], NULL)")
    return Sql(f"list_filter([{text}]::bigint[], lambda step: step IS NOT NULL)")
