"""Errors of the policy engine: each names the place, says what is wrong and suggests the mend, in Chinese."""

from __future__ import annotations

from collections.abc import Sequence


class PolicyError(Exception):
    """Root of every error raised by `zhaoliang.policy`."""


class PolicyFileError(PolicyError):
    """A policy file that cannot be loaded; the message begins with `file:line (path, clause)`.

    `clause` is the clause the faulty part cites, as people call it (第八条), where it cites one.
    """

    def __init__(self, file: str, path: str, problem: str, line: int | None = None, clause: str = "") -> None:
        self.file, self.path, self.problem, self.line, self.clause = file, path, problem, line, clause
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where} ({', '.join(part for part in (path or 'top', clause) if part)}): {problem}")

    @property
    def problems(self) -> tuple[PolicyFileError, ...]:
        """Every fault found, this one alone unless several were."""
        return (self,)


class PolicyProblems(PolicyFileError):
    """Several faults found at once; file, line and path are the first one's, the message has a line for each."""

    def __init__(self, problems: Sequence[PolicyFileError]) -> None:
        first = problems[0]
        super().__init__(first.file, first.path, first.problem, first.line, first.clause)
        self._all = tuple(problems)
        self.args = ("\n".join(str(problem) for problem in problems),)

    @property
    def problems(self) -> tuple[PolicyFileError, ...]:
        """Every fault found, in the order of files and lines."""
        return self._all


def raise_problems(problems: Sequence[PolicyFileError]) -> None:
    """Raise what was found: nothing, the one fault, or all of them together."""
    told = _told_once(problems)
    if told:
        raise told[0] if len(told) == 1 else PolicyProblems(told)


def _told_once(problems: Sequence[PolicyFileError]) -> list[PolicyFileError]:
    """A fault that one line brings to many places (a YAML anchor) once, with their number."""
    same: dict[tuple[object, ...], list[PolicyFileError]] = {}
    for one in problems:
        same.setdefault((one.file, one.line, one.problem) if one.line else (id(one),), []).append(one)
    return [
        first
        if not more
        else PolicyFileError(
            first.file, first.path, f"{first.problem}（另 {len(more)} 处同）", first.line, first.clause
        )
        for first, *more in same.values()
    ]


class ExpressionError(PolicyError):
    """An expression outside the language, or whose operand types or units do not fit."""


class FactError(PolicyError):
    """A fact that the schema does not know, or a value of the wrong type (floats are always wrong)."""


class UnknownCitation(PolicyError):
    """A `document#clause` that no loaded document has."""


class PolicyVersionGone(PolicyError):
    """A stored decision cannot be replayed: the policy texts it was made under are not the ones on disk."""
