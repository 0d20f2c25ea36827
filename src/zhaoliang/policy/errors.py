"""Errors of the policy engine: each names the place, says what is wrong and suggests the mend."""

from __future__ import annotations


class PolicyError(Exception):
    """Root of every error raised by `zhaoliang.policy`."""


class PolicyFileError(PolicyError):
    """A policy file that cannot be loaded; the message begins with `file:line (path)`."""

    def __init__(self, file: str, path: str, problem: str, line: int | None = None) -> None:
        self.file, self.path, self.problem, self.line = file, path, problem, line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where} ({path or 'top'}): {problem}")


class ExpressionError(PolicyError):
    """An expression outside the language, or whose operand types or units do not fit."""


class FactError(PolicyError):
    """A fact that the schema does not know, or a value of the wrong type (floats are always wrong)."""


class UnknownCitation(PolicyError):
    """A `document#clause` that no loaded document has."""


class PolicyVersionGone(PolicyError):
    """A stored decision cannot be replayed: the policy texts it was made under are not the ones on disk."""
