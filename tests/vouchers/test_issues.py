"""Targeted issue: by list and by query, approved by a second person, one voucher each whatever is sent again."""

from __future__ import annotations

import hashlib
import io
from datetime import date, timedelta

import pytest
import xlsxwriter
from django.db import connection
from django.test.utils import CaptureQueriesContext

from factories import registry
from factories.actors import TIANJIN, actor
from factories.jobs import run_waiting
from factories.vouchers import AT, batch, crowd, voucher
from zhaoliang.kernel.acts import digest
from zhaoliang.kernel.errors import BadInput, Refusal, SamePerson, WrongState
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry import selectors as registry_selectors
from zhaoliang.registry.models import Notice, Person
from zhaoliang.registry.services import add_group, record_status
from zhaoliang.vouchers import refusals, selectors, services
from zhaoliang.vouchers.audience import Criteria
from zhaoliang.vouchers.excel import read_people, template
from zhaoliang.vouchers.models import IssueLine, IssueList, Voucher, VoucherBatch
from zhaoliang.vouchers.services import issue_checks
from zhaoliang.vouchers.tasks import check_issue, issue_all

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C1")]
ON = date(2026, 3, 2)


def _sheet(*rows: tuple[str, str, str, str]) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        page = book.add_worksheet()
        for line, row in enumerate((("姓名", "证件类型", "证件号码", "手机号"), *rows)):
            for column, text in enumerate(row):
                page.write_string(line, column, text)
    return target.getvalue()


def _row(person: Person) -> tuple[str, str, str, str]:
    return person.name, "居民身份证", person.document_number, ""


def _drafted(source: VoucherBatch, content: bytes, **given: str) -> IssueList:
    read = read_people(content, on=ON)
    assert read.faults == []
    return services.draft_issue(
        actor=actor(Role.REVIEWER),
        at=AT,
        batch=source,
        entries=read.entries,
        file_name="名单.xlsx",
        file_hash=hashlib.sha256(content).hexdigest(),
        **given,
    )


def _issued(made: IssueList) -> dict[str, int]:
    made = services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made)
    made = services.approve_issue(actor=actor(Role.APPROVER), at=AT, issue=made)
    issue_all.start(actor=actor(Role.APPROVER), at=AT, subject=made)
    (job,) = run_waiting(AT)
    assert (job.state, job.done_count) == ("done", made.people)
    made.refresh_from_db()
    assert made.state == "issued"
    return selectors.issue_counts(made)


def test_a_list_is_issued_to_known_and_new_people_and_each_is_told() -> None:
    source = batch(issue="targeted", quota=5)
    known, holder = crowd(1)[0], crowd(1)[0]
    fresh = ("测试新人", "居民身份证", registry.resident_id(), "13800138000")
    assert _issued(_drafted(source, _sheet(_row(holder)))) == {"issued": 1}
    second = _drafted(source, _sheet(_row(known), fresh, _row(holder), _row(known)))
    assert selectors.issue_holding(second) == 1
    assert _issued(second) == {"held": 1, "issued": 2}
    made = Voucher.objects.filter(city_code=TIANJIN, batch=source)
    assert {(one.channel, one.state) for one in made} == {("issued", "claimed")}
    assert Person.objects.get(city_code=TIANJIN, name="测试新人").phone == "13800138000"
    told = Notice.objects.filter(city_code=TIANJIN, kind="voucher_issued")
    assert {one.subject_id for one in told} == {one.pk for one in made}


def test_new_people_of_a_list_are_filed_at_once_as_each_is_by_himself_and_each_with_his_event() -> None:
    source = batch(issue="targeted", quota=30)
    own = registry.person()
    rows = [(f"测试{letter}", "居民身份证", registry.resident_id(), "13800138000") for letter in "甲乙丙丁戊己庚辛"]
    with CaptureQueriesContext(connection) as few:
        _drafted(source, _sheet(_row(own), *rows[:2]))
    with CaptureQueriesContext(connection) as many:
        _drafted(source, _sheet(*rows))
    assert len(many) <= len(few)
    filed = {one.name: one for one in Person.objects.filter(city_code=TIANJIN, name__in=[name for name, *_ in rows])}
    alone = registry.person(name="测试壬", birth=filed["测试甲"].birth_date)
    for person in filed.values():
        event = AuditEvent.objects.get(city_code=TIANJIN, act="registry.register_person", person_id=person.pk)
        assert (event.object_type, event.object_id) == ("registry.person", person.pk)
        assert bytes(event.after or b"") == digest(person)
        assert (person.phone, person.sex, person.region_id) == ("13800138000", alone.sex, TIANJIN)
        found = registry_selectors.find_person(
            city_code=TIANJIN, document_type="resident_id", document_number=person.document_number
        )
        assert found == person
    assert own.created_at == Person.objects.get(city_code=TIANJIN, pk=own.pk).created_at
    assert len({one.pk for one in filed.values()}) == len(rows)


def test_the_same_file_never_gives_a_second_voucher() -> None:
    source = batch(quota=5)
    content = _sheet(_row(crowd(1)[0]))
    first = _drafted(source, content)
    with pytest.raises(refusals.SameFile):
        _drafted(source, content)
    services.refuse_issue(actor=actor(Role.REVIEWER), at=AT, issue=first)
    assert _issued(_drafted(source, content, on_duplicate="replace")) == {"issued": 1}
    assert Voucher.objects.filter(city_code=TIANJIN, batch=source).count() == 1


def test_replace_takes_the_unused_voucher_back_and_leaves_a_used_one() -> None:
    source = batch(quota=2)
    unused, used = voucher(source), voucher(source, used=True)
    made = _drafted(source, _sheet(_row(unused.person), _row(used.person)), on_duplicate="replace")
    assert _issued(made) == {"held": 1, "issued": 1}
    unused.refresh_from_db()
    assert (unused.state, unused.ended_reason) == ("returned", "按名单换发新券")
    live = Voucher.objects.filter(city_code=TIANJIN, batch=source).exclude(state="returned")
    assert {one.person_id for one in live} == {unused.person_id, used.person_id}


@pytest.mark.parametrize("ending", ["suspended", "late"])
def test_whose_voucher_cannot_be_replaced_any_more_keeps_it(ending: str) -> None:
    source = batch(quota=3)
    held, other = voucher(source), crowd(1)[0]
    made = _drafted(source, _sheet(_row(held.person), _row(other)), on_duplicate="replace")
    made = services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made)
    made = services.approve_issue(actor=actor(Role.APPROVER), at=AT, issue=made)
    # The list was approved in time; the background comes to it later.
    at = source.claim_until + timedelta(seconds=1) if ending == "late" else AT
    if ending == "suspended":
        services.suspend_batch(actor=actor(Role.APPROVER), at=AT, batch=source)
    assert services.issue_part(actor=system_actor(), at=at, issue=made) == 2
    notes = {"suspended": "批次没有在发放", "late": "领取期已过"}
    lines = IssueLine.objects.filter(city_code=TIANJIN, issue=made)
    assert {(line.state, line.note) for line in lines} == {("refused", notes[ending])}
    held.refresh_from_db()
    assert held.state == "claimed"
    assert Voucher.objects.filter(city_code=TIANJIN, batch=source).count() == 1


def test_more_people_than_vouchers_and_a_second_person() -> None:
    source = batch(quota=1)
    made = _drafted(source, _sheet(*(_row(one) for one in crowd(2))))
    who = actor(Role.FUND_OFFICER)
    made = services.submit_issue(actor=who, at=AT, issue=made)
    with pytest.raises(SamePerson):
        services.approve_issue(actor=who, at=AT, issue=made)
    made = services.approve_issue(actor=actor(Role.APPROVER), at=AT, issue=made)
    assert services.issue_part(actor=system_actor(), at=AT, issue=made) == 2
    assert selectors.issue_counts(made) == {"issued": 1, "refused": 1}
    assert IssueLine.objects.get(city_code=TIANJIN, issue=made, state="refused").note == "券已发完"


def test_a_list_is_not_approved_or_drawn_up_when_the_batch_would_give_nothing() -> None:
    opens = AT + timedelta(days=1)
    source, people = batch(quota=2, claim_from=opens), crowd(2)
    made = _drafted(source, _sheet(_row(people[0])))
    made = services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made)
    for at, says in ((AT, "才开始"), (source.claim_until + timedelta(seconds=1), "截止")):
        with pytest.raises(WrongState, match=says):
            services.approve_issue(actor=actor(Role.APPROVER), at=at, issue=made)
    over = batch(quota=2, claim_until=AT + timedelta(seconds=1))
    VoucherBatch.objects.filter(city_code=TIANJIN, pk=over.pk).update(
        claim_from=AT - timedelta(days=2), claim_until=AT - timedelta(days=1)
    )
    with pytest.raises(WrongState, match="延长领取截止"):
        _drafted(over, _sheet(_row(people[1])))
    assert services.approve_issue(actor=actor(Role.APPROVER), at=opens, issue=made).state == "approved"


def test_what_was_submitted_is_not_changed_by_who_looked_at_the_draft() -> None:
    made = _drafted(batch(quota=2), _sheet(_row(crowd(1)[0])))
    looked_at = IssueList.objects.get(city_code=TIANJIN, pk=made.pk)
    services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made)
    with pytest.raises(WrongState):
        services.choose_for_issue(
            actor=actor(Role.REVIEWER), at=AT, issue=looked_at, on_duplicate="replace", on_unclear="issue"
        )
    assert IssueList.objects.get(city_code=TIANJIN, pk=made.pk).on_duplicate == "skip"


def test_wrong_rows_are_named_and_a_wrong_name_takes_nothing() -> None:
    person = crowd(1)[0]
    read = read_people(
        _sheet(
            ("", "居民身份证", person.document_number, ""),
            ("甲测", "学生证", "1", ""),
            ("乙测", "", "120101199001010000", "12"),
        ),
        on=ON,
    )
    assert [(one.row, one.column) for one in read.faults] == [
        (2, "姓名"),
        (3, "证件类型"),
        (4, "证件号码"),
        (4, "手机号"),
    ]
    for content, says in ((b"no workbook", "Excel"), (_sheet(), "空"), (template(), "空")):
        with pytest.raises(BadInput, match=says):
            read_people(content, on=ON)
    with pytest.raises(BadInput, match="第 2 行"):
        _drafted(batch(), _sheet(("别的名", "居民身份证", person.document_number, "")))
    assert not IssueList.objects.filter(city_code=TIANJIN).exists()


def _retired(person: Person, *, holds: bool) -> None:
    record_status(
        actor=system_actor(), at=AT, person=person, kind="pension", holds=holds, source="测试比对", checked_on=ON
    )


@pytest.mark.parametrize(("on_unclear", "issued"), [("issue", 1), ("skip", 0)])
def test_the_policies_are_asked_before_anybody_decides_and_again_at_the_issue(on_unclear: str, issued: int) -> None:
    source = batch(quota=5)
    unknown, retired, later, holder = crowd(4)
    held = voucher(source, person=holder)
    _retired(retired, holds=True)
    content = _sheet(*(_row(one) for one in (unknown, retired, later, holder)))
    made = _drafted(source, content, on_unclear=on_unclear, on_duplicate="replace")
    assert selectors.issue_outcomes(made) == {"cannot_tell": 3, "fail": 1}
    (outcome, why, number), *doubts = selectors.issue_reasons(made)
    assert (outcome, number) == ("fail", 1)
    assert "已按月领取养老保险待遇" in why
    assert "第四条" in why
    assert all("平台还不能查到" in doubt for _, doubt, _ in doubts)
    # Who begins to draw a pension between the decision and the issue gets nothing, and keeps what he holds.
    for one in (later, holder):
        _retired(one, holds=True)
    assert _issued(made) == ({"issued": 1, "refused": 3} if issued else {"refused": 4})
    held.refresh_from_db()
    assert held.state == "claimed"
    for given in Voucher.objects.filter(city_code=TIANJIN, batch=source, channel="issued"):
        assert given.person_id == unknown.pk
        assert "平台还不能查到" in given.declaration
        assert "批准照发" in given.declaration


def test_who_no_register_knows_to_belong_to_the_groups_is_a_doubt_of_the_list() -> None:
    source = batch(kind="directed", groups=("06",), quota=5)
    stranger = crowd(1)[0]
    made = _drafted(source, _sheet(_row(stranger)))
    assert "没有登记属于：" in selectors.issue_reasons(made)[0][1]


def test_a_long_list_is_submitted_only_when_the_policies_were_asked_about_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(issue_checks, "PART", 1)
    made = _drafted(batch(quota=5), _sheet(*(_row(one) for one in crowd(3))))
    assert selectors.issue_unchecked(made) == 2
    with pytest.raises(Refusal, match="没有核对"):
        services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made)
    check_issue.start(actor=actor(Role.REVIEWER), at=AT, subject=made)
    (job,) = run_waiting(AT)
    assert (job.state, job.done_count) == ("done", 3)
    assert services.submit_issue(actor=actor(Role.REVIEWER), at=AT, issue=made).state == "submitted"


@pytest.mark.mission("B2")
def test_a_query_finds_who_fits_and_leaves_out_who_holds_or_trained_lately() -> None:
    source = batch(quota=2)
    fits, holder, trained, old, other = crowd(5)
    for one in (fits, holder, trained, old):
        add_group(
            actor=system_actor(), at=AT, person=one, group="06", evidence="register", source="测试", valid_from=ON
        )
    Person.objects.filter(city_code=TIANJIN, pk=old.pk).update(birth_date=date(1950, 1, 1))
    voucher(source, person=holder)
    voucher(person=trained, used=True)
    criteria = Criteria(groups=("06",), age_to=60, idle_year=True)
    assert selectors.preview(source, criteria, ON) == {"count": 1, "left": 1}
    made = services.query_issue(actor=actor(Role.REVIEWER), at=AT, batch=source, criteria=criteria)
    assert [line.person_id for line in selectors.issue_lines(made)] == [fits.pk]
    assert selectors.criteria_of(made) == criteria
    with pytest.raises(BadInput):
        services.query_issue(
            actor=actor(Role.REVIEWER), at=AT + timedelta(days=1), batch=source, criteria=Criteria(age_from=119)
        )
    assert other.pk not in {line.person_id for line in selectors.issue_lines(made)}


@pytest.mark.mission("B2")
@pytest.mark.parametrize("part", [200, 1])
def test_a_query_goes_on_to_the_next_people_while_vouchers_are_left(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issue_checks, "PART", part)
    source = batch(quota=2)
    people = sorted(crowd(6), key=lambda one: one.pk)
    for one in (people[0], people[1], people[3]):
        _retired(one, holds=True)
    made = services.query_issue(actor=actor(Role.REVIEWER), at=AT, batch=source, criteria=Criteria())
    if selectors.issue_unchecked(made):
        check_issue.start(actor=actor(Role.REVIEWER), at=AT, subject=made)
        run_waiting(AT)
        made.refresh_from_db()
    # The two refused first and the one in between are named; the last one is not needed.
    listed = selectors.issue_lines(made).order_by("row")
    said = [(line.person_id, line.outcome) for line in listed]
    assert said == [
        (one.pk, "fail" if one in (people[0], people[1], people[3]) else "cannot_tell") for one in people[:5]
    ]
    assert made.people == 5
    assert [line.row for line in listed] == [1, 2, 3, 4, 5]
    assert _issued(made) == {"issued": 2, "refused": 3}
