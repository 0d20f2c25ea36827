"""Vouchers and sign-ins in bulk: the same questions on 1 % of the data and on all of it, side by side on one server.

`--full` fills one million vouchers and ten million sign-ins (some ten minutes and 7 GB); without it a tenth of each.
Filled set-based, without the services: what is measured are the statements of the pages and their indexes.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, connections
from psycopg import sql

import run
from figures import emit

CITY, ROUNDS, ASKS = 120000, 5, 20
PEOPLE, DAYS, SESSIONS = 30, 20, 2
GOAL = "≤ 1.3"
FEW = "bench_few"


def measure(progress: Callable[[str], None], *, full: bool) -> None:
    """Fill 1 %, keep it as a database of its own, fill the rest, ask both in turn, print the ratios."""
    # Each class: 30 trainees, 20 days, two sessions a day: 1,200 sign-ins.
    whole = 8_334 if full else 834
    vouchers = 1_000_000 if full else 100_000
    small = max(1, whole // 100)
    progress("volume: filling 1 %")
    base = _frame()
    _fill(base, 1, small, vouchers // 100)
    keep_as(FEW)
    progress(f"volume: filling {whole} classes, {whole * PEOPLE * DAYS * SESSIONS} sign-ins, {vouchers} vouchers")
    _fill(base, small + 1, whole, vouchers - vouchers // 100)
    progress("volume: asking")
    size = f"{vouchers:,} vouchers, {whole * PEOPLE * DAYS * SESSIONS:,} sign-ins"
    for name, few, many in _times((small, vouchers // 100), (whole, vouchers)):
        few_ms, all_ms = ([one * 1000 for one in side] for side in (few, many))
        emit(f"{name} ({size})", "ms", "on 1 %", all_ms, few_ms, GOAL)


def keep_as(name: str) -> None:
    """Copy the database as it stands under another name, on the same server."""
    own = connection.settings_dict["NAME"]
    connections.close_all()
    with psycopg.connect(os.environ["DATABASE_URL"], dbname="postgres", autocommit=True) as owner:
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        owner.execute(copied.format(sql.Identifier(name), sql.Identifier(own)))


def main() -> None:
    """Measure the volume alone, on a throw-away database: `python bench/volume.py [--full]`."""
    run.alone(measure)


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


def copy(table: str, changes: dict[str, str], source: str) -> str:
    """INSERT … SELECT of a row of `table` over a series, with some columns replaced."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        names = [column.name for column in cursor.description]
    picked = ", ".join(changes.get(name, f't."{name}"') for name in names)
    into = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({into}) SELECT {picked} FROM {table} t, {source}"


def _fill(base: dict[str, Any], first: int, last: int, vouchers: int) -> None:
    """Classes `first` to `last` with people, sessions, attendances and sign-ins, and so many vouchers more.

    The attendances lie as the start of a class makes them: class by class, each trainee's sessions together.
    """
    series = f"generate_series({first}, {last}) c"
    people = f"{series}, generate_series(0, {PEOPLE - 1}) p"
    each = DAYS * SESSIONS
    begins = "timestamptz '2026-03-16 00:00Z' + make_interval(days => s / 2, hours => (s % 2) * 5)"
    period = f"tstzrange({begins}, {begins} + interval '3 hours')"
    person_id = f"100000000 + c * {PEOPLE} + p"
    # One number an attendance, counted up: the order of the rows is not left to a join.
    seats = (
        f"(SELECT n, (n / {PEOPLE * each})::int AS c, (n / {each} % {PEOPLE})::int AS p, (n % {each})::int AS s"
        f" FROM generate_series({first}::bigint * {PEOPLE * each}, ({last} + 1)::bigint * {PEOPLE * each} - 1) n) seats"
    )
    where = f" WHERE t.city_code = {CITY} AND t.id = "
    statements = [
        copy("person", {"id": person_id, "id_hash": f"int8send({person_id})", "name": "'测试'"}, people)
        + where
        + str(base["person"]),
        copy("training_class", {"id": "10000000 + c", "name": "'bench ' || c"}, series) + where + str(base["class"]),
        copy(
            "class_session",
            {
                "id": f"100000000 + c * {each} + s",
                "training_class_id": "10000000 + c",
                "period": period,
                "holds": "false",
            },
            f"{series}, generate_series(0, {each - 1}) s",
        )
        + where
        + str(base["session"]),
        copy(
            "enrolment",
            {"id": person_id, "training_class_id": "10000000 + c", "person_id": person_id, "voucher_id": "NULL"},
            people,
        )
        + where
        + str(base["enrolment"]),
        f"INSERT INTO attendance (city_code, id, enrolment_id, session_id, person_id, period, planned_minutes, credited_minutes,"
        f" state, method, signed_at, flags, note) SELECT {CITY}, 1000000000 + n, {person_id}, 100000000 + c * {each} + s,"
        f" {person_id}, {period}, 180, CASE WHEN (p + s) % 9 = 0 THEN 0 ELSE 180 END,"
        f" CASE WHEN (p + s) % 9 = 0 THEN 'absent' ELSE 'present' END, 'location', {begins}, '[]', '' FROM {seats}",
        f"INSERT INTO sign_in (city_code, attendance_id, at, received_at, method, longitude, latitude, distance_m, device_hash,"
        f" reason) SELECT {CITY}, 1000000000 + n, {begins}, {begins}, 'location', 117.2, 39.1, 20, int8send({person_id}), ''"
        f" FROM {seats}",
    ]
    with (
        connection.cursor() as cursor,
        filling(
            cursor, "attendance", "sign_in", "voucher", light=("person", "training_class", "class_session", "enrolment")
        ),
    ):
        cursor.execute("SELECT count(*) FROM voucher")
        (top,) = cursor.fetchone()
        # Returned ones, of which a person may hold many: what is asked is the way to a code.
        made = {
            "id": f"2000000000::bigint + {top} + v",
            "person_id": f"{person_id_of(last)}",
            "code": f"'B' || lpad(({top} + v)::text, 20, '0')",
            "state": "'returned'",
        }
        statements.append(copy("voucher", made, f"generate_series(1, {vouchers}) v") + where + str(base["voucher"]))
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def filling(cursor: Any, *tables: str, light: tuple[str, ...] = ()) -> Generator[None]:
    """Let rows be put in set-based: those of `tables` with their indexes built afterwards, those of `light` as they come."""
    cursor.execute("SET ROLE NONE")
    # What refers to what is right by its making: asked row by row it would be most of the filling.
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("SET synchronous_commit = off")
    cursor.execute("SET maintenance_work_mem = '768MB'")
    with _indexed_afterwards(*tables):
        yield
    for table in (*light, *tables):
        cursor.execute(f"VACUUM ANALYZE {table}")
    cursor.execute("RESET session_replication_role")
    cursor.execute("RESET synchronous_commit")


@contextmanager
def _indexed_afterwards(*tables: str) -> Generator[None]:
    """Take the indexes of the tables away while they are filled, all but the keys others refer to, and build them at the end.

    The exclusion of one person in two places comes back as the index it is, without the constraint's own look at each row
    (fifteen times the building, and the rows are made to keep it): what is asked here finds the same index.
    """
    indexes = (
        "SELECT i.relname, t.relname, pg_get_indexdef(i.oid), CASE WHEN k.contype = 'u' THEN pg_get_constraintdef(k.oid) END,"
        " k.oid IS NOT NULL FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid"
        " LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.conrelid = t.oid"
        " WHERE t.relname = ANY(%s) AND NOT x.indisprimary ORDER BY 2, 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(indexes, [list(tables)])
        found = cursor.fetchall()
        for name, table, _, _, constrains in found:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if constrains else f"DROP INDEX {name}")
        yield
        for name, table, index, constraint, _ in found:
            run.progress(f"volume: index {name}")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}" if constraint else index)


def person_id_of(classes: int) -> str:
    """One of the people filled in so far, as an expression of the series `v`."""
    return f"100000000 + {PEOPLE} + v % {classes * PEOPLE}"


@contextmanager
def asking(wrapper: Any) -> Generator[None]:
    """Let everything that asks the database meanwhile ask the one behind `wrapper`."""
    own = connections["default"]
    connections["default"] = wrapper
    try:
        yield
    finally:
        connections["default"] = own


def _times(few: tuple[int, int], all_: tuple[int, int]) -> Generator[tuple[str, list[float], list[float]]]:
    """Seconds of each question on few and on all (so many classes, so many vouchers), each asked of one side and then
    of the other, so that what else the machine does weighs on both; a round is the median of its asks."""
    sides = []
    for name, (classes, vouchers) in ((FEW, few), (connection.settings_dict["NAME"], all_)):
        wrapper = connections.create_connection("default")
        wrapper.settings_dict = wrapper.settings_dict | {"NAME": name}
        with asking(wrapper):
            sides.append((wrapper, *_questions(classes, vouchers)))
    for question in sides[0][1]:
        times: tuple[list[float], list[float]] = [], []
        # The first round fills the buffers.
        for number in range(ROUNDS + 1):
            taken: tuple[list[float], list[float]] = [], []
            for place in range(ASKS):
                for (wrapper, questions, picked), seconds in zip(sides, taken, strict=True):
                    with asking(wrapper):
                        begin = time.perf_counter()
                        questions[question](picked[place])
                        seconds.append(time.perf_counter() - begin)
            if number:
                for round_, seconds in zip(times, taken, strict=True):
                    round_.append(statistics.median(seconds))
        yield question, *times
    for wrapper, _, _ in sides:
        wrapper.close()


def _questions(classes: int, vouchers: int) -> tuple[dict[str, Callable[[int], Any]], list[int]]:
    """The questions of the pages by a class's id, and the ids they are asked of; as many on few classes as on all."""
    from zhaoliang.attendance import evidence, selectors, signals
    from zhaoliang.attendance.models import Attendance, SignIn
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

    def device(pk: int) -> Any:
        value = person[pk].pk.to_bytes(8, "big")
        return list(SignIn.objects.filter(city_code=CITY, device_hash=value, at__gte=first[pk].starts_at)[:5])

    questions: dict[str, Callable[[int], Any]] = {
        "board of a day": lambda pk: selectors.class_board(held[pk], first[pk].starts_at.date()),
        "minutes by trainee": lambda pk: selectors.class_totals(held[pk]),
        "one person's minutes": lambda pk: selectors.minutes_of(person[pk]),
        "next session of a person": lambda pk: selectors.next_for(person[pk], first[pk].starts_at),
        "sign-ins of one attendance": lambda pk: selectors.sign_ins_of(
            Attendance.objects.filter(city_code=CITY, session=first[pk]).earliest("id")
        ),
        "sign-ins of one device": device,
        "voucher by code": lambda pk: Voucher.objects.filter(
            city_code=CITY, code="B" + str(pk * 7919 % vouchers + 1).zfill(20)
        ).first(),
        "roll of a class": lambda pk: roll(held[pk], first[pk].ends_at),
        "weighing of a session": lambda pk: evidence.weighed(first[pk], signals.WEIGHTS, sign_out_required=False),
    }
    return questions, picked


if __name__ == "__main__":
    main()
