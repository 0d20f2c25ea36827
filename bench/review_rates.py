"""Server time of the review desk in a city with a million claim lines: the list, a claim, one of 100,000 lines.

The whole request is timed in the process that answers it (middleware, session, permission, queries, template), warm, as the
officer of the city who sees all of it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import audit_fill
import figures

CITY = audit_fill.CITY
LINES, LARGE = 999_990, 100_000
ROUNDS = 15
BAR_MS = 200


def measure(progress: Callable[[str], None], *, lines: int = LINES, large: int = LARGE) -> None:
    """Print the median and the slowest of each page, one JSON line each, and keep the medians for the table."""
    from django.db import connection

    from zhaoliang.kernel.db.migrate import as_owner

    progress(f"bench: review, filling the tables with {lines:,} lines")
    with as_owner():
        audit_fill.fill(connection, lines)
        with connection.cursor() as cursor:
            _into_review(cursor, large)
    client = _officer()
    first = lines // audit_fill.SEATS
    pages = {
        "review list": "/bureau/claims/",
        "review list, one state": "/bureau/claims/?state=first_review",
        "review list, last page": "/bureau/claims/?before=end",
        "review list, searched": "/bureau/claims/?text=99",
        "home queue": "/bureau/",
        "a claim of 30 lines": f"/bureau/claims/{CITY}/{first}/",
        "a claim of 100,000 lines": f"/bureau/claims/{CITY}/1/",
        "the same, in the middle": f"/bureau/claims/{CITY}/1/?line={large // 2}&show=look",
    }
    for name, url in pages.items():
        runs = _timed(client, url)
        figure = {"bench": f"review: {name}", "unit": "ms", "lines": lines, "bar": BAR_MS}
        figure |= {"median": round(statistics.median(runs), 1), "slowest": round(max(runs), 1)}
        print(json.dumps(figure, ensure_ascii=False), flush=True)
        figures.reach(f"{name} among {lines:,} lines", statistics.median(runs), "ms", f"≤ {BAR_MS}")


def _into_review(cursor: Any, large: int) -> None:
    """Every seventh claim waits for its first review with a tenth of its lines flagged; the first claim gets `large` lines."""
    cursor.execute("SET session_replication_role = replica")
    cursor.execute("UPDATE claim_line SET claim_id = 1 WHERE city_code = %s AND id <= %s", [CITY, large])
    cursor.execute(
        "UPDATE claim SET state = 'first_review', review_due_on = DATE '2026-12-01' WHERE city_code = %s AND id %% 7 = 1",
        [CITY],
    )
    cursor.execute(
        "UPDATE claim_line SET state = CASE WHEN id %% 10 = 0 THEN 'to_person' ELSE 'due' END,"
        " alerts = CASE WHEN id %% 10 = 0 THEN 1 ELSE 0 END WHERE city_code = %s AND claim_id %% 7 = 1",
        [CITY],
    )
    cursor.execute("SET session_replication_role = DEFAULT")
    for table in ("claim", "claim_line"):
        cursor.execute(f"VACUUM (ANALYZE) {table}")


def _officer() -> Any:
    """A signed-in client of a reviewer of the whole city."""
    from django.test import Client

    from factories.identity import sign_in
    from zhaoliang.kernel.roles import Place, Role, system_actor
    from zhaoliang.registry import services

    at = datetime(2026, 1, 5, tzinfo=UTC)
    arguments: dict[str, Any] = {"actor": system_actor(), "at": at, "place": Place(CITY, CITY)}
    user = services.create_user(**arguments, username="bench-reviewer", name="测试审核员", city_code=CITY)
    services.assign_role(**arguments, user=user, role=Role.REVIEWER, region_code=CITY, valid_from=at.date())
    # The name of a host that the settings of a fresh installation answer for.
    return sign_in(Client(SERVER_NAME="localhost"), user)


def _timed(client: Any, url: str) -> list[float]:
    """Milliseconds of so many requests after two that warm up. Exits when the page does not open."""
    runs = []
    for turn in range(ROUNDS + 2):
        begin = time.perf_counter()
        answer = client.get(url)
        elapsed = (time.perf_counter() - begin) * 1000
        if answer.status_code != 200:
            raise SystemExit(f"review: {url} answered {answer.status_code}")
        if turn >= 2:
            runs.append(elapsed)
    return runs
