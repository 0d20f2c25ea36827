"""Running the scenarios that stand beside the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from zhaoliang.policy.decision import Decision
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import Document, Outcome, Scenario
from zhaoliang.policy.policyset import PolicySet

if TYPE_CHECKING:
    from zhaoliang.policy.store import PolicyStore


MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One scenario with the texts asked and the decision it got; `problem` is empty when they agree."""

    document: Document
    scenario: Scenario
    policies: PolicySet
    decision: Decision
    problem: str


def run_scenarios(store: PolicyStore, before: PolicyStore | None = None) -> Iterator[ScenarioRun]:
    """Every scenario of every document, in file order. Raises FactError for a given value of the wrong type.

    `before`: a library whose runs stand for those of which neither the scenario nor anything it reads differs here.
    """
    known = {id(run.scenario): run for run in before.runs} if before is not None else {}
    sets: dict[tuple[int, str, date], PolicySet] = {}
    same: dict[tuple[int, int], bool] = {}
    for document in store.documents:
        for scenario in document.scenarios:
            key = (scenario.place, scenario.scheme, scenario.on)
            if key not in sets:
                sets[key] = store.for_place(*key)
            policies, held = sets[key], known.get(id(scenario))
            if held is not None:
                pair = (id(held.policies), id(policies))
                if pair not in same:
                    same[pair] = alike(held.policies, policies)
                if same[pair]:
                    yield replace(held, policies=policies)
                    continue
            yield _run(policies, document, scenario)


def alike(one: PolicySet, other: PolicySet) -> bool:
    """Whether two sets of one place, scheme and day answer every question the same: the same texts, the same facts."""
    return one.read_texts == other.read_texts and one.facts == other.facts


def run_scenario(store: PolicyStore, document: Document, scenario: Scenario) -> ScenarioRun:
    """One scenario run. Raises FactError for a given value of the wrong type."""
    return _run(store.for_place(scenario.place, scenario.scheme, scenario.on), document, scenario)


def _run(policies: PolicySet, document: Document, scenario: Scenario) -> ScenarioRun:
    decision = policies.decide(scenario.given, phase=scenario.phase)
    problem = wrong_day(document, scenario) or disagreement(scenario, decision)
    return ScenarioRun(document, scenario, policies, decision, problem)


def wrong_day(document: Document, scenario: Scenario) -> str:
    """What is wrong with the scenario's day; empty where its text binds then, or where it says that it does not."""
    binds = document.in_force(scenario.on)
    if binds is bool(scenario.expect.get("in_force", True)):
        return ""
    if binds:
        return f"on {scenario.on} 在施行期内（{period(document)}），请删去 in_force: false"
    way = "请改 on；要表明那天本文件还没有或不再起作用，写 expect: {in_force: false, …}"
    return f"on {scenario.on} 不在施行期内（{period(document)}）。{way}"


def period(document: Document) -> str:
    """The days on which the text is in force: 2027-03-01 起, 2022-08-01 至 2027-07-31."""
    return f"{document.start} 起" if document.end is None else f"{document.start} 至 {document.end}"


def disagreement(scenario: Scenario, decision: Decision) -> str:
    """What the decision has otherwise than the scenario expects; empty when they agree."""
    wanted = scenario.expect
    answered = [result.rule_id for result in decision.results if result.outcome is decision.outcome]
    got: dict[str, object] = {"outcome": decision.outcome.value, "fen": decision.fen, "rules": sorted(answered)}
    if decision.outcome is Outcome.PASS:
        got["rules"] = []
    expected = {key: sorted(_texts(held)) if key == "rules" else held for key, held in wanted.items() if key in got}
    differing = [key for key in expected if got[key] != expected[key]]
    asked = [result.rule_id for result in decision.results]
    unasked = [name for name in _texts(wanted.get("rules")) if name not in asked] if "rules" in differing else []
    told = [f"{key} 应为 {_shown(expected[key])}，实为 {_shown(got[key])}" for key in differing]
    rests = sorted({one.citation.key for one in (*decision.with_outcome(decision.outcome), *decision.steps)})
    absent = [cite for cite in _texts(wanted.get("cites")) if cite not in rests]
    told += [f"cites 应有 {_shown(absent)}，实有 {_shown(rests)}"] if absent else []
    told += _doubts(decision) if "outcome" in differing else []
    return "；".join([*told, *(f"这一阶段没有叫 {name!r} 的规则{nearest(name, asked)}" for name in unasked)])


def _doubts(decision: Decision) -> list[str]:
    """Why a decision that was expected to be another cannot be told: what each rule lacks, or why it may not refuse."""
    if decision.outcome is not Outcome.CANNOT_TELL:
        return []
    lacks = [
        f"{result.rule_id} 缺 {'、'.join(result.missing)}" if result.missing else f"{result.rule_id} {result.note}"
        for result in decision.questions
    ]
    more = f"等 {len(lacks)} 条" if len(lacks) > MOST_TOLD else ""
    return [f"不能判断的原因：{'；'.join(lacks[:MOST_TOLD])}{more}"]


def _shown(value: object) -> str:
    return f"[{', '.join(_texts(value))}]" if isinstance(value, list) else "算不出" if value is None else str(value)


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
