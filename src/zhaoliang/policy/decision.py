"""A decision: what each rule answered and how the amount was built, storable and replayable."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, cast

from zhaoliang.policy.model import Citation, Outcome, Phase


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer, by its clause; `also` are further clauses it follows or restates.

    `asks` is what the rule asks in a few words, `says` the sentence of its refusal; `named` are the conditions with a name
    that it rests on, each with its answer.

    `verified` is false where the clause or a figure it rests on was not confirmed; `note` says why it goes to a person.
    """

    rule_id: str
    outcome: Outcome
    says: str
    citation: Citation
    facts_used: dict[str, bool | int | str | None]
    missing: tuple[str, ...]
    verified: bool
    remedy: str = ""
    note: str = ""
    also: tuple[Citation, ...] = ()
    asks: str = ""
    named: dict[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AmountStep:
    """One step of the amount with the running total in fen after it."""

    label: str
    operation: str
    value_fen: int
    citation: Citation


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one line: pass, fail (0 fen) or cannot_tell (fen if cleared, None if the amount is unknown)."""

    outcome: Outcome
    fen: int | None
    results: tuple[RuleResult, ...]
    steps: tuple[AmountStep, ...]
    policy_version: str
    facts: dict[str, bool | int | str | None]
    on: date
    phase: Phase

    def with_outcome(self, outcome: Outcome) -> tuple[RuleResult, ...]:
        """The rules that answered so, in policy order."""
        return tuple(result for result in self.results if result.outcome is outcome)

    @property
    def scheme(self) -> str:
        """The scheme that was asked about, as the policy version names it."""
        return self.policy_version.partition("/")[2].partition("@")[0]

    @property
    def refusals(self) -> tuple[RuleResult, ...]:
        """The rules that refuse."""
        return self.with_outcome(Outcome.FAIL)

    @property
    def questions(self) -> tuple[RuleResult, ...]:
        """The rules a person must answer."""
        return self.with_outcome(Outcome.CANNOT_TELL)

    def to_json(self) -> dict[str, Any]:
        """A JSON-safe form; `Decision.from_json` gives an equal decision back."""
        return (
            asdict(self)
            | {"outcome": self.outcome.value, "on": self.on.isoformat()}
            | {
                "results": [
                    asdict(result)
                    | {
                        "outcome": result.outcome.value,
                        "missing": list(result.missing),
                        "also": [asdict(one) for one in result.also],
                    }
                    for result in self.results
                ],
                "steps": [asdict(step) for step in self.steps],
            }
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Decision:
        """The decision stored by `to_json`."""
        results = tuple(
            RuleResult(
                **{
                    **result,
                    "outcome": Outcome(result["outcome"]),
                    "citation": Citation(**result["citation"]),
                    "missing": tuple(result["missing"]),
                    "also": tuple(Citation(**one) for one in result["also"]),
                }
            )
            for result in data["results"]
        )
        steps = tuple(AmountStep(**{**step, "citation": Citation(**step["citation"])}) for step in data["steps"])
        return cls(
            Outcome(data["outcome"]),
            data["fen"],
            results,
            steps,
            data["policy_version"],
            dict(data["facts"]),
            date.fromisoformat(data["on"]),
            cast("Phase", data["phase"]),
        )
