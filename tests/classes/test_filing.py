"""Filing a class: its name, the timetable, completeness, deadlines, review."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from factories import registry
from factories.actors import actor
from factories.catalogue import project as listed_project
from factories.classes import (
    AT,
    START,
    accepted,
    candidate,
    draft,
    enrol,
    filed,
    moment,
    open_batch,
    reviewer,
    staff,
    workbook,
)
from zhaoliang.classes import selectors, services
from zhaoliang.classes.models import ClassSession, Enrolment, TrainingClass
from zhaoliang.classes.services.filing import FilingRefused
from zhaoliang.classes.services.plan import TimetableClash
from zhaoliang.kernel.days import CHINA
from zhaoliang.kernel.errors import BadInput, Forbidden, WrongState
from zhaoliang.kernel.roles import Actor, Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D1")]


def test_the_name_follows_the_rule_and_counts_on() -> None:
    project = listed_project()
    first, second = draft(project, planned=False), draft(project, planned=False)
    short = project.provider.short_name
    assert first.name == f"2026{short}焊工高级工001等级证"
    assert second.name == f"2026{short}焊工高级工002等级证"


@pytest.mark.mission("D3")
def test_a_complete_class_is_filed_reviewed_and_accepted() -> None:
    made = filed()
    assert (made.state, made.filed_at) == ("filed", AT)
    # Five working days after Monday 2 March.
    assert made.review_due_on == date(2026, 3, 9)
    assert list(selectors.classes_to_review(made.city_code, made.city_code)) == [made]
    page = selectors.class_page(made)
    assert page.hours_by_kind == {"safety": 4, "theory": 16, "practice": 60}
    done = services.accept_class(actor=reviewer(made), at=AT, training_class=made)
    assert (done.state, done.accepted_at) == ("accepted", AT)


@pytest.mark.parametrize("part", ["sessions", "textbooks", "roster"])
def test_an_incomplete_filing_names_what_is_missing_with_the_clause(part: str) -> None:
    made = draft()
    if part != "roster":
        enrol(made)
    of_class = {"city_code": made.city_code, "training_class": made}
    if part == "sessions":
        made.sessions.filter(**of_class).order_by("-period").first().delete()
    elif part == "textbooks":
        made.textbooks.filter(**of_class).delete()
    with pytest.raises(BadInput) as refused:
        services.file_class(actor=staff(made), at=AT, training_class=made)
    assert list(refused.value.fields) == [part]
    assert refused.value.clause is not None
    assert refused.value.clause.number == "人社部发〔2025〕10号"
    made.refresh_from_db()
    assert made.state == "draft"


@pytest.mark.mission("D3")
def test_a_plan_without_the_projects_safety_hours_is_not_filed() -> None:
    made = draft()
    enrol(made)
    made.sessions.filter(city_code=made.city_code, kind="safety").update(kind="theory")
    with pytest.raises(BadInput, match="安全教育排了 0 课时"):
        services.file_class(actor=staff(made), at=AT, training_class=made)


def test_filing_later_than_five_working_days_is_refused_with_the_clause() -> None:
    made = draft()
    enrol(made)
    # From Tuesday 10 March there are four working days left to Monday 16 March.
    late = moment(START - timedelta(days=6), 9)
    with pytest.raises(FilingRefused) as refused:
        services.file_class(actor=staff(made), at=late, training_class=made)
    assert str(refused.value.clause) == "津人社局发〔2022〕20号 第二十四条"
    in_time = moment(START - timedelta(days=7), 23, 59)
    assert services.file_class(actor=staff(made), at=in_time, training_class=made).state == "filed"


def test_a_late_class_can_be_moved_and_filed() -> None:
    made = draft(planned=False)
    who = staff(made)
    moved = services.reschedule_class(
        actor=who,
        at=AT,
        training_class=made,
        starts_on=date(2026, 4, 1),
        ends_on=date(2026, 4, 10),
        exam_on=date(2026, 4, 12),
    )
    assert moved.starts_on == date(2026, 4, 1)
    with pytest.raises(BadInput) as refused:
        services.reschedule_class(
            actor=who,
            at=AT,
            training_class=made,
            starts_on=date(2026, 4, 10),
            ends_on=date(2026, 4, 9),
            exam_on=date(2026, 4, 8),
        )
    assert set(refused.value.fields) == {"ends_on", "exam_on"}


def test_a_session_must_lie_in_the_class_fit_its_hours_and_the_day() -> None:
    made = draft(planned=False)
    who = staff(made)
    teacher = services.add_teacher(
        actor=who,
        at=AT,
        organisation=made.provider,
        name="测试教师",
        education="本科",
        speciality="焊接",
        qualification="高级技师",
    )

    def add(day: date, hour: int, hours: int, minutes: int) -> ClassSession:
        begins = moment(day, hour)
        return services.add_session(
            actor=who,
            at=AT,
            training_class=made,
            teacher=teacher,
            starts_at=begins,
            ends_at=begins + timedelta(minutes=minutes),
            kind="theory",
            hours=hours,
            content="内容",
            room="教室",
        )

    with pytest.raises(BadInput, match="内容需要更正") as refused:
        add(START - timedelta(days=1), 8, 4, 180)
    assert list(refused.value.fields) == ["starts_at"]
    with pytest.raises(BadInput) as refused:
        add(START, 8, 4, 179)
    assert refused.value.fields == {"hours": "4 课时至少要 180 分钟，这段时间不够。"}
    add(START, 8, 4, 180)
    add(START, 13, 4, 180)
    with pytest.raises(BadInput, match="超过每天 8 课时"):
        add(START, 18, 1, 60)
    add(START + timedelta(days=1), 8, 4, 180)
    with pytest.raises(TimetableClash, match="测试教师老师"):
        add(START + timedelta(days=1), 9, 2, 90)


def clashing() -> tuple[TrainingClass, TrainingClass]:
    """Two complete drafts of one provider whose teacher is the same."""
    project = listed_project()
    one, two = draft(project), draft(project)
    teacher = one.sessions.filter(city_code=one.city_code).first().teacher
    two.sessions.filter(city_code=two.city_code).update(teacher=teacher)
    return one, two


def test_a_teacher_cannot_be_filed_for_two_classes_at_once() -> None:
    one, two = clashing()
    filed(one)
    enrol(two)
    with pytest.raises(TimetableClash) as refused:
        services.file_class(actor=staff(two), at=AT, training_class=two)
    assert one.name in refused.value.why
    services.return_class(actor=reviewer(one), at=AT, training_class=one, reason="教材不符")
    assert services.file_class(actor=staff(two), at=AT, training_class=two).state == "filed"


def test_the_database_itself_refuses_a_teacher_in_two_places() -> None:
    one, two = clashing()
    filed(one)
    with pytest.raises(IntegrityError, match="class_session_teacher_free"), transaction.atomic():
        two.sessions.filter(city_code=two.city_code).update(holds=True)


def test_a_return_needs_reasons_and_gives_the_draft_back() -> None:
    made = filed()
    with pytest.raises(BadInput):
        services.return_class(actor=reviewer(made), at=AT, training_class=made, reason=" ")
    back = services.return_class(actor=reviewer(made), at=AT, training_class=made, reason="师资材料不全")
    assert (back.state, back.return_reason) == ("draft", "师资材料不全")
    assert services.file_class(actor=staff(made), at=AT, training_class=made).return_reason == ""


def test_withdrawing_gives_vouchers_teachers_and_trainees_back() -> None:
    project = listed_project()
    made = draft(project)
    person = candidate(open_batch(project))
    services.import_roster(
        actor=staff(made), at=AT, training_class=made, file_name="a.xlsx", content=workbook([person.row()])
    )
    accepted(made)
    services.withdraw_class(actor=staff(made), at=AT, training_class=made, reason="场地停用")
    person.voucher.refresh_from_db()
    assert person.voucher.state == "claimed"
    assert Enrolment.objects.get(city_code=made.city_code, training_class=made).state == "removed"
    assert not made.sessions.filter(city_code=made.city_code, holds=True).exists()


def test_a_filed_class_is_not_changed_any_more() -> None:
    made = filed()
    with pytest.raises(WrongState):
        services.add_textbook(actor=staff(made), at=AT, training_class=made, title="新", publisher="社")
    session = made.sessions.filter(city_code=made.city_code).first()
    with pytest.raises(WrongState):
        services.remove_session(actor=staff(made), at=AT, session=session)


@pytest.mark.parametrize("who", ["other area", "provider", "other organisation"])
def test_only_the_regions_reviewer_accepts(who: str) -> None:
    made = filed()
    actors: dict[str, Actor] = {
        "other area": actor(Role.REVIEWER, region_code=120102),
        "provider": staff(made),
        "other organisation": actor(Role.PROVIDER, organisation_id=registry.organisation().pk),
    }
    with pytest.raises(Forbidden):
        services.accept_class(actor=actors[who], at=AT, training_class=made)


def test_times_in_the_timetable_are_chinese_days() -> None:
    made = draft()
    first = selectors.sessions(made)[0]
    assert first.period.lower.astimezone(CHINA).hour == 8
