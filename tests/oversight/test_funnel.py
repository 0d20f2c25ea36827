"""The funnel counts each voucher once at every stage it reached, whichever way it is broken down."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from python_calamine import CalamineWorkbook

from factories import classes, payments, registry, subsidies, vouchers
from factories.identity import sign_in
from factories.jobs import run_waiting
from factories.vouchers import AT, batch, voucher
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.oversight import counts
from zhaoliang.oversight.funnel import DIMENSIONS, PILOTS_USED, Filter, funnel, total
from zhaoliang.oversight.models import FunnelCell, FunnelCount
from zhaoliang.oversight.services import count_vouchers
from zhaoliang.oversight.stops import stops
from zhaoliang.oversight.tasks import count_by_the_clock
from zhaoliang.registry.models import Person
from zhaoliang.registry.services import add_group
from zhaoliang.vouchers import services
from zhaoliang.vouchers.models import Voucher, VoucherBatch
from zhaoliang.web.components import formats

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C8")]
TIANJIN = 120000


def registry_group(source: VoucherBatch, person: Person) -> None:
    day = source.claim_from.date()
    add_group(
        actor=system_actor(), at=AT, person=person, group="06", evidence="register", source="测试", valid_from=day
    )


def test_every_way_to_break_it_down_adds_up_to_the_same() -> None:
    made = subsidies.case(3, failed=frozenset({2}))
    subsidies.approved(made)
    payments.sent(made)
    source = batch(quota=4)
    given_back = voucher(source)
    services.return_voucher(actor=vouchers.worker(given_back.person), at=AT, voucher=given_back)
    voucher(source)
    sums = {by: total(funnel(Filter(TIANJIN, TIANJIN), by)) for by in DIMENSIONS}
    for one in sums.values():
        assert (one.claimed, one.used, one.certified, one.returned, one.waiting) == (5, 3, 2, 1, 1)
        assert (one.refused, one.failed) == (1, 1)
    assert sums["batch"].issued == 7
    assert sums["month"].issued is None
    # Whoever has not used his voucher yet counts to the group a register knows of him.
    registry_group(source, given_back.person)
    unused = funnel(Filter(TIANJIN, TIANJIN, batch_id=source.pk), "group")
    assert {(row.label, row.claimed, row.used) for row in unused} == {("06", 1, 0), ("", 1, 0)}
    assert sums["fund"].issued == 7
    only = funnel(Filter(TIANJIN, TIANJIN, batch_id=source.pk), "batch")
    assert [(row.label, row.claimed, row.issued) for row in only] == [(source.name, 2, 4)]
    assert funnel(Filter(TIANJIN, 120114), "batch") == []
    late = Filter(TIANJIN, TIANJIN, batch_id=source.pk, since=AT + timedelta(days=1))
    assert total(funnel(late, "region")).claimed == 0


@pytest.mark.mission("N4")
def test_the_page_says_where_vouchers_stop_and_exports_the_same_rows(
    client: Client,
) -> None:
    source = batch(quota=10)
    for _ in range(2):
        voucher(source)
    officer = sign_in(client, registry.user(Role.REVIEWER, region_code=TIANJIN))
    text = officer.get(reverse("bureau:voucher_funnel"), {"by": "batch"}).content.decode()
    assert f"已领 2 张，用了 {formats.percent(0)}" in text
    assert "领了没用" in text
    assert formats.percent(PILOTS_USED, 1) in text
    answer = officer.get(reverse("bureau:voucher_funnel_export"), {"by": "batch"})
    (head, row) = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert row[: len(head)][:3] == [source.name, 10, 2]


def _told(source: VoucherBatch) -> dict[tuple[str, str], int]:
    return {(row.stage, row.reason): row.count for row in stops(Filter(TIANJIN, TIANJIN, batch_id=source.pk))}


@pytest.mark.mission("N4")
def test_each_voucher_that_was_not_paid_has_one_reason_on_the_page_and_in_the_sheet(client: Client) -> None:
    made = subsidies.case(3, failed=frozenset({2}), attended={1: 0})
    source = made.batch
    assert source is not None
    assert _told(source) == {("certified", "failed"): 1, ("paid", "unclaimed"): 2}
    subsidies.approved(made)
    refused, *rest = (row for row in stops(Filter(TIANJIN, TIANJIN, batch_id=source.pk)) if row.reason == "refused")
    # By the rule that says no, with its clause.
    assert (refused.count, rest) == (1, [])
    assert "出勤率" in refused.words
    assert "第九条" in refused.words
    assert _told(source)["paid", "paying"] == 1
    officer = sign_in(client, registry.user(Role.REVIEWER, region_code=TIANJIN))
    text = officer.get(reverse("bureau:voucher_funnel"), {"batch": source.pk}).content.decode()
    assert "结业没取证，1 张" in text
    assert "考核没过" in text
    answer = officer.get(reverse("bureau:voucher_funnel_export"), {"batch": source.pk, "sheet": "reasons"})
    (_, *lines) = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert ["结业没取证", "考核没过", 1] in lines
    whole = total(funnel(Filter(TIANJIN, TIANJIN, batch_id=source.pk), "batch"))
    assert sum(line[2] for line in lines) == whole.claimed - whole.paid


def test_why_a_voucher_was_not_used_is_told_by_the_classes_there_were() -> None:
    made = classes.accepted(classes.draft())
    source = batch(made.project, quota=10)
    people = [voucher(source).person for _ in range(3)]
    filing = TrainingClass.objects.filter(city_code=TIANJIN, pk=made.pk)
    filing.update(state="draft")
    assert _told(source) == {("used", "claimed_none"): 3}
    filing.update(state="accepted")
    Person.objects.filter(city_code=TIANJIN, pk=people[0].pk).update(region_id=made.site.region_id)
    for other in people[1:]:
        Person.objects.filter(city_code=TIANJIN, pk=other.pk).update(region_id=elsewhere(made.site.region_id))
    assert _told(source) == {("used", "claimed_room"): 1, ("used", "claimed_far"): 2}
    filing.update(capacity=1)
    assert _told(source) == {("used", "claimed_full"): 3}
    filing.update(state="withdrawn")
    services.expire_due(actor=system_actor(), at=source.use_until + timedelta(days=1), place=Place(TIANJIN, TIANJIN))
    assert _told(source) == {("used", "expired_withdrawn"): 3}


def test_what_became_of_used_vouchers_that_were_not_taught() -> None:
    made = subsidies.case(5)
    source = made.batch
    assert source is not None
    for enrolment, state in zip(
        made.enrolments, ("dropped", "attending", "attending", "removed", "completed"), strict=True
    ):
        Enrolment.objects.filter(city_code=TIANJIN, pk=enrolment.pk).update(state=state)
    Attendance.objects.filter(city_code=TIANJIN, enrolment=made.enrolments[2]).update(
        credited_minutes=0, state="absent"
    )
    running = TrainingClass.objects.filter(city_code=TIANJIN, pk=made.training_class.pk)
    running.update(state="running")
    told = {key: count for key, count in _told(source).items() if key[0] == "taught"}
    assert told == {
        ("taught", "left"): 1,
        ("taught", "learning"): 1,
        ("taught", "absent"): 1,
        ("taught", "unlisted"): 1,
    }
    running.update(state="stopped")
    assert _told(source)["taught", "stopped"] == 3


def test_a_voucher_voided_after_use_is_told_as_void_at_the_stage_it_had_reached() -> None:
    made = subsidies.case(3, failed=frozenset({2}))
    source = made.batch
    assert source is not None
    Enrolment.objects.filter(city_code=TIANJIN, pk=made.enrolments[0].pk).update(state="attending")
    Voucher.objects.filter(city_code=TIANJIN, batch=source).update(state="void", ended_at=AT)
    assert _told(source) == {("taught", "void"): 1, ("certified", "void"): 1, ("paid", "void"): 1}


def elsewhere(region_id: int) -> int:
    """Another district of the city."""
    return next(code for code in (120101, 120102) if code != region_id)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every voucher is one too many to be read at once."""
    monkeypatch.setattr(counts, "READ_AT_ONCE", 0)


def _counted() -> FunnelCount:
    return count_vouchers(actor=system_actor(), at=AT, place=Place(TIANJIN, TIANJIN))


def _several() -> VoucherBatch:
    """Vouchers at many stages in two districts and at two funds' worth of days; the batch of those not used."""
    made = subsidies.case(4, failed=frozenset({2}), attended={1: 0})
    subsidies.approved(made)
    payments.sent(made)
    source = batch(quota=6, region_code=120101)
    batch(quota=3, kind="sign_in_only", amount_fen=0)
    given_back = voucher(source)
    services.return_voucher(actor=vouchers.worker(given_back.person), at=AT, voucher=given_back)
    registry_group(source, voucher(source).person)
    voucher(source, at=AT + timedelta(days=2))
    return source


@pytest.mark.mission("N4")
def test_a_kept_count_says_what_the_vouchers_say_at_its_moment_however_it_is_asked() -> None:
    source = _several()
    count = _counted()
    used = Voucher.objects.filter(city_code=TIANJIN, used_at__isnull=False).first()
    assert used is not None
    later = AT.replace(hour=16) + timedelta(days=1)
    asked = [
        Filter(TIANJIN, TIANJIN),
        Filter(TIANJIN, 120101),
        Filter(TIANJIN, TIANJIN, batch_id=source.pk),
        Filter(TIANJIN, TIANJIN, fund_source=source.fund_source),
        Filter(TIANJIN, TIANJIN, provider_id=used.provider_id),
        Filter(TIANJIN, TIANJIN, since=later),
        Filter(TIANJIN, TIANJIN, until=later),
    ]
    for wanted in asked:
        for by in DIMENSIONS:
            # Whether two cells are of the same people is not known; batches nobody claimed from stand in any order.
            now = sorted((replace(row, people=None) for row in funnel(wanted, by)), key=lambda row: row.key)
            kept = sorted(counts.kept_funnel(count, wanted, by), key=lambda row: row.key)
            assert kept == [row for row in now if row.claimed or row.issued], (wanted, by)
        assert counts.kept_stops(count, wanted) == stops(wanted)


def test_a_new_count_is_made_from_the_vouchers_and_not_from_the_last_one(many: None) -> None:
    source = batch(quota=5)
    empty = counts.figures(Filter(TIANJIN, TIANJIN), "batch")
    assert empty is not None
    assert [(row.claimed, row.issued) for row in empty.rows()] == [(0, 5)]
    voucher(source)
    assert counts.figures(Filter(TIANJIN, TIANJIN), "batch") is None
    first = _counted()
    voucher(source)
    told = counts.figures(Filter(TIANJIN, TIANJIN), "batch")
    assert told is not None
    assert ([row.claimed for row in told.rows()], told.as_of) == ([1], AT)
    made = [_counted() for _ in range(2)]
    told = counts.figures(Filter(TIANJIN, TIANJIN), "batch")
    assert told is not None
    assert [(row.claimed, row.issued, row.waiting) for row in told.rows()] == [(2, 5, 2)]
    # A batch given out since is in no count: it is to be counted first, and not said to be empty.
    assert counts.figures(Filter(TIANJIN, TIANJIN, batch_id=voucher().batch_id), "batch") is None
    # The last but one stays for pages that are reading it.
    assert set(FunnelCount.objects.filter(city_code=TIANJIN)) == set(made)
    assert not FunnelCell.objects.filter(city_code=TIANJIN, count_id=first.pk).exists()


@pytest.mark.mission("N4")
def test_a_city_of_many_vouchers_is_counted_by_a_job_and_the_page_says_of_when(
    client: Client, many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = batch(quota=10)
    voucher(source)
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: AT))
    officer = sign_in(client, registry.user(Role.REVIEWER, region_code=TIANJIN))
    page, export = reverse("bureau:voucher_funnel"), reverse("bureau:voucher_funnel_export")
    assert "还没有统计过" in officer.get(page).content.decode()
    assert officer.get(export).status_code == 409
    officer.post(reverse("bureau:voucher_count"), {"key": "c"})
    (job,) = run_waiting(AT)
    assert job.state == "done"
    text = officer.get(page).content.decode()
    assert "截至 2026年3月2日 09:00" in text
    assert "已领 1 张" in text
    assert "人数" not in text
    assert "统计的时候还没有人领" in officer.get(page, {"since": "2026-03-03", "by": "month"}).content.decode()
    sheet = officer.get(export)
    assert "09%E7%82%B900%E5%88%86" in sheet["Content-Disposition"]
    (_, row) = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0).to_python()
    assert row[:3] == [source.name, 10, 1]
    # Counted, but before this batch was given out.
    new = {"batch": voucher().batch_id}
    text = officer.get(page, new).content.decode()
    assert ("这一批还不在统计里" in text, "上次统计是 2026年3月2日 09:00" in text) == (True, True)
    assert "还没有统计过" not in text
    refused = officer.get(export, new)
    assert (refused.status_code, "这一批还不在统计里" in refused.content.decode()) == (409, True)


def test_the_clock_counts_the_cities_that_are_too_large_to_be_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    voucher()
    count_by_the_clock(timestamp=int(AT.timestamp()))
    assert not FunnelCount.objects.filter(city_code=TIANJIN).exists()
    monkeypatch.setattr(counts, "READ_AT_ONCE", 0)
    count_by_the_clock(timestamp=int(AT.timestamp()))
    assert FunnelCount.objects.get(city_code=TIANJIN).counted_at == AT
