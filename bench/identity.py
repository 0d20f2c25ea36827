"""A million random lines asked of all four engines: `python bench/identity.py [LINES]` prints how many were compared.

Every shipped set (place, scheme, phase, day) gets its share; the first line that differs in outcome, fen, an answer,
the payee or a step ends the run with its facts and the seed.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Ask until the number of lines is reached."""
    sys.path.insert(0, str(ROOT / "tests"))
    import psycopg

    from policy.engines.asked import assert_all_agree, made_lines, shipped_sets
    from zhaoliang.kernel.db.embedded import EmbeddedServer
    from zhaoliang.policy import PolicyStore

    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed, begin, compared = random.SystemRandom().randrange(2**32), time.perf_counter(), 0
    print(f"seed {seed}", file=sys.stderr, flush=True)
    store = PolicyStore.load(ROOT / "policies")
    places = sorted({one.region for one in store.documents if one.rules or one.amounts})
    sets = [held for place in places for held in shipped_sets(store, place)]
    each = -(-wanted // len(sets))
    with tempfile.TemporaryDirectory(prefix="zhaoliang-identity-") as name:
        server = EmbeddedServer(Path(name) / "postgres")
        server.start()
        try:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                for number, (policies, phase, statement) in enumerate(sets):
                    lines = made_lines(policies, phase, statement.columns, each, seed + number)
                    compared += len(assert_all_agree(policies, phase, lines, connection, statement))
                    shown = f"{policies.region_code} {policies.scheme} {phase} {policies.on}"
                    print(f"{number + 1}/{len(sets)} {shown}: {compared} lines", file=sys.stderr, flush=True)
        finally:
            server.destroy()
    record = {"bench": "lines with the same answers on PostgreSQL, DuckDB, Polars and Python", "figure": compared}
    record |= {"unit": "lines", "sets": len(sets), "seconds": round(time.perf_counter() - begin), "seed": seed}
    print(json.dumps(record, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
