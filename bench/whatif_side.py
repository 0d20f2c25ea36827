"""One run of our what-if: `python whatif_side.py LINES.parquet DRAFT.yaml [ANSWERS.parquet]` prints one JSON line."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from zhaoliang.policy import Outcome, PolicyStore
from zhaoliang.policy.lines import Lines
from zhaoliang.policy.whatif import Pair, Side, compare, relation_of, segments_of, span_of

HERE = Path(__file__).parent
PLACE, SCHEME, ON = 120000, "training", "class_start"


def by_outcome(side: Side) -> list[list[int]]:
    """Lines and fen by outcome."""
    return [[side.passed, side.fen], [side.refused, 0], [side.unclear, side.unclear_fen]]


def main() -> None:
    """Compare and print what the other side prints as well."""
    lines, draft = Path(sys.argv[1]), Path(sys.argv[2])
    before = PolicyStore.load_paths([HERE / "whatif" / "standard.yaml"])
    after = PolicyStore.load_paths([draft])
    begin = time.perf_counter()
    read = Lines.read(lines, after.facts)
    found = compare(read, before, after, place=PLACE, scheme=SCHEME, on=ON, by=["group", "region"])
    result = {
        "lines": found.total.lines,
        "before": by_outcome(found.total.before),
        "after": by_outcome(found.total.after),
        "winners": found.total.winners,
        "losers": found.total.losers,
        "refused": {one.rule_id: one.lines for one in found.reasons if one.moved is Outcome.FAIL},
        "groups": {
            name: sorted(one.winners_fen - one.losers_fen for one in held.values())
            for name, held in found.groups.items()
        },
    }
    seconds = time.perf_counter() - begin
    if len(sys.argv) > 3:
        answers(read, before, after, sys.argv[3])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "result": result}))


def answers(read: Lines, before: PolicyStore, after: PolicyStore, path: str) -> None:
    """Outcome and fen of every line on both sides, in the order of the lines."""
    first, last, _ = span_of(read, ON)
    if first is None or last is None:
        raise SystemExit("the lines have no days")
    (segment,) = segments_of(before, after, PLACE, SCHEME, first, last)
    pair = Pair.of(segment.before, segment.after, "claim", 0)
    inner = f"{pair.head}{relation_of(read, pair, segment, ON, ())}{pair.tail}"
    columns = "line_name::bigint AS id, outcome_before, outcome_after, fen_before, fen_after"
    read.connection.execute(f"COPY (SELECT {columns} FROM ({inner}) ORDER BY id) TO '{path}' (FORMAT parquet)")


if __name__ == "__main__":
    main()
