"""The gate over HTTP beside pgbench on the same function, the naive service and Django's own view; keys and passes on."""

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
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import figures
import run
from figures import emit

HERE = Path(__file__).resolve().parent
CLAIMS, NAIVE, VERIFIED, SIGNED = 8_000, 480, 6_000, 8_000
PARTNER_CLAIMS = 60
ROUNDS, PAIRS = 3, 8
WARM = 400


@contextmanager
def serving(command: list[str], port: int, ready: str, **extra: str) -> Iterator[int]:
    """A server process; yields its id once `ready` answers 200."""
    process = subprocess.Popen(command, env={**os.environ, **extra}, start_new_session=True)
    try:
        for _ in range(900):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    probe.sendall(f"GET {ready} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                    if b" 200 " in probe.recv(100):
                        break
            time.sleep(0.1)
        else:
            raise SystemExit(f"{command[2]} did not start")
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(path: str, token: str, body: dict[str, Any], key: str = "") -> str:
    """One request as text."""
    content = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
    head += f"Idempotency-Key: {key}\r\n" if key else ""
    return f"{head}Content-Length: {len(content)}\r\n\r\n{content}"


def load(port: int, connections: int, requests: list[str], *, warm: list[str] | None = None, rate: float = 0) -> Any:
    """Send the requests from another process; every answer must be a 200."""
    command = [sys.executable, str(HERE / "gate_load.py"), str(port), str(connections), str(rate)]
    given = json.dumps({"warm": warm or [], "requests": requests})
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"load generator: {done.stderr[-800:]}")
    result = json.loads(done.stdout)
    if result["statuses"] != {"200": len(requests)}:
        raise SystemExit(f"not everything was answered with 200: {result['statuses']}")
    return result


def claims(batch_id: int, first: int, count: int) -> list[str]:
    """Claims of one batch by so many people, each with a pass and a key."""
    from zhaoliang.kernel import tokens
    from zhaoliang.vouchers import passes

    until = datetime.now(UTC) + timedelta(hours=1)
    body = {"city_code": run.CITY, "batch_id": str(batch_id), "declared": True}
    found = []
    for person in range(first, first + count):
        content = {"u": person, "p": person, "n": "测试", "c": run.CITY, "b": batch_id, "x": "", "h": "page"}
        token = tokens.issue(passes.CLAIM, content, until=until)
        found.append(post("/gate/claim", token, body, f"bench-{batch_id}-{person}"))
    return found


def over_gate(port: int, connections: int, *, rate: float = 0) -> Any:
    """A fresh batch claimed by everybody, after a warm-up on another one."""
    batch_id = run.open_batch()
    warm = claims(run.open_batch(), 1, WARM)
    result = load(port, connections, claims(batch_id, 1, CLAIMS), warm=warm, rate=rate)
    if run.claimed(batch_id) != CLAIMS:
        raise SystemExit(f"{run.claimed(batch_id)} vouchers for {CLAIMS} claims")
    return result


def over_pgbench(folder: Path, connections: int) -> tuple[float, float]:
    """Transactions a second of pgbench on the single-claim function, and its median in milliseconds."""
    import psycopg

    from zhaoliang.kernel.db.binaries import find_binaries, server_user

    batch_id = run.open_batch()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("DROP SEQUENCE IF EXISTS bench_person")
        owner.execute("CREATE SEQUENCE bench_person CACHE 1")
    script = folder / "gate_claim.sql"
    script.write_text(
        f"SELECT claim_voucher({run.CITY}, {batch_id}, n, 'bench-' || {batch_id} || '-' || n, 'api', '', now())"
        " FROM nextval('bench_person') n;\n",
        encoding="utf-8",
    )
    program = find_binaries(server_user()).folder / "pgbench"
    with tempfile.TemporaryDirectory(dir=folder) as logs:
        command = [str(program), "-n", "-M", "prepared", "-c", str(connections), "-j", "2", "-f", str(script)]
        command += ["-t", str(CLAIMS // connections), "-l", "--log-prefix", f"{logs}/log", os.environ["DATABASE_URL"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
        if done.returncode or not found:
            raise SystemExit(f"pgbench failed: {done.stderr[-500:]}")
        times = sorted(int(row.split()[2]) for log in Path(logs).iterdir() for row in log.read_text().splitlines())
    return float(found[1]), times[len(times) // 2] / 1000


def resident(pid: int) -> int:
    """Memory of a process group in KiB."""
    found = subprocess.run(["ps", "-o", "rss=", "-g", str(pid)], capture_output=True, text=True, check=True)
    return sum(int(row) for row in found.stdout.split())


PARTS = ("claims", "verify", "partners", "sign-ins", "memory")


def measure(folder: Path, progress: Callable[[str], None], *, full: bool = False, parts: Sequence[str] = PARTS) -> None:
    """Start both servers and print the gate's part of the table, or some of it."""
    from zhaoliang.cli.gate import command, environment

    port, django_port = free_port(), free_port()
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(django_port), "--workers", "2"]
    web += ["--blocking-threads", "8", "--log-level", "error", "zhaoliang.wsgi:application"]
    with (
        serving(command(port), port, "/gate/readyz", **environment()) as gate,
        serving(web, django_port, "/healthz", ZHAOLIANG_DB_POOL="1"),
        run.web() as naive_port,
    ):
        _in_use(port)
        if "claims" in parts:
            _claim_rates(folder, progress, port, naive_port)
        if "verify" in parts:
            _verify_rates(progress, port, django_port)
        if "partners" in parts:
            _partner_rates(progress, port, django_port)
        if "sign-ins" in parts:
            _sign_in_rates(progress, port)
        if "memory" in parts:
            _memory(progress, port, gate, full=full)


HOT = "person, voucher_batch, batch_slot, voucher, attendance, sign_in, state_change, audit_event, idempotency_key"


def _in_use(port: int) -> None:
    """Bring the tables into the state of a service in use: some rows, and the statistics that autovacuum makes of them within a
    minute. Without, either side is measured with plans that were made for empty tables."""
    load(port, 32, claims(run.open_batch(), 1, 2 * WARM))
    load(port, 32, _sign_ins(0)[: 2 * WARM])
    _analyse()


def _analyse() -> None:
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute(f"ANALYZE {HOT}")


def _settled() -> None:
    """Write out what was written until now: a checkpoint in the middle of one side's two seconds would be its alone."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("CHECKPOINT")


def _claim_rates(folder: Path, progress: Callable[[str], None], port: int, naive_port: int) -> None:
    rates: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        for connections in (32, 256):
            rates.setdefault(f"gate {connections}", []).append(over_gate(port, connections)["rate"])
            figure, median = over_pgbench(folder, connections)
            rates.setdefault(f"pgbench {connections}", []).append(figure)
            rates.setdefault(f"median {connections}", []).append(median)
        naive = run.over_http(naive_port, "naive", run.open_batch(one_slot=True), NAIVE)
        rates.setdefault("naive", []).append(naive)
        progress(f"gate: round {number + 1} of {ROUNDS}: " + ", ".join(f"{k} {v[-1]:.0f}" for k, v in rates.items()))
    for connections in (32, 256):
        against = f"pgbench on claim_voucher, {connections} connections"
        ours = rates[f"gate {connections}"]
        emit(
            f"gate claims, {connections} connections",
            "claims/s",
            against,
            ours,
            rates[f"pgbench {connections}"],
            "≥ 0.8",
        )
    against = "naive ORM claim over HTTP, 16 connections"
    emit("gate claims, 256 connections", "claims/s", against, rates["gate 256"], rates["naive"], "≥ 30")
    pace = statistics.median(rates["gate 32"]) * 0.7
    waits = [over_gate(port, 128, rate=pace)["p99"] for _ in range(ROUNDS)]
    emit(
        "gate claims, p99 at 70 % of its maximum",
        "ms",
        "pgbench median, 32 connections",
        waits,
        rates["median 32"],
        "≤ 10",
    )


def _partner_key(organisation: Any, *scopes: str) -> str:
    """The secret of a partner system of this organisation."""
    from zhaoliang.kernel.roles import Place, Role, system_actor
    from zhaoliang.registry import services
    from zhaoliang.registry.services.partners import issue_partner_key, new_secret

    at, secret = datetime.now(UTC), new_secret()
    place = Place(run.CITY, organisation.region_id, organisation.pk)
    user = services.create_user(
        actor=system_actor(),
        at=at,
        place=place,
        username=f"bench-{organisation.pk}",
        name="测试接口",
        city_code=run.CITY,
    )
    services.assign_role(
        actor=system_actor(), at=at, place=place, user=user, role=Role.PARTNER, region_code=organisation.region_id,
        organisation=organisation, valid_from=at.date(),
    )  # fmt: skip
    issue_partner_key(
        actor=system_actor(), at=at, place=place, user=user, name="bench", secret=secret, scopes=list(scopes),
        expires_at=at + timedelta(days=1),
    )  # fmt: skip
    return secret


def _partner_rates(progress: Callable[[str], None], port: int, django_port: int) -> None:
    """A card platform claims for people by their documents, then has their codes used for its provider's class. Every claim asks
    the policies, at the gate as in the API's view; so the two should be alike."""
    from factories import vouchers
    from factories.classes import draft
    from zhaoliang.vouchers.models import Voucher

    at = datetime.now(UTC)
    project = vouchers.listed_project(at=at)
    secret = _partner_key(project.provider, "vouchers.claim", "vouchers.use")
    training_class = draft(project, at=at, start=(at + timedelta(days=30)).date(), planned=False, capacity=500)
    sides = {
        "gate": (port, "/gate/claim", "/gate/use"),
        "django": (django_port, "/api/v1/vouchers/claim", "/api/v1/vouchers/use"),
    }
    rates: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        batch = vouchers.batch(project, quota=100_000, amount_fen=1, at=at)
        for side, (there, claim, use) in sides.items():
            asked = []
            for person in vouchers.crowd(PARTNER_CLAIMS, at=at):
                body = {"document_number": person.document_number, "name": person.name, "declared": True}
                key = f"claim-{side}-{person.pk}"
                asked.append(post(claim, secret, {"batch_id": str(batch.pk), **body}, key))
            rates.setdefault(f"{side} claims", []).append(load(there, 16, asked)["rate"])
            held = Voucher.objects.filter(city_code=run.CITY, batch=batch, state="claimed").order_by("-id")
            uses = [
                post(use, secret, {"code": one.code, "class_id": str(training_class.pk)}, f"use-{side}-{one.pk}")
                for one in held[:PARTNER_CLAIMS]
            ]
            rates.setdefault(f"{side} uses", []).append(load(there, 16, uses)["rate"])
        progress(
            f"gate: partners, round {number + 1} of {ROUNDS}: "
            + ", ".join(f"{k} {v[-1]:.0f}" for k, v in rates.items())
        )
    for what in ("claims", "uses"):
        name = f"partners' {what} at the gate by document and key, 16 connections"
        emit(name, f"{what}/s", "the API's Django view", rates[f"gate {what}"], rates[f"django {what}"], "")


def _verify_rates(progress: Callable[[str], None], port: int, django_port: int) -> None:
    import psycopg

    from factories import registry

    secret = _partner_key(registry.organisation(at=datetime.now(UTC)), "vouchers.verify")
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        rows = owner.execute("SELECT code FROM voucher WHERE code LIKE %s LIMIT %s", ["120000%", VERIFIED]).fetchall()
    codes = [code for (code,) in rows]
    rates: dict[str, list[float]] = {"gate": [], "django": []}
    for number in range(ROUNDS):
        asked = [post("/gate/verify", secret, {"code": code}) for code in codes]
        rates["gate"].append(load(port, 32, asked, warm=asked[:WARM])["rate"])
        asked = [post("/api/v1/vouchers/verify", secret, {"code": code}) for code in codes[:800]]
        rates["django"].append(load(django_port, 32, asked, warm=asked[:100])["rate"])
        progress(f"gate: verify, round {number + 1} of {ROUNDS}: {rates['gate'][-1]:.0f}, {rates['django'][-1]:.0f}")
    emit(
        "gate verify by code, 32 connections",
        "checks/s",
        "the API's Django view",
        rates["gate"],
        rates["django"],
        "≥ 3",
    )


def _sign_in_rates(progress: Callable[[str], None], port: int) -> None:
    """Pairs of a few seconds each, so more of them; whoever comes first pays for the filling, so each side comes first in turn."""
    rates: dict[str, list[float]] = {"sign-ins": [], "claims": []}
    for number in range(PAIRS):
        asked = _sign_ins(number + 1)
        _analyse()
        sides: list[tuple[str, Callable[[], float]]] = [
            ("sign-ins", lambda asked=asked: load(port, 32, asked[WARM:], warm=asked[:WARM])["rate"]),
            ("claims", lambda: over_gate(port, 32)["rate"]),
        ]
        for name, rate in sides if number % 2 else reversed(sides):
            _settled()
            rates[name].append(rate())
        progress(
            f"gate: sign-ins, pair {number + 1} of {PAIRS}: {rates['sign-ins'][-1]:.0f}, {rates['claims'][-1]:.0f}"
        )
    emit("gate sign-ins, 32 connections", "sign-ins/s", "gate claims", rates["sign-ins"], rates["claims"], "≥ 1")


def _sign_ins(number: int) -> list[str]:
    """So many trainees in classes of thirty, expected this morning, each with a pass, a key and a phone of their own."""
    import psycopg

    from zhaoliang.attendance import passes
    from zhaoliang.kernel import tokens

    at = datetime.now(UTC)
    first = 1_000_000 * (number + 1)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        # The trainees' classes are not made: foreign keys are not checked while filling.
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            "INSERT INTO attendance (city_code, id, enrolment_id, session_id, person_id, period, planned_minutes,"
            " credited_minutes, state, method, flags, note) SELECT %s, %s + n, %s + n, %s + n / 30, n,"
            " tstzrange(%s, %s), 180, 0, 'expected', '', '[]', '' FROM generate_series(1, %s) n",
            [run.CITY, first, first, first, at + timedelta(days=number), at + timedelta(days=number, hours=3), SIGNED],
        )
    found = []
    for person in range(1, SIGNED + 1):
        content = {
            "u": person,
            "p": person,
            "n": "测试",
            "c": run.CITY,
            "a": first + person,
            "g": run.CITY,
            "b": at.timestamp(),
            "o": at.timestamp() - 1800,
            "l": at.timestamp() + 900,
            "x": at.timestamp() + 1800,
            "s": ["117.200000", "39.100000", 300],
            # A phone signs its owner in twice a day, not at eight lessons of one morning.
            "d": f"phone-{number // 2}-{person}",
        }
        token = tokens.issue(passes.SIGN_IN, content, until=at + timedelta(hours=1))
        body = {"attendance_id": str(first + person), "longitude": "117.2001", "latitude": "39.1002"}
        found.append(post("/gate/sign-in", token, body, f"sign-in-{first + person}"))
    return found


def _memory(progress: Callable[[str], None], port: int, gate: int, *, full: bool) -> None:
    """Memory at 10 %, 50 % and 100 % of a million claims with `full`, else of 80,000. Flat: no more at the end than a tenth above
    what the first tenth left."""
    turns = 1_000_000 // CLAIMS if full else 10
    marks = {max(1, turns // 10): "10 %", turns // 2: "50 %", turns: "100 %"}
    held: dict[str, float] = {}
    resent = 0
    for turn in range(1, turns + 1):
        resent += load(port, 256, claims(run.open_batch(), 1, CLAIMS))["resent"]
        if turn in marks:
            held[marks[turn]] = resident(gate) / 1024
            progress(
                f"gate: memory at {marks[turn]}, {turn * CLAIMS} claims: {held[marks[turn]]:.0f} MiB, {resent} sent again"
            )
    count = f"gate memory after {turns * CLAIMS:,} claims"
    emit(count, "MiB", "at 50 %", [held["100 %"]], [held["50 %"]], "≤ 1.1")
    emit(count, "MiB", "at 10 %", [held["100 %"]], [held["10 %"]], "≤ 1.1")


def main() -> None:
    """Measure the gate alone, on a throw-away database: `python bench/gate_rates.py [--full] [PART…]`."""
    parts = [part for part in sys.argv[1:] if part in PARTS] or PARTS
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        folder = Path(name)
        run.progress("gate: database")
        server = run.prepare(folder)
        try:
            run.people(CLAIMS)
            measure(folder, run.progress, full="--full" in sys.argv[1:], parts=parts)
            figures.table()
        finally:
            from django.db import connections

            connections.close_all()
            server.destroy()


if __name__ == "__main__":
    main()
