"""A draft tried on past claims: every line decided twice, by the law of the draft's first day without it and with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from zhaoliang.policy import Decision, Outcome, PolicyError, PolicySet, PolicyStore

# Past decisions are read from the texts of their own days, which a draft cannot touch; so many show that it holds.
MOST_REPLAYED = 500


@dataclass(frozen=True)
class PastLine:
    """One past line: where, for which scheme and day it was decided, on which facts (no name, no number), and how."""

    line_id: int
    region_code: int
    scheme: str
    on: date
    facts: Mapping[str, Any]
    version: str
    outcome: str
    fen: int | None


@dataclass(frozen=True)
class LineResult:
    """One line twice: outcome and fen (None: the amount cannot be told), and the first clause that refuses it anew."""

    line_id: int
    region_code: int
    group: str
    level: str
    before: str
    before_fen: int | None
    after: str
    after_fen: int | None
    rule: str = ""
    says: str = ""
    clause: str = ""

    @property
    def told(self) -> bool:
        """Whether both sides can be told; what is left to a person neither gains nor loses yet."""
        return Outcome.CANNOT_TELL.value not in (self.before, self.after)

    @property
    def due_before(self) -> int:
        """What is due by the law without the draft, in fen: nothing until a person has decided."""
        return due(self.before, self.before_fen)

    @property
    def due_after(self) -> int:
        """What is due by the law with the draft, in fen."""
        return due(self.after, self.after_fen)

    @property
    def change_fen(self) -> int:
        """How much more is due with the draft, in fen."""
        return self.due_after - self.due_before

    @property
    def moved(self) -> bool:
        """Whether anything of the answer changes, what would be due after a person has decided included."""
        return (self.before, self.before_fen) != (self.after, self.after_fen)


def due(outcome: str, fen: int | None) -> int:
    """What an answer costs, in fen; 0 where it is left to a person, less than 0 where money is to come back."""
    return 0 if outcome == Outcome.CANNOT_TELL or fen is None else fen


@dataclass
class Share:
    """The sums of the lines with one code of one key."""

    key: str
    label: str
    lines: int = 0
    before_fen: int = 0
    after_fen: int = 0
    winners: int = 0
    losers: int = 0
    untold: int = 0

    def add(self, line: LineResult) -> None:
        self.lines += 1
        self.before_fen += line.due_before
        self.after_fen += line.due_after
        self.winners += line.told and line.due_after > line.due_before
        self.losers += line.told and line.due_after < line.due_before
        self.untold += not line.told


@dataclass
class Refused:
    """What a clause would newly refuse or leave to a person; `before_fen` None where it was not added up by rule."""

    outcome: str
    rule: str
    says: str
    clause: str
    lines: int = 0
    before_fen: int | None = 0


@dataclass
class Simulated:
    """The whole what-if. `replayed` past decisions were made again with the draft in the library and came out the same.

    `listed`: so many of the newest lines are told one by one; None where all are.
    """

    on: str
    total: Share
    by: dict[str, list[Share]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    newly_passed: int = 0
    replayed: int = 0
    changed_past: int = 0
    skipped: int = 0
    listed: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Simulated:
        return cls(
            data["on"],
            Share(**data["total"]),
            {key: [Share(**one) for one in shares] for key, shares in data["by"].items()},
            [Refused(**one) for one in data["refused"]],
            data["newly_passed"],
            data["replayed"],
            data["changed_past"],
            data["skipped"],
            data.get("listed"),
        )


def simulate(
    lines: Iterable[PastLine],
    before: PolicyStore,
    after: PolicyStore,
    on: date,
    region_name: Callable[[int], str],
    told: Callable[[int], None] = lambda done: None,
) -> tuple[Simulated, list[LineResult]]:
    """Try the change on past lines as if their classes began on `on`; make the newest decisions again with the change.

    `told` is told after each line how many are done.
    """
    sets: dict[tuple[int, str], tuple[PolicySet, PolicySet]] = {}
    found = Simulated(on.isoformat(), Share("", "全部"))
    results: list[LineResult] = []
    for number, line in enumerate(lines):
        told(number)
        place = (line.region_code, line.scheme)
        if place not in sets:
            sets[place] = (before.for_place(*place, on), after.for_place(*place, on))
        if found.replayed < MOST_REPLAYED:
            _replay(found, after, line)
        facts = dict(line.facts) | ({"class_start": on.isoformat()} if "class_start" in line.facts else {})
        try:
            first, second = (held.decide(facts) for held in sets[place])
        except PolicyError:
            found.skipped += 1
            continue
        results.append(_result(line, first, second))
    codes = after.facts.codes
    labels = {
        "group": lambda code: codes.get("group", {}).get(code, "没有记录"),
        "region": lambda code: region_name(int(code)),
        "level": lambda code: codes.get("level", {}).get(code, "没有记录"),
    }
    for result in results:
        found.total.add(result)
        found.newly_passed += result.after == Outcome.PASS and result.before != Outcome.PASS
    for key, label in labels.items():
        found.by[key] = _shares(results, key, label)
    found.refused = _refused(results)
    return found, results


def _replay(found: Simulated, after: PolicyStore, line: PastLine) -> None:
    """Make the past decision again: a draft that would change it may not go on. Needs the texts it was made under."""
    held = after.for_place(line.region_code, line.scheme, line.on)
    if held.version != line.version:
        return
    again = held.decide(line.facts)
    # A decision to pay nothing is kept as one for a person.
    outcome = again.outcome if again.outcome is not Outcome.PASS or again.fen else Outcome.CANNOT_TELL
    found.replayed += 1
    found.changed_past += (outcome.value, again.fen) != (line.outcome, line.fen)


def _result(line: PastLine, first: Decision, second: Decision) -> LineResult:
    order = {Outcome.PASS: 0, Outcome.CANNOT_TELL: 1, Outcome.FAIL: 2}
    cause = None
    if order[second.outcome] > order[first.outcome]:
        known = {(one.rule_id, one.outcome) for one in first.results}
        worse = second.with_outcome(second.outcome)
        cause = next((one for one in worse if (one.rule_id, one.outcome) not in known), worse[0] if worse else None)
    return LineResult(
        line.line_id,
        line.region_code,
        str(line.facts.get("group") or ""),
        str(line.facts.get("level") or ""),
        first.outcome.value,
        first.fen,
        second.outcome.value,
        second.fen,
        *((cause.rule_id, cause.says, str(cause.citation)) if cause else ()),
    )


def _shares(results: list[LineResult], key: str, label: Callable[[str], str]) -> list[Share]:
    shares: dict[str, Share] = {}
    for result in results:
        code = str(result.region_code) if key == "region" else str(getattr(result, key))
        shares.setdefault(code, Share(code, label(code))).add(result)
    return sorted(shares.values(), key=lambda share: (-abs(share.after_fen - share.before_fen), -share.lines))


def _refused(results: list[LineResult]) -> list[Refused]:
    found: dict[tuple[str, str], Refused] = {}
    for result in results:
        if result.rule:
            one = found.setdefault(
                (result.after, result.rule), Refused(result.after, result.rule, result.says, result.clause)
            )
            one.lines += 1
            one.before_fen = (one.before_fen or 0) + result.due_before
    return sorted(found.values(), key=lambda one: -one.lines)
