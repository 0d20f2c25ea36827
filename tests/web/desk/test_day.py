"""The day of an organisation: first page, board, classroom screen, leave, the log of verified vouchers, two organisations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factories import attendance, evaluation, registry, vouchers
from factories.classes import AT, draft, open_batch
from factories.identity import sign_in
from zhaoliang.attendance.models import Attendance
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.services import assign_role
from zhaoliang.vouchers import selectors
from zhaoliang.vouchers.services import verify_voucher

pytestmark = pytest.mark.django_db


@pytest.mark.mission("D3")
def test_the_board_says_who_is_there_who_is_on_leave_and_what_to_look_at(sit, at_time) -> None:
    made = attendance.running(people=3)
    rows = list(
        Attendance.objects.filter(city_code=made.city_code, enrolment__training_class=made).order_by("period", "id")
    )
    here, ill, _ = (one for one in rows if one.session_id == rows[0].session_id)
    Attendance.objects.filter(city_code=made.city_code, pk=here.pk).update(
        state="present", flags=["outside_site", "shared_device"], signed_at=here.period.lower
    )
    at_time(here.period.lower)
    client = sit(made.provider)
    board = reverse("provider:board", args=[made.city_code, made.pk])
    leave = reverse("provider:attendance_leave", args=[ill.city_code, ill.pk])
    assert client.post(leave, {"reason": " "}).status_code == 422
    assert client.post(leave, {"reason": "发烧就医"}, follow=True).status_code == 200
    ill.refresh_from_db()
    assert (ill.state, ill.credited_minutes) == ("leave", 0)
    text = client.get(board).content.decode()
    for word in ("签到位置在教学点范围以外", "同一设备为多人签到", "发烧就医", "请假", "<b>1</b> / 3"):
        assert word in text
    # The screen in the room names nobody's doubts and nobody's illness.
    wall = client.get(reverse("provider:board_wall", args=[made.city_code, made.pk])).content.decode()
    assert here.person.name in wall
    assert "正在签到" in wall
    for word in ("签到位置在教学点范围以外", "发烧就医", "<form"):
        assert word not in wall


@pytest.mark.mission("C5", "C6")
def test_a_voucher_shown_at_the_counter_is_verified_and_used_for_a_class_of_the_house(sit, at_time) -> None:
    at_time(AT)
    made = draft()
    held = vouchers.voucher(open_batch(made.project))
    strange = draft()
    client = sit(made.provider)
    page = client.post(reverse("provider:verify"), {"code": selectors.qr_token(held, AT)}).content.decode()
    assert made.name in page
    assert strange.name not in page
    assert "本人在场，用这张券" in page
    use = reverse("provider:verify_use")
    assert client.post(use, {"code": held.code, "key": "no-class-yet"}).status_code == 422
    elsewhere = client.post(use, {"code": held.code, "class_id": strange.pk, "key": "not-ours"})
    assert elsewhere.status_code == 404
    for _ in range(2):
        done = client.post(use, {"code": held.code, "class_id": made.pk, "key": "use-here"}, follow=True)
        assert made.name in done.content.decode()
    held.refresh_from_db()
    # The second click asked about it once more: its provider's question verifies a used voucher.
    assert (held.state, held.class_id, held.provider_id) == ("verified", made.pk, made.provider_id)
    again = client.post(use, {"code": held.code, "class_id": made.pk, "key": "use-again"})
    assert again.status_code == 409
    assert "已经用过" in again.content.decode()


def test_the_screen_moves_on_to_the_lesson_in_hand(sit, at_time) -> None:
    made = attendance.running(people=1)
    first = attendance.first_attendance(made)
    client = sit(made.provider)
    wall = reverse("provider:board_wall", args=[made.city_code, made.pk])
    at_time(first.period.lower - timedelta(hours=2))
    assert "开始签到" in client.get(wall).content.decode()
    at_time(first.period.upper - timedelta(minutes=5))
    text = client.get(wall).content.decode()
    assert "08:00–11:00" in text
    assert "签到已经截止" in text
    at_time(first.period.upper + timedelta(minutes=5))
    assert "13:00–16:00" in client.get(wall).content.decode()


@pytest.mark.mission("D3")
def test_today_shows_the_lessons_and_a_fixed_number_of_questions(sit, at_time) -> None:
    made = attendance.running(people=2)
    at_time(attendance.first_attendance(made).period.lower)
    client = sit(made.provider)
    home = reverse("provider:home")
    text = client.get(home).content.decode()
    assert "今天的课" in text
    assert "<b>0</b> / 2" in text
    with CaptureQueriesContext(connection) as few:
        client.get(home)
    for _ in range(3):
        draft(made.project, site=made.site, planned=False)
    with CaptureQueriesContext(connection) as many:
        client.get(home)
    assert len(many) == len(few)


@pytest.mark.mission("C4")
def test_the_log_shows_who_verified_what_and_hides_whose_voucher_it_is_not(sit, at_time) -> None:
    own = vouchers.voucher(used=True)
    provider = own.batch.project.provider
    foreign = vouchers.voucher()
    user = registry.user(Role.PROVIDER, organisation=provider, name="测试丙某")
    for code in (own.code, foreign.code, "不是券码"):
        verify_voucher(
            actor=registry.actor(user),
            at=vouchers.AT,
            place=Place(provider.city_code, provider.region_id, provider.pk),
            code=code,
            organisation=provider,
            method="typed",
        )
    at_time(vouchers.AT + timedelta(minutes=5))
    client = sit(provider)
    text = client.get(reverse("provider:verify_log")).content.decode()
    for word in ("验证通过", "不能在本机构使用", "券码输错", "测试丙某"):
        assert word in text
    assert own.person.name not in text
    assert own.person.name[0] + "*" in text
    assert foreign.person.name[0] + "*" * min(len(foreign.person.name) - 1, 2) not in text.replace(
        own.person.name[0] + "*" * min(len(own.person.name) - 1, 2), ""
    )
    stranger = sit(foreign.batch.project.provider)
    assert "还没有验过券" in stranger.get(reverse("provider:verify_log")).content.decode()


@pytest.mark.mission("B5")
def test_somebody_of_two_organisations_chooses_and_every_page_keeps_to_it(at_time) -> None:
    one, two = draft(), draft()
    user = registry.user(Role.PROVIDER, organisation=one.provider)
    _also(user, two.provider, Role.PROVIDER)
    at_time(AT)
    client = sign_in(Client(), user)
    classes, switch = reverse("provider:classes"), reverse("provider:switch")
    text = client.get(classes).content.decode()
    assert one.name in text
    assert two.name not in text
    assert f'<option value="{two.provider.city_code}-{two.provider.pk}">' in text
    assert client.post(switch, {"place": f"{two.provider.city_code}-{two.provider.pk}"}).status_code == 302
    text = client.get(classes).content.decode()
    assert two.name in text
    assert one.name not in text
    # An old tab's class opens as the page of its own organisation, and the choice stays.
    page = client.get(reverse("provider:class", args=[one.city_code, one.pk])).content.decode()
    assert f'<option value="{one.provider.city_code}-{one.provider.pk}" selected>' in page
    assert two.name in client.get(classes).content.decode()
    # Not a way to anybody else's desk.
    stranger = registry.organisation()
    refused = client.post(switch, {"place": f"{stranger.city_code}-{stranger.pk}"})
    assert refused.status_code == 422
    assert two.name in client.get(classes).content.decode()
    assert (
        "切换"
        not in sign_in(Client(), registry.user(Role.PROVIDER, organisation=stranger)).get(classes).content.decode()
    )


def test_a_role_counts_only_at_the_organisation_it_was_given_for(at_time) -> None:
    made = evaluation.taught()
    school = draft().provider
    user = registry.user(Role.EVALUATOR, organisation=made.evaluator)
    _also(user, school, Role.PROVIDER)
    at_time(evaluation.AFTER)
    client = sign_in(Client(), user)
    home = client.get(reverse("provider:home")).content.decode()
    assert "安排考核" in home
    assert "备一个新班" not in home
    assert client.get(reverse("provider:verify")).status_code == 403
    client.post(reverse("provider:switch"), {"place": f"{school.city_code}-{school.pk}"})
    home = client.get(reverse("provider:home")).content.decode()
    assert "安排考核" not in home
    assert "备一个新班" in home
    assert client.get(reverse("provider:verify")).status_code == 200


def _also(user, organisation: Organisation, role: Role) -> None:
    assign_role(
        actor=system_actor(),
        at=registry.AT,
        place=registry.place(),
        user=user,
        role=role,
        region_code=registry.HEPING,
        organisation=organisation,
        valid_from=registry.AT.date(),
    )


@pytest.mark.mission("D6")
def test_the_recorder_is_told_why_there_is_no_button_and_the_colleague_has_it(sit, at_time) -> None:
    made = evaluation.taught()
    exam = evaluation.planned(made)
    at_time(evaluation.AFTER)
    recorder, colleague = (sit(exam.evaluator, Role.EVALUATOR) for _ in range(2))
    scores = {f"{part}-{one.pk}": "80" for one in made.enrolments for part in ("theory", "practice")}
    recorder.post(reverse("provider:exam_record", args=[exam.city_code, exam.pk]), scores)
    page = reverse("provider:exam", args=[exam.city_code, exam.pk])
    publish = f'action="{reverse("provider:exam_publish", args=[exam.city_code, exam.pk])}"'
    text = recorder.get(page).content.decode()
    assert publish not in text
    assert "请同事用自己的账号公布" in text
    assert publish in colleague.get(page).content.decode()
    # The school may look, not publish.
    assert publish not in sit(made.provider).get(page).content.decode()


@pytest.mark.mission("D6")
def test_the_evaluator_sees_the_classes_to_come_and_the_examinations_held(sit, at_time) -> None:
    made = evaluation.taught()
    at_time(evaluation.AFTER)
    client = sit(made.evaluator, Role.EVALUATOR)
    waiting = client.get(reverse("provider:exams")).content.decode()
    assert "等待安排" in waiting
    assert made.training_class.name in waiting
    evaluation.published(made)
    text = client.get(reverse("provider:exams")).content.decode()
    assert "等待安排" not in text
    assert "成绩已公布" in text
    assert "合格人数" in text
    # The class page opens for the evaluator, without the roster's money.
    page = client.get(reverse("provider:class", args=[made.training_class.city_code, made.training_class.pk]))
    assert page.status_code == 200
    assert "预计补贴" not in page.content.decode()
