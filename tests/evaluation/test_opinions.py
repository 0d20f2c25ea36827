"""Trainees' opinions: once, after the end, nameless, answered by the provider, read before its next class."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from factories import evaluation, registry
from factories.evaluation import AFTER, Taught, taught
from factories.identity import sign_in
from factories.vouchers import worker
from zhaoliang.classes.models import TrainingClass
from zhaoliang.evaluation import selectors, services
from zhaoliang.evaluation.models import Opinion
from zhaoliang.kernel.errors import BadInput, Forbidden, WrongState
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D6")]
MARKS = {"teaching": 5, "practice": 4, "place": 3, "useful": 5}


def give(made: Taught, index: int = 0, **given: object) -> Opinion:
    enrolment = made.enrolments[index]
    return services.give_opinion(actor=worker(enrolment.person), at=AFTER, enrolment=enrolment, **{**MARKS, **given})


def test_an_opinion_is_given_once_and_only_after_the_end() -> None:
    with pytest.raises(services.NotYet):
        give(taught(1, state="running"))
    made = taught(1)
    give(made)
    with pytest.raises(WrongState):
        give(made)


def test_nobody_speaks_for_another() -> None:
    made = taught(2)
    with pytest.raises(Forbidden):
        services.give_opinion(actor=worker(made.enrolments[1].person), at=AFTER, enrolment=made.enrolments[0], **MARKS)


@pytest.mark.parametrize("wrong", [{"teaching": 0}, {"useful": 6}, {"text": "长" * 1001}])
def test_a_wrong_mark_is_named_and_nothing_is_kept(wrong: dict[str, object]) -> None:
    made = taught(1)
    with pytest.raises(BadInput) as refused:
        give(made, **wrong)
    assert set(refused.value.fields) == set(wrong)
    assert selectors.opinions_on(made.training_class).count == 0


def test_the_database_keeps_marks_in_range_and_one_opinion_each() -> None:
    made = taught(1)
    row = {"city_code": made.training_class.city_code, "training_class": made.training_class, "at": AFTER}
    with pytest.raises(IntegrityError, match="opinion_place_range"), transaction.atomic():
        Opinion.objects.create(**row, enrolment=made.enrolments[0], **{**MARKS, "place": 6})
    give(made)
    with pytest.raises(IntegrityError, match="opinion_once"), transaction.atomic():
        Opinion.objects.create(**row, enrolment=made.enrolments[0], **MARKS)


def test_two_opinions_show_nothing_three_show_the_average_and_no_order() -> None:
    made = taught(3)
    give(made, 0, teaching=5, text="乙意见")
    give(made, 1, teaching=4, text="甲意见")
    assert selectors.opinions_on(made.training_class).tenths == {}
    give(made, 2, teaching=4)
    found = selectors.opinions_on(made.training_class)
    assert (found.count, found.tenths["teaching"]) == (3, 43)
    assert list(found.texts) == sorted(["乙意见", "甲意见"])
    assert selectors.opinions_on_project(made.training_class.project).count == 3


def test_the_provider_answers_once_and_only_when_there_is_something_to_answer() -> None:
    made = taught(1)
    staff = evaluation.staff(made.provider, Role.PROVIDER)
    with pytest.raises(services.NotYet):
        services.improve(actor=staff, at=AFTER, training_class=made.training_class, text="增加练习设备")
    give(made)
    services.improve(actor=staff, at=AFTER, training_class=made.training_class, text="增加练习设备")
    assert selectors.opinions_on(made.training_class).improvement == "增加练习设备"
    with pytest.raises(WrongState):
        services.improve(actor=staff, at=AFTER, training_class=made.training_class, text="再改")
    with pytest.raises(Forbidden):
        services.improve(actor=made.recorder, at=AFTER, training_class=made.training_class, text="别人")


def test_a_worker_gives_it_on_the_phone_and_it_stands_in_the_public_page(client: Client) -> None:
    made = taught(3)
    for enrolment in made.enrolments:
        phone = sign_in(Client(), registry.user(Role.WORKER, person=enrolment.person))
        address = f"/my/classes/{enrolment.city_code}/{enrolment.pk}/"
        assert "评价这次培训" in phone.get(address).content.decode()
        answer = phone.post(f"{address}opinion/", {**MARKS, "text": "实操机位再多一些"})
        assert answer.status_code == 302, answer.content.decode()
        assert "评价这次培训" not in phone.get(address).content.decode()
    project = made.training_class.project
    page = client.get(f"/projects/{project.city_code}/{project.pk}/").content.decode()
    assert "学过的人怎么说" in page
    assert "实操机位再多一些" in page
    assert made.enrolments[0].person.name not in page


def test_the_provider_reads_and_answers_at_the_desk_and_the_reviewer_sees_it_before_the_next_class(
    client: Client,
) -> None:
    made = taught(3)
    for index in range(3):
        give(made, index, text=f"意见{index}")
    found = made.training_class
    desk = sign_in(Client(), registry.user(Role.PROVIDER, organisation=made.provider))
    page = f"/desk/classes/{found.city_code}/{found.pk}/"
    assert "登记改进措施" in desk.get(page).content.decode()
    assert desk.post(f"{page}improve/", {"text": "每人一个机位"}).status_code == 302
    again = desk.get(page).content.decode()
    assert "每人一个机位" in again
    assert "登记改进措施</button>" not in again
    later = TrainingClass.objects.get(city_code=found.city_code, pk=found.pk)
    later.pk, later.name, later.state = None, "2026测试下一期", "filed"
    later.starts_on, later.ends_on = found.starts_on + timedelta(days=60), found.ends_on + timedelta(days=60)
    later.exam_on = later.ends_on
    later.save()
    bureau = sign_in(Client(), registry.user(Role.REVIEWER, region_code=found.project.region_id))
    text = bureau.get(f"/bureau/classes/{later.city_code}/{later.pk}/").content.decode()
    assert "上一期的学员评价" in text
    assert "每人一个机位" in text
