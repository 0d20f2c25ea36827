"""Regions as ranges of GB/T 2260 codes, for filters."""

from __future__ import annotations

from zhaoliang.kernel.roles import NATION


def in_region(path: str, code: int) -> dict[str, int]:
    """Filter arguments for "in this region or below it", by GB/T 2260 code; `path` is a column of region codes."""
    if code == NATION:
        return {}
    below = 9999 if code % 10000 == 0 else 99 if code % 100 == 0 else 0
    return {f"{path}__gte": code, f"{path}__lte": code + below}
