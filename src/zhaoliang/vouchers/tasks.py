"""The clock of vouchers: what was not used in time becomes void by itself (方案 一（一）2（4）)."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Exists, OuterRef
from procrastinate.contrib.django import app

from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run, report
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.vouchers.models import IssueList, Voucher, VoucherBatch
from zhaoliang.vouchers.selectors import issue_unchecked
from zhaoliang.vouchers.services import (
    check_issue_part,
    expire_due,
    finish_issue,
    issue_part,
    remind_holders,
    tell_opening,
)
from zhaoliang.vouchers.services.batches import DRAFTERS, PUBLISHERS
from zhaoliang.vouchers.services.reminders import openings_to_tell


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="vouchers.expire", pass_context=False)
def expire_vouchers(timestamp: int) -> None:
    """Expire what is due in every city; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        # By batch: each is one look into the index, where the vouchers of all cities would be read whole.
        unused = Voucher.objects.filter(city_code=OuterRef("city_code"), batch=OuterRef("pk"), state="claimed")
        due = VoucherBatch.objects.filter(Exists(unused), use_until__lt=at)
        cities = sorted(set(due.values_list("city_code", flat=True)))
    for city_code in cities:
        while expire_due(actor=system_actor(), at=at, place=Place(city_code, city_code)):
            pass


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="vouchers.openings", pass_context=False)
def openings(timestamp: int) -> None:
    """Tell who wished it that a batch is about to open; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        waiting = list(openings_to_tell(at).order_by("city_code", "id"))
    for batch in waiting:
        tell_opening(actor=system_actor(), at=at, batch=batch)


# At 09:05 Chinese time: nobody is woken up by a reminder.
@app.periodic(cron="5 1 * * *")
@app.task(queueing_lock="vouchers.remind", pass_context=False)
def remind(timestamp: int) -> None:
    """Tell holders what ends soon, in every city; `timestamp` is the moment the clock struck (unix seconds)."""
    at = datetime.fromtimestamp(timestamp, UTC)
    with national():
        live = VoucherBatch.objects.filter(state__in=["open", "suspended", "closed"], use_until__gte=at)
        cities = sorted(set(live.values_list("city_code", flat=True)))
    for city_code in cities:
        remind_holders(actor=system_actor(), at=at, place=Place(city_code, city_code))


@job("vouchers.issue_all", label="按名单发券", grants=PUBLISHERS)
def issue_all(run: Run) -> dict[str, int]:
    """Issue an approved list in parts, each committed by itself; begun again, it goes on with the lines that wait."""
    issue: IssueList = run.subject
    if issue.state == "issued":
        return {"decided": issue.people}
    done = 0
    while count := issue_part(actor=run.actor, at=run.at, issue=issue):
        done += count
        report(done, issue.people, f"已处理 {done} 人")
    finish_issue(actor=run.actor, at=run.at, issue=issue)
    return {"decided": done}


@job("vouchers.check_issue", label="核对发券名单", grants=DRAFTERS | PUBLISHERS)
def check_issue(run: Run) -> dict[str, int]:
    """Ask the policies about the rest of a long list, in parts; begun again, it goes on with those nobody asked about."""
    issue: IssueList = run.subject
    while issue.state == "draft" and check_issue_part(actor=run.actor, at=run.at, issue=issue):
        report(issue.people - issue_unchecked(issue), issue.people, "正在逐人核对领券条件")
    return {"checked": issue.people}
