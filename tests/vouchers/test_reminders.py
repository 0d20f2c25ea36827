"""Before a voucher ends its holder is told, once for each of the set days; and when nobody takes it any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories.actors import TIANJIN
from factories.vouchers import AT, batch, voucher
from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.registry.models import Notice
from zhaoliang.vouchers import services

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
