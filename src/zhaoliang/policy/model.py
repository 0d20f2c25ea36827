"""What a policy is made of and what a decision says. Plain frozen values; nothing here reads files or clocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from zhaoliang.policy.errors import PolicyFileError
from zhaoliang.policy.expressions import Node
from zhaoliang.policy.units import Type

EXCERPT = 90

RuleKind = Literal["rule", "limit", "exclusion", "stacking"]
# The part of a file that each kind of rule stands in.
RULE_PARTS: dict[RuleKind, str] = {
    "rule": "rules",
    "limit": "limits",
    "exclusion": "exclusions",
    "stacking": "stacking",
}
Phase = Literal["filing", "preflight", "advance", "claim"]
PHASES: tuple[Phase, ...] = ("filing", "preflight", "advance", "claim")


class Outcome(StrEnum):
    """The three answers of a rule and of a decision. Unknown never refuses: it goes to a person."""

    PASS = "pass"
    FAIL = "fail"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause as shown to people: 《title》（number）clause, with a short excerpt."""

    document_id: str
    number: str
    title: str
    clause: str
    excerpt: str
    verified: bool
    clause_id: str = ""

    def __str__(self) -> str:
        number = f"（{self.number}）" if self.number else ""
        return f"《{self.title}》{number}{self.clause}"

    @property
    def key(self) -> str:
        """`document#clause`, as written in policy files."""
        return f"{self.document_id}#{self.clause_id}"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a document. `verified` means its text was read, `source` says where.

    `forbids`: the kind of condition the clause forbids lower texts to make (`residence`: hukou or where one lives).
    `no_rule`: why no rule or figure rests on it, a code of `coverage.REASONS`.
    """

    id: str
    ref: str
    text: str
    verified: bool
    source: str = ""
    forbids: str = ""
    no_rule: str = ""


@dataclass(frozen=True, slots=True)
class DatedValue:
    """A value in force from a day on (None: from the document's first day), with the clause that sets it."""

    start: date | None
    value: int | Fraction | date
    cite: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named figure with its unit; a new value starts on its day, the old one ends the day before."""

    name: str
    unit: str
    says: str
    values: tuple[DatedValue, ...]

    def on(self, day: date) -> DatedValue | None:
        """The value in force on `day`; None before the first one."""
        held = [value for value in self.values if value.start is None or value.start <= day]
        return max(held, key=lambda value: value.start or date.min) if held else None


@dataclass(frozen=True, slots=True)
class TableKey:
    """One key of a table: a fact's type, or steps (`tiers`) where a value falls to the highest step not above it.

    `like` names the fact; it is empty for a key that is a plain number of a unit, such as a year.
    """

    name: str
    like: str
    type: Type
    tiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableVersion:
    """The rows in force from a day on. `verified` is false where the figures were not read in the cited text."""

    start: date | None
    cite: str
    rows: Mapping[tuple[str | int, ...], int | Fraction]
    verified: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by keys. `version_by` names the date fact that picks the version (default: the policy day)."""

    name: str
    unit: str
    says: str
    keys: tuple[TableKey, ...]
    versions: tuple[TableVersion, ...]
    version_by: str | None = None

    def on(self, day: date) -> TableVersion | None:
        """The version in force on `day`; None before the first one."""
        held = [version for version in self.versions if version.start is None or version.start <= day]
        return max(held, key=lambda version: version.start or date.min) if held else None


@dataclass(frozen=True, slots=True)
class RecordedDecision:
    """Who decided, by which paper and when, that a rule against a higher text binds all the same, and for which text."""

    by: str
    number: str
    on: date
    text: str

    def __str__(self) -> str:
        return f"{self.by}{self.on.isoformat()}决定（{self.number}）：{self.text}"


@dataclass(frozen=True, slots=True)
class Window:
    """The days a count looks at: all, the calendar year of the line, the last `days`, or from `start` to `end`."""

    kind: Literal["lifetime", "calendar_year", "days", "between"]
    days: int = 0
    start: date | None = None
    end: date | None = None

    def holds(self, day: date, on: date) -> bool:
        """Whether a grant of `day` counts for a line of `on`; `days` 365 reaches from `on` to the 364th day before."""
        match self.kind:
            case "lifetime":
                return True
            case "calendar_year":
                return day.year == on.year
            case "days":
                return on - timedelta(days=self.days) < day <= on
            case "between":
                return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)

    @property
    def text(self) -> str:
        """One way of writing the window, the same for the same days."""
        if self.kind == "days":
            return f"days:{self.days}"
        return f"{self.start or ''}..{self.end or ''}" if self.kind == "between" else self.kind


@dataclass(frozen=True, slots=True)
class Count:
    """How many earlier grants a rule counts: of these schemes, in this window, alike in `same`, of these funds, kinds.

    To the engine it is a number fact named `column`; where the caller gives none it is counted from `history`. `by`
    names the date fact that is the line's day; empty: the day of the policy set.
    """

    of: tuple[str, ...]
    within: Window
    same: tuple[str, ...] = ()
    fund: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    by: str = ""

    @property
    def text(self) -> str:
        """One way of writing the count: rules that count alike share it."""
        parts = (self.of, self.same, self.fund, self.kind)
        return " ".join([self.within.text, self.by or "-", *("+".join(sorted(part)) or "-" for part in parts)])

    @property
    def column(self) -> str:
        """The fact's name: `count_` and eight hexadecimal digits of `text`."""
        return f"count_{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that must hold: `asks` names it in a few words, `says` is the sentence of its refusal.

    A rule that may not refuse (`review_only`) turns its fail into cannot_tell; `note` says why. A rule that reads a
    residence fact may refuse only by a recorded `decision` (人社部函〔2021〕14号 七).
    """

    id: str
    kind: RuleKind
    asks: str
    says: str
    remedy: str
    must: Node
    when: Node | None
    source: str
    cite: str
    also: tuple[str, ...]
    schemes: frozenset[str]
    phases: frozenset[Phase]
    review_only: bool
    counts: tuple[Count, ...] = ()
    note: str = ""
    decision: RecordedDecision | None = None
    # The entry of its file that it is one rule of, where that has several (an order of three subsidies).
    entry: str = ""

    @property
    def part(self) -> str:
        """Where it stands in its file: `rules.x`, `limits.x`, `exclusions.x` or `stacking.x`."""
        return f"{RULE_PARTS[self.kind]}.{self.entry or self.id}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition with a name, for several rules and amounts of its document; `says` names it to people."""

    name: str
    says: str
    holds: Node
    source: str
    cite: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an amount: multiply, add, cap or raise to a floor, when its condition holds.

    `also`: the clauses of the uplifts that are added up in it.
    """

    label: str
    operation: Literal["times", "add", "at_most", "at_least"]
    value: Node
    when: Node | None
    source: str
    cite: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advance:
    """A share paid before the claim: `share` of `of`, or of the whole amount where the text names nothing else."""

    label: str
    share: Node
    of: Node | None
    source: str
    cite: str


@dataclass(frozen=True, slots=True)
class Deduction:
    """What the claim takes off again: `paid` (fen) has been paid before."""

    label: str
    paid: Node
    source: str
    cite: str


@dataclass(frozen=True, slots=True)
class Clawback:
    """A refused claim gives back what was paid; `when`: only in that case, else on every refusal."""

    label: str
    when: Node | None
    cite: str


@dataclass(frozen=True, slots=True)
class Instalments:
    """A subsidy paid in parts: in phase `advance` the share, in phase `claim` the whole less what was paid.

    A refused claim is worth minus what was paid where the text has a `clawback` and its case holds, else 0.
    """

    advance: Advance
    settlement: Deduction
    clawback: Clawback | None

    @property
    def parts(self) -> tuple[Advance | Deduction | Clawback, ...]:
        """What each stage does, in order."""
        return tuple(part for part in (self.advance, self.settlement, self.clawback) if part is not None)


@dataclass(frozen=True, slots=True)
class Amount:
    """How a subsidy is worked out: base, steps in order, one rounding at the end.

    One that reads a residence fact is read only with a recorded `decision` (人社部函〔2021〕14号 七).
    """

    id: str
    scheme: str
    says: str
    when: Node | None
    base: Node
    base_source: str
    steps: tuple[Step, ...]
    rounding: str
    step_fen: int
    pay_to: Node | None
    pay_cite: str
    cite: str
    instalments: Instalments | None = None
    decision: RecordedDecision | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every expression it has."""
        held = [self.when, self.base, self.pay_to, *(node for step in self.steps for node in (step.when, step.value))]
        if self.instalments is not None:
            advance, clawback = self.instalments.advance, self.instalments.clawback
            held += [advance.share, advance.of, self.instalments.settlement.paid]
            held += [clawback.when] if clawback is not None else []
        return tuple(node for node in held if node is not None)


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline as data."""

    name: str
    value: int
    unit: str
    says: str
    cite: str


@dataclass(frozen=True, slots=True)
class OpenTerm:
    """A figure a higher text leaves to a lower one, with the bounds it may not leave.

    `set_by`: only this level may fill it (`province`, `city` or `county`); empty where the text names none.
    """

    name: str
    unit: str
    says: str
    cite: str
    at_least: int | Fraction | None = None
    at_most: int | Fraction | None = None
    set_by: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Given facts and the answer they must get; kept beside the rules it proves.

    `case` is the number of the case it shows, of those the field asked for first (`cases.yaml`).
    """

    name: str
    place: int
    scheme: str
    phase: Phase
    on: date
    given: Mapping[str, object]
    expect: Mapping[str, object]
    case: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one official text, with everything it sets."""

    id: str
    title: str
    number: str
    issuers: tuple[str, ...]
    start: date
    end: date | None
    region: int
    authority: Literal["binding", "reference"]
    notice: str
    source: str
    repeals: tuple[str, ...]
    content_hash: str
    file: str
    clauses: Mapping[str, Clause]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    opens: Mapping[str, OpenTerm] = field(default_factory=dict)
    fills: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    amounts: tuple[Amount, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)
    # What could not be read of a text that binds already (`zhaoliang.policy.doubted`).
    doubts: tuple[PolicyFileError, ...] = ()

    def line(self, part: str) -> int:
        """The line in `file` of a part such as `rules.min_age` or `clauses.4`; 1 where it stands by no line."""
        return self.lines.get(part, 1)

    def in_force(self, day: date) -> bool:
        """Whether the text binds on `day`, both ends included."""
        return self.start <= day and (self.end is None or day <= self.end)

    def cites(self) -> Iterator[tuple[str, str]]:
        """Every citation made: the part that cites, `document#clause`."""
        for rule in self.rules:
            yield from ((f"{rule.kind} {rule.id}", cite) for cite in (rule.cite, *rule.also))
        for name, parameter in self.parameters.items():
            yield from ((f"parameter {name}", value.cite) for value in parameter.values)
        for name, table in self.tables.items():
            yield from ((f"table {name}", version.cite) for version in table.versions)
        for amount in self.amounts:
            steps = [cite for step in amount.steps for cite in (step.cite, *step.also)]
            payee = [amount.pay_cite] if amount.pay_cite else []
            payee += [part.cite for part in amount.instalments.parts] if amount.instalments else []
            yield from ((f"amount {amount.id}", cite) for cite in (amount.cite, *steps, *payee))
        yield from ((f"clock {name}", clock.cite) for name, clock in self.clocks.items())
        yield from ((f"open term {name}", term.cite) for name, term in self.opens.items())


def cited(document: Document, clause: Clause) -> Citation:
    """The clause as people cite it, with the beginning of its text."""
    text = clause.text if len(clause.text) <= EXCERPT else clause.text[:EXCERPT] + "…"
    return Citation(document.id, document.number, document.title, clause.ref, text, clause.verified, clause.id)


@dataclass(frozen=True, slots=True)
class ClockValue:
    """A deadline's length with its unit (`working_days`, `days`, `months`, `years`) and clause."""

    value: int
    unit: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """A figure in force, exact (int or Fraction, or a date), with its unit and clause."""

    value: int | Fraction | date
    unit: str
    citation: Citation


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid (`enterprise`, `provider`, `person`) and by which clause."""

    code: str
    citation: Citation
