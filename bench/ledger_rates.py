"""The ledger: transfers through the service function beside a bare pgbench insert; the proof and one balance among many.

`python bench/ledger_rates.py [--full]` alone, or as a part of `make bench`. `--full` proves a million entries.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CITY = 120000
PROCESSES, ROUNDS = 2, 3
# As a payment file does: one act books many lines.
ACTS, PER_ACT, SINGLE_ACTS, INSERTS = 20, 200, 300, 10_000
AT = datetime(2026, 11, 2, 1, tzinfo=UTC)


def emit(bench: str, unit: str, figure: float, goal: str, **more: Any) -> None:
    """Print one figure."""
    print(json.dumps({"bench": bench, "figure": round(figure, 1), "unit": unit, "goal": goal, **more}), flush=True)


def accounts(number: int) -> tuple[Any, Any]:
    """Two accounts of one worker with money to move; workers do not share them."""
    from factories.funds import account, budget

    return budget(10**13, at=AT, year=2026), account(
        "reserved", at=AT, year=2026, code=f"bench-{number}-{time.time_ns()}"
    )


def work(number: int, acts: int, per_act: int) -> None:
    """One worker: acts that post transfers through the service function; prints how long the posting took."""
    import django

    django.setup()
    from zhaoliang.funds.models import Account
    from zhaoliang.funds.services import Entry, post_transfers
    from zhaoliang.kernel.acts import act
    from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

    @act("bench.post", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="debit")
    def post(*, actor: Actor, at: datetime, debit: Account, credit: Account, first: int) -> Account:
        lines = range(first, first + per_act)
        post_transfers([Entry("reserve", debit, credit, 1, "bench", line, "量速度") for line in lines], at=at)
        return debit

    source, target = accounts(number)
    post(actor=system_actor(), at=AT, debit=source, credit=target, first=0)
    print("ready", flush=True)
    sys.stdin.readline()
    for done in range(1, acts + 1):
        post(actor=system_actor(), at=AT, debit=source, credit=target, first=done * per_act)
    print("done", flush=True)


def posted(acts: int, per_act: int) -> float:
    """Transfers a second that two workers post together."""
    workers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__)), "work", str(number), str(acts), str(per_act)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline() != "ready\n":
            raise SystemExit("a worker of the bench did not start")
    began = time.monotonic()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    took = time.monotonic() - began
    for worker in workers:
        worker.wait()
    return PROCESSES * acts * per_act / took


def inserted(folder: Path) -> float:
    """Rows a second that pgbench inserts, each committed alone: as bare as it gets."""
    import psycopg

    from zhaoliang.kernel.db.binaries import find_binaries, server_user

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS bench_bare (LIKE transfer INCLUDING DEFAULTS)")
    script = folder / "bare.sql"
    script.write_text(
        "INSERT INTO bench_bare (id, city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id,"
        " memo, debit_after_fen, credit_after_fen) VALUES (1, 120000, 'reserve', 1, 2, 1, now(), 'bench', 1, '', 0, 0);\n",
        encoding="utf-8",
    )
    program = find_binaries(server_user()).folder / "pgbench"
    command = [str(program), "-n", "-M", "prepared", "-c", "2", "-j", "2", "-t", str(INSERTS // 2), "-f", str(script)]
    done = subprocess.run([*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if done.returncode or not found:
        raise SystemExit(f"pgbench failed: {done.stderr[-500:]}")
    return float(found[1])


def filled(count: int) -> Any:
    """One account with so many entries, posted by the ledger's own function; returns it."""
    from django.db import connection

    source, target = accounts(99)
    with connection.cursor() as cursor:
        for first in range(0, count, 50_000):
            cursor.execute(
                """
                SELECT count(*) FROM (
                    SELECT ledger_post(%s, 'reserve', %s, %s, 1, %s, 'bench', n, '', NULL)
                    FROM generate_series(%s::bigint, %s::bigint) n
                ) posted
                """,
                [CITY, source.pk, target.pk, AT, first + 1, min(first + 50_000, count)],
            )
    return target


def measure(folder: Path, progress: Callable[[str], None], *, full: bool = False) -> None:
    """Print the figures of the ledger."""
    many, single, bare = [], [], []
    for number in range(ROUNDS):
        many.append(posted(ACTS, PER_ACT))
        single.append(posted(SINGLE_ACTS, 1))
        bare.append(inserted(folder))
        progress(f"bench: round {number + 1} of {ROUNDS}, ledger: {many[-1]:.0f} transfers/s in acts of {PER_ACT}")
    against = statistics.median(bare)
    for name, rates, goal in (
        (f"transfers through the service, {PER_ACT} an act", many, "2000"),
        ("transfers through the service, an act each", single, ""),
    ):
        figure = statistics.median(rates)
        emit(name, "transfers/s", figure, goal, against="bare pgbench insert", ratio=round(figure / against, 2))
    from zhaoliang.funds.models import Account
    from zhaoliang.funds.selectors import statement, verify_books

    count = 1_000_000 if full else 50_000
    progress(f"bench: {count} entries")
    target = filled(count)
    began = time.monotonic()
    wrong = verify_books(CITY)
    took = time.monotonic() - began
    if wrong:
        raise SystemExit(f"the books do not agree: {wrong[0].what}")
    emit(f"proof of {count} entries", "s", took, "300 for a million")
    for name, ask in (
        ("balance of one account", lambda: Account.objects.get(city_code=CITY, pk=target.pk).balance_fen),
        ("last page of one account's statement", lambda: statement(target, limit=50)),
    ):
        times = []
        for _ in range(50):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)
        emit(f"{name} among {count} entries", "ms", statistics.median(times), "5")


def main() -> None:
    """Measure on a database of its own."""
    import run

    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = run.prepare(Path(name))
        try:
            measure(Path(name), run.progress, full="--full" in sys.argv[1:])
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
        work(*(int(one) for one in sys.argv[2:5]))
    else:
        main()
