"""Vouchers and sign-ins in bulk: the same questions on 1 % of the data and on all of it, side by side on one database.

`--full` fills one million vouchers and ten million sign-ins (some ten minutes and 6 GB); without it a tenth of each.
Filled set-based, without the services: what is measured are the statements of the pages and their indexes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection

import figures
import run
from figures import emit

CITY, ROUNDS, ASKS = 120000, 5, 40
PEOPLE, DAYS, SESSIONS = 30, 20, 2
GOAL = "≤ 1.3"


def measure(progress: Callable[[str], None], *, full: bool) -> None:
    """Fill 1 % first, ask, fill the rest, ask again, print the ratios."""
    # Each class: 30 trainees, 20 days, two sessions a day: 1,200 sign-ins.
    whole = 8_334 if full else 834
    vouchers = 1_000_000 if full else 100_000
    small = max(1, whole // 100)
    progress("volume: filling 1 %")
    base = _frame()
    _fill(base, 1, small, vouchers // 100)
    few = _times(small)
    progress(f"volume: filling {whole} classes, {whole * PEOPLE * DAYS * SESSIONS} sign-ins, {vouchers} vouchers")
    _fill(base, small + 1, whole, vouchers - vouchers // 100)
    many = _times(whole)
    size = f"{vouchers:,} vouchers, {whole * PEOPLE * DAYS * SESSIONS:,} sign-ins"
    for name, ours in many.items():
        all_ms, few_ms = ([one * 1000 for one in side] for side in (ours, few[name]))
        emit(f"{name} ({size})", "ms", "on 1 %", all_ms, few_ms, GOAL)
    _funnel(vouchers)


def _funnel(vouchers: int) -> None:
    """Milliseconds of the voucher funnel over everything: it reads every voucher, so it has a figure and no ratio."""
    from zhaoliang.oversight.funnel import DIMENSIONS, Filter, funnel

    for by in DIMENSIONS:
        begin = time.perf_counter()
        rows = funnel(Filter(CITY, CITY), by)
        record = {
            "bench": f"voucher funnel by {by}",
            "figure": round((time.perf_counter() - begin) * 1000),
            "unit": "ms",
        }
        print(json.dumps(record | {"vouchers": vouchers, "rows": len(rows)}, ensure_ascii=False), flush=True)


def main() -> None:
    """Measure the volume alone, on a throw-away database: `python bench/volume.py [--full]`."""
    with tempfile.TemporaryDirectory(prefix="zhaoliang-bench-") as name:
        server = run.prepare(Path(name))
        try:
            measure(run.progress, full="--full" in sys.argv[1:])
            figures.table()
        finally:
            connection.close()
            server.destroy()


def _frame() -> dict[str, Any]:
    """One class made by the factories, whose columns the others copy."""
    from factories.attendance import first_attendance, running
    from factories.vouchers import voucher

    found = first_attendance(running(people=1))
    made = found.session.training_class
    return {
        "class": made.pk,
        "session": found.session.pk,
        "enrolment": found.enrolment.pk,
        "voucher": voucher(made.project).pk,
        "person": found.enrolment.person_id,
        "site": made.site_id,
    }


def _copy(table: str, changes: dict[str, str], source: str) -> str:
    """INSERT … SELECT of a row of `table` over a series, with some columns replaced."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        names = [column.name for column in cursor.description]
    picked = ", ".join(changes.get(name, f't."{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({into}) SELECT {picked} FROM {table} t, {source}"


def _fill(base: dict[str, Any], first: int, last: int, vouchers: int) -> None:
    """Classes `first` to `last` with people, sessions, attendances and sign-ins, and so many vouchers more."""
    series = f"generate_series({first}, {last}) c"
    people, sessions = (
        f"{series}, generate_series(0, {PEOPLE - 1}) p",
        f"{series}, generate_series(0, {DAYS * SESSIONS - 1}) s",
    )
    class_id, person_id = "10000000 + c", f"100000000 + c * {PEOPLE} + p"
    session_id, enrolment_id = f"100000000 + c * {DAYS * SESSIONS} + s", f"100000000 + c * {PEOPLE} + p"
    begins = "timestamptz '2026-03-16 00:00Z' + make_interval(days => s / 2, hours => (s % 2) * 5)"
    period = f"tstzrange({begins}, {begins} + interval '3 hours')"
    attendance_id = f"1000000000::bigint + (c::bigint * {DAYS * SESSIONS} + s) * {PEOPLE} + p"
    where = f" WHERE t.city_code = {CITY} AND t.id = "
    statements = [
        _copy("person", {"id": person_id, "id_hash": f"int8send({person_id})", "name": "'测试'"}, people)
        + where
        + str(base["person"]),
        _copy("training_class", {"id": class_id, "name": "'bench ' || c"}, series) + where + str(base["class"]),
        _copy(
            "class_session",
            {"id": session_id, "training_class_id": class_id, "period": period, "holds": "false"},
            sessions,
        )
        + where
        + str(base["session"]),
        _copy(
            "enrolment",
            {"id": enrolment_id, "training_class_id": class_id, "person_id": person_id, "voucher_id": "NULL"},
            people,
        )
        + where
        + str(base["enrolment"]),
        f"INSERT INTO attendance (city_code, id, enrolment_id, session_id, person_id, period, planned_minutes, credited_minutes,"
        f" state, method, signed_at, flags, note) SELECT {CITY}, {attendance_id}, {enrolment_id}, {session_id}, {person_id}, {period},"
        f" 180, CASE WHEN (p + s) % 9 = 0 THEN 0 ELSE 180 END, CASE WHEN (p + s) % 9 = 0 THEN 'absent' ELSE 'present' END,"
        f" 'location', {begins}, '[]', '' FROM {people}, generate_series(0, {DAYS * SESSIONS - 1}) s",
        f"INSERT INTO sign_in (city_code, attendance_id, at, received_at, method, longitude, latitude, distance_m, device_hash,"
        f" reason) SELECT {CITY}, {attendance_id}, {begins}, {begins}, 'location', 117.2, 39.1, 20, int8send({person_id}), ''"
        f" FROM {people}, generate_series(0, {DAYS * SESSIONS - 1}) s",
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        # What refers to what is right by its making: asked row by row it would be most of the filling.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        # Row by row the exclusion of one person in two places costs most of the filling; built once at the end it does not.
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'attendance_one_place'")
        (exclusion,) = cursor.fetchone()
        cursor.execute("ALTER TABLE attendance DROP CONSTRAINT attendance_one_place")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute(f"ALTER TABLE attendance ADD CONSTRAINT attendance_one_place {exclusion}")
        cursor.execute("SELECT count(*) FROM voucher")
        (top,) = cursor.fetchone()
        # Returned ones, of which a person may hold many: what is asked is the way to a code.
        made = {
            "id": f"2000000000::bigint + {top} + v",
            "person_id": f"{person_id_of(last)}",
            "code": f"'B' || lpad(({top} + v)::text, 20, '0')",
            "state": "'returned'",
        }
        cursor.execute(_copy("voucher", made, f"generate_series(1, {vouchers}) v") + where + str(base["voucher"]))
        for table in ("person", "class_session", "enrolment", "attendance", "sign_in", "voucher"):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("RESET session_replication_role")
        cursor.execute("RESET synchronous_commit")


def person_id_of(classes: int) -> str:
    """One of the people filled in so far, as an expression of the series `v`."""
    return f"100000000 + {PEOPLE} + v % {classes * PEOPLE}"


def _times(classes: int) -> dict[str, list[float]]:
    """Seconds of each question, medians of rounds over different classes."""
    from zhaoliang.attendance import selectors
    from zhaoliang.attendance.models import Attendance
    from zhaoliang.attendance.roll import roll
    from zhaoliang.classes.models import ClassSession, TrainingClass
    from zhaoliang.registry.models import Person
    from zhaoliang.vouchers.models import Voucher

    picked = [10_000_000 + 1 + number * classes // ASKS % classes for number in range(ASKS)]
    held = {
        row.pk: row for row in TrainingClass.objects.filter(city_code=CITY, pk__in=picked).select_related("project")
    }
    first = {pk: ClassSession.objects.filter(city_code=CITY, training_class=pk).earliest("id") for pk in held}
    person = {pk: Person(city_code=CITY, id=100_000_000 + (pk - 10_000_000) * PEOPLE) for pk in held}

    def board(pk: int) -> Any:
        return selectors.class_board(held[pk], first[pk].starts_at.date())

    def device(pk: int) -> Any:
        from zhaoliang.attendance.models import SignIn

        value = person[pk].pk.to_bytes(8, "big")
        return list(SignIn.objects.filter(city_code=CITY, device_hash=value, at__gte=first[pk].starts_at)[:5])

    questions: dict[str, Callable[[int], Any]] = {
        "roll of a class": lambda pk: roll(held[pk]),
        "board of a day": board,
        "minutes by trainee": lambda pk: selectors.class_totals(held[pk]),
        "one person's minutes": lambda pk: selectors.minutes_of(person[pk]),
        "next session of a person": lambda pk: selectors.next_for(person[pk], first[pk].starts_at),
        "sign-ins of one attendance": lambda pk: selectors.sign_ins_of(
            Attendance.objects.filter(city_code=CITY, session=first[pk]).earliest("id")
        ),
        "sign-ins of one device": device,
        "voucher by code": lambda pk: Voucher.objects.filter(
            city_code=CITY, code="B" + str(pk % 900 + 1).zfill(20)
        ).first(),
    }
    found: dict[str, list[float]] = {}
    for name, ask in questions.items():
        for pk in held:
            ask(pk)
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for pk in held:
                ask(pk)
            found.setdefault(name, []).append((time.perf_counter() - begin) / len(held))
    return found


if __name__ == "__main__":
    main()
