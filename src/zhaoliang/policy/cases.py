"""The cases that the field asked for first (`cases.yaml`), and whether a scenario shows each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhaoliang.policy.files import read_yaml
from zhaoliang.policy.scenarios import ScenarioRun

CASES = "cases.yaml"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what is given and what has to come out, in the words of those who asked for it."""

    number: int
    given: str
    expect: str


def read_cases(root: Path) -> tuple[Case, ...]:
    """The cases of a library, by number; none where it lists none. Raises PolicyFileError for a file that is no list."""
    path = root / CASES
    if not path.is_file():
        return ()
    held = read_yaml(path.read_bytes(), f"{root.name}/{CASES}").data
    return tuple(Case(int(number), str(one["given"]), str(one["expect"])) for number, one in held.items())


def unshown(cases: Iterable[Case], runs: Iterable[ScenarioRun]) -> tuple[Case, ...]:
    """The cases without a scenario, or with one that the rules do not meet."""
    held = [(run.scenario.case, run.problem) for run in runs]
    shown = {case for case, _ in held} - {case for case, problem in held if problem}
    return tuple(case for case in cases if case.number not in shown)


def case_faults(cases: Sequence[Case], runs: Sequence[ScenarioRun]) -> Iterator[str]:
    """Cases that no agreeing scenario shows, and scenarios that name a case there is not."""
    for case in unshown(cases, runs):
        yield f"用例 {case.number}（{case.given}：{case.expect}）没有相符的情形。写一个情形，注明 case: {case.number}"
    known = {None, *(case.number for case in cases)}
    for run in runs:
        if run.scenario.case not in known:
            yield f"{run.document.file}: 情形“{run.scenario.name}”：{CASES} 没有用例 {run.scenario.case}"
