"""Before a voucher ends its holder is told, once for each of the set days; and when nobody takes it any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from factories.actors import TIANJIN, actor
from factories.vouchers import AT, batch, crowd, voucher, worker
from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Notice
from zhaoliang.registry.services import tell
from zhaoliang.vouchers import services
from zhaoliang.vouchers.tasks import openings

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C4", "N2")]


def test_the_holder_of_an_unused_voucher_is_told_seven_days_and_one_day_before_and_no_more() -> None:
    source = batch()
    waiting, used = voucher(source), voucher(source, used=True)
    for days in (30, 7, 6.5, 1, 0.5):
        services.remind_holders(
            actor=system_actor(), at=source.use_until - timedelta(days=days), place=Place(TIANJIN, TIANJIN)
        )
    told = Notice.objects.filter(city_code=TIANJIN, person=waiting.person).order_by("at")
    assert [source.use_until - one.at for one in told] == [timedelta(days=7), timedelta(days=1)]
    assert {(one.subject_type, one.subject_id) for one in told} == {("voucher", waiting.pk)}
    assert not Notice.objects.filter(city_code=TIANJIN, person=used.person).exists()


@pytest.mark.mission("A6")
def test_who_holds_a_voucher_nobody_takes_any_more_is_told_that_it_can_be_exchanged() -> None:
    source = batch()
    held = voucher(source)
    Project.objects.filter(city_code=TIANJIN, pk=source.project_id).update(state="suspended")
    for _ in range(2):
        services.remind_holders(actor=system_actor(), at=AT, place=Place(TIANJIN, TIANJIN))
    told = Notice.objects.get(city_code=TIANJIN, person=held.person)
    assert told.kind == "voucher_stranded"
    assert "免费退回" in told.text


@pytest.mark.parametrize(
    ("wished", "ticks", "told"),
    [
        (45, (31, 30, 20, 10, 0, -10), (30, "快开始领了")),
        # Between two ticks, the last of which was before: at once.
        (8, (0, -10), (8, "快开始领了")),
        # The clock stood still, or the batch was suspended: as soon as it can be.
        (45, (-5, -15), (-5, "已经开始领了")),
        (45, (31, -20), None),
    ],
)
def test_who_wished_it_is_told_once_that_a_batch_opens(
    wished: int, ticks: tuple[int, ...], told: tuple[int, str] | None
) -> None:
    source, person = batch(claim_from=AT + timedelta(days=1)), crowd(1)[0]

    def before(minutes: int) -> datetime:
        return source.claim_from - timedelta(minutes=minutes)

    for _ in range(2):
        services.wish_opening(actor=worker(person), at=before(wished), person=person, batch=source)
    for minutes in ticks:
        openings(int(before(minutes).timestamp()))
    found = Notice.objects.filter(city_code=TIANJIN, person=person, kind="voucher_opening")
    assert [(one.at, (told or (0, ""))[1] in one.title) for one in found] == ([(before(told[0]), True)] if told else [])


def test_who_wished_it_is_told_when_a_batch_that_was_suspended_at_its_opening_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, person = batch(claim_from=AT + timedelta(days=1)), crowd(1)[0]
    services.wish_opening(actor=worker(person), at=AT, person=person, batch=source)
    officer, told = actor(Role.FUND_OFFICER), Notice.objects.filter(city_code=TIANJIN, kind="voucher_opening")
    # Long before the opening nobody is told of it; the clock will.
    for _ in range(2):
        source = services.suspend_batch(actor=officer, at=AT, batch=source)
        assert not told.exists()
        source = services.resume_batch(actor=officer, at=AT, batch=source)
    opens = source.claim_from

    def tick(minutes: int) -> None:
        openings(int((opens + timedelta(minutes=minutes)).timestamp()))

    tick(-60)
    source = services.suspend_batch(actor=officer, at=AT, batch=source)
    for minutes in (-30, 0, 10, 60):
        tick(minutes)
    assert not told.exists()
    # Long after the opening it goes on, and stops again before the clock comes by.
    source = services.resume_batch(actor=officer, at=opens + timedelta(minutes=121), batch=source)
    source = services.suspend_batch(actor=officer, at=opens + timedelta(minutes=122), batch=source)
    tick(130)
    assert not told.exists()
    source = services.resume_batch(actor=officer, at=opens + timedelta(minutes=131), batch=source)
    # Killed while it tells, the clock begins anew with its next tick.
    with monkeypatch.context() as killed:
        killed.setattr("zhaoliang.vouchers.services.reminders.tell", told_then_killed)
        with pytest.raises(SystemExit):
            tick(140)
    assert not told.exists()
    for minutes in (150, 160):
        tick(minutes)
    at = opens + timedelta(minutes=150)
    assert [(one.person_id, one.at, "已经开始领了" in one.title) for one in told] == [(person.pk, at, True)]
    source = services.suspend_batch(actor=officer, at=at, batch=source)
    source = services.resume_batch(actor=officer, at=at + timedelta(hours=1), batch=source)
    tick(220)
    assert told.count() == 1


def told_then_killed(*told: Any, **how: Any) -> int:
    tell(*told, **how)
    raise SystemExit
