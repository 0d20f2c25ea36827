"""`make bench`: one JSON line a figure, medians of interleaved runs side by side on a throw-away database of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, CLIENTS = 3, 16
SERVICE_CLAIMS, NAIVE_CLAIMS, PGBENCH_CLAIMS = 2_400, 480, 8_000
CITY = 120000


def progress(text: str) -> None:
    """Say on standard error what is going on; standard output carries the figures only."""
    print(text, file=sys.stderr, flush=True)


def prepare(folder: Path) -> Any:
    """Start a durable cluster in `folder`, point this process and its children at it, and fill in the schema."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "bench")]
    from zhaoliang.kernel.db.embedded import EmbeddedServer

    server = EmbeddedServer(folder / "postgres")
    os.environ |= {
        "DATABASE_URL": server.url(),
        "ZHAOLIANG_VAR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": "zhaoliang.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "bench")]),
    }
    server.start()
    import django

    django.setup()
    from zhaoliang.kernel.db.migrate import as_owner, migrate
    from zhaoliang.registry.reference import load_reference_data

    migrate()
    with as_owner():
        load_reference_data()
    return server


def alone(measure: Callable[..., None]) -> None:
    """Let one measurement have a throw-away database of its own, and print its table; `--full` is handed on to it."""
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = prepare(Path(name))
        from django.db import connections

        import figures

        try:
            measure(progress, full="--full" in sys.argv[1:])
            figures.table()
        finally:
            connections.close_all()
            server.destroy()


def people(count: int) -> None:
    """So many people with the ids 1 to `count`, without document numbers: good enough to hold vouchers."""
    from datetime import date

    from zhaoliang.registry.models import Person, PersonRegistry

    # Numbered as services number them, so that whoever is registered afterwards gets a number of his own.
    hashes = [number.to_bytes(8, "big") for number in range(1, count + 1)]
    drawn = PersonRegistry.objects.bulk_create([PersonRegistry(id_hash=one) for one in hashes], batch_size=1_000)
    if [one.person_id for one in drawn] != list(range(1, count + 1)):
        raise SystemExit("bench: the numbers 1 to the crowd's size are for the crowd: make it before anybody else")
    Person.objects.bulk_create(
        [
            Person(
                city_code=CITY,
                id=number,
                id_hash=number.to_bytes(8, "big"),
                name="测试",
                pinyin_key="ceshi",
                document_number="",
                birth_date=date(1990, 5, 1),
                region_id=CITY + 101,
                created_at=_today(),
            )
            for number in range(1, count + 1)
        ],
        batch_size=1_000,
    )


def open_batch(*, one_slot: bool = False) -> int:
    """A fresh open batch with room for everybody; `one_slot` puts all its quota into one counter row."""
    from factories.vouchers import batch
    from zhaoliang.vouchers.models import BatchSlot

    quota = 1 if one_slot else 100_000
    made = batch(quota=quota, amount_fen=1, at=_today())
    if one_slot:
        BatchSlot.objects.filter(city_code=CITY, batch=made).update(quota=100_000)
    return made.pk


def _today() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


@contextmanager
def web() -> Any:
    """The application on granian as in service (2 processes, 8 threads each, pooled connections); yields the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--blocking-threads", "8", "--log-level", "error", "app:application"]
    process = subprocess.Popen(command, env={**os.environ, "ZHAOLIANG_DB_POOL": "1"}, start_new_session=True)
    try:
        for _ in range(900):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise SystemExit("the web server did not start")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def over_http(port: int, how: str, batch_id: int, count: int) -> float:
    """Claims a second of `count` people, sent by 16 clients that keep their connections."""
    numbers, lock, wrong = iter(range(1, count + 1)), threading.Lock(), []

    def client() -> None:
        with socket.create_connection(("127.0.0.1", port)) as line:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                line.sendall(f"GET /{how}/{CITY}/{batch_id}/{number} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
                answer = b""
                while not answer.endswith(b"\r\n\r\nok"):
                    received = line.recv(4096)
                    answer += received
                    if not received or not answer.startswith(b"HTTP/1.1 200"):
                        wrong.append(answer[:200])
                        return

    workers = [threading.Thread(target=client) for _ in range(CLIENTS)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - begin
    if wrong:
        raise SystemExit(f"{how}: a claim failed: {wrong[0]!r}")
    return count / elapsed


def over_pgbench(folder: Path, batch_id: int, count: int) -> float:
    """Transactions a second of pgbench calling the same SQL function, `count` people, 16 connections."""
    import psycopg

    from zhaoliang.kernel.db.binaries import find_binaries, server_user

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("DROP SEQUENCE IF EXISTS bench_person")
        owner.execute("CREATE SEQUENCE bench_person CACHE 1")
    script = folder / "claim.sql"
    script.write_text(
        f"SELECT claim_voucher({CITY}, {batch_id}, n, 'bench-' || {batch_id} || '-' || n, 'api', '', now())"
        " FROM nextval('bench_person') n;\n",
        encoding="utf-8",
    )
    program = find_binaries(server_user()).folder / "pgbench"
    each = str(count // CLIENTS)
    command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-t", each, "-f", str(script)]
    done = subprocess.run([*command, os.environ["DATABASE_URL"]], capture_output=True, text=True, check=False)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    if done.returncode or not found:
        raise SystemExit(f"pgbench failed: {done.stderr[-500:]}")
    return float(found[1])


def claimed(batch_id: int) -> int:
    """How many vouchers the batch has: a rate counts only with its vouchers in the table."""
    from zhaoliang.vouchers.models import Voucher

    return Voucher.objects.filter(city_code=CITY, batch_id=batch_id, state="claimed").count()


def line(bench: str, ours: list[float], against: str, theirs: list[float]) -> None:
    """Print one figure: the median, its ratio to the other side's median, and all runs of both."""
    figure, other = statistics.median(ours), statistics.median(theirs)
    runs = {"ours": [round(run) for run in ours], "against": [round(run) for run in theirs]}
    record = {"bench": bench, "figure": round(figure), "unit": "claims/s", "against": against}
    print(json.dumps(record | {"ratio": round(figure / other, 2), "runs": runs}, ensure_ascii=False), flush=True)


def main() -> None:
    """Measure everything and print one table of it."""
    import figures

    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        broken: list[str] = []
        handed = Path(name) / "figures"
        handed.touch()
        os.environ[figures.HANDED_ON] = str(handed)
        try:
            _databases()
            # Each a process of its own: volume, reports and funnel on databases of their own, for a hundredth is one; the others
            # on files alone, `--full` asks the four engines of the rules a million lines.
            given = sys.argv[1:]
            identity = [] if "--full" in given else ["20000"]
            parts = {
                "volume": given,
                "report_rates": given,
                "whatif_speed": [],
                "funnel_rates": given,
                "identity": identity,
            }
            for part, options in parts.items():
                ended = subprocess.run([sys.executable, str(ROOT / "bench" / f"{part}.py"), *options], check=False)
                if ended.returncode:
                    # The others are measured all the same: a whole run takes half an hour.
                    broken.append(part)
        finally:
            # Also of a run that was cut off: what was measured is shown.
            rows = handed.read_text(encoding="utf-8").splitlines()
            found = [figures.Figure(**json.loads(row)) for row in rows]
            figures.show(found)
    if missed := [*(f"{part} broke off" for part in broken), *(one.name for one in found if not one.reached)]:
        raise SystemExit(f"bench: not reached: {'; '.join(missed)}")


def _databases() -> None:
    """What is measured on one database, one part after the other."""
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        folder = Path(name)
        progress("bench: database")
        server = prepare(folder)
        try:
            people(PGBENCH_CLAIMS)
            measure(folder)
            import gate_rates

            gate_rates.measure(folder, progress, full="--full" in sys.argv[1:])
            # Last: they empty the tables and fill them with claims of their own.
            import ledger_rates

            ledger_rates.measure(folder, progress, full="--full" in sys.argv[1:])
            # Last: it empties the tables and fills them with claims of its own.
            import audit_rates
            import bank_rates
            import payment_rates

            audit_rates.measure(progress, full="--full" in sys.argv[1:])
            bank_rates.measure(progress, full="--full" in sys.argv[1:])
            payment_rates.measure(progress, full="--full" in sys.argv[1:])
            import review_rates

            review_rates.measure(progress)
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


def measure(folder: Path) -> None:
    """Interleave the three ways of claiming, a fresh batch each time."""
    sides: dict[str, tuple[Callable[[int, int], float], int]] = {}
    rates: dict[str, list[float]] = {}
    with web() as port:
        sides["service"] = (lambda batch_id, count: over_http(port, "service", batch_id, count), SERVICE_CLAIMS)
        sides["naive"] = (lambda batch_id, count: over_http(port, "naive", batch_id, count), NAIVE_CLAIMS)
        sides["pgbench"] = (lambda batch_id, count: over_pgbench(folder, batch_id, count), PGBENCH_CLAIMS)
        for how in ("service", "naive"):
            sides[how][0](open_batch(one_slot=how == "naive"), CLIENTS * 4)
        for number in range(ROUNDS):
            for how, (run, count) in sides.items():
                batch_id = open_batch(one_slot=how == "naive")
                rates.setdefault(how, []).append(run(batch_id, count))
                if claimed(batch_id) != count:
                    raise SystemExit(f"{how}: {claimed(batch_id)} vouchers for {count} claims")
                progress(f"bench: round {number + 1} of {ROUNDS}, {how}: {rates[how][-1]:.0f} claims/s")
    line("claim through the service over HTTP", rates["service"], "naive ORM claim over HTTP", rates["naive"])
    line("claim through the service over HTTP", rates["service"], "pgbench on the same SQL function", rates["pgbench"])


if __name__ == "__main__":
    main()
