"""Seeds of randomised tests: shown with every failure, repeated by `ZHAOLIANG_SEED=…`."""

from __future__ import annotations

import os
import sys


def fresh_seed() -> int:
    """The seed of this run, written to the captured output that a failing test shows."""
    number = int(os.environ.get("ZHAOLIANG_SEED") or int.from_bytes(os.urandom(4)))
    sys.stdout.write(f"repeat with ZHAOLIANG_SEED={number}\n")
    return number
