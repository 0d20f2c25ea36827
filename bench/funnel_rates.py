"""The funnel of vouchers and its reasons over vouchers at every stage, on 1 % of them and on all, side by side on one server.

Pages of a city are read as they stand on the 1 %, and from a kept count on all, which is made anew beside them.
`--full` fills one million vouchers, without it a tenth. Filled set-based, without the services: what is measured are the
statements and their indexes. Over a whole city each reads every voucher, so there the time a voucher is compared; over one
batch, which is as large on both sides, the time itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, connections

import run
import volume
from figures import emit, reach
from volume import copy

if TYPE_CHECKING:
    from zhaoliang.oversight.counts import Figures

CITY, BATCHES, A_CLASS, ROUNDS = 120000, 200, 50, 3
GOAL = "≤ 1.3"
FEW = "bench_funnel_few"
# Where the vouchers are by twentieths: claimed and not used 6, given back 1, expired 3, in class 2, left 1, taught 1, examined 1,
# certified 1, under review 1, refused 1, paid 2.
STAGE = "(v % 20)"
USED, TAUGHT, EXAMINED, CERTIFIED, CLAIMED = (f"{STAGE} >= {place}" for place in (10, 13, 14, 15, 16))
STATE = (
    f"CASE WHEN {STAGE} < 6 THEN 'claimed' WHEN {STAGE} = 6 THEN 'returned' WHEN {STAGE} < 10 THEN 'expired'"
    f" WHEN {STAGE} < 13 THEN 'used' WHEN {STAGE} = 16 THEN 'in_claim' WHEN {STAGE} < 18 THEN 'verified' ELSE 'redeemed' END"
)
# Those in class go to one that is running, the others went to one that is over.
CLASS = f"10000000 + v / {A_CLASS} * 2 + ({TAUGHT})::int"
DISTRICT = "120101 + (v % 6)"


def measure(progress: Callable[[str], None], *, full: bool) -> None:
    """Fill 1 %, keep it as a database of its own, fill the rest, ask both in turn."""
    vouchers = 1_000_000 if full else 100_000
    fill(progress, vouchers)
    progress("funnel: asking")
    ask(vouchers)


def fill(progress: Callable[[str], None], vouchers: int) -> None:
    """So many vouchers at every stage, and a copy of the database from when there were 1 %."""
    base = _base()
    progress("funnel: filling 1 %")
    per_batch = vouchers // BATCHES
    _rows(base, 0, vouchers // 100, per_batch)
    volume.keep_as(FEW)
    progress(f"funnel: filling {vouchers} vouchers")
    _rows(base, vouchers // 100, vouchers, per_batch)


def _base() -> dict[str, int]:
    """Two trainees' way to the claim, made by the factories, one of them refused; what the others copy."""
    from factories import subsidies
    from zhaoliang.attendance.models import Attendance
    from zhaoliang.subsidies.models import ClaimLine

    made = subsidies.case(2, attended={1: 10})
    claim = subsidies.assembled(made)
    due, refused = ClaimLine.objects.filter(city_code=CITY, claim=claim).select_related("certificate").order_by("id")
    assert made.batch is not None
    assert due.certificate is not None
    assert refused.decision is not None
    assert refused.decision.outcome == "fail"
    return {
        "person": due.person_id,
        "project": made.training_class.project_id,
        "training_class": made.training_class.pk,
        "voucher_batch": made.batch.pk,
        "voucher": made.vouchers[0].pk,
        "enrolment": made.enrolments[0].pk,
        "attendance": Attendance.objects.get(city_code=CITY, enrolment=made.enrolments[0]).pk,
        "exam_result": due.certificate.result_id,
        "certificate": due.certificate_id,
        "claim_line": due.pk,
        "decision": refused.decision_id,
    }


def _rows(base: dict[str, int], first: int, last: int, per_batch: int) -> None:
    """The vouchers `first` to before `last` with everything that came of them."""
    vouchers = f"generate_series({first}, {last - 1}) v"
    batches = f"generate_series({first // per_batch}, {(last - 1) // per_batch}) b"
    classes = f"generate_series({first // A_CLASS}, {(last - 1) // A_CLASS}) c, generate_series(0, 1) over"
    own, batch = "1000000000 + v", f"10000000 + v / {per_batch}"
    used = f"CASE WHEN {USED} THEN"
    parts: list[tuple[str, dict[str, str], str, str]] = [
        ("person", {"id": own, "id_hash": f"int8send({own})", "region_id": DISTRICT}, vouchers, ""),
        ("project", {"id": "10000000 + b", "name": "'bench ' || b"}, batches, ""),
        (
            "voucher_batch",
            {
                "id": "10000000 + b",
                "name": "'bench ' || b",
                "project_id": "10000000 + b",
                "region_id": "120101 + b % 6",
                "quota": str(per_batch),
            },
            batches,
            "",
        ),
        (
            "training_class",
            {
                "id": "10000000 + c * 2 + over",
                "name": "'bench ' || c || '-' || over",
                "project_id": f"10000000 + c * {A_CLASS} / {per_batch}",
                "state": "CASE WHEN over = 1 THEN 'assessed' ELSE 'running' END",
            },
            classes,
            "",
        ),
        (
            "voucher",
            {
                "id": own,
                "person_id": own,
                "batch_id": batch,
                "code": "'F' || lpad(v::text, 20, '0')",
                "state": STATE,
                "used_at": f"{used} t.used_at END",
                "verified_at": "NULL",
                "provider_id": f"{used} t.provider_id END",
                "class_id": f"{used} {CLASS} END",
            },
            vouchers,
            "",
        ),
        (
            "enrolment",
            {
                "id": own,
                "person_id": own,
                "voucher_id": own,
                "training_class_id": CLASS,
                "state": f"CASE WHEN {TAUGHT} THEN 'completed' WHEN {STAGE} = 12 THEN 'dropped' ELSE 'attending' END",
            },
            vouchers,
            USED,
        ),
        ("attendance", {"id": own, "person_id": own, "enrolment_id": own}, vouchers, USED),
        (
            "exam_result",
            {"id": own, "person_id": own, "enrolment_id": own, "passed": CERTIFIED},
            vouchers,
            EXAMINED,
        ),
        (
            "certificate",
            {"id": own, "person_id": own, "result_id": own, "number": "'F' || v"},
            vouchers,
            CERTIFIED,
        ),
        (
            "claim_line",
            {
                "id": own,
                "person_id": own,
                "enrolment_id": own,
                "voucher_id": own,
                "certificate_id": own,
                "decision_id": f"CASE WHEN {STAGE} = 17 THEN {own} ELSE t.decision_id END",
                "state": f"CASE WHEN {STAGE} = 16 THEN 'due' WHEN {STAGE} = 17 THEN 'refused' ELSE 'paid' END",
            },
            vouchers,
            CLAIMED,
        ),
        ("decision", {"id": own, "claim_line_id": own}, vouchers, f"{STAGE} = 17"),
    ]
    tables = [table for table, *_ in parts]
    with connection.cursor() as cursor, volume.filling(cursor, *tables):
        for table, changes, series, where in parts:
            condition = f" AND {where}" if where else ""
            cursor.execute(
                f"{copy(table, changes, series)} WHERE t.city_code = {CITY} AND t.id = {base[table]}{condition}"
            )


def _questions() -> dict[str, Callable[[], Any]]:
    """What the page of a city and of one batch ask; the batch is on both sides."""
    from zhaoliang.oversight.counts import count_city, figures
    from zhaoliang.oversight.funnel import DIMENSIONS, Filter, funnel
    from zhaoliang.oversight.stops import stops

    city, one = Filter(CITY, CITY), Filter(CITY, CITY, batch_id=10_000_000)
    found: dict[str, Callable[[], Any]] = {"counted anew": lambda: count_city(CITY, datetime.now(UTC))}
    found |= {f"page by {by}": lambda by=by: _shown(figures(city, by)) for by in DIMENSIONS}
    found["of one batch"] = lambda: funnel(one, "batch")
    found["reasons of one batch"] = lambda: stops(one)
    return found


def _shown(found: Figures | None) -> None:
    """Read what a page shows."""
    assert found is not None
    found.rows()
    found.stops()


def ask(vouchers: int) -> None:
    """Each question of the few and of all in turn."""
    sides = []
    for name in (FEW, connection.settings_dict["NAME"]):
        wrapper = connections.create_connection("default")
        wrapper.settings_dict = wrapper.settings_dict | {"NAME": name}
        sides.append(wrapper)
    for name, question in _questions().items():
        times: tuple[list[float], list[float]] = [], []
        # The first round fills the buffers.
        for number in range(ROUNDS + 1):
            for wrapper, taken in zip(sides, times, strict=True):
                with volume.asking(wrapper):
                    begin = time.perf_counter()
                    question()
                    if number:
                        taken.append((time.perf_counter() - begin) * 1000)
        few, many = times
        if name.startswith("page"):
            # Read in two ways, so that only the time itself says something.
            emit(f"voucher funnel, {name} ({vouchers:,} vouchers)", "ms", "on 1 %", many, few, "")
            reach(f"voucher funnel, {name} ({vouchers:,} vouchers)", statistics.median(many), "ms", "≤ 200")
        elif name.endswith("one batch"):
            emit(f"voucher funnel, {name} ({vouchers:,} vouchers)", "ms", "on 1 %", many, few, GOAL)
        else:
            few = [one * 100 for one in few]
            emit(f"voucher funnel, {name} ({vouchers:,} vouchers)", "ms", "100 times 1 %", many, few, GOAL)
    for wrapper in sides:
        wrapper.close()


def main() -> None:
    """Measure alone, on a throw-away database: `python bench/funnel_rates.py [--full]`."""
    run.alone(measure)


if __name__ == "__main__":
    main()
