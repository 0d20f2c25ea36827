"""Named points at which tests let the program die: before and after each step of acts that move money.

A point is declared where it stands (`CRASH = point("payments.import:paid")`) and called there (`CRASH()`). Nothing happens
unless a test has armed it, so the list of points is complete and tests can go through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_points: set[str] = set()
_armed: ContextVar[tuple[str, Callable[[], None]] | None] = ContextVar("armed_fault", default=None)


class Crash(BaseException):
    """What an armed point raises by default: no handler for ordinary errors may catch it, as none catches a killed process."""


def point(name: str) -> Callable[[], None]:
    """Declare a point and return the call to put there. Raises ValueError on a name used twice."""
    if name in _points:
        raise ValueError(f"fault point {name} is declared twice")
    _points.add(name)

    def reached() -> None:
        armed = _armed.get()
        if armed is not None and armed[0] == name:
            armed[1]()

    return reached


def points(prefix: str = "") -> list[str]:
    """The declared points whose name begins with `prefix`, sorted."""
    return sorted(name for name in _points if name.startswith(prefix))


@contextmanager
def armed(name: str, action: Callable[[], None] | None = None) -> Iterator[None]:
    """Let the point crash (or do `action`) inside the block. For tests. Raises KeyError for an unknown point."""
    if name not in _points:
        raise KeyError(f"no fault point {name}; there are {', '.join(points())}")

    def crash() -> None:
        raise Crash(name)

    token = _armed.set((name, action or crash))
    try:
        yield
    finally:
        _armed.reset(token)
