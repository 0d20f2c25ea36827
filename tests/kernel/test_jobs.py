"""Jobs: started once, seen while they run, picked up after a killed worker, stopped when asked, honest when they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from concurrency import at_once
from factories import jobs as worker
from factories.actors import HEPING, TIANJIN, actor
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Busy, Forbidden, Refusal
from zhaoliang.kernel.jobs import running, selectors
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run, report
from zhaoliang.kernel.models import Job, StateChange
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import RoleAssignment, User

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HERE = Place(TIANJIN, TIANJIN)
OFFICER = actor(Role.ADMINISTRATOR, name="测试开始")
SEEN: list[Any] = []


@job("tests.count", label="数数", grants={Role.ADMINISTRATOR: Reach.REGION}, private=("said",))
def count(run: Run) -> dict[str, Any]:
    """Counts in a transaction of its own, and looks at its progress from outside of it."""
    until = run.parameters["until"]
    with transaction.atomic():
        for number in range(1, until + 1):
            report(number, until, f"第 {number} 个")
            SEEN.append(number)
        if run.parameters.get("refuse"):
            raise Refusal("没有数完。", "数字用完了。", "请换一组数字。")
        if run.parameters.get("fault"):
            raise RuntimeError("a slip of the pen")
    return {"counted": until}


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


def start(**parameters: Any) -> Job:
    worker.account_of(OFFICER)
    return count.start(actor=OFFICER, at=AT, subject=HERE, title="测试数数", **parameters)


@pytest.mark.django_db
def test_a_job_runs_as_who_started_it_and_keeps_its_result() -> None:
    row = start(until=3)
    assert (row.state, ProcrastinateJob.objects.filter(queueing_lock=f"job:{row.pk}").count()) == ("queued", 1)
    assert selectors.jobs_of(TIANJIN, OFFICER.user_id).get() == row
    (row,) = worker.run_waiting(AT)
    assert (row.state, row.result, row.done_count, row.total_count) == ("done", {"counted": 3}, 3, 3)
    moves = StateChange.objects.filter(city_code=TIANJIN, machine="job", object_id=row.pk)
    assert list(moves.order_by("pk").values_list("event", flat=True)) == ["begin", "finish"]
    running.perform(TIANJIN, row.pk, AT)
    assert SEEN == [1, 2, 3]


@pytest.mark.django_db
def test_a_refusal_is_told_and_a_fault_is_admitted_without_its_inside() -> None:
    start(until=1, refuse=True)
    start(until=1, fault=True)
    refused, broken = worker.run_waiting(AT)
    assert (refused.state, refused.refusal["why"]) == ("failed", "数字用完了。")
    assert (broken.state, "程序出了错" in broken.refusal["why"]) == ("failed", True)
    assert "slip" not in str(broken.refusal)


@pytest.mark.django_db
def test_who_may_not_do_it_may_not_start_it_and_only_the_starter_cancels() -> None:
    with pytest.raises(Forbidden):
        count.start(actor=actor(Role.REVIEWER), at=AT, subject=HERE, until=1)
    row = start(until=1)
    with pytest.raises(Forbidden, match="测试开始"):
        running.cancel(actor=actor(Role.ADMINISTRATOR, name="别人"), at=AT, row=row)
    assert running.cancel(actor=OFFICER, at=AT, row=row).state == "cancelled"
    assert worker.run_waiting(AT) == []


@pytest.mark.django_db
@pytest.mark.parametrize("gone", ["ended", "another place", "closed"])
def test_who_may_no_longer_do_it_when_it_runs_is_told_so_and_nothing_is_done(gone: str) -> None:
    row = start(until=1)
    held = RoleAssignment.objects.filter(user_id=OFFICER.user_id)
    match gone:
        case "ended":
            held.update(valid_to=chinese_day(AT) - timedelta(days=1))
        case "another place":
            held.update(region_id=HEPING)
        case _:
            User.objects.filter(pk=OFFICER.user_id).update(is_active=False)
    worker.run_waiting(AT)
    row.refresh_from_db()
    assert (row.state, SEEN) == ("failed", [])
    assert "没有这样做的权限" in row.refusal["why"]


@act("tests.write_down", label="记一笔", grants={Role.ADMINISTRATOR: Reach.REGION}, on="place")
def write_down(*, actor: Actor, at: datetime, place: Place) -> int:
    SEEN.append("written")
    return len(SEEN)


@job("tests.write", label="记下", grants={Role.ADMINISTRATOR: Reach.REGION})
def write(run: Run) -> None:
    write_down(actor=run.actor, at=run.at, key=run.key, place=HERE)
    raise KeyboardInterrupt


@pytest.mark.django_db
def test_what_was_committed_before_the_worker_died_is_done_also_when_its_starter_left() -> None:
    worker.account_of(OFFICER)
    row = write.start(actor=OFFICER, at=AT, subject=HERE, title="记一笔")
    # The worker dies between its act's commit and the job's own end.
    with pytest.raises(KeyboardInterrupt):
        running.perform(TIANJIN, row.pk, AT)
    RoleAssignment.objects.filter(user_id=OFFICER.user_id).update(valid_to=chinese_day(AT) - timedelta(days=1))
    running.perform(TIANJIN, row.pk, AT)
    row.refresh_from_db()
    assert (row.state, row.runs, SEEN) == ("done", 2, ["written"])


@pytest.mark.django_db
def test_what_somebody_wrote_stays_with_a_job_only_until_it_ends() -> None:
    rows = [start(until=1, said="这一条不对"), start(until=1, said="不对", refuse=True)]
    assert [row.parameters["said"] for row in rows] == ["这一条不对", "不对"]
    assert [row.parameters for row in worker.run_waiting(AT)] == [{"until": 1}, {"until": 1, "refuse": True}]


@pytest.mark.django_db
def test_a_running_job_stops_where_it_next_reports_and_leaves_nothing() -> None:
    row = start(until=3)
    Job.objects.filter(city_code=TIANJIN, pk=row.pk).update(cancel_asked=True)
    running.perform(TIANJIN, row.pk, AT)
    row.refresh_from_db()
    assert (row.state, row.result, SEEN) == ("cancelled", {}, [])


@pytest.mark.django_db
def test_a_job_that_kills_its_workers_is_given_up() -> None:
    row = start(until=1)
    Job.objects.filter(city_code=TIANJIN, pk=row.pk).update(state="running", runs=running.MOST_RUNS)
    running.perform(TIANJIN, row.pk, AT)
    row.refresh_from_db()
    assert (row.state, SEEN) == ("failed", [])
    assert "中断" in row.refusal["why"]


@pytest.mark.commits
def test_one_job_on_a_row_however_many_start_it_and_one_worker_however_many_run_it() -> None:
    subject = start(until=1)
    once: dict[str, Any] = {"actor": OFFICER, "at": AT, "subject": subject}
    outcome = at_once([lambda: count.start(**once, until=4)] * 8, threads=8)
    assert outcome.errors == []
    assert len({row.pk for row in outcome.answers}) == 1
    with pytest.raises(Busy, match="正在后台进行"):
        count.start(**once, until=5)
    row = outcome.answers[0]
    outcome = at_once([lambda: running.perform(TIANJIN, row.pk, AT)] * 8, threads=8)
    assert (outcome.errors, SEEN) == ([], [1, 2, 3, 4])


KILLED = """
import django, os, signal
django.setup()
from datetime import UTC, datetime
from zhaoliang.kernel.jobs import declaring, running
from zhaoliang.kernel.jobs.reporting import report
from zhaoliang.kernel.roles import Reach, Role
from django.db import transaction

def work(run):
    with transaction.atomic():
        report(2, 5, "一半")
        print("half way", flush=True)
        signal.pause()

declaring.job("tests.count", label="数数", grants={{Role.ADMINISTRATOR: Reach.REGION}})(work)
running.perform({city}, {job}, datetime(2026, 11, 23, 2, 0, tzinfo=UTC))
"""


@pytest.mark.commits
def test_a_killed_workers_job_shows_its_progress_and_is_gone_on_with(database_url: str) -> None:
    row = start(until=5)
    code = textwrap.dedent(KILLED).format(city=TIANJIN, job=row.pk)
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "zhaoliang.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half way\n"
        row.refresh_from_db()
        assert (row.state, row.done_count, row.message) == ("running", 2, "一半")
        ProcrastinateJob.objects.filter(queueing_lock=f"job:{row.pk}").update(status="doing")
        assert running.pick_up() == 0
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    with connection.cursor() as cursor:
        # The server notices the end of a killed client by itself; wait for that, as the minute's clock does.
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('zhaoliang.job:' || %s, 0))", [row.pk])
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert running.pick_up() == 1
    running.perform(TIANJIN, row.pk, AT)
    row.refresh_from_db()
    assert (row.state, row.runs, row.done_count, SEEN) == ("done", 2, 5, [1, 2, 3, 4, 5])
