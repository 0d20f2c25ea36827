"""The ledger: transfers through the service function beside bare inserts of pgbench; the proof and one balance among many.

`python bench/ledger_rates.py [rates|books] [--full]` alone, or as a part of `make bench`. `--full` proves a million entries.
Both sides of a pair have as many connections, commit as often and write as many rows a commit; pairs are measured in turn and
the ratio is the median of theirs, so that what else the machine does weighs on both sides alike.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import figures

ROOT = Path(__file__).resolve().parents[1]
CITY = 120000
# As in service: two processes, the threads of each share one interpreter.
PROCESSES, ROUNDS = 2, 5


@dataclass(frozen=True)
class Load:
    """One way of posting: `acts` of each connection with so many transfers each; `goal` in transfers a second."""

    name: str
    threads: int
    acts: int
    per_act: int
    goal: int | None


# As a payment file does, one act books many lines; and as a voucher does, an act and a commit each.
LOADS = (Load("200 an act", 1, 15, 200, 2_000), Load("an act and a commit each", 8, 40, 1, None))
AT = datetime(2026, 11, 2, 1, tzinfo=UTC)


def emit(bench: str, unit: str, figure: float, goal: str, **more: Any) -> None:
    """Print one figure."""
    print(json.dumps({"bench": bench, "figure": round(figure, 2), "unit": unit, "goal": goal, **more}), flush=True)


def accounts(number: int) -> tuple[Any, Any]:
    """Two accounts with money to move. All take from one budget; the other account nobody shares."""
    from factories.funds import account, budget

    return budget(10**13, at=AT, year=2026), account(
        "reserved", at=AT, year=2026, code=f"bench-{number}-{time.time_ns()}"
    )


def work(number: int, threads: int, acts: int, per_act: int) -> None:
    """One process: so many threads with acts that post transfers through the service function, from the word go."""
    import django

    django.setup()
    from django.db import connection

    from zhaoliang.funds.models import Account
    from zhaoliang.funds.services import Entry, post_transfers
    from zhaoliang.kernel.acts import act
    from zhaoliang.kernel.roles import Actor, Reach, Role, system_actor

    @act("bench.post", label="记账", grants={Role.SYSTEM: Reach.ANY}, on="debit")
    def post(*, actor: Actor, at: datetime, debit: Account, credit: Account, first: int) -> Account:
        lines = range(first, first + per_act)
        post_transfers([Entry("reserve", debit, credit, 1, "bench", line, "量速度") for line in lines], at=at)
        return debit

    ready, go = threading.Barrier(threads + 1), threading.Barrier(threads + 1)

    def thread(source: Account, target: Account) -> None:
        post(actor=system_actor(), at=AT, debit=source, credit=target, first=0)
        ready.wait()
        go.wait()
        for done in range(1, acts + 1):
            post(actor=system_actor(), at=AT, debit=source, credit=target, first=done * per_act)
        connection.close()

    running = [threading.Thread(target=thread, args=accounts(number * threads + one)) for one in range(threads)]
    for one in running:
        one.start()
    ready.wait()
    print("ready", flush=True)
    sys.stdin.readline()
    go.wait()
    for one in running:
        one.join()
    print("done", flush=True)


def posted(load: Load) -> float:
    """Transfers a second that the processes post together."""
    given = [str(load.threads), str(load.acts), str(load.per_act)]
    workers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__)), "work", str(number), *given],
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
        if worker.stdout.readline() != "done\n":
            raise SystemExit("a worker of the bench failed")
    took = time.monotonic() - began
    for worker in workers:
        worker.wait()
    return PROCESSES * load.threads * load.acts * load.per_act / took


def inserted(folder: Path, load: Load) -> float:
    """Rows a second that pgbench inserts over as many connections, as many a commit: as bare as it gets."""
    import psycopg

    from zhaoliang.kernel.db.binaries import find_binaries, server_user

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS bench_bare (LIKE transfer INCLUDING DEFAULTS)")
    script = folder / "bare.sql"
    script.write_text(
        "INSERT INTO bench_bare (id, city_code, kind, debit_id, credit_id, amount_fen, at, subject_type, subject_id,"
        " memo, debit_after_fen, credit_after_fen) SELECT n, 120000, 'reserve', 1, 2, 1, now(), 'bench', 1, '', 0, 0"
        f" FROM generate_series(1, {load.per_act}) n;\n",
        encoding="utf-8",
    )
    program = find_binaries(server_user()).folder / "pgbench"
    clients, each = str(PROCESSES * load.threads), str(load.acts * 5)
    command = [str(program), "-n", "-M", "prepared", "-c", clients, "-j", "2", "-t", each, "-f", str(script)]
    done = subprocess.run([*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if done.returncode or not found:
        raise SystemExit(f"pgbench failed: {done.stderr[-500:]}")
    return float(found[1]) * load.per_act


def filled(count: int) -> Any:
    """One account with so many entries, posted by the ledger's own function; returns it."""
    from django.db import connection

    source, target = accounts(99)
    with connection.cursor() as cursor:
        for first in range(0, count, 10_000):
            cursor.execute(
                """
                SELECT count(*) FROM (
                    SELECT ledger_post_many(%(city)s, array_agg('reserve'::text), array_agg(%(source)s::bigint),
                                            array_agg(%(target)s::bigint), array_agg(1::bigint), %(at)s,
                                            array_agg('bench'::text), array_agg(n), array_agg(''::text))
                    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
                ) posted
                """,
                {
                    **{"city": CITY, "source": source.pk, "target": target.pk, "at": AT},
                    **{"first": first + 1, "last": min(first + 10_000, count)},
                },
            )
    return target


def measure(folder: Path, progress: Callable[[str], None], *, full: bool = False, parts: Sequence[str] = ()) -> None:
    """Print the figures of the ledger: of the `parts` (rates, books), or all."""
    if not parts or "rates" in parts:
        _rates(folder, progress)
    if not parts or "books" in parts:
        _books(progress, 1_000_000 if full else 50_000)


def _rates(folder: Path, progress: Callable[[str], None]) -> None:
    for load in LOADS:
        pairs = []
        for number in range(ROUNDS):
            pairs.append((posted(load), inserted(folder, load)))
            progress(
                f"bench: ledger, {load.name}, pair {number + 1} of {ROUNDS}: {pairs[-1][0]:.0f} ÷ {pairs[-1][1]:.0f}"
            )
        emit(
            f"transfers through the service, {load.name}",
            "transfers/s",
            statistics.median(ours for ours, _ in pairs),
            str(load.goal or ""),
            connections=PROCESSES * load.threads,
            against="pgbench inserting as many rows a commit",
            ratio=round(statistics.median(ours / bare for ours, bare in pairs), 2),
            pairs=[[round(rate) for rate in pair] for pair in pairs],
        )
        if load.goal:
            rate = statistics.median(ours for ours, _ in pairs)
            figures.reach(f"transfers through the service, {load.name}", rate, "transfers/s", f"≥ {load.goal}")


def _books(progress: Callable[[str], None], count: int) -> None:
    from django.db import connection

    from zhaoliang.funds.models import Account
    from zhaoliang.funds.selectors import statement, verify_books
    from zhaoliang.kernel.db.migrate import as_owner

    progress(f"bench: {count} entries")
    target = filled(count)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) transfer, account")
    began = time.monotonic()
    wrong = verify_books(CITY)
    took = time.monotonic() - began
    if wrong:
        raise SystemExit(f"the books do not agree: {wrong[0].what}")
    emit(f"proof of {count} entries", "s", took, "300 for a million")
    asked = []

    def explained(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    for name, ask in (
        ("balance of one account", lambda: Account.objects.get(city_code=CITY, pk=target.pk).balance_fen),
        ("last page of one account's statement", lambda: statement(target, limit=50)),
    ):
        asked.clear()
        with connection.execute_wrapper(explained):
            ask()
        times = [sum(_server_ms(sql, params) for sql, params in asked) for _ in range(50)]
        emit(f"{name} among {count} entries, server time", "ms", statistics.median(times), "5", slowest=max(times))
        figures.reach(f"{name} among {count:,} entries", statistics.median(times), "ms", "≤ 5")


def _server_ms(sql: str, params: Any) -> float:
    """Milliseconds the server plans and runs a statement, by its own account."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        said = cursor.fetchone()[0]
    plan = (json.loads(said) if isinstance(said, str) else said)[0]
    return plan["Planning Time"] + plan["Execution Time"]


def main() -> None:
    """Measure on a database of its own."""
    import run

    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = run.prepare(Path(name))
        try:
            parts = [part for part in sys.argv[1:] if not part.startswith("-")]
            measure(Path(name), run.progress, full="--full" in sys.argv[1:], parts=parts)
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
        work(*(int(one) for one in sys.argv[2:6]))
    else:
        main()
