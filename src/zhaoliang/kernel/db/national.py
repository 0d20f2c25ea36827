"""Mark the few selectors that deliberately look over all cities (national registers, rollups)."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_national: ContextVar[bool] = ContextVar("zhaoliang_national", default=False)


@contextmanager
def national() -> Iterator[None]:
    """Allow the statements inside to reach city tables without a city.

    Changes nothing in the database; the SQL lint of the test suite refuses such statements anywhere else, because on a
    distributed database they ask every shard (design §3).
    """
    token = _national.set(True)
    try:
        yield
    finally:
        _national.reset(token)


def is_national() -> bool:
    """Tell whether the running code is inside `national()`."""
    return _national.get()
