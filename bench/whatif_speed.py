"""What-if over a million past lines against OpenFisca-core: same rules, same Parquet file, a process for each run.

Prints JSON lines as `bench/run.py` does, and refuses to when the two sides differ in a single line's outcome or fen.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

import figures
from policy_lines import write_lines

ROOT = Path(__file__).resolve().parents[1]
BENCH, ENVIRONMENT = ROOT / "bench", ROOT / "var" / "bench-environment"
LINES, ROUNDS = 1_000_000, 3
GROWTH = (10_000, 100_000, 1_000_000, 3_000_000)
# What the draft changes; `openfisca_model.AFTER` holds the same.
CHANGES = (
    ('value: 0.80, cite: "1"', 'value: 0.90, cite: "1"'),
    ("says: 其他人员每年次数, value: 2", "says: 其他人员每年次数, value: 1"),
    ("value: 0.70", "value: 0.80"),
    ("scarce: 0.90", "scarce: 0.95"),
)


def progress(text: str) -> None:
    """Say on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def other_python() -> str:
    """The interpreter of an environment with the locked OpenFisca; made when it is not there or the lock changed."""
    lock = ROOT / "requirements" / "bench.txt"
    stamp, wanted = ENVIRONMENT / "lock", hashlib.sha256(lock.read_bytes()).hexdigest()
    program = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        progress("bench: installing OpenFisca into an environment of its own")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(program)


def write_draft(folder: Path) -> Path:
    """The changed standard with its table beside it."""
    text = (BENCH / "whatif" / "standard.yaml").read_text(encoding="utf-8")
    for old, new in CHANGES:
        if text.count(old) != 1:
            raise SystemExit(f"{old!r} must stand once in standard.yaml")
        text = text.replace(old, new)
    (folder / "standard.csv").write_bytes((BENCH / "whatif" / "standard.csv").read_bytes())
    draft = folder / "standard.yaml"
    draft.write_text(text, encoding="utf-8")
    return draft


def run(command: list[str]) -> dict[str, Any]:
    """One run in a process of its own: its seconds, peak memory and result."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[1]} failed: {done.stderr[-800:]}")
    return json.loads(done.stdout)


def differing(ours: Path, theirs: Path) -> int:
    """Lines whose outcome or fen differ on either side; OpenFisca writes -1 where there is no amount."""
    sides = ("outcome_before", "outcome_after", "fen_before", "fen_after")
    unlike = " OR ".join(f"coalesce(o.{name}, -1) <> t.{name}" for name in sides)
    asked = (
        f"SELECT count(*) FILTER (WHERE {unlike}), count(*)"
        f" FROM read_parquet('{ours}') o POSITIONAL JOIN read_parquet('{theirs}') t"
    )
    with duckdb.connect() as connection:
        (wrong, whole) = connection.execute(asked).fetchall()[0]
    progress(f"bench: {whole} lines compared, {wrong} differ")
    return wrong


def main() -> None:
    """Verify, then measure in turns, then growth."""
    theirs_program = other_python()
    with tempfile.TemporaryDirectory(prefix="zhaoliang-whatif-") as name:
        folder = Path(name)
        draft, lines = write_draft(folder), folder / "lines.parquet"
        progress("bench: writing lines")
        write_lines(lines, LINES)
        ours = [sys.executable, str(BENCH / "whatif_side.py"), str(lines), str(draft)]
        theirs = [theirs_program, str(BENCH / "openfisca_model.py"), str(lines)]
        first = run([*ours, str(folder / "ours.parquet")]), run([*theirs, str(folder / "theirs.parquet")])
        if differing(folder / "ours.parquet", folder / "theirs.parquet") or first[0]["result"] != first[1]["result"]:
            raise SystemExit(f"the two sides differ: {first[0]['result']} {first[1]['result']}")
        runs: dict[str, list[dict[str, Any]]] = {"ours": [], "against": []}
        for number in range(ROUNDS):
            for side, command in (("ours", ours), ("against", theirs)):
                runs[side].append(run(command))
                progress(f"bench: round {number + 1} of {ROUNDS}, {side}: {runs[side][-1]['seconds']:.2f} s")
        report(runs)
        for count in GROWTH:
            write_lines(lines, count)
            seconds = statistics.median(run(ours)["seconds"] for _ in range(ROUNDS))
            record = {"bench": f"what-if over {count} lines", "figure": round(count / seconds), "unit": "lines/s"}
            print(json.dumps(record | {"seconds": round(seconds, 3)}, ensure_ascii=False), flush=True)


def report(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Speed and peak memory beside each other."""
    for name, unit, key, scale in (
        ("what-if over 1000000 past lines, 20 rules, before and after", "lines/s", "seconds", LINES),
        ("what-if over 1000000 past lines: peak memory", "MB", "peak_mb", 0),
    ):
        held = {side: [scale / one[key] if scale else one[key] for one in made] for side, made in runs.items()}
        figure, other = statistics.median(held["ours"]), statistics.median(held["against"])
        record = {"bench": name, "figure": round(figure), "unit": unit, "against": "openfisca-core on the same rules"}
        rounded = {side: [round(one) for one in values] for side, values in held.items()}
        print(json.dumps(record | {"ratio": round(figure / other, 2), "runs": rounded}, ensure_ascii=False), flush=True)
        if scale:
            figures.reach(f"{name} ÷ {record['against']}", figure / other, "", "≥ 1")


if __name__ == "__main__":
    main()
