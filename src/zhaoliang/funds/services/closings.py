"""Closing the books of a city through the end of a month: proposed by one person, closed by another, never opened again."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime

from django.db import connection

from zhaoliang.funds.models import BookCheck, BookClosing
from zhaoliang.funds.proof import dated_through, ledger_findings
from zhaoliang.kernel.acts import act, require_other_person, running
from zhaoliang.kernel.days import chinese_day, format_cn_date
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role


@act("funds.propose_closing", label="提请结账", grants={Role.FUND_OFFICER: Reach.REGION}, on="place")
def propose_closing(*, actor: Actor, at: datetime, place: Place, through: date) -> BookClosing:
    """Propose to close the city's books through the end of a past month (of December: the year).

    Raises BadInput unless `through` is the last day of a month that is over and later than what is closed, Refusal from
    a district's desk.
    """
    what = "没有提请结账。"
    _require_city(place, what)
    _require_open_month(place.city_code, through, chinese_day(at), what)
    count, total = dated_through(place.city_code, through)
    return BookClosing.objects.create(
        city_code=place.city_code,
        through=through,
        step="proposed",
        transfers=count,
        total_fen=total,
        at=at,
        by_user=actor.user_id,
        by_person=actor.person_id,
        by_name=actor.name,
    )


@act("funds.close_books", label="结账", grants={Role.FINANCE: Reach.REGION}, on="closing")
def close_books(*, actor: Actor, at: datetime, closing: BookClosing) -> BookClosing:
    """Close the books as proposed, after they were proved: from now on nothing is posted into that time.

    Raises SamePerson for who proposed it, Refusal when the books do not agree, BadInput when they are closed that far.
    """
    what = "没有结账。"
    require_other_person(actor, person_id=closing.by_person, user_id=closing.by_user, step="提请结账")
    with connection.cursor() as cursor:
        # Alone: postings hold this lock shared until they are committed (sql/ledger.sql).
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('books', %s))", [closing.city_code])
    _require_open_month(closing.city_code, closing.through, chinese_day(at), what)
    found = ledger_findings(closing.city_code)
    if found:
        raise Refusal(what, f"账目有 {len(found)} 处不符：{found[0].what}", "请先查清差错，再结账。")
    count, total = dated_through(closing.city_code, closing.through)
    return BookClosing.objects.create(
        city_code=closing.city_code,
        through=closing.through,
        step="closed",
        transfers=count,
        total_fen=total,
        at=at,
        by_user=actor.user_id,
        by_person=actor.person_id,
        by_name=actor.name,
        proposed_by_user=closing.by_user,
        proposed_by_person=closing.by_person,
    )


def _require_city(place: Place, what: str) -> None:
    if place.region_code != place.city_code:
        raise Refusal(what, "全市的账一起结，区里不单独结。", "请由市级资金管理员提请。")


def _require_open_month(city_code: int, through: date, today: date, what: str) -> None:
    wrong = ""
    if through.day != monthrange(through.year, through.month)[1]:
        wrong = "结账日应为一个月的最后一天。"
    elif through >= today:
        wrong = "这个月还没有过完。"
    closed = BookClosing.objects.filter(city_code=city_code, step="closed").order_by("-through").first()
    if closed is not None and through <= closed.through:
        wrong = f"账目已经结到{format_cn_date(closed.through)}。"
    if wrong:
        raise BadInput(what, wrong, "请选择一个已经过完、还没有结的月份。", fields={"through": wrong})


def keep_check(
    *, city_code: int, at: datetime, accounts: int, transfers: int, findings: list[str], milliseconds: int
) -> BookCheck:
    """Keep what a proof of a city's books came to; inside an act."""
    running()
    return BookCheck.objects.create(
        city_code=city_code,
        at=at,
        accounts=accounts,
        transfers=transfers,
        findings=len(findings),
        first=findings[0][:300] if findings else "",
        milliseconds=milliseconds,
    )
