"""Seeds and sizes of randomised tests: a seed is shown with every failure, a size is short here and long in `make nightly`."""

from __future__ import annotations

import os
import sys

NIGHTLY = os.environ.get("ZHAOLIANG_NIGHTLY") == "1"


def fresh_seed() -> int:
    """The seed of this run, written to the captured output that a failing test shows; `ZHAOLIANG_SEED=…` repeats it."""
    number = int(os.environ.get("ZHAOLIANG_SEED") or int.from_bytes(os.urandom(4)))
    sys.stdout.write(f"repeat with ZHAOLIANG_SEED={number}\n")
    return number


def size(*, ci: int, nightly: int) -> int:
    """How much a test tries: `ci` in `make test`, `nightly` in `make nightly` (mark such a test `sized`)."""
    return nightly if NIGHTLY else ci
