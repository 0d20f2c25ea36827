"""Many rows a part at a time, each part a statement of its own.

A cursor of the server that is left half read, because an error stopped its reader, is closed when Python comes to collect it:
in the middle of whatever transaction runs by then, which that aborts. Nothing is left open here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

PART = 5_000


def in_parts(rows: QuerySet[Any, Any], *fields: str, key: str, part: int = PART) -> Iterator[tuple[Any, ...]]:
    """The values of `fields`, by `key`, which is one of them and different in every row."""
    place, after = fields.index(key), None
    rows = rows.order_by(key).values_list(*fields)
    while found := list((rows if after is None else rows.filter(**{f"{key}__gt": after}))[:part]):
        yield from found
        if len(found) < part:
            return
        after = found[-1][place]
